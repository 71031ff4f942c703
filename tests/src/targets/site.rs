//! Site files.

use super::Target;
use super::text::{findings_stand, text};
use crate::tree::root;
use headroom_site::Span;
use headroom_site::file::{draft_site, read_site};

const FILE: &str = "site.toml";

/// Site files.
pub const SITE: Target = Target {
    name: "site",
    body: read,
    // A template of sixty bytes says 4096 registers.
    bytes_per_byte: 1 << 16,
};

fn read(input: &[u8]) {
    let text = text(input);
    // Register maps are named relative to the site file: the shipped ones are found as `maps/...`.
    let base = root().join("drivers");
    match read_site(FILE, &text, &base) {
        Ok(site) => {
            assert!(site.points.iter().all(|p| p.range.is_none_or(|(low, high)| low <= high)));
            let finite = |limit: Option<f64>| limit.is_none_or(f64::is_finite);
            assert!(site.points.iter().all(|p| finite(p.limit_low) && finite(p.limit_high)));
            for a in &site.actuators {
                assert!(a.range.0 <= a.fallback && a.fallback <= a.range.1, "{a:?}");
                assert!(a.ramp_per_s > 0.0 && a.step >= 0.0 && a.deadband >= 0.0, "{a:?}");
            }
            let day = Span::from_s(86_400.0);
            let periods = [site.power_period, site.cooling_period, site.agent_period, site.lease];
            assert!(periods.iter().all(|p| *p > Span::ZERO && *p <= day), "{periods:?}");
            let points = site.points.len();
            let meters = [site.meters.facility, site.meters.it, site.meters.outdoor];
            assert!(meters.iter().flatten().all(|p| p.index() < points));
            assert!(site.gpus.iter().all(|g| g.node.index() < site.nodes.len()));
        }
        Err(findings) => {
            findings_stand(FILE, &text, &findings);
            // A second reading says the same, and a draft has the same findings.
            assert_eq!(draft_site(FILE, &text, &base).1, findings);
        }
    }
}
