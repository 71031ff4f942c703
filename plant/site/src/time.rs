//! Time: stamps in nanoseconds on TAI, with uncertainty, and spans.
//!
//! TAI has no leap seconds, so differences of stamps are durations. UTC appears only at the edges (logs,
//! tariffs, DSX milliseconds) through [`Stamp::from_unix_ns`] and [`Stamp::unix_ns`]. Monotonic times of one
//! process are plain `u64` nanoseconds and never mix with stamps.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::{Add, Sub};

/// TAI - UTC since 2017-01-01 (IERS Bulletin C 52); no leap second has been announced since.
const TAI_MINUS_UTC_S: i64 = 37;

const NS_PER_S: i64 = 1_000_000_000;

/// An instant: nanoseconds since 1970-01-01 00:00:00 TAI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Stamp(i64);

impl Stamp {
    /// From nanoseconds since the TAI epoch.
    #[must_use]
    pub const fn from_tai_ns(ns: i64) -> Self {
        Self(ns)
    }

    /// Nanoseconds since the TAI epoch.
    #[must_use]
    pub const fn tai_ns(self) -> i64 {
        self.0
    }

    /// From Unix (UTC) nanoseconds.
    #[must_use]
    pub const fn from_unix_ns(ns: i64) -> Self {
        Self(ns.saturating_add(TAI_MINUS_UTC_S * NS_PER_S))
    }

    /// As Unix (UTC) nanoseconds.
    #[must_use]
    pub const fn unix_ns(self) -> i64 {
        self.0.saturating_sub(TAI_MINUS_UTC_S * NS_PER_S)
    }

    /// From Unix milliseconds, as the DSX bus writes them.
    #[must_use]
    pub const fn from_unix_ms(ms: i64) -> Self {
        Self::from_unix_ns(ms.saturating_mul(1_000_000))
    }

    /// As Unix milliseconds.
    #[must_use]
    pub const fn unix_ms(self) -> i64 {
        self.unix_ns().div_euclid(1_000_000)
    }

    /// Time from `earlier` to this; negative if it is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

/// A signed duration in nanoseconds. Text: "30 s", "5 min", "100 ms".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Span(i64);

impl Span {
    /// No time.
    pub const ZERO: Self = Self(0);

    /// From nanoseconds.
    #[must_use]
    pub const fn from_ns(ns: i64) -> Self {
        Self(ns)
    }

    /// From milliseconds.
    #[must_use]
    pub const fn from_ms(ms: i64) -> Self {
        Self(ms.saturating_mul(1_000_000))
    }

    /// From seconds.
    #[must_use]
    pub fn from_s(s: f64) -> Self {
        Self((s * 1e9).round() as i64)
    }

    /// In nanoseconds.
    #[must_use]
    pub const fn ns(self) -> i64 {
        self.0
    }

    /// In milliseconds.
    #[must_use]
    pub const fn ms(self) -> i64 {
        self.0 / 1_000_000
    }

    /// In seconds.
    #[must_use]
    pub fn s(self) -> f64 {
        self.0 as f64 * 1e-9
    }
}

impl std::str::FromStr for Span {
    type Err = crate::quantity::QuantityError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        crate::quantity::parse(text, crate::Dimension::Time).map(Self::from_s)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = self.s();
        if s.abs() < 1.0 {
            write!(f, "{:.0} ms", s * 1e3)
        } else if s.abs() < 600.0 {
            write!(f, "{s:.0} s")
        } else {
            write!(f, "{:.0} min", s / 60.0)
        }
    }
}

impl Add<Span> for Stamp {
    type Output = Self;
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl Sub<Span> for Stamp {
    type Output = Self;
    fn sub(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

impl fmt::Display for Stamp {
    /// ISO 8601 in UTC with milliseconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.unix_ms();
        let (days, in_day) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000));
        let (y, m, d) = civil_from_days(days);
        let s = in_day / 1000;
        write!(
            f,
            "{y:04}-{m:02}-{d:02}T{:02}:{:02}:{:02}.{:03}Z",
            s / 3600,
            s / 60 % 60,
            s % 60,
            in_day % 1000
        )
    }
}

/// Days since 1970-01-01 to year, month, day (Hinnant, "chrono-compatible low-level date algorithms").
#[must_use]
pub fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let d = doy - (153 * mp + 2) / 5 + 1;
    let m = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + i64::from(m <= 2), m, d)
}

/// Year, month, day to days since 1970-01-01 (the inverse of [`civil_from_days`]).
#[must_use]
pub fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let doy = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    era * 146_097 + doe - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unix_and_tai_differ_by_37_s() {
        let s = Stamp::from_unix_ms(1_700_000_000_123);
        assert_eq!(s.tai_ns() - s.unix_ns(), 37 * NS_PER_S);
        assert_eq!(s.unix_ms(), 1_700_000_000_123);
        assert_eq!(s.to_string(), "2023-11-14T22:13:20.123Z");
    }

    #[test]
    fn civil_round_trip() {
        for days in (-200_000..200_000).step_by(17) {
            let (y, m, d) = civil_from_days(days);
            assert_eq!(days_from_civil(y, m, d), days);
        }
    }

    #[test]
    fn spans() {
        assert_eq!("5 min".parse::<Span>().unwrap(), Span::from_s(300.0));
        assert!("5".parse::<Span>().is_err());
        assert_eq!(Stamp::from_tai_ns(5) + Span::from_ns(7), Stamp::from_tai_ns(12));
    }
}
