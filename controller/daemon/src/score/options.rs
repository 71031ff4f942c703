//! Options that demo and score share: what the world is made of.

use super::INTEGRATION;
use anyhow::{Context, Result, bail};
use clap::Args;
use headroom_sim::world::WorldConfig;
use headroom_site::time::days_from_civil;
use headroom_truth::weather::Weather;
use headroom_truth::work::parse_requests;
use std::path::PathBuf;

use crate::files::ModeChoice;

/// What the world is made of, and who runs it.
#[derive(Debug, Clone, Args)]
pub(crate) struct WorldArgs {
    /// Weather of a year: an EPW file. Without it a built-in climate.
    #[arg(long, value_name = "FILE.epw")]
    pub(crate) weather: Option<PathBuf>,
    /// Requests to serve: CSV of arrival, input tokens, output tokens; repeated to fill the time.
    #[arg(long, value_name = "FILE.csv")]
    pub(crate) requests: Option<PathBuf>,
    /// Local time of the start: 07-18, 07-18T12:00 or 2025-07-18T12:00. Default: noon of 18 July.
    #[arg(long)]
    pub(crate) start: Option<String>,
    /// Simulated hours.
    #[arg(long, default_value_t = 2.0)]
    pub(crate) hours: f64,
    /// Number of GPUs.
    #[arg(long, default_value_t = 512)]
    pub(crate) gpus: usize,
    /// Seed of everything random.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Policy: a file, or a shipped one by name.
    #[arg(long, default_value = "balanced")]
    pub(crate) policy: String,
    /// Only advise, or command.
    #[arg(long)]
    pub(crate) mode: Option<ModeChoice>,
    /// What happens: a scenario file, or a shipped one by name.
    #[arg(long, default_value = "demo")]
    pub(crate) scenario: String,
    /// Folder for score.json.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

impl WorldArgs {
    /// The world's configuration.
    ///
    /// # Errors
    /// A file that cannot be read, with its line; a number out of range.
    pub(crate) fn config(&self) -> Result<WorldConfig> {
        if !(self.hours > 0.0 && self.hours <= 24.0 * 366.0) {
            bail!("--hours {}: give a time above zero and up to a year (8784)", self.hours);
        }
        if !(8..=200_000).contains(&self.gpus) {
            bail!("--gpus {}: give 8 to 200000", self.gpus);
        }
        let default = WorldConfig::default();
        let weather = match &self.weather {
            None => None,
            Some(path) => {
                let bytes = std::fs::read(path).with_context(|| format!("weather {}", path.display()))?;
                let text = String::from_utf8_lossy(&bytes);
                Some(Weather::from_epw(&text).with_context(|| format!("weather {}", path.display()))?)
            }
        };
        let requests = match &self.requests {
            None => None,
            Some(path) => {
                let text =
                    std::fs::read_to_string(path).with_context(|| format!("requests {}", path.display()))?;
                Some(parse_requests(&text).with_context(|| format!("requests {}", path.display()))?)
            }
        };
        let start_s = self.start.as_deref().map_or(Ok(default.start_s), start_s)?;
        let scenario = crate::scenarios::load(&self.scenario)?;
        Ok(WorldConfig {
            gpus: self.gpus,
            seed: self.seed,
            start_s,
            weather,
            requests,
            scenario,
            integration: INTEGRATION.to_owned(),
            ..default
        })
    }
}

/// Seconds since 1 January of "07-18", "07-18T12:00" or "2025-07-18T12:00".
fn start_s(text: &str) -> Result<f64> {
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
}
