//! Texts of options: seeds, steps, shares, dates.

use anyhow::{Context, Result, bail};
use headroom_site::quantity::{self, Dimension};
use headroom_site::time::days_from_civil;
use std::str::FromStr;

/// Seeds, each once, in ascending order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seeds(pub(crate) Vec<u64>);

impl FromStr for Seeds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}`: write seeds as 1,2,3 or 1..5");
        let mut all = Vec::new();
        for part in text.split(',') {
            let number = |text: &str| text.trim().parse::<u64>().map_err(|_| wrong());
            match part.split_once("..") {
                None => all.push(number(part)?),
                Some((from, to)) => {
                    let (from, to) = (number(from)?, number(to.trim_start_matches('='))?);
                    if to < from || to - from >= 10_000 {
                        return Err(wrong());
                    }
                    all.extend(from..=to);
                }
            }
        }
        all.sort_unstable();
        all.dedup();
        Ok(Self(all))
    }
}

impl std::fmt::Display for Seeds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let (Some(first), Some(last)) = (self.0.first(), self.0.last())
            && self.0.len() > 2
            && last - first + 1 == self.0.len() as u64
        {
            return write!(f, "{first}..{last}");
        }
        let words: Vec<String> = self.0.iter().map(u64::to_string).collect();
        f.write_str(&words.join(","))
    }
}

/// Step of a world, s.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Step(pub(crate) f64);

impl FromStr for Step {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let step_s = quantity::parse(text, Dimension::Time).map_err(|e| e.to_string())?;
        if (0.01..=10.0).contains(&step_s) { Ok(Self(step_s)) } else { Err("give 10 ms to 10 s".to_owned()) }
    }
}

/// A share, 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Share(pub(crate) f64);

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let share = quantity::parse(text, Dimension::Ratio).map_err(|e| e.to_string())?;
        if (0.0..1.0).contains(&share) { Ok(Self(share)) } else { Err("give 0 % to below 100 %".to_owned()) }
    }
}

/// Seconds since 1 January of "07-18", "07-18T12:00" or "2025-07-18T12:00".
pub(super) fn start_s(text: &str) -> Result<f64> {
    let wrong = || format!("--start {text}: write 07-18, 07-18T12:00 or 2025-07-18T12:00");
    let (date, time) = text.split_once(['T', ' ']).unwrap_or((text, "00:00"));
    let parts: Vec<i64> = date.split('-').map(str::parse).collect::<Result<_, _>>().with_context(wrong)?;
    let ([month, day] | [_, month, day]) = parts[..] else { bail!(wrong()) };
    let (h, m) = time.split_once(':').with_context(wrong)?;
    let (h, m): (i64, i64) = (h.parse().with_context(wrong)?, m.parse().with_context(wrong)?);
    if !(1..=12).contains(&month)
        || !(1..=31).contains(&day)
        || !(0..24).contains(&h)
        || !(0..60).contains(&m)
    {
        bail!(wrong());
    }
    // A year without a leap day, as weather files have.
    let days = days_from_civil(2025, month, day) - days_from_civil(2025, 1, 1);
    Ok((days * 86_400 + h * 3600 + m * 60) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts() {
        assert_eq!(start_s("01-01").unwrap().to_bits(), 0.0_f64.to_bits());
        assert_eq!(start_s("2025-01-02T01:30").unwrap().to_bits(), (86_400.0_f64 + 5400.0).to_bits());
        assert!(start_s("13-01").is_err());
        assert!(start_s("noon").is_err());
    }

    #[test]
    fn seeds() {
        let read = |text: &str| text.parse::<Seeds>();
        assert_eq!(read("3,1,2,2").unwrap().0, [1, 2, 3]);
        assert_eq!(read("1..5").unwrap().0, [1, 2, 3, 4, 5]);
        assert_eq!(read("7, 1..=2").unwrap().0, [1, 2, 7]);
        assert_eq!(read("2..2").unwrap().0, [2]);
        assert_eq!(read("1..5").unwrap().to_string(), "1..5");
        assert_eq!(read("1,2").unwrap().to_string(), "1,2");
        for bad in ["", "a", "5..1", "1,,2", "-1", "1..99999"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn steps_and_shares() {
        assert_eq!("100 ms".parse::<Step>().unwrap(), Step(0.1));
        assert_eq!("10 s".parse::<Step>().unwrap(), Step(10.0));
        assert!("1 min".parse::<Step>().is_err() && "1".parse::<Step>().is_err());
        assert!((("0.5 %".parse::<Share>()).unwrap().0 - 0.005).abs() < 1e-12);
        assert!("120 %".parse::<Share>().is_err());
    }
}
