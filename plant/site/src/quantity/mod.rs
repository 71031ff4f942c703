//! Quantities as types, with a text form that always carries the unit.
//!
//! A type names a quantity, a constructor names a unit: `Temperature::celsius(24.0)`. Where a value's
//! dimension is only known at run time (a point of a site file), it is an `f64` in the base unit of its
//! [`Dimension`]: degC, K, W, J, L/min, L, kPa, MHz, 1 (ratio), A, V, s, bit/s.
//!
//! This room holds dimensions, units and the parser; `types` holds a type for each quantity.

mod types;

pub use types::{
    Current, Energy, Flow, Frequency, Power, Pressure, Ratio, Temperature, TemperatureDelta, Voltage,
};

use std::fmt;

/// What kind of quantity a number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    /// Temperature on a scale, base degC.
    Temperature,
    /// Difference of temperatures, base K.
    TemperatureDelta,
    /// Power, base W.
    Power,
    /// Energy, base J.
    Energy,
    /// Volume flow, base L/min.
    Flow,
    /// Flow per power, base L/min/kW.
    SpecificFlow,
    /// Volume, base L.
    Volume,
    /// Pressure, base kPa.
    Pressure,
    /// Frequency (clocks), base MHz.
    Frequency,
    /// Ratio, base 1.
    Ratio,
    /// Electric current, base A.
    Current,
    /// Voltage, base V.
    Voltage,
    /// Duration, base s.
    Time,
    /// Data per time, base bit/s.
    DataRate,
    /// A count or a state without unit.
    Count,
}

impl Dimension {
    /// Symbol of the base unit.
    #[must_use]
    pub const fn base(self) -> &'static str {
        match self {
            Self::Temperature => "degC",
            Self::TemperatureDelta => "K",
            Self::Power => "W",
            Self::Energy => "J",
            Self::Flow => "L/min",
            Self::SpecificFlow => "L/min/kW",
            Self::Volume => "L",
            Self::Pressure => "kPa",
            Self::Frequency => "MHz",
            Self::Ratio | Self::Count => "1",
            Self::Current => "A",
            Self::Voltage => "V",
            Self::Time => "s",
            Self::DataRate => "bit/s",
        }
    }

    /// Dimension of a difference of two values of this dimension.
    #[must_use]
    pub const fn of_difference(self) -> Self {
        match self {
            Self::Temperature => Self::TemperatureDelta,
            other => other,
        }
    }

    /// Symbols accepted for this dimension, for messages.
    #[must_use]
    pub fn symbols(self) -> Vec<&'static str> {
        UNITS.iter().filter(|u| u.dimension == self).map(|u| u.symbol).collect()
    }
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Temperature => "temperature",
            Self::TemperatureDelta => "temperature difference",
            Self::Power => "power",
            Self::Energy => "energy",
            Self::Flow => "flow",
            Self::SpecificFlow => "flow per power",
            Self::Volume => "volume",
            Self::Pressure => "pressure",
            Self::Frequency => "frequency",
            Self::Ratio => "ratio",
            Self::Current => "current",
            Self::Voltage => "voltage",
            Self::Time => "time",
            Self::DataRate => "data rate",
            Self::Count => "count",
        })
    }
}

/// A unit: `base = number * scale + offset`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Unit {
    /// Its symbol in files.
    pub symbol: &'static str,
    /// What it measures.
    pub dimension: Dimension,
    /// Base units per unit.
    pub scale: f64,
    /// Base value at zero.
    pub offset: f64,
}

const fn unit(symbol: &'static str, dimension: Dimension, scale: f64) -> Unit {
    Unit { symbol, dimension, scale, offset: 0.0 }
}

/// All units, preferred symbol of each first.
pub const UNITS: &[Unit] = &[
    unit("degC", Dimension::Temperature, 1.0),
    unit("C", Dimension::Temperature, 1.0),
    unit("°C", Dimension::Temperature, 1.0),
    Unit { symbol: "degF", dimension: Dimension::Temperature, scale: 5.0 / 9.0, offset: -160.0 / 9.0 },
    Unit { symbol: "F", dimension: Dimension::Temperature, scale: 5.0 / 9.0, offset: -160.0 / 9.0 },
    unit("K", Dimension::TemperatureDelta, 1.0),
    unit("W", Dimension::Power, 1.0),
    unit("mW", Dimension::Power, 1e-3),
    unit("kW", Dimension::Power, 1e3),
    unit("MW", Dimension::Power, 1e6),
    unit("kVA", Dimension::Power, 1e3),
    unit("J", Dimension::Energy, 1.0),
    unit("mJ", Dimension::Energy, 1e-3),
    unit("kJ", Dimension::Energy, 1e3),
    unit("MJ", Dimension::Energy, 1e6),
    unit("Wh", Dimension::Energy, 3.6e3),
    unit("kWh", Dimension::Energy, 3.6e6),
    unit("MWh", Dimension::Energy, 3.6e9),
    unit("L/min", Dimension::Flow, 1.0),
    unit("LPM", Dimension::Flow, 1.0),
    unit("l/min", Dimension::Flow, 1.0),
    unit("L/s", Dimension::Flow, 60.0),
    unit("m3/h", Dimension::Flow, 1000.0 / 60.0),
    unit("gpm", Dimension::Flow, 3.785_411_784),
    unit("L/min/kW", Dimension::SpecificFlow, 1.0),
    unit("L", Dimension::Volume, 1.0),
    unit("m3", Dimension::Volume, 1000.0),
    unit("gal", Dimension::Volume, 3.785_411_784),
    unit("ft3", Dimension::Volume, 28.316_846_592),
    unit("kPa", Dimension::Pressure, 1.0),
    unit("Pa", Dimension::Pressure, 1e-3),
    unit("bar", Dimension::Pressure, 100.0),
    unit("psi", Dimension::Pressure, 6.894_757_293),
    unit("MHz", Dimension::Frequency, 1.0),
    unit("GHz", Dimension::Frequency, 1e3),
    unit("Hz", Dimension::Frequency, 1e-6),
    unit("%", Dimension::Ratio, 1e-2),
    unit("1", Dimension::Ratio, 1.0),
    unit("%RH", Dimension::Ratio, 1e-2),
    unit("A", Dimension::Current, 1.0),
    unit("kA", Dimension::Current, 1e3),
    unit("V", Dimension::Voltage, 1.0),
    unit("kV", Dimension::Voltage, 1e3),
    unit("s", Dimension::Time, 1.0),
    unit("ms", Dimension::Time, 1e-3),
    unit("min", Dimension::Time, 60.0),
    unit("h", Dimension::Time, 3600.0),
    unit("d", Dimension::Time, 86_400.0),
    unit("count", Dimension::Count, 1.0),
    unit("state", Dimension::Count, 1.0),
    unit("tokens", Dimension::Count, 1.0),
    unit("bit/s", Dimension::DataRate, 1.0),
    unit("Mbit/s", Dimension::DataRate, 1e6),
    unit("Gbit/s", Dimension::DataRate, 1e9),
    unit("B/s", Dimension::DataRate, 8.0),
    unit("MB/s", Dimension::DataRate, 8e6),
    unit("GB/s", Dimension::DataRate, 8e9),
];

impl Unit {
    /// The unit with this symbol, if we know it.
    #[must_use]
    pub fn of(symbol: &str) -> Option<Self> {
        UNITS.iter().copied().find(|u| u.symbol == symbol)
    }

    /// Number in this unit to base unit.
    #[must_use]
    pub fn to_base(self, number: f64) -> f64 {
        number * self.scale + self.offset
    }

    /// Base unit to number in this unit.
    #[must_use]
    pub fn from_base(self, base: f64) -> f64 {
        (base - self.offset) / self.scale
    }
}

/// Why a quantity's text was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum QuantityError {
    /// No number in front.
    #[error("`{0}` does not begin with a number; write it like \"{1}\"")]
    NoNumber(String, String),
    /// No unit behind the number.
    #[error("`{text}` has no unit; a {dimension} is written like \"{example}\"")]
    NoUnit {
        /// What was written.
        text: String,
        /// What was wanted.
        dimension: Dimension,
        /// What would have been right.
        example: String,
    },
    /// A unit of another dimension, or none we know.
    #[error("`{unit}` is not a unit of {dimension}; use one of {accepted}")]
    WrongUnit {
        /// What was written.
        unit: String,
        /// What was wanted.
        dimension: Dimension,
        /// Accepted symbols.
        accepted: String,
    },
    /// NaN or infinite.
    #[error("`{0}` is not a finite number")]
    NotFinite(String),
}

/// Splits "27 degC" into number and unit symbol.
fn split(text: &str) -> (Option<f64>, &str) {
    let text = text.trim();
    let end = text
        .char_indices()
        .find(|&(i, c)| {
            !(c.is_ascii_digit()
                || matches!(c, '.' | '+' | '-' | '_')
                || (matches!(c, 'e' | 'E')
                    && text[i + 1..].starts_with(|d: char| d.is_ascii_digit() || d == '-' || d == '+')))
        })
        .map_or(text.len(), |(i, _)| i);
    let number = text[..end].replace('_', "").parse().ok();
    (number, text[end..].trim())
}

/// Parses "27 degC" as a value of a dimension, in its base unit.
///
/// # Errors
/// No number, no unit, a unit of another dimension, or not finite.
pub fn parse(text: &str, dimension: Dimension) -> Result<f64, QuantityError> {
    let (number, symbol) = split(text);
    let example = || format!("27 {}", dimension.base());
    let Some(number) = number else { return Err(QuantityError::NoNumber(text.into(), example())) };
    if symbol.is_empty() {
        if dimension == Dimension::Count {
            return finite(number, text);
        }
        return Err(QuantityError::NoUnit { text: text.into(), dimension, example: example() });
    }
    let found = UNITS.iter().find(|u| u.symbol == symbol && u.dimension == dimension);
    let Some(found) = found else {
        let accepted = dimension.symbols().join(", ");
        return Err(QuantityError::WrongUnit { unit: symbol.into(), dimension, accepted });
    };
    finite(found.to_base(number), text)
}

fn finite(value: f64, text: &str) -> Result<f64, QuantityError> {
    if value.is_finite() { Ok(value) } else { Err(QuantityError::NotFinite(text.into())) }
}

/// A change per time of some dimension, in base units per second. Text: "1 K/5min", "2 %/min".
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Rate {
    /// Base units per second.
    pub per_s: f64,
}

impl Rate {
    /// Parses "1 K/5min" as a rate of a dimension's difference.
    ///
    /// # Errors
    /// As [`parse`], for the part before and after the slash.
    pub fn parse(text: &str, of: Dimension) -> Result<Self, QuantityError> {
        let of = of.of_difference();
        let Some((amount, period)) = text.rsplit_once('/') else {
            let example = format!("1 {}/5min", of.base());
            return Err(QuantityError::NoUnit { text: text.into(), dimension: of, example });
        };
        let amount = parse(amount, of)?;
        let period = period.trim();
        let period = if period.starts_with(|c: char| c.is_ascii_digit()) {
            parse(period, Dimension::Time)?
        } else {
            parse(&format!("1 {period}"), Dimension::Time)?
        };
        let per_s = amount / period;
        finite(per_s, text).map(|per_s| Self { per_s })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_forms() {
        assert_eq!("27 degC".parse::<Temperature>().unwrap(), Temperature::celsius(27.0));
        assert!(("80.6 degF".parse::<Temperature>().unwrap().as_celsius() - 27.0).abs() < 1e-9);
        assert!((Rate::parse("1 K/5min", Dimension::Temperature).unwrap().per_s - 1.0 / 300.0).abs() < 1e-12);
        assert!((Rate::parse("2 %/min", Dimension::Ratio).unwrap().per_s - 0.02 / 60.0).abs() < 1e-12);
        assert!((parse("1.5 L/min/kW", Dimension::SpecificFlow).unwrap() - 1.5).abs() < 1e-12);
        assert_eq!("1e3 W".parse::<Power>().unwrap(), Power::kilowatts(1.0));
    }

    #[test]
    fn refusals_name_the_remedy() {
        let e = "27".parse::<Temperature>().unwrap_err().to_string();
        assert!(e.contains("no unit") && e.contains("27 degC"), "{e}");
        let e = "27 kW".parse::<Temperature>().unwrap_err().to_string();
        assert!(e.contains("degC"), "{e}");
        assert!("warm".parse::<Temperature>().is_err());
        assert!("1e999 W".parse::<Power>().is_err());
        assert!(parse("1e999", Dimension::Count).is_err() && parse("3", Dimension::Count).is_ok());
        assert!(Rate::parse("1 K", Dimension::Temperature).is_err());
        assert!(Rate::parse("1 K/0s", Dimension::Temperature).is_err());
    }

    #[test]
    fn affine_temperature() {
        let d = Temperature::celsius(30.0) - Temperature::celsius(24.5);
        assert!((d.as_kelvin() - 5.5).abs() < 1e-12);
        assert!(((Temperature::celsius(20.0) + d).as_celsius() - 25.5).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn display_parses_back(x in -1e6..1e6f64) {
            let q = Power::watts(x);
            prop_assert_eq!(q.to_string().parse::<Power>().unwrap(), q);
        }
        #[test]
        fn units_round_trip(x in -1e5..1e5f64, i in 0..UNITS.len()) {
            let u = UNITS[i];
            prop_assert!((u.from_base(u.to_base(x)) - x).abs() <= 1e-7 * (1.0 + x.abs()));
        }
        #[test]
        fn parser_never_panics(s in "\\PC*") {
            let _ = parse(&s, Dimension::Temperature);
            let _ = Rate::parse(&s, Dimension::Flow);
        }
    }
}
