//! Each way to get a policy wrong is found at its line, with a remedy; all in one run.

mod common;

use common::{FULL, findings};
use headroom_site::doc::Finding;
use proptest::prelude::*;

/// Bends the full policy, and returns the findings with the bent text.
fn bend(from: &str, to: &str) -> (Vec<Finding>, String) {
    let text = FULL.replacen(from, to, 1);
    assert_ne!(text, FULL, "`{from}` is not in the full policy");
    (findings(&text), text)
}

/// There is a finding with these words, a remedy with those, at the line that holds `at` (or its table's head).
fn expect(from: &str, to: &str, what: &str, remedy: &str, at: &str) {
    let (found, text) = bend(from, to);
    let hit = found.iter().find(|f| f.what.contains(what) && f.remedy.contains(remedy));
    let Some(hit) = hit else { panic!("`{to}`: no `{what}` with `{remedy}` in {found:#?}") };
    let line = text.lines().nth(hit.line - 1).unwrap_or_default();
    assert!(line.contains(at), "`{to}`: found at line {} `{line}`, not at `{at}`", hit.line);
}

#[test]
fn the_full_policy_is_clean() {
    assert_eq!(findings(FULL), vec![]);
}

#[test]
fn keys_and_words() {
    expect("gpu = \"9 K\"", "gppu = \"9 K\"", "unknown key `headroom.gppu`", "`gpu`", "gppu");
    expect("[strategy]", "[stratgy]", "unknown key `stratgy`", "`strategy`", "[stratgy]");
    expect("power = \"steady\"", "power = \"stedy\"", "did you mean `steady`", "\"hold\"", "stedy");
    expect("caps = \"active\"", "caps = \"on\"", "`mode.caps`: cannot be `on`", "\"active\"", "\"on\"");
    expect("days = [\"weekdays\"]", "days = [\"weekday\"]", "is not a day", "\"mon\"", "\"weekday\"");
    expect("format = 1", "format = 2", "format 2", "format = 1", "format = 2");
    expect("name = \"full\"", "", "`name` is missing", "name", "");
    expect("name = \"full\"", "name = \" \"", "is empty", "name", "\" \"");
}

#[test]
fn promises() {
    let slow = "time-to-first-token = \"2 h\"";
    expect("time-to-first-token = \"2 s\"", slow, "`time-to-first-token` is out of range", "1 ms", "2 h");
    let text = "format = 1\nname = \"p\"\n[[job]]\nid = \"train\"\ntime-per-output-token = \"80 ms\"\n";
    let found = findings(text);
    assert!(
        found.iter().any(|f| f.what.contains("cannot be kept") && f.remedy.contains("served-by")),
        "{found:#?}"
    );
}

#[test]
fn units() {
    expect("gpu = \"9 K\"", "gpu = 9", "has no unit", "K", "gpu = 9");
    expect("gpu = \"9 K\"", "gpu = \"9\"", "has no unit", "K", "gpu = \"9\"");
    expect("gpu = \"9 K\"", "gpu = \"9 degC\"", "not a unit of temperature difference", "K", "9 degC");
    expect("\"0.12 EUR/kWh\"", "\"0.12 EUR\"", "has no unit", "EUR/kWh", "0.12 EUR");
    expect("\"0.12 EUR/kWh\"", "\"0.12 EUR/kW\"", "wrong unit: `kW`", "EUR/kWh", "EUR/kW");
    expect("\"2 EUR/m3\"", "\"2 USD/m3\"", "other prices are in EUR", "all prices in EUR", "USD");
    expect("\"2 EUR/m3\"", "\"2 euros/m3\"", "not a currency", "EUR/m3", "euros");
    expect("ramp-up = \"50 kW/min\"", "ramp-up = \"50 kW\"", "no unit", "W", "ramp-up");
    expect("limit = \"8 kW\"", "limit = \"8 K\"", "wrong unit", "600 kW", "8 K");
    expect("limit = \"8 kW\"", "limit = \"8\"", "no unit", "600 kW", "\"8\"");
    expect("max = \"43 degC\"", "max = \"43 kPa\"", "wrong unit", "unit", "43 kPa");
    expect("ramp = \"0.5 K/5min\"", "ramp = \"0.5 %/5min\"", "wrong unit", "K", "0.5 %/5min");
    expect("margin = \"2 K\"", "margin = \"2 %\"", "wrong unit", "K", "2 %");
    expect("from = \"17:00\"", "from = \"5 pm\"", "not a time of day", "17:00", "5 pm");
    expect("at = 2026-12-24T16:00:00Z", "at = \"2026-02-30T16:00:00Z\"", "not an instant", "2026-", "02-30");
    expect("\"+01:00\"", "\"CET\"", "not an offset", "+01:00", "CET");
}

#[test]
fn out_of_range() {
    expect("pue = 1.12", "pue = 0.9", "`pue` is out of range", "1.0", "pue = 0.9");
    expect("clock-spread = \"0.5 %\"", "clock-spread = \"-1 %\"", "out of range", "0 %", "clock-spread");
    expect("throttled = \"1 s\"", "throttled = \"-1 s\"", "is negative", "30 s", "throttled");
    expect("confidence = 0.99", "confidence = 99", "`confidence` is out of range", "0.5", "confidence");
    expect("max-token-loss = \"1 %\"", "max-token-loss = \"90 %\"", "out of range", "50 %", "90 %");
    expect("memory = \"7 K\"", "memory = \"-7 K\"", "`memory` is out of range", "0 K", "-7 K");
    expect("ramp-down = \"100", "ramp-down = \"-100", "`ramp-down` is out of range", "positive", "-100");
    expect("limit = \"60 %\"", "limit = \"160 %\"", "out of range", "share", "160 %");
    expect(
        "[\"0.1 Hz\", \"20 Hz\"]",
        "[\"0 Hz\", \"20 Hz\"]",
        "`band` is out of range",
        "above zero",
        "0 Hz",
    );
    expect("carbon = \"80 EUR/t\"", "carbon = \"-80 EUR/t\"", "out of range", "80 EUR/t", "-80");
}

#[test]
fn contradictions() {
    expect("min = \"20 degC\"", "min = \"44 degC\"", "`min` is above `max`", "exchange", "44 degC");
    expect("floor-clock = \"1200", "floor-clock = \"1950", "`floor-clock` is above", "exchange", "1950");
    expect("prefer = \"watts\"", "prefer = \"tokens\"", "contradicts", "\"watts\"", "max-token-loss");
    expect("carbon-intensity = \"350 g/kWh\"", "", "changes nothing", "350 g/kWh", "carbon = ");
    expect("to = \"20:00\"", "", "`from` without `to`", "add to", "from = ");
    expect("to = \"20:00\"", "to = \"17:00\"", "the same time", "leave both out", "from = ");
    expect("for = \"4 h\"", "", "`at` without `for`", "add for", "at = ");
    expect("for = \"4 h\"", "for = \"0 h\"", "`for` is zero", "above zero", "0 h");
    expect("for = \"4 h\"", "for = \"4 h\"\ndays = [\"mon\"]", "either at times of day", "two", "at = ");
    expect("margin = \"2 K\"", "margin = \"12 K\"", "nothing is left of `supply`", "20 degC to 43", "12 K");
    expect("point = \"supply\"", "point = \"supply\"\nactuator = \"x\"", "both `point`", "two", "\"x\"");
    expect("kind = \"busway\"", "", "does not say what it is for", "branch = ", "[[budget]]");
}

#[test]
fn duplicates() {
    let extra = |more: &str| (findings(&format!("{FULL}{more}")), FULL.lines().count());
    let (found, lines) = extra("[[job]]\nid = \"serve\"\n");
    assert!(
        found.iter().any(|f| f.what.contains("duplicate id `serve`") && f.line == lines + 2),
        "{found:#?}"
    );
    let (found, lines) = extra("[[limit]]\npoint = \"supply\"\nmin = \"25 degC\"\n");
    assert!(found.iter().any(|f| f.what.contains("duplicate id") && f.line == lines + 2), "{found:#?}");
    let (found, lines) = extra("[[budget]]\nbranch = \"busway-1\"\nlimit = \"7 kW\"\n");
    assert!(found.iter().any(|f| f.what.contains("duplicate") && f.line == lines + 1), "{found:#?}");
    // TOML itself refuses a key twice.
    let (found, _) = bend("gpu = \"9 K\"", "gpu = \"9 K\"\ngpu = \"8 K\"");
    assert!(found.iter().any(|f| f.what.contains("duplicate")), "{found:#?}");
}

#[test]
fn against_the_site() {
    expect("cdu = \"shadow\"", "cduu = \"shadow\"", "unknown actuator group `cduu`", "`cdu`", "cduu");
    expect("point = \"supply\"", "point = \"suply\"", "unknown point `suply`", "`supply`", "suply");
    let actuator = "actuator = \"supply-request\"";
    expect(actuator, "actuator = \"supply-reqest\"", "unknown actuator", "`supply-request`", "reqest");
    expect("id = \"serve\"", "id = \"training\"", "unknown job `training`", "`train`", "training");
    expect("branch = \"busway-1\"", "branch = \"busway-7\"", "unknown power branch", "busway-1", "busway-7");
    expect("kind = \"busway\"", "kind = \"busbar\"", "unknown kind of power branch", "`busway`", "busbar");
    expect("max = \"43 degC\"", "max = \"46 degC\"", "wider than the site's: 46 degC", "45 degC", "46 degC");
    expect("min = \"20 degC\"", "min = \"15 degC\"", "wider than the site's: 15 degC", "18 degC", "15 degC");
    expect("min = \"22 degC\"", "min = \"10 degC\"", "wider than the site's: 10 degC", "20 degC", "10 degC");
    expect("max = \"38 degC\"", "max = \"41 degC\"", "wider than the site's: 41 degC", "40 degC", "41 degC");
    expect("min = \"22 degC\"", "min = \"31 degC\"", "leaves the fallback", "include", "31 degC");
    expect("ramp = \"0.5 K/5min\"", "ramp = \"2 K/5min\"", "faster than it allows", "0.2", "2 K/5min");
    expect(
        "limit = \"8 kW\"",
        "limit = \"11 kW\"",
        "above the site's: 11.0 kW against 10.0",
        "widen",
        "11 kW",
    );
    expect("limit = \"8 kW\"", "limit = \"3 kW\"", "cannot be kept", "raise it", "3 kW");
    expect("limit = \"60 %\"", "limit = \"40 %\"", "cannot be kept", "raise it", "40 %");
    expect(
        "kind = \"busway\"\nlimit",
        "kind = \"root\"\nlimit",
        "a share of nothing: the site gives `spare`",
        "site file",
        "60 %",
    );
    expect(
        "\"1200 MHz\"\nceiling-clock = \"1900 MHz\"",
        "\"2100 MHz\"",
        "above what the GPUs",
        "1980",
        "2100",
    );
    expect(
        "floor-clock = \"1200 MHz\"\nceiling-clock = \"1900",
        "ceiling-clock = \"200",
        "below what",
        "345",
        "200",
    );
    expect("point = \"supply\"", "point = \"flow\"", "wrong unit: the site has a flow", "L/min", "degC");
    expect("price-point = \"price\"", "price-point = \"prise\"", "unknown point `prise`", "`price`", "prise");
    expect(
        "price-point = \"price\"",
        "price-point = \"flow\"",
        "wrong unit: `flow` is a flow",
        "count",
        "flow",
    );
    let only = "point = \"outdoor\"\nmargin = \"2 K\"\n[[limit]]\npoint = \"supply\"";
    expect("point = \"supply\"", only, "no limit to keep a margin to", "add min", "margin = ");
}

#[test]
fn all_findings_in_one_run_in_order() {
    let text = FULL
        .replace("gpu = \"9 K\"", "gpu = \"9\"")
        .replace("pue = 1.12", "pue = 0.5")
        .replace("caps =", "cdus =")
        .replace("[strategy]", "[stategy]")
        .replace("limit = \"8 kW\"", "limit = \"8 V\"");
    let found = findings(&text);
    assert!(found.len() >= 4, "{found:#?}");
    assert!(found.is_sorted_by_key(|f| f.line), "{found:#?}");
    assert!(found.iter().all(|f| !f.remedy.is_empty() && f.file == "policy.toml"));
    let at_site = FULL
        .replace("point = \"supply\"", "point = \"a\"")
        .replace("id = \"serve\"", "id = \"b\"")
        .replace("\"8 kW\"", "\"80 kW\"");
    assert_eq!(findings(&at_site).len(), 3);
}

proptest! {
    #[test]
    fn never_panics_on_any_text(text in "\\PC*") {
        let _ = findings(&text);
    }

    #[test]
    fn never_panics_on_a_bent_policy(
        at in 0..FULL.len(),
        len in 0..40_usize,
        put in "([-0-9a-z.\"=\\[\\] %é\n]{0,12}|-|1e308|9999999999999999999|0)",
    ) {
        let mut text = FULL.to_owned();
        text.replace_range(at..(at + len).min(FULL.len()), &put);
        let _ = findings(&text);
        // Findings of the site at a text that is not the policy's still have a place.
        let _ = common::policy(FULL).check_against(&common::site(), "other.toml", &put);
    }

    #[test]
    fn never_panics_on_any_value(line in 0..200_usize, value in "(-?[0-9e.]{1,20}|\"-?[0-9e.]{1,12} ?(K|kW|W/s|%|h|d|MHz|EUR/kWh|:00)\")") {
        let text: Vec<String> = FULL
            .lines()
            .enumerate()
            .map(|(i, l)| match l.split_once(" = ") {
                Some((key, _)) if i == line % FULL.lines().count() => format!("{key} = {value}"),
                _ => l.to_owned(),
            })
            .collect();
        let _ = findings(&text.join("\n"));
    }
}
