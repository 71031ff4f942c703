//! Prices: money per energy, token, water and carbon, and the carbon of a kilowatt hour.
//!
//! Text names the currency and the basis: `"0.12 EUR/kWh"`, `"0.5 EUR/1e6"` (tokens), `"2 EUR/m3"`,
//! `"80 EUR/t"`. One policy uses one currency; exchange rates are not ours.

use crate::words::text;
use headroom_site::doc::FromDoc;
use toml::de::DeValue;

/// A price per something: how its basis is written, and how it is made.
pub(crate) trait Price: Sized {
    /// How it is written.
    const EXAMPLE: &'static str;
    /// Base units in a basis like "kWh"; none if it is not one.
    fn basis(text: &str) -> Option<f64>;
    /// From money per base unit.
    fn from_base(per_base: f64) -> Self;
}

/// A price with the currency it was written in.
pub(crate) struct Quoted<P> {
    pub(crate) price: P,
    pub(crate) currency: String,
}

impl<P: Price> FromDoc for Quoted<P> {
    fn what() -> String {
        format!("a price like \"{}\"", P::EXAMPLE)
    }
    fn from_value(value: &DeValue<'_>) -> Result<Self, String> {
        let text = text(value).map_err(|_| "has no unit; a price names its currency and basis".to_owned())?;
        let Some((money, basis)) = text.split_once('/') else {
            return Err(format!("`{text}` has no unit; it does not say what the price is for"));
        };
        let mut parts = money.split_whitespace();
        let amount = parts.next().and_then(|n| n.parse::<f64>().ok()).filter(|n| n.is_finite());
        let (Some(amount), Some(currency), None) = (amount, parts.next(), parts.next()) else {
            return Err(format!("`{}` is not an amount of money", money.trim()));
        };
        if currency.len() != 3 || !currency.bytes().all(|b| b.is_ascii_uppercase()) {
            return Err(format!("`{currency}` is not a currency (three capitals, as in ISO 4217)"));
        }
        if amount < 0.0 {
            return Err("is negative and so out of range".into());
        }
        let Some(base) = P::basis(basis.trim()) else {
            return Err(format!("wrong unit: `{}` is not what this price is for", basis.trim()));
        };
        let per_base = amount / base;
        if !per_base.is_finite() {
            return Err("is not a finite price".into());
        }
        Ok(Self { price: P::from_base(per_base), currency: currency.to_owned() })
    }
}

fn one_of(text: &str, known: &[(&str, f64)]) -> Option<f64> {
    known.iter().find(|(symbol, _)| *symbol == text).map(|(_, base)| *base)
}

fn energy(text: &str) -> Option<f64> {
    one_of(text, &[("kWh", 3.6e6), ("MWh", 3.6e9), ("Wh", 3.6e3), ("J", 1.0)])
}

/// A number of tokens: "1e6", "1e6 tokens", "token".
fn tokens(text: &str) -> Option<f64> {
    let number = text.trim_end_matches("tokens").trim_end_matches("token").trim();
    if number.is_empty() {
        return (!text.is_empty()).then_some(1.0);
    }
    number.parse::<f64>().ok().filter(|n| n.is_finite() && *n > 0.0)
}

macro_rules! price {
    ($(#[$doc:meta])* $name:ident, $example:literal, $basis:expr;
     $(#[$cdoc:meta])* $ctor:ident / $get:ident = $scale:literal, $(#[$bdoc:meta])* $base:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
        pub struct $name(f64);

        impl $name {
            $(#[$cdoc])*
            #[must_use]
            pub fn $ctor(money: f64) -> Self {
                Self(money / $scale)
            }
            /// As a number of that.
            #[must_use]
            pub fn $get(self) -> f64 {
                self.0 * $scale
            }
            $(#[$bdoc])*
            #[must_use]
            pub const fn $base(self) -> f64 {
                self.0
            }
        }

        impl Price for $name {
            const EXAMPLE: &'static str = $example;
            fn basis(text: &str) -> Option<f64> {
                ($basis)(text)
            }
            fn from_base(per_base: f64) -> Self {
                Self(per_base)
            }
        }
    };
}

price!(
    /// Money per energy.
    EnergyPrice, "0.12 EUR/kWh", energy;
    /// From money per kWh.
    per_kwh / as_per_kwh = 3.6e6,
    /// Money per J.
    per_joule
);
price!(
    /// Money earned per token.
    TokenPrice, "0.5 EUR/1e6 tokens", tokens;
    /// From money per million tokens.
    per_million / as_per_million = 1e6,
    /// Money per token.
    per_token
);
price!(
    /// Money per volume of water.
    WaterPrice, "2 EUR/m3", |t| one_of(t, &[("m3", 1000.0), ("L", 1.0)]);
    /// From money per m3.
    per_m3 / as_per_m3 = 1000.0,
    /// Money per litre.
    per_litre
);
price!(
    /// Money per mass of carbon dioxide (equivalent).
    CarbonPrice, "80 EUR/t", |t| one_of(t, &[("t", 1000.0), ("kg", 1.0)]);
    /// From money per tonne.
    per_tonne / as_per_tonne = 1000.0,
    /// Money per kg.
    per_kg
);

/// Mass of carbon dioxide (equivalent) per energy drawn from the grid.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct CarbonIntensity(f64);

impl CarbonIntensity {
    /// From grams per kWh.
    #[must_use]
    pub fn grams_per_kwh(grams: f64) -> Self {
        Self(grams * 1e-3 / 3.6e6)
    }
    /// As grams per kWh.
    #[must_use]
    pub fn as_grams_per_kwh(self) -> f64 {
        self.0 * 3.6e6 * 1e3
    }
    /// In kg per J.
    #[must_use]
    pub const fn kg_per_joule(self) -> f64 {
        self.0
    }
}

impl FromDoc for CarbonIntensity {
    fn what() -> String {
        "the carbon of a kilowatt hour like \"350 g/kWh\"".into()
    }
    fn from_value(value: &DeValue<'_>) -> Result<Self, String> {
        let text = text(value).map_err(|_| "has no unit".to_owned())?;
        let (amount, per) = text.split_once('/').ok_or_else(|| format!("`{text}` has no unit"))?;
        let mut parts = amount.split_whitespace();
        let number = parts.next().and_then(|n| n.parse::<f64>().ok()).filter(|n| n.is_finite());
        let (Some(number), Some(mass), None) = (number, parts.next(), parts.next()) else {
            return Err(format!("`{}` is not a mass", amount.trim()));
        };
        let mass = one_of(mass, &[("g", 1e-3), ("kg", 1.0), ("t", 1000.0)]);
        let (Some(mass), Some(joules)) = (mass, energy(per.trim())) else {
            return Err(format!("wrong unit: `{text}` is not a mass per energy"));
        };
        let kg_per_joule = number * mass / joules;
        if number < 0.0 || !kg_per_joule.is_finite() {
            return Err("is out of range".into());
        }
        Ok(Self(kg_per_joule))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: FromDoc>(text: &str) -> Result<T, String> {
        T::from_value(&DeValue::String(text.into()))
    }

    #[test]
    fn prices_in_base_units() {
        let p = read::<Quoted<EnergyPrice>>("0.12 EUR/kWh").unwrap();
        assert_eq!(p.currency, "EUR");
        assert!((p.price.as_per_kwh() - 0.12).abs() < 1e-12);
        assert!((p.price.per_joule() * 3.6e6 - 0.12).abs() < 1e-12);
        for text in ["0.5 USD/1e6", "0.5 USD/1e6 tokens", "0.0000005 USD/token"] {
            let p = read::<Quoted<TokenPrice>>(text).unwrap();
            assert!((p.price.as_per_million() - 0.5).abs() < 1e-9, "{text}");
        }
        assert!((read::<Quoted<WaterPrice>>("2 EUR/m3").unwrap().price.per_litre() - 0.002).abs() < 1e-12);
        assert!((read::<Quoted<CarbonPrice>>("80 EUR/t").unwrap().price.per_kg() - 0.08).abs() < 1e-12);
        let i = read::<CarbonIntensity>("350 g/kWh").unwrap();
        assert!((i.as_grams_per_kwh() - 350.0).abs() < 1e-9 && i == CarbonIntensity::grams_per_kwh(350.0));
    }

    #[test]
    fn what_is_not_a_price() {
        for text in [
            "0.12",
            "0.12/kWh",
            "EUR/kWh",
            "0.12 euro/kWh",
            "0.12 EUR",
            "0.12 EUR/kW",
            "-1 EUR/kWh",
            "1e999 EUR/J",
        ] {
            assert!(read::<Quoted<EnergyPrice>>(text).is_err(), "{text}");
        }
        for text in ["1 EUR/", "1 EUR/0", "1 EUR/-5", "1 EUR/x tokens"] {
            assert!(read::<Quoted<TokenPrice>>(text).is_err(), "{text}");
        }
        for text in ["350", "350 g", "350 g/m3", "-1 g/kWh"] {
            assert!(read::<CarbonIntensity>(text).is_err(), "{text}");
        }
    }
}
