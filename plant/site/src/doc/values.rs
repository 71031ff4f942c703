//! What a key may hold: text, numbers, times and quantities.

use super::FromDoc;
use crate::quantity::{self, Dimension};
use crate::time::Span;
use toml::de::DeValue;

impl FromDoc for String {
    fn what() -> String {
        "text in quotes".into()
    }
    fn from_value(value: &DeValue<'_>) -> Result<Self, String> {
        match value {
            DeValue::String(s) => Ok(s.to_string()),
            _ => Err("is not text".into()),
        }
    }
}

impl FromDoc for bool {
    fn what() -> String {
        "true or false".into()
    }
    fn from_value(value: &DeValue<'_>) -> Result<Self, String> {
        match value {
            DeValue::Boolean(b) => Ok(*b),
            _ => Err("is neither true nor false".into()),
        }
    }
}

impl FromDoc for i64 {
    fn what() -> String {
        "a whole number".into()
    }
    fn from_value(value: &DeValue<'_>) -> Result<Self, String> {
        match value {
            DeValue::Integer(i) => i64::from_str_radix(&i.as_str().replace('_', ""), i.radix())
                .map_err(|_| "is not a whole number in range".into()),
            _ => Err("is not a whole number".into()),
        }
    }
}

impl FromDoc for u16 {
    fn what() -> String {
        "a whole number from 0 to 65535".into()
    }
    fn from_value(value: &DeValue<'_>) -> Result<Self, String> {
        u16::try_from(i64::from_value(value)?).map_err(|_| "is not in 0..65535".into())
    }
}

impl FromDoc for f64 {
    fn what() -> String {
        "a number".into()
    }
    fn from_value(value: &DeValue<'_>) -> Result<Self, String> {
        let number = match value {
            DeValue::Float(x) => x.as_str().replace('_', "").parse().ok(),
            DeValue::Integer(_) => i64::from_value(value).ok().map(|i| i as f64),
            _ => None,
        };
        number.filter(|x: &f64| x.is_finite()).ok_or_else(|| "is not a finite number".into())
    }
}

impl FromDoc for Span {
    fn what() -> String {
        "a time like \"30 s\"".into()
    }
    fn from_value(value: &DeValue<'_>) -> Result<Self, String> {
        let span: Self =
            text(value, Dimension::Time)?.parse().map_err(|e: quantity::QuantityError| e.to_string())?;
        if span.ns() < 0 { Err("is negative".into()) } else { Ok(span) }
    }
}

impl<T: FromDoc> FromDoc for Vec<T> {
    fn what() -> String {
        format!("a list of {}", T::what())
    }
    fn from_value(value: &DeValue<'_>) -> Result<Self, String> {
        match value {
            DeValue::Array(items) => items.iter().map(|i| T::from_value(i.get_ref())).collect(),
            _ => Err("is not a list".into()),
        }
    }
}

fn text<'a>(value: &'a DeValue<'_>, dimension: Dimension) -> Result<&'a str, String> {
    match value {
        DeValue::String(s) => Ok(s),
        _ => Err(format!("has no unit; a {dimension} is text like \"20 {}\"", dimension.base())),
    }
}

macro_rules! from_doc_quantity {
    ($($name:ident),+) => { $(
        impl FromDoc for crate::quantity::$name {
            fn what() -> String {
                let d = Self::DIMENSION;
                format!("a {d} with one of the units {}", d.symbols().join(", "))
            }
            fn from_value(value: &DeValue<'_>) -> Result<Self, String> {
                text(value, Self::DIMENSION)?.parse().map_err(|e: quantity::QuantityError| e.to_string())
            }
        }
    )+ };
}

from_doc_quantity!(
    Temperature,
    TemperatureDelta,
    Power,
    Energy,
    Flow,
    Pressure,
    Frequency,
    Ratio,
    Current,
    Voltage
);
