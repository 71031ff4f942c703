//! A fault with its instant, length, size and target, and the text that says it.
//!
//! Responsible for: drawing one, writing it, reading it back. Not for: what it does ([`super::kinds`]).
//!
//! ```text
//! ROW.KIND@T+LEN=SIZE:TARGET     4.silent@61+42:CDU-01        14.broker@30+25,17.dead@35+20:node-002
//! ```
//! `T` and `LEN` are whole seconds, `T` since the plant is watched. Size and target stand where the kind has them.

use super::kinds::{self, Kind};
use super::stage::Places;
use crate::dice::Dice;
use anyhow::{Context, Result, bail};
use std::fmt;
use std::str::FromStr;

/// A fault.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fault {
    pub(super) kind: &'static Kind,
    pub(super) at_s: u32,
    pub(super) for_s: u32,
    pub(super) size: f64,
    pub(super) target: String,
}

impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        (self.row, self.name) == (other.row, other.name)
    }
}

/// Time before the first fault at least, and at most so much more, s.
const FIRST_S: (u32, u32) = (5, 40);

impl Fault {
    /// Draws one of a row.
    pub(super) fn draw(row: u8, places: &Places, dice: &mut Dice) -> Result<Self> {
        let kinds: Vec<&'static Kind> = kinds::of_row(row).collect();
        let kind = *dice.one_of(&kinds).with_context(|| format!("row {row} is not put into virtual time"))?;
        let at_s = dice.whole(FIRST_S.0, FIRST_S.1);
        let for_s = dice.whole(kind.length_s.0, kind.length_s.1);
        let size = kind.size.map_or(0.0, |(low, high)| {
            // three digits say it, and are what is run
            (dice.between(low, high) * 1000.0).round() / 1000.0
        });
        let target = dice.one_of(places.of(kind.target)).cloned().unwrap_or_default();
        Ok(Self { kind, at_s, for_s, size, target })
    }

    /// When it is over, s.
    pub(super) fn end_s(&self) -> u32 {
        self.at_s + self.for_s
    }

    /// Is it on?
    pub(super) fn is_on(&self, second: u32) -> bool {
        (self.at_s..self.end_s()).contains(&second)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}@{}+{}", self.kind.row, self.kind.name, self.at_s, self.for_s)?;
        if self.kind.size.is_some() {
            write!(f, "={}", self.size)?;
        }
        if self.target.is_empty() { Ok(()) } else { write!(f, ":{}", self.target) }
    }
}

impl FromStr for Fault {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let form = || {
            format!(
                "`{text}` is no fault; write ROW.KIND@T+LEN=SIZE:TARGET, as `headroom faults --list` shows"
            )
        };
        let (name, rest) = text.split_once('@').with_context(form)?;
        let (row, kind) = name.split_once('.').with_context(form)?;
        let row: u8 = row.parse().with_context(form)?;
        let kind = kinds::of_row(row).find(|k| k.name == kind).with_context(|| {
            let names: Vec<_> = kinds::of_row(row).map(|k| k.name).collect();
            format!("row {row} has no `{kind}`; it has: {}", names.join(", "))
        })?;
        let (rest, target) = rest.split_once(':').unwrap_or((rest, ""));
        let (rest, size) = rest.split_once('=').map_or((rest, None), |(rest, size)| (rest, Some(size)));
        let (at, length) = rest.split_once('+').with_context(form)?;
        let size: f64 = size.map_or(Ok(0.0), str::parse).with_context(form)?;
        if !size.is_finite() {
            bail!(form());
        }
        let (at_s, for_s) = (at.parse().with_context(form)?, length.parse().with_context(form)?);
        if at_s > 3600 || for_s > 3600 {
            bail!("`{text}`: begin and last within an hour each");
        }
        Ok(Self { kind, at_s, for_s, size, target: target.to_owned() })
    }
}

/// Faults of one run.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Plan(pub(super) Vec<Fault>);

impl Plan {
    /// Draws one fault of each of some rows.
    pub(super) fn draw(rows: &[u8], places: &Places, seed: u64) -> Result<Self> {
        let mut dice = Dice::new(seed, 1);
        rows.iter().map(|&row| Fault::draw(row, places, &mut dice)).collect::<Result<_>>().map(Self)
    }

    /// When the last one is over, s.
    pub(super) fn end_s(&self) -> u32 {
        self.0.iter().map(Fault::end_s).max().unwrap_or(0)
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (k, fault) in self.0.iter().enumerate() {
            write!(f, "{}{fault}", if k > 0 { "," } else { "" })?;
        }
        Ok(())
    }
}

impl FromStr for Plan {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        text.split(',').map(str::parse).collect::<Result<_>>().map(Self)
    }
}
