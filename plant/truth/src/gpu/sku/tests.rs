//! Product files: every shipped one reads, findings name line and remedy, names find their product.

use super::*;

#[test]
fn every_shipped_file_reads_and_is_called_what_it_says() {
    for (file, text) in FILES {
        let sku = match Sku::read_named(file, text) {
            Ok(sku) => sku,
            Err(findings) => {
                panic!("{}", findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
            }
        };
        assert_eq!(format!("{}.toml", sku.id), file);
        assert_eq!(Sku::find(&sku.id).as_ref(), Some(&sku));
        assert_eq!(Sku::find(&sku.name).as_ref(), Some(&sku));
        assert!(text.matches("\n# ").count() >= 9, "{file}: figures without a source");
    }
    assert_eq!(Sku::shipped().len(), FILES.len());
    assert_eq!(Sku::h100_sxm().id, "h100-sxm");
}

#[test]
fn products_are_found_by_word_alias_and_cooler() {
    for (text, id) in [("H100", "h100-sxm"), ("b200", "b200"), ("GB200", "gb200"), ("3090", "rtx-3090")] {
        assert_eq!(Sku::find(text).map(|sku| sku.id).as_deref(), Some(id));
    }
    assert_eq!(Sku::find("abacus"), None);
    let air = Sku::find("h100-air").unwrap();
    assert_eq!((air.id.as_str(), air.cooler.medium), ("h100-sxm", Medium::Air));
    assert_eq!(air.cooled_by(Medium::Liquid), Some(Sku::h100_sxm()));
    assert_eq!(Sku::find("gb200-air"), None);
    assert!((air.total_resistance_kpw(1.0) - 0.066).abs() < 1e-9);
    let tau_s = air.plate_resistance_kpw(1.0) * air.cooler.capacity_jpk;
    assert!((30.0..90.0).contains(&tau_s), "{tau_s} s");
}

#[test]
fn figures_that_lead_to_no_number_are_refused() {
    let text = include_str!("../../../skus/h100-sxm.toml");
    for (key, value, what) in [
        ("exponent", "1e3", "`exponent` is beyond all products"),
        ("convective", "\"1e300 K/W\"", "beyond all products"),
        ("max-operating", "\"5000 degC\"", "`max-operating` is beyond all products"),
        ("max-operating", "\"-300 degC\"", "`max-operating` is below zero"),
        ("slowdown-above", "\"1e-30 K\"", "`shutdown-above` is not beyond"),
    ] {
        let line = text.lines().find(|l| l.starts_with(&format!("{key} = "))).unwrap();
        let findings = Sku::read(&text.replacen(line, &format!("{key} = {value}"), 1)).unwrap_err();
        assert!(findings.iter().any(|f| f.what.contains(what)), "{key} = {value}: {findings:#?}");
    }
}

#[test]
fn all_findings_come_at_once_with_line_and_remedy() {
    let text = include_str!("../../../skus/h100-sxm.toml")
        .replace("base = \"40 W\"", "base = \"40\"")
        .replace("growth = \"2 %/K\"", "growth = \"2 %\"")
        .replace("captured = \"98 %\"", "captured = \"198 %\"")
        .replace("lag = \"0 ms\"", "lagg = \"0 ms\"");
    let findings = Sku::read(&text).unwrap_err();
    for what in [
        "`power.base`",
        "`leakage.growth`",
        "`captured` is above 100 %",
        "`sensor.lag` is missing",
        "unknown key",
    ] {
        assert!(findings.iter().any(|f| f.what.contains(what)), "{what}: {findings:#?}");
    }
    let line = |what: &str| findings.iter().find(|f| f.what.contains(what)).map(|f| f.line);
    let at = text.lines().position(|l| l.starts_with("base =")).map(|n| n + 1);
    assert_eq!(line("`power.base`"), at);
    assert!(findings.iter().all(|f| !f.remedy.is_empty()));
}

#[test]
fn tables_must_agree_with_themselves() {
    let shipped = include_str!("../../../skus/h100-sxm.toml");
    for (old, new, what) in [
        ("[1980, 1.0]]", "[1900, 1.0]]", "`voltage` is not a rising table"),
        ("lowest-limit = \"200 W\"", "lowest-limit = \"800 W\"", "`default-limit` is not between"),
        ("shutdown-above = \"8 K\"", "shutdown-above = \"1 K\"", "`shutdown-above` is not beyond"),
        ("window = \"23 ms\"", "window = \"230 ms\"", "`window` is longer"),
        ("average = \"1 s\"", "average = \"1.05 s\"", "`average` is not 1 to 12 times"),
        ("[leakage]", "[leak]", "table `leakage` is missing"),
    ] {
        let text = shipped.replace(old, new);
        assert_ne!(text, shipped);
        let findings = Sku::read(&text).unwrap_err();
        assert!(findings.iter().any(|f| f.what.contains(what)), "{what}: {findings:#?}");
    }
}

#[test]
fn voltage_lies_on_the_table_and_is_flat_below_it() {
    let sku = Sku::find("a100-sxm").unwrap();
    assert!((sku.voltage_at(210.0) - 0.79).abs() < 1e-12);
    assert!((sku.voltage_at(1110.0) - 0.832).abs() < 1e-12);
    assert!((sku.voltage_at(1357.5) - 0.968).abs() < 1e-9);
    assert!((sku.voltage_at(1410.0) - 1.0).abs() < 1e-12 && (sku.voltage_at(1500.0) - 1.0).abs() < 1e-12);
}
