//! The text of a product file.
//!
//! Responsible for: reading every table of a product file, and what its values must agree on.
//! Not for: the figures themselves.
//!
//! Quantities are text with a unit, as in every file of the house. Three units are at home only here: `K/W`, `J/K` and
//! `%/K`.

use headroom_site::doc::{Doc, Finding, FromDoc, Table};
use headroom_site::{Frequency, Power, Ratio, Span, Temperature, TemperatureDelta};
use toml::de::DeValue;

use super::{Cooler, Medium, Sku, Spread};
use crate::gpu::sensor::{Fields, MOST_BINS, SensorSpec};

/// Beyond this no product is, in any unit that is at home here; sums and products of such values stay numbers.
const MOST: f64 = 1e9;
/// Highest temperature of a limit \[degC\], and highest exponent of flow.
const HOTTEST_C: f64 = 1000.0;
const STEEPEST: f64 = 4.0;

macro_rules! unit {
    ($name:ident, $symbol:literal, $scale:literal, $what:literal) => {
        #[derive(Clone, Copy)]
        struct $name(f64);

        impl FromDoc for $name {
            fn what() -> String {
                $what.into()
            }
            fn from_value(value: &DeValue<'_>) -> Result<Self, String> {
                let wrong = || concat!("is not text like \"0.02 ", $symbol, "\"").to_owned();
                let DeValue::String(text) = value else { return Err(wrong()) };
                let number = text.strip_suffix($symbol).and_then(|n| n.trim().parse::<f64>().ok());
                match number {
                    Some(n) if (0.0..=MOST).contains(&n) => Ok(Self(n * $scale)),
                    Some(_) => Err("is below zero or beyond all products".into()),
                    None => Err(wrong()),
                }
            }
        }
    };
}

unit!(Resistance, "K/W", 1.0, "a thermal resistance, as in \"0.02 K/W\"");
unit!(Capacity, "J/K", 1.0, "a heat capacity, as in \"300 J/K\"");
unit!(Growth, "%/K", 0.01, "a relative growth, as in \"2 %/K\"");

/// A value that must not be below zero, in a stated unit; what is missing is found and read as zero.
fn watts(t: &Table<'_>, key: &str) -> f64 {
    sign(t, key, t.need::<Power>(key).map_or(0.0, Power::as_watts))
}

fn megahertz(t: &Table<'_>, key: &str) -> f64 {
    sign(t, key, t.need::<Frequency>(key).map_or(0.0, Frequency::as_megahertz))
}

fn share(t: &Table<'_>, key: &str) -> f64 {
    let value = sign(t, key, t.need::<Ratio>(key).map_or(0.0, Ratio::as_fraction));
    if value > 1.0 {
        t.doc().find(t.span_of(key), format!("`{key}` is above 100 %"), "write a share from 0 % to 100 %");
    }
    value
}

fn celsius(t: &Table<'_>, key: &str) -> f64 {
    let value = sign(t, key, t.need::<Temperature>(key).map_or(0.0, Temperature::as_celsius));
    most(t, key, value, HOTTEST_C)
}

fn most(t: &Table<'_>, key: &str, value: f64, most: f64) -> f64 {
    if value > most {
        t.doc().find(
            t.span_of(key),
            format!("`{key}` is beyond all products"),
            format!("write at most {most}"),
        );
    }
    value
}

fn seconds(t: &Table<'_>, key: &str) -> f64 {
    let value = t.need::<Span>(key).map_or(0.0, |span| span.ns() as f64 * 1e-9);
    sign(t, key, value)
}

fn positive(t: &Table<'_>, key: &str, value: f64) -> f64 {
    if value <= 0.0 && t.has(key) {
        t.doc().find(t.span_of(key), format!("`{key}` is not above zero"), "write a value above zero");
    }
    value
}

fn sign(t: &Table<'_>, key: &str, value: f64) -> f64 {
    if value < 0.0 {
        t.doc().find(t.span_of(key), format!("`{key}` is below zero"), "write a value of zero or more");
    }
    value
}

fn must(t: &Table<'_>, key: &str, holds: bool, what: &str, remedy: &str) {
    if !holds && t.has(key) && t.doc().is_clean() {
        t.doc().find(t.span_of(key), what, remedy);
    }
}

pub(super) fn read(file: &str, text: &str) -> Result<Sku, Vec<Finding>> {
    let doc = Doc::new(file, text);
    let sku = doc.read(product);
    match sku {
        Some(Some(sku)) if doc.is_clean() => Ok(sku),
        _ => Err(doc.findings()),
    }
}

/// A sub-table that must be there.
fn part<T>(t: &Table<'_>, key: &str, read: impl FnOnce(&Table<'_>) -> T) -> Option<T> {
    if !t.has(key) {
        t.doc().find(t.span(), format!("table `{key}` is missing"), format!("add [{key}]"));
    }
    t.table(key, |sub| read(sub))
}

fn product(t: &Table<'_>) -> Option<Sku> {
    let id = t.need::<String>("id");
    let name = t.need::<String>("name");
    let aliases = t.strings("aliases").into_iter().map(|alias| alias.value).collect();
    let power = part(t, "power", power);
    let clock = part(t, "clock", clock);
    let leakage = part(t, "leakage", |l| {
        [watts(l, "at-38-degc"), l.need::<Growth>("growth").map_or(0.0, |growth| growth.0)]
    });
    let die = part(t, "die", die);
    let memory = part(t, "memory", memory);
    let (cooler, other_cooler) = part(t, "cooling", coolers).flatten()?;
    let slowdown = part(t, "hardware-slowdown", |s| [share(s, "clock"), seconds(s, "brake-hold")]);
    let spread = part(t, "spread", spread);
    let sensor = part(t, "sensor", sensor);
    let ([tdp_w, cap_min_w, cap_max_w, base_w, clock_tree_w, core_w], clock, die) = (power?, clock?, die?);
    let ([slowdown_clock, brake_hold_s], memory, [leak_w, leak_per_k]) = (slowdown?, memory?, leakage?);
    Some(Sku {
        id: id?,
        aliases,
        name: name?,
        tdp_w,
        cap_min_w,
        cap_max_w,
        clock_max_mhz: clock.max,
        clock_min_mhz: clock.min,
        clock_idle_mhz: clock.idle,
        memory_clock_mhz: clock.memory,
        voltage: clock.voltage,
        base_w,
        hbm_idle_w: memory[0],
        hbm_w: memory[1],
        leak_w,
        leak_per_k,
        clock_tree_w,
        core_w,
        r1_kpw: die.resistance[0],
        tau1_s: die.tau_s[0],
        r2_kpw: die.resistance[1],
        tau2_s: die.tau_s[1],
        cooler,
        other_cooler,
        hbm_coupling: memory[2],
        hbm_r_kpw: memory[3],
        hbm_tau_s: memory[4],
        max_operating_c: die.limits[0],
        slowdown_c: die.limits[1],
        shutdown_c: die.limits[2],
        hbm_max_c: memory[5],
        slowdown_clock,
        brake_hold_s,
        spread: spread?,
        sensor: sensor?,
    })
}

fn power(t: &Table<'_>) -> [f64; 6] {
    let keys = ["default-limit", "lowest-limit", "highest-limit", "base", "clock-tree", "cores"];
    let values = keys.map(|key| watts(t, key));
    positive(t, "cores", values[5]);
    let [default, low, high, ..] = values;
    must(
        t,
        "default-limit",
        low > 0.0 && low <= default && default <= high,
        "`default-limit` is not between `lowest-limit` and `highest-limit`",
        "order them: 0 W < lowest <= default <= highest",
    );
    values
}

struct Clock {
    max: f64,
    min: f64,
    idle: f64,
    memory: f64,
    voltage: Vec<[f64; 2]>,
}

fn clock(t: &Table<'_>) -> Clock {
    let [max, min, idle, memory] = ["max", "min", "idle", "memory"].map(|key| megahertz(t, key));
    must(
        t,
        "max",
        0.0 < min && min <= idle && idle <= max,
        "`max`, `idle` and `min` are out of order",
        "order them: 0 MHz < min <= idle <= max",
    );
    let points: Vec<Vec<f64>> = t.need("voltage").unwrap_or_default();
    let voltage: Vec<[f64; 2]> = points.iter().filter_map(|p| p.as_slice().try_into().ok()).collect();
    let rising = voltage.windows(2).all(|w| w[0][0] < w[1][0] && w[0][1] <= w[1][1]);
    let ends_at_top = voltage.last().is_some_and(|p| (p[0] - max).abs() < 0.5 && (p[1] - 1.0).abs() < 1e-9);
    must(
        t,
        "voltage",
        voltage.len() == points.len() && rising && ends_at_top && voltage.iter().all(|p| p[1] > 0.0),
        "`voltage` is not a rising table of [MHz, share of the top voltage] that ends at [max, 1.0]",
        "write points like [[1110, 0.74], [1980, 1.0]], clocks rising, voltage above 0 and never falling",
    );
    Clock { max, min, idle, memory, voltage }
}

struct Die {
    resistance: [f64; 2],
    tau_s: [f64; 2],
    limits: [f64; 3],
}

fn die(t: &Table<'_>) -> Die {
    let resistance = ["fast-resistance", "slow-resistance"]
        .map(|key| positive(t, key, t.need::<Resistance>(key).map_or(0.0, |r| r.0)));
    let tau_s = ["fast-time-constant", "slow-time-constant"].map(|key| positive(t, key, seconds(t, key)));
    must(
        t,
        "slow-time-constant",
        tau_s[0] < 0.9 * tau_s[1],
        "`slow-time-constant` is not slower than `fast-time-constant`",
        "give the fast mode the shorter time",
    );
    let top = celsius(t, "max-operating");
    let offset = |key: &str| t.need::<TemperatureDelta>(key).map_or(0.0, TemperatureDelta::as_kelvin);
    let (slowdown, shutdown) = (top + offset("slowdown-above"), top + offset("shutdown-above"));
    must(
        t,
        "shutdown-above",
        top < slowdown && slowdown < shutdown,
        "`shutdown-above` is not beyond `slowdown-above`",
        "order them: 0 K < slowdown-above < shutdown-above (T.Limit -2 is \"2 K\")",
    );
    Die { resistance, tau_s, limits: [top, slowdown, shutdown] }
}

fn memory(t: &Table<'_>) -> [f64; 6] {
    let resistance = t.need::<Resistance>("resistance").map_or(0.0, |r| r.0);
    let coupling = positive(t, "die-coupling", share(t, "die-coupling"));
    [
        watts(t, "idle"),
        watts(t, "full-bandwidth"),
        coupling,
        resistance,
        positive(t, "time-constant", seconds(t, "time-constant")),
        celsius(t, "max-operating"),
    ]
}

fn coolers(t: &Table<'_>) -> Option<(Cooler, Option<Cooler>)> {
    let plate = t.table("cold-plate", |c| cooler(c, Medium::Liquid));
    let sink = t.table("heatsink", |c| cooler(c, Medium::Air));
    if plate.is_none() && sink.is_none() {
        t.doc().find(t.span(), "no cooler", "add [cooling.cold-plate] or [cooling.heatsink] or both");
    }
    plate.map_or_else(|| sink.map(|sink| (sink, None)), |plate| Some((plate, sink)))
}

fn cooler(t: &Table<'_>, medium: Medium) -> Cooler {
    let resistance = |key: &str| t.need::<Resistance>(key).map_or(0.0, |r| r.0);
    let capacity_jpk = t.need::<Capacity>("capacity").map_or(0.0, |c| c.0);
    Cooler {
        medium,
        fixed_kpw: resistance("fixed"),
        convective_kpw: positive(t, "convective", resistance("convective")),
        exponent: most(t, "exponent", sign(t, "exponent", t.need("exponent").unwrap_or(0.7)), STEEPEST),
        capacity_jpk: positive(t, "capacity", capacity_jpk),
        captured: positive(t, "captured", share(t, "captured")),
    }
}

fn spread(t: &Table<'_>) -> Spread {
    Spread {
        power: share(t, "power"),
        leakage: share(t, "leakage"),
        thermal: share(t, "thermal"),
        sensor_gain: share(t, "sensor-gain"),
    }
}

fn sensor(t: &Table<'_>) -> SensorSpec {
    let refresh_s = positive(t, "refresh", seconds(t, "refresh"));
    let average_s = if t.has("average") { Some(seconds(t, "average")) } else { None };
    let spec = SensorSpec {
        refresh_s,
        window_s: positive(t, "window", seconds(t, "window")),
        average_s,
        delay_s: seconds(t, "delay"),
        lag_s: seconds(t, "lag"),
        energy_refresh_s: positive(t, "energy-refresh", seconds(t, "energy-refresh")),
        missing: missing(t),
    };
    must(t, "window", spec.window_s <= refresh_s, "`window` is longer than `refresh`", "make it shorter");
    must(t, "delay", spec.delay_s <= refresh_s, "`delay` is longer than `refresh`", "make it shorter");
    let bins = average_s.unwrap_or(refresh_s) / refresh_s;
    must(
        t,
        "average",
        (bins - bins.round()).abs() < 1e-6 && (1.0..=MOST_BINS as f64).contains(&bins.round()),
        "`average` is not 1 to 12 times `refresh`",
        "sensors average whole refresh periods: write a multiple, or leave it out where there is no average",
    );
    spec
}

fn missing(t: &Table<'_>) -> Fields {
    let mut all = Fields::NONE;
    for name in t.strings("missing") {
        match Fields::named(&name.value) {
            Some(field) => all = all.with(field),
            None => t.doc().find(
                name.span,
                format!("no field is called `{}`", name.value),
                format!("use one of: {}", Fields::NAMES.map(|(name, _)| name).join(", ")),
            ),
        }
    }
    all
}
