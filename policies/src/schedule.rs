//! When a wish holds: always, at times of day on some days of the week, or once.
//!
//! Times of day are local: contracts and tariffs are written in them. Local time is a fixed offset from UTC plus
//! one hour in summer by the rule of the European Union or the United States, both written into the policy; no
//! time-zone database is read, so a decision can be replayed from the journal alone.

use crate::words::{text, words};
use headroom_site::doc::{FromDoc, suggest};
use headroom_site::time::{civil_from_days, days_from_civil};
use headroom_site::{Span, Stamp};
use toml::de::DeValue;

const DAY_S: i64 = 86_400;
const NS: i64 = 1_000_000_000;

/// Rule of summer time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SummerTime {
    /// No summer time.
    #[default]
    None,
    /// From the last Sunday of March to the last Sunday of October, 01:00 UTC (Directive 2000/84/EC).
    Eu,
    /// From the second Sunday of March to the first Sunday of November, 02:00 local (15 U.S.C. 260a).
    Us,
}
words!(SummerTime: None = "none", Eu = "eu", Us = "us");

/// How local time follows from UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LocalClock {
    /// Local standard time minus UTC, s.
    pub offset_s: i64,
    /// Summer time.
    pub summer: SummerTime,
}

impl LocalClock {
    /// Begin and end of summer time in a year, Unix s.
    fn summer_of(self, year: i64) -> Option<(i64, i64)> {
        match self.summer {
            SummerTime::None => None,
            SummerTime::Eu => {
                let sunday = |month: i64| sunday_before(days_from_civil(year, month + 1, 1)) * DAY_S + 3600;
                Some((sunday(3), sunday(10)))
            }
            SummerTime::Us => {
                let first = |month: i64| sunday_before(days_from_civil(year, month, 8));
                let begin = (first(3) + 7) * DAY_S + 2 * 3600 - self.offset_s;
                Some((begin, first(11) * DAY_S + 3600 - self.offset_s))
            }
        }
    }

    /// Local time minus UTC at a Unix second, s.
    fn offset_at(self, unix_s: i64) -> i64 {
        let (year, _, _) = civil_from_days(unix_s.div_euclid(DAY_S));
        let summer = self.summer_of(year).is_some_and(|(begin, end)| (begin..end).contains(&unix_s));
        self.offset_s + if summer { 3600 } else { 0 }
    }

    /// Local day (days since 1970-01-01) and nanosecond of the day.
    fn local(self, stamp: Stamp) -> (i64, i64) {
        let unix = stamp.unix_ns();
        let local = unix.saturating_add(self.offset_at(unix.div_euclid(NS)) * NS);
        (local.div_euclid(DAY_S * NS), local.rem_euclid(DAY_S * NS))
    }
}

/// The last Sunday before a day.
fn sunday_before(day: i64) -> i64 {
    day - 1 - (weekday(day - 1) + 1).rem_euclid(7)
}

/// Day of the week, Monday 0. 1970-01-01 was a Thursday.
fn weekday(day: i64) -> i64 {
    (day + 3).rem_euclid(7)
}

/// A set of days of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days(u8);

impl Days {
    /// Every day.
    pub const ALL: Self = Self(0x7f);

    /// True if it holds a day of the week, Monday 0.
    #[must_use]
    pub const fn has(self, weekday: i64) -> bool {
        self.0 >> weekday.rem_euclid(7) & 1 == 1
    }
}

const DAY_WORDS: [(&str, u8); 10] = [
    ("mon", 1),
    ("tue", 2),
    ("wed", 4),
    ("thu", 8),
    ("fri", 16),
    ("sat", 32),
    ("sun", 64),
    ("weekdays", 0x1f),
    ("weekends", 0x60),
    ("all", 0x7f),
];

impl FromDoc for Days {
    fn what() -> String {
        "a list of \"mon\", \"tue\", \"wed\", \"thu\", \"fri\", \"sat\", \"sun\", \"weekdays\", \"weekends\""
            .into()
    }
    fn from_value(value: &DeValue<'_>) -> Result<Self, String> {
        let mut days = 0;
        for word in Vec::<String>::from_value(value)? {
            match DAY_WORDS.iter().find(|(w, _)| *w == word) {
                Some((_, bits)) => days |= bits,
                None => {
                    let near = suggest(&word, DAY_WORDS.iter().map(|(w, _)| *w));
                    let hint = near.map_or(String::new(), |n| format!("; did you mean `{n}`?"));
                    return Err(format!("`{word}` is not a day{hint}"));
                }
            }
        }
        if days == 0 { Err("names no day".into()) } else { Ok(Self(days)) }
    }
}

/// A local time of day, in minutes since midnight; 24:00 is the end of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeOfDay(u16);

impl TimeOfDay {
    /// Midnight at the beginning of the day.
    pub const START: Self = Self(0);
    /// Midnight at the end of the day.
    pub const END: Self = Self(24 * 60);

    /// Minutes since midnight.
    #[must_use]
    pub const fn minutes(self) -> u16 {
        self.0
    }

    const fn ns(self) -> i64 {
        self.0 as i64 * 60 * NS
    }
}

/// Reads two digits and two digits around a colon.
fn hours_minutes(text: &str) -> Option<(u16, u16)> {
    let (h, m) = text.split_once(':')?;
    let two = |s: &str| (s.len() == 2 && s.bytes().all(|b| b.is_ascii_digit())).then(|| s.parse().ok())?;
    Some((two(h)?, two(m)?))
}

impl FromDoc for TimeOfDay {
    fn what() -> String {
        "a local time of day like \"17:00\" (00:00 to 24:00)".into()
    }
    fn from_value(value: &DeValue<'_>) -> Result<Self, String> {
        let text = text(value)?;
        match hours_minutes(text) {
            Some((h, m)) if m < 60 && h * 60 + m <= Self::END.0 => Ok(Self(h * 60 + m)),
            _ => Err(format!("`{text}` is not a time of day")),
        }
    }
}

/// An offset from UTC like "+01:00".
pub(crate) struct UtcOffset(pub(crate) i64);

impl FromDoc for UtcOffset {
    fn what() -> String {
        "local standard time minus UTC like \"+01:00\"".into()
    }
    fn from_value(value: &DeValue<'_>) -> Result<Self, String> {
        let text = text(value)?;
        let sign = if text.starts_with('-') { -1 } else { 1 };
        match text.strip_prefix(['+', '-']).and_then(hours_minutes) {
            Some((h, m)) if m < 60 && h <= 14 => Ok(Self(sign * (i64::from(h) * 3600 + i64::from(m) * 60))),
            _ => Err(format!("`{text}` is not an offset from UTC")),
        }
    }
}

/// An instant in UTC: text or a TOML date-time, "2026-12-01T17:00:00Z".
pub(crate) struct Instant(pub(crate) Stamp);

impl FromDoc for Instant {
    fn what() -> String {
        "an instant in UTC like \"2026-12-01T17:00:00Z\"".into()
    }
    fn from_value(value: &DeValue<'_>) -> Result<Self, String> {
        let text = match value {
            DeValue::String(s) => s.to_string(),
            DeValue::Datetime(d) => d.to_string(),
            _ => return Err("is not an instant".into()),
        };
        instant(&text).map(Self).ok_or_else(|| format!("`{text}` is not an instant in UTC"))
    }
}

/// Reads "YYYY-MM-DDThh:mm[:ss]Z".
fn instant(text: &str) -> Option<Stamp> {
    let (date, time) = text.strip_suffix('Z')?.split_once(['T', ' '])?;
    let number =
        |s: &str, len| (s.len() == len && s.bytes().all(|b| b.is_ascii_digit())).then(|| s.parse().ok())?;
    let mut parts = date.split('-');
    let (y, mo, d) = (number(parts.next()?, 4)?, number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    let mut clock = time.split(':');
    let (h, mi) = (number(clock.next()?, 2)?, number(clock.next()?, 2)?);
    let s = clock.next().map_or(Some(0), |s| number(s, 2))?;
    let day = days_from_civil(y, mo, d);
    let exists = (1..=12).contains(&mo) && civil_from_days(day) == (y, mo, d);
    if !exists || h > 23 || mi > 59 || s > 59 || parts.next().is_some() || clock.next().is_some() {
        return None;
    }
    // Stamps are 64-bit nanoseconds: from 1678 to 2262.
    let seconds: i64 = day * DAY_S + h * 3600 + mi * 60 + s;
    seconds.checked_mul(NS).map(Stamp::from_unix_ns)
}

/// When something holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Schedule {
    /// Always.
    Always,
    /// From one local time of day to another. Past midnight if `to` is not after `from`; then `days` are those
    /// on which it begins.
    Daily {
        /// Begin, local.
        from: TimeOfDay,
        /// End, local.
        to: TimeOfDay,
        /// Days on which it begins.
        days: Days,
    },
    /// Once.
    Once {
        /// Begin.
        at: Stamp,
        /// How long.
        span: Span,
    },
}

impl Schedule {
    /// True if it holds at an instant. Begins belong to it, ends do not.
    #[must_use]
    pub fn holds(self, clock: LocalClock, stamp: Stamp) -> bool {
        match self {
            Self::Always => true,
            Self::Once { at, span } => stamp >= at && stamp.since(at) < span,
            Self::Daily { from, to, days } => {
                let (day, ns) = clock.local(stamp);
                let (today, yesterday) = (days.has(weekday(day)), days.has(weekday(day - 1)));
                if from < to {
                    today && (from.ns()..to.ns()).contains(&ns)
                } else {
                    today && ns >= from.ns() || yesterday && ns < to.ns()
                }
            }
        }
    }

    /// The first instant after `stamp` at which it begins or ends to hold, if there is one.
    #[must_use]
    pub fn next_change(self, clock: LocalClock, stamp: Stamp) -> Option<Stamp> {
        let now = self.holds(clock, stamp);
        let mut next: Option<Stamp> = None;
        self.edges(clock, stamp, |edge| {
            if edge > stamp && next.is_none_or(|n| edge < n) && self.holds(clock, edge) != now {
                next = Some(edge);
            }
        });
        next
    }

    /// Shows every instant of the nine days from `stamp` on at which it might change, in no order.
    fn edges(self, clock: LocalClock, stamp: Stamp, mut show: impl FnMut(Stamp)) {
        let (from, to) = match self {
            Self::Always => return,
            Self::Once { at, span } => {
                show(at);
                return show(at + span);
            }
            Self::Daily { from, to, .. } => (from, to),
        };
        let mut show_unix =
            |s: i64| s.checked_mul(NS).map(Stamp::from_unix_ns).into_iter().for_each(&mut show);
        let (today, _) = clock.local(stamp);
        // A local time is one UTC instant in winter and another in summer time: both are looked at.
        let seasons: &[i64] = if clock.summer == SummerTime::None { &[0] } else { &[0, 3600] };
        for day in today - 1..=today + 8 {
            for minute in [from, to] {
                let local_s = day.saturating_mul(DAY_S) + i64::from(minute.minutes()) * 60;
                seasons.iter().for_each(|summer| show_unix(local_s - clock.offset_s - summer));
            }
        }
        // The clock change itself can begin or end a window, where an edge falls into the hour it skips.
        let (year, _, _) = civil_from_days(today);
        if let Some((begin, end)) = clock.summer_of(year) {
            show_unix(begin);
            show_unix(end);
        }
    }
}
