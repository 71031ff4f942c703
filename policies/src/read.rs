//! TOML to [`Policy`], with every finding at once. The tables that may stand several times (`[[limit]]`,
//! `[[budget]]`, `[[job]]`) are read in `read_wishes`.

use crate::model::{
    CoolingStrategy, Grid, GroupMode, HeadroomWish, Mode, Modes, Objective, Policy, PowerStrategy, Prefer,
    Promise, Strategy, Swing, Targets,
};
use crate::money::{CarbonIntensity, CarbonPrice, EnergyPrice, Price, Quoted, TokenPrice, WaterPrice};
use crate::read_wishes;
use crate::schedule::{LocalClock, SummerTime, UtcOffset};
use crate::words::within;
use headroom_site::doc::{At, Doc, Finding, Table};
use headroom_site::{Dimension, Frequency, Power, Rate, Ratio, Span, TemperatureDelta};

/// Reads and checks a policy file by itself; [`Policy::check_against`] checks it against a site.
///
/// # Errors
/// Every finding, in order of place.
pub fn read_policy(file: &str, text: &str) -> Result<Policy, Vec<Finding>> {
    let doc = Doc::new(file, text);
    let policy = doc.read(policy).flatten();
    match (policy, doc.is_clean()) {
        (Some(policy), true) => Ok(policy),
        _ => Err(doc.findings()),
    }
}

fn policy(root: &Table<'_>) -> Option<Policy> {
    if let Some(format) = root.need_at::<i64>("format")
        && format.value != 1
    {
        root.doc().find(format.span, format!("format {} is not known", format.value), "write `format = 1`");
    }
    let name = root.need_at::<String>("name");
    if let Some(name) = name.as_ref().filter(|n| n.value.trim().is_empty()) {
        root.doc().find(name.span.clone(), "the name of the policy is empty", "give it a name");
    }
    let description = root.or("description", String::new());
    Some(Policy {
        description,
        clock: root.table("clock", clock).unwrap_or_default(),
        modes: root.table("mode", modes).unwrap_or_default(),
        strategy: root.table("strategy", strategy).unwrap_or_default(),
        objective: root.table("objective", objective).unwrap_or_else(|| Objective {
            max_token_loss: Prefer::default().default_token_loss(),
            ..Objective::default()
        }),
        headroom: root.table("headroom", headroom).unwrap_or_default(),
        limits: read_wishes::limits(root),
        budgets: read_wishes::budgets(root),
        grid: root.table("grid", grid).unwrap_or_default(),
        outlook: root.table("outlook", crate::outlook::read).unwrap_or_default(),
        operator: root.table("operator", crate::operator::read).unwrap_or_default(),
        promotion: root.table("promotion", crate::operator::promotion).unwrap_or_default(),
        jobs: read_wishes::jobs(root),
        name: name?.value,
    })
}

fn clock(t: &Table<'_>) -> LocalClock {
    let offset_s = t.get::<UtcOffset>("utc-offset").map_or(0, |o| o.0);
    LocalClock { offset_s, summer: t.or("summer-time", SummerTime::None) }
}

fn modes(t: &Table<'_>) -> Modes {
    let default = t.or("default", Mode::default());
    let groups = t
        .entries::<Mode>()
        .into_iter()
        .filter(|(name, _)| name.value != "default")
        .map(|(name, mode)| GroupMode { group: name.value, mode, at: name.span })
        .collect();
    Modes { default, groups }
}

fn strategy(t: &Table<'_>) -> Strategy {
    Strategy {
        power: t.or("power", PowerStrategy::default()),
        cooling: t.or("cooling", CoolingStrategy::default()),
    }
}

/// A price; its currency must be that of the others.
fn price<P: Price + Default>(t: &Table<'_>, key: &str, currency: &mut Option<String>) -> P {
    let Some(quoted) = t.at::<Quoted<P>>(key) else { return P::default() };
    let Quoted { price, currency: own } = quoted.value;
    match currency {
        Some(c) if *c != own => t.doc().find(
            quoted.span,
            format!("`{key}` is in {own}, other prices are in {c}"),
            format!("give all prices in {c}; exchange rates are not known here"),
        ),
        _ => *currency = Some(own),
    }
    price
}

fn objective(t: &Table<'_>) -> Objective {
    let mut currency = t.get::<String>("currency");
    let electricity = price::<EnergyPrice>(t, "electricity", &mut currency);
    let tokens = price::<TokenPrice>(t, "tokens", &mut currency);
    let water = price::<WaterPrice>(t, "water", &mut currency);
    let carbon = price::<CarbonPrice>(t, "carbon", &mut currency);
    let carbon_intensity = t.get::<CarbonIntensity>("carbon-intensity");
    if carbon.per_kg() > 0.0 && !t.has("carbon-intensity") {
        t.doc().find(
            t.span_of("carbon"),
            "a price of carbon without `carbon-intensity` changes nothing",
            "add carbon-intensity = \"350 g/kWh\" with the figure of your grid",
        );
    }
    let targets = targets(t);
    let prefer = t.or("prefer", Prefer::default());
    let loss = t.at::<Ratio>("max-token-loss");
    if let Some(At { value, span }) = &loss {
        within(t, "max-token-loss", value.as_fraction(), (0.0, 0.5), ("0 %", "50 %"));
        if prefer == Prefer::Tokens && value.as_fraction() > 0.0 {
            t.doc().find(
                span.clone(),
                "`prefer = \"tokens\"` contradicts a `max-token-loss` above zero",
                "remove it, or prefer \"balanced\" or \"watts\"",
            );
        }
    }
    Objective {
        currency: currency.unwrap_or_default(),
        electricity,
        tokens,
        water,
        carbon,
        carbon_intensity: carbon_intensity.unwrap_or_default(),
        targets,
        promise: promise(t),
        prefer,
        max_token_loss: loss.map_or_else(|| prefer.default_token_loss(), |l| l.value),
    }
}

/// Promised latencies, of all jobs or of one.
pub(crate) fn promise(t: &Table<'_>) -> Promise {
    let of = |key: &str| {
        let promised = t.get::<Span>(key);
        if let Some(span) = promised {
            within(t, key, span.s(), (1e-3, 3600.0), ("1 ms", "1 h"));
        }
        promised
    };
    Promise { first_token: of("time-to-first-token"), per_token: of("time-per-output-token") }
}

fn targets(t: &Table<'_>) -> Targets {
    let targets = Targets {
        clock_spread: t.get::<Ratio>("clock-spread"),
        throttled: t.get::<Span>("throttled"),
        pue: t.get::<f64>("pue"),
    };
    if let Some(spread) = targets.clock_spread {
        within(t, "clock-spread", spread.as_fraction(), (0.0, 0.5), ("0 %", "50 %"));
    }
    if let Some(throttled) = targets.throttled {
        within(t, "throttled", throttled.s(), (0.0, 86_400.0), ("0 s", "24 h (it is per GPU and day)"));
    }
    if let Some(pue) = targets.pue {
        within(t, "pue", pue, (1.0, 5.0), ("1.0 (nothing but IT)", "5.0"));
    }
    targets
}

fn headroom(t: &Table<'_>) -> HeadroomWish {
    let d = HeadroomWish::default();
    let kelvin = |key: &str, default: TemperatureDelta, most: f64, shown: &str| {
        let value = t.or(key, default);
        within(t, key, value.as_kelvin(), (0.0, most), ("0 K", shown));
        value
    };
    let share = |key: &str, default: Ratio| {
        let value = t.or(key, default);
        within(t, key, value.as_fraction(), (0.0, 0.5), ("0 %", "50 %"));
        value
    };
    let confidence = t.or("confidence", d.confidence);
    within(t, "confidence", confidence, (0.5, 0.999_999), ("0.5", "0.999999"));
    HeadroomWish {
        gpu: kelvin("gpu", d.gpu, 40.0, "40 K"),
        memory: kelvin("memory", d.memory, 40.0, "40 K"),
        point: kelvin("point", d.point, 20.0, "20 K"),
        other: share("other", d.other),
        confidence,
        budget_reserve: share("budget-reserve", d.budget_reserve),
    }
}

fn grid(t: &Table<'_>) -> Grid {
    let ramp = |key: &str| -> Option<Rate> {
        let rate = t.rate(key, Dimension::Power)?;
        if rate.per_s <= 0.0 {
            t.doc().find(
                t.span_of(key),
                format!("`{key}` is out of range"),
                "give a rate above zero, like \"50 kW/min\"; `ramp-down` is positive too",
            );
        }
        Some(rate)
    };
    Grid {
        ramp_up: ramp("ramp-up"),
        ramp_down: ramp("ramp-down"),
        swing: t.table("swing", swing).flatten(),
        notice: t.or("notice", Grid::default().notice),
    }
}

fn swing(t: &Table<'_>) -> Option<Swing> {
    let band = t.range("band", Dimension::Frequency);
    if !t.has("band") {
        t.doc().find(t.span(), "`grid.swing.band` is missing", "add band = [\"0.1 Hz\", \"20 Hz\"]");
    }
    let amplitude = t.need::<Power>("amplitude");
    if let Some((low, high)) = band
        && (low <= 0.0 || low >= high)
    {
        t.doc().find(
            t.span_of("band"),
            "`band` is out of range",
            "give two different frequencies above zero, like [\"0.1 Hz\", \"20 Hz\"]",
        );
    }
    if amplitude.is_some_and(|a| a.as_watts() < 0.0) {
        t.doc().find(t.span_of("amplitude"), "`amplitude` is out of range", "give a power, peak to peak");
    }
    let (low, high) = band?;
    Some(Swing { band: (Frequency::from_base(low), Frequency::from_base(high)), amplitude: amplitude? })
}
