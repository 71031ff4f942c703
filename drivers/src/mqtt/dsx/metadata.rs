//! Metadata: what a point on the bus is. Retained, published by the BMS only.

use headroom_site::quantity::{Dimension, Unit};
use serde::Deserialize;
use std::borrow::Cow;

/// The parts of a metadata payload that we use.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload<'a> {
    #[serde(borrow)]
    point_type: Cow<'a, str>,
    #[serde(borrow, default)]
    eng_unit: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    object_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    object_name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    associate_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    rack_location_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    rack_location_name: Option<Cow<'a, str>>,
    #[serde(default)]
    process_area: Vec<String>,
    #[serde(default)]
    phase: Option<serde_json::Value>,
    #[serde(default)]
    is_setpoint: bool,
    #[serde(borrow, default)]
    integration: Option<Cow<'a, str>>,
}

/// A point on the bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Metadata {
    pub(crate) point_type: String,
    /// Engineering unit as written.
    pub(crate) unit: Option<String>,
    /// Object id, object name, rack id, rack name, associate id: whichever are there, each once.
    pub(crate) names: Vec<String>,
    /// Process areas and phase.
    pub(crate) words: Vec<String>,
    pub(crate) is_setpoint: bool,
    pub(crate) integration: Option<String>,
}

/// Reads a payload.
///
/// # Errors
/// Not JSON of this shape, in words.
pub(crate) fn read(payload: &[u8]) -> Result<Metadata, String> {
    let p: Payload<'_> = serde_json::from_slice(payload).map_err(|e| e.to_string())?;
    let mut names: Vec<String> = Vec::new();
    for name in [p.object_id, p.object_name, p.rack_location_id, p.rack_location_name, p.associate_id] {
        if let Some(name) = name
            && !names.iter().any(|n| *n == name)
        {
            names.push(name.into_owned());
        }
    }
    let mut words = p.process_area;
    match p.phase {
        Some(serde_json::Value::String(phase)) => words.push(phase),
        Some(serde_json::Value::Number(phase)) => words.push(phase.to_string()),
        _ => {}
    }
    Ok(Metadata {
        point_type: p.point_type.into_owned(),
        unit: p.eng_unit.map(Cow::into_owned),
        names,
        words,
        is_setpoint: p.is_setpoint,
        integration: p.integration.map(Cow::into_owned),
    })
}

/// The unit readings of this metadata are in, for a point (or actuator) that the site file gives in `of_file`.
/// The metadata wins over the file; without an engineering unit the file is believed.
///
/// # Errors
/// A unit we do not know, or of another dimension, in words.
pub(crate) fn unit(written: Option<&str>, of_file: Unit) -> Result<Unit, String> {
    let Some(symbol) = written.map(str::trim).filter(|s| !s.is_empty()) else { return Ok(of_file) };
    let known = headroom_site::quantity::UNITS;
    let alike = |u: &&Unit| u.symbol.eq_ignore_ascii_case(symbol);
    // `MW` and `mW` differ in case only: the exact symbol goes first.
    let found = known.iter().find(|u| u.symbol == symbol).or_else(|| known.iter().find(alike));
    let Some(found) = found else {
        return if of_file.dimension == Dimension::Count {
            Ok(of_file)
        } else {
            Err(format!("unit `{symbol}` is not known"))
        };
    };
    match (found.dimension, of_file.dimension) {
        (a, b) if a == b => Ok(*found),
        // A difference of temperatures is published in C like a temperature.
        (Dimension::Temperature, Dimension::TemperatureDelta) => {
            Ok(Unit { dimension: of_file.dimension, offset: 0.0, ..*found })
        }
        (a, b) => Err(format!("unit `{symbol}` is a {a}, the site file expects a {b}")),
    }
}

/// How alike two words of a process area are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Likeness {
    /// Equal but for case.
    Same,
    /// One letter off: taken, and reported.
    Typo,
}

/// Compares two words. Digits never count as typos (`Pump1` is not `Pump2`), nor do letters of short words.
pub(crate) fn likeness(a: &str, b: &str) -> Option<Likeness> {
    if a.eq_ignore_ascii_case(b) {
        return Some(Likeness::Same);
    }
    let lower = |s: &str| s.chars().flat_map(char::to_lowercase).collect::<Vec<_>>();
    let digits = |s: &str| s.chars().filter(char::is_ascii_digit).collect::<String>();
    let (x, y) = (lower(a), lower(b));
    if x == y {
        return Some(Likeness::Same);
    }
    let long = x.len().min(y.len()) >= 5 && digits(a) == digits(b);
    (long && within_one(&x, &y)).then_some(Likeness::Typo)
}

/// True if one insertion, deletion or substitution makes them equal.
fn within_one(a: &[char], b: &[char]) -> bool {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    if long.len() - short.len() > 1 {
        return false;
    }
    let same = short.iter().zip(long).take_while(|(x, y)| x == y).count();
    let skip = usize::from(short.len() == long.len());
    short.get(same + skip..).unwrap_or_default() == long.get(same + 1..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn typos_are_forgiven_and_numbers_are_not() {
        assert_eq!(likeness("Secondary", "secondary"), Some(Likeness::Same));
        for typo in ["Seccondary", "Secondry", "Sekondary", "Secondaryy"] {
            assert_eq!(likeness("Secondary", typo), Some(Likeness::Typo), "{typo}");
        }
        for other in ["Primary", "Seconday1", "Scdary"] {
            assert_eq!(likeness("Secondary", other), None, "{other}");
        }
        assert_eq!(likeness("Filter1", "Filter2"), None);
        assert_eq!(likeness("A", "B"), None);
    }

    #[test]
    fn the_unit_on_the_bus_wins_if_it_measures_the_same() {
        let of = |s: &str| Unit::of(s).unwrap();
        assert_eq!(unit(Some("kW"), of("W")).unwrap().scale.to_bits(), 1e3_f64.to_bits());
        assert_eq!(unit(Some("mW"), of("W")).unwrap().scale.to_bits(), 1e-3_f64.to_bits());
        assert_eq!(unit(Some("lpm"), of("L/min")).unwrap().dimension, Dimension::Flow);
        assert_eq!(unit(None, of("kPa")).unwrap(), of("kPa"));
        assert!(unit(Some("kPa"), of("degC")).unwrap_err().contains("pressure"));
        assert!(unit(Some("dB"), of("degC")).is_err());
        assert!(unit(Some("dB"), of("count")).is_ok());
        assert!((unit(Some("F"), of("K")).unwrap().to_base(18.0) - 10.0).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn reading_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
        }
        #[test]
        fn likeness_is_symmetric_and_never_panics(a in "\\PC{0,12}", b in "\\PC{0,12}") {
            prop_assert_eq!(likeness(&a, &b), likeness(&b, &a));
        }
    }
}
