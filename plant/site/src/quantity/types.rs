//! One type for each quantity, all of one macro.

use super::{Dimension, QuantityError, Unit, parse};
use std::fmt;
use std::ops::{Add, Div, Mul, Neg, Sub};

macro_rules! quantity {
    ($(#[$doc:meta])* $name:ident, $dim:ident, $base_get:ident; $($(#[$cdoc:meta])* $ctor:ident = $symbol:literal => $get:ident),+ $(,)?) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
        pub struct $name(f64);

        impl $name {
            /// Dimension of this type.
            pub const DIMENSION: Dimension = Dimension::$dim;
            /// From the base unit of the dimension.
            #[must_use]
            pub const fn from_base(base: f64) -> Self { Self(base) }
            /// In the base unit of the dimension.
            #[must_use]
            pub const fn $base_get(self) -> f64 { self.0 }
            $(
                $(#[$cdoc])*
                #[must_use]
                pub fn $ctor(number: f64) -> Self {
                    Self(Unit::of($symbol).map_or(f64::NAN, |u| u.to_base(number)))
                }
                /// As a number in that unit.
                #[must_use]
                pub fn $get(self) -> f64 {
                    Unit::of($symbol).map_or(f64::NAN, |u| u.from_base(self.0))
                }
            )+
        }

        impl std::str::FromStr for $name {
            type Err = QuantityError;
            fn from_str(text: &str) -> Result<Self, QuantityError> {
                parse(text, Dimension::$dim).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match f.precision() {
                    Some(p) => write!(f, "{:.p$} {}", self.0, Dimension::$dim.base()),
                    None => write!(f, "{} {}", self.0, Dimension::$dim.base()),
                }
            }
        }
    };
}

macro_rules! linear {
    ($($name:ident),+) => { $(
        impl Add for $name { type Output = Self; fn add(self, o: Self) -> Self { Self(self.0 + o.0) } }
        impl Sub for $name { type Output = Self; fn sub(self, o: Self) -> Self { Self(self.0 - o.0) } }
        impl Neg for $name { type Output = Self; fn neg(self) -> Self { Self(-self.0) } }
        impl Mul<f64> for $name { type Output = Self; fn mul(self, k: f64) -> Self { Self(self.0 * k) } }
        impl Div for $name { type Output = f64; fn div(self, o: Self) -> f64 { self.0 / o.0 } }
        impl std::iter::Sum for $name {
            fn sum<I: Iterator<Item = Self>>(iter: I) -> Self { Self(iter.map(|q| q.0).sum()) }
        }
    )+ };
}

quantity!(
    /// A temperature on a scale. Two of them subtract to a [`TemperatureDelta`]; they do not add.
    Temperature, Temperature, as_celsius;
    /// From degrees Celsius.
    celsius = "degC" => celsius_value,
    /// From degrees Fahrenheit.
    fahrenheit = "degF" => as_fahrenheit,
);
quantity!(
    /// A difference of temperatures.
    TemperatureDelta, TemperatureDelta, as_kelvin;
    /// From kelvin.
    kelvin = "K" => kelvin_value,
);
quantity!(
    /// Power.
    Power, Power, as_watts;
    /// From watts.
    watts = "W" => watts_value,
    /// From kilowatts.
    kilowatts = "kW" => as_kilowatts,
);
quantity!(
    /// Energy.
    Energy, Energy, as_joules;
    /// From joules.
    joules = "J" => joules_value,
    /// From kilowatt hours.
    kilowatt_hours = "kWh" => as_kilowatt_hours,
);
quantity!(
    /// Volume flow.
    Flow, Flow, as_litres_per_minute;
    /// From litres per minute.
    litres_per_minute = "L/min" => litres_per_minute_value,
    /// From cubic metres per hour.
    cubic_metres_per_hour = "m3/h" => as_cubic_metres_per_hour,
);
quantity!(
    /// Pressure or pressure difference.
    Pressure, Pressure, as_kilopascals;
    /// From kilopascals.
    kilopascals = "kPa" => kilopascals_value,
    /// From bar.
    bar = "bar" => as_bar,
);
quantity!(
    /// Frequency, of clocks.
    Frequency, Frequency, as_megahertz;
    /// From megahertz.
    megahertz = "MHz" => megahertz_value,
);
quantity!(
    /// A ratio; text in percent or 1.
    Ratio, Ratio, as_fraction;
    /// From a fraction of one.
    fraction = "1" => fraction_value,
    /// From percent.
    percent = "%" => as_percent,
);
quantity!(
    /// Electric current.
    Current, Current, as_amperes;
    /// From amperes.
    amperes = "A" => amperes_value,
);
quantity!(
    /// Voltage.
    Voltage, Voltage, as_volts;
    /// From volts.
    volts = "V" => volts_value,
);

linear!(TemperatureDelta, Power, Energy, Flow, Pressure, Frequency, Ratio, Current, Voltage);

impl Sub for Temperature {
    type Output = TemperatureDelta;
    fn sub(self, other: Self) -> TemperatureDelta {
        TemperatureDelta(self.0 - other.0)
    }
}

impl Add<TemperatureDelta> for Temperature {
    type Output = Self;
    fn add(self, delta: TemperatureDelta) -> Self {
        Self(self.0 + delta.0)
    }
}

impl Sub<TemperatureDelta> for Temperature {
    type Output = Self;
    fn sub(self, delta: TemperatureDelta) -> Self {
        Self(self.0 - delta.0)
    }
}
