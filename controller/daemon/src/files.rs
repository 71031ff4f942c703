//! The files a verb loads: site and policy, checked together before anything starts; findings are printed.

use anyhow::{Context, Result};
use headroom_belief::model::Model;
use headroom_belief::outlook::WeatherForecast;
use headroom_core::Wants;
use headroom_policies::{Policy, read_policy, shipped};
use headroom_site::Site;
use headroom_site::doc::Finding;
use headroom_site::file::{read_site, read_text};
use std::path::Path;
use std::sync::Arc;

/// Advisory or active.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ModeChoice {
    /// Everything is computed and published; nothing is commanded.
    Advisory,
    /// Every group is commanded.
    Active,
}

impl ModeChoice {
    /// Word of the command line.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Advisory => "advisory",
            Self::Active => "active",
        }
    }
}

/// What was loaded.
pub(crate) struct Loaded {
    pub(crate) site: Site,
    pub(crate) policy_name: String,
    pub(crate) wants: Wants,
    /// Groups that only advise for want of evidence, and why, in words.
    pub(crate) unproven: Vec<String>,
}

impl Loaded {
    /// Does any group command anything? If not, the drivers' write paths are not even built.
    pub(crate) fn writes_allowed(&self) -> bool {
        let accepts =
            self.wants.accept.is_some() && self.wants.actuator_mode.contains(&headroom_guard::Mode::Advisory);
        self.wants.caps_mode.may_write() || self.wants.actuator_mode.iter().any(|m| m.may_write()) || accepts
    }
}

/// Text of a policy: a file, or the shipped one of this name.
///
/// # Errors
/// Neither exists.
pub(crate) fn policy_text(choice: &str) -> Result<(String, String)> {
    let path = Path::new(choice);
    if path.exists() {
        let text = read_text(path).with_context(|| format!("policy {choice}"))?;
        return Ok((choice.to_owned(), text));
    }
    let found = shipped(choice).with_context(|| {
        let names: Vec<_> = headroom_policies::library().iter().map(|s| s.name).collect();
        format!("`{choice}` is neither a file nor a shipped policy ({})", names.join(", "))
    })?;
    Ok((format!("{choice}.toml"), found.text.to_owned()))
}

/// Policy and wants for a site. Findings are printed; `None` means that there were some.
///
/// # Errors
/// The policy cannot be read.
pub(crate) fn load_policy(
    site: &Site,
    choice: &str,
    mode: Option<ModeChoice>,
) -> Result<Option<(String, Wants)>> {
    let (file, text) = policy_text(choice)?;
    let checked = read_policy(&file, &text).and_then(|policy| {
        let found = policy.check_against(site, &file, &text);
        if found.is_empty() { Ok(policy) } else { Err(found) }
    });
    match checked {
        Ok(policy) => {
            let mut wants = Wants::new(site, &policy);
            wants.weather_forecast = match forecast(&policy, &file, &text) {
                Ok(forecast) => forecast.map(Arc::new),
                Err(found) => {
                    print(&found);
                    return Ok(None);
                }
            };
            match mode {
                Some(ModeChoice::Advisory) => wants.advise_only(),
                Some(ModeChoice::Active) => wants.activate(),
                None => {}
            }
            Ok(Some((policy.name, wants)))
        }
        Err(found) => {
            print(&found);
            Ok(None)
        }
    }
}

/// Loads site and policy. Findings are printed; `None` means that there were some.
///
/// # Errors
/// A file cannot be read.
pub(crate) fn load(site: &Path, policy: &str, mode: Option<ModeChoice>) -> Result<Option<Loaded>> {
    let name = site.display().to_string();
    let text = read_text(site).with_context(|| format!("site file {name}"))?;
    let base = site.parent().unwrap_or(Path::new("."));
    let site = match read_site(&name, &text, base) {
        Ok(site) => site,
        Err(found) => {
            print(&found);
            return Ok(None);
        }
    };
    let Some((policy_name, wants)) = load_policy(&site, policy, mode)? else { return Ok(None) };
    Ok(Some(Loaded { site, policy_name, wants, unproven: Vec::new() }))
}

/// A learned model from its file.
///
/// # Errors
/// It cannot be read, is no model, or is not whole.
pub(crate) fn load_model(path: &Path) -> Result<Model> {
    let text = read_text(path)?;
    // TOML's own words name line and column.
    let model: Model = toml::from_str(&text).context("this is no model of `headroom identify`")?;
    model.check()?;
    Ok(model)
}

/// The forecast of the weather that a policy names, seen from its own folder.
fn forecast(policy: &Policy, file: &str, text: &str) -> Result<Option<WeatherForecast>, Vec<Finding>> {
    let Some(name) = &policy.outlook.weather_forecast else { return Ok(None) };
    let path = Path::new(file).parent().unwrap_or(Path::new("")).join(name);
    let rows = read_text(&path).map_err(|why| policy.outlook.cannot_read(file, text, &why.to_string()))?;
    WeatherForecast::read(&path.display().to_string(), &rows).map(Some)
}

fn print(found: &[Finding]) {
    for f in found {
        eprintln!("{f}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_forecast_is_said_with_its_place() {
        let folder = std::env::temp_dir().join(format!("headroom-forecast-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("policy.toml").display().to_string();
        let text = "format = 1\nname = \"x\"\n[outlook]\nweather-forecast = \"air.csv\"\n";
        let policy = read_policy(&file, text).unwrap();
        let found = forecast(&policy, &file, text).unwrap_err();
        assert_eq!((found.len(), found[0].line, found[0].file.as_str()), (1, 4, file.as_str()), "{found:?}");
        let air = folder.join("air.csv");
        std::fs::write(&air, "time_unix_s,dry_bulb [degC]\n0,20\n60,warm\n").unwrap();
        let found = forecast(&policy, &file, text).unwrap_err();
        assert!(found[0].line == 3 && found[0].file.ends_with("air.csv"), "{found:?}");
        std::fs::write(&air, "time_unix_s,dry_bulb [degC]\n0,20\n3600,21\n").unwrap();
        let read = forecast(&policy, &file, text).unwrap().unwrap();
        assert!(read.dry_bulb_c(30).is_some() && read.is_over(headroom_site::Stamp::from_unix_ms(3_600_001)));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
