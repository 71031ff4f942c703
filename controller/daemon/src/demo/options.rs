//! Options of the demo.

use crate::score::options::WorldArgs;
use crate::score::values::Step;
use std::fmt;
use std::str::FromStr;

/// How fast plant time may run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Asked {
    /// Plant seconds per second.
    Rate(f64),
    /// As fast as everybody keeps up.
    Max,
}

impl Asked {
    /// Highest speed allowed, plant seconds per second.
    pub(super) fn most(self) -> f64 {
        match self {
            Self::Rate(rate) => rate,
            Self::Max => 10_000.0,
        }
    }
}

impl FromStr for Asked {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "max" {
            return Ok(Self::Max);
        }
        let rate = text.parse().ok().filter(|r: &f64| (1.0..=10_000.0).contains(r));
        rate.map(Self::Rate).ok_or_else(|| "give 1 to 10000 plant seconds per second, or max".to_owned())
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rate(rate) => write!(f, "asked {rate}x"),
            Self::Max => f.write_str("asked max"),
        }
    }
}

/// A whole factory on loopback.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(super) world: WorldArgs,
    /// Plant seconds per second, or `max`: as fast as everybody keeps up.
    #[arg(long, default_value = "60")]
    pub(super) speed: Asked,
    /// A broker outside, for example mqtt://127.0.0.1:1883; one inside if not given.
    #[arg(long, value_name = "URL")]
    pub(super) broker: Option<String>,
    /// Serve the plant alone, and print the commands that start agents and controller by hand.
    #[arg(long)]
    pub(super) plant_only: bool,
    /// Step of the plant: "1 s", "100 ms".
    #[arg(long, default_value = "1 s", requires = "plant_only")]
    pub(super) step: Step,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds() {
        assert_eq!("max".parse(), Ok(Asked::Max));
        assert_eq!("120".parse(), Ok(Asked::Rate(120.0)));
        for bad in ["0", "-3", "fast", "nan"] {
            assert!(bad.parse::<Asked>().is_err(), "{bad}");
        }
    }
}
