//! Policy files, alone and at a site.

use super::Target;
use super::text::{findings_stand, text};
use crate::tree::root;
use headroom_policies::{Policy, read_policy};
use headroom_site::file::read_site;
use headroom_site::{ActuatorId, JobId, PointId, PowerId, Site, Span, Stamp};
use std::sync::OnceLock;

const FILE: &str = "policy.toml";

/// Policy files.
pub const POLICY: Target = Target { name: "policy", body: read, bytes_per_byte: 1 << 12 };

/// The site that policies are checked against.
fn site() -> &'static Site {
    static SITE: OnceLock<Site> = OnceLock::new();
    SITE.get_or_init(|| {
        let text = include_str!("../../../policies/tests/site.toml");
        let site = read_site("site.toml", text, &root().join("policies"));
        let Ok(site) = site else { panic!("{site:#?}") };
        site
    })
}

fn read(input: &[u8]) {
    let (text, site) = (text(input), site());
    match read_policy(FILE, &text) {
        Ok(policy) => {
            let findings = policy.check_against(site, FILE, &text);
            if !findings.is_empty() {
                findings_stand(FILE, &text, &findings);
            }
            only_narrows(&policy, site);
            budgets_have_times(&policy, site);
        }
        Err(findings) => findings_stand(FILE, &text, &findings),
    }
}

/// A policy never widens what the site allows, checked against it or not.
fn only_narrows(policy: &Policy, site: &Site) {
    for (i, a) in site.actuators.iter().enumerate() {
        let id = ActuatorId(i as u32);
        let range = policy.actuator_range(site, id).unwrap_or(a.range);
        assert!(range.0 >= a.range.0 && range.1 <= a.range.1, "{range:?} {:?}", a.range);
        let ramp = policy.actuator_ramp_per_s(site, id).unwrap_or(a.ramp_per_s);
        assert!(ramp <= a.ramp_per_s && ramp >= 0.0, "{ramp} {}", a.ramp_per_s);
    }
    for (i, p) in site.points.iter().enumerate() {
        let (low, high) = policy.point_limits(site, PointId(i as u32));
        assert!(p.limit_low.is_none_or(|own| low.is_some_and(|l| l >= own)), "{low:?} {:?}", p.limit_low);
        assert!(p.limit_high.is_none_or(|own| high.is_some_and(|h| h <= own)), "{high:?} {:?}", p.limit_high);
        let margin = policy.point_margin(site, PointId(i as u32), high.unwrap_or(1.0));
        assert!(margin.is_finite(), "{margin}");
    }
    for i in 0..site.jobs.len() {
        let _ = policy.job_priority(site, JobId(i as u32));
    }
}

/// A budget is never above the site's own, and changes are later than the instant they are asked for.
fn budgets_have_times(policy: &Policy, site: &Site) {
    // The begin of summer time in the European Union, an hour before, an hour after; a leap day; the epoch.
    for unix_s in [1_774_746_000_i64, 1_774_742_400, 1_774_749_600, 1_835_395_200, 0] {
        let now = Stamp::from_unix_ns(unix_s * 1_000_000_000);
        for (i, branch) in site.power.iter().enumerate() {
            let id = PowerId(i as u32);
            let budget = policy.budget_at(site, id, now).map(headroom_site::Power::as_watts);
            assert!(branch.budget_w.is_none_or(|own| budget.is_some_and(|b| b <= own)), "{budget:?}");
            let change = policy.next_budget_change(site, id, now);
            assert!(change.is_none_or(|c| c > now), "{change:?} {now}");
            let lowest = policy.lowest_budget(site, id, now, Span::from_s(7_200.0));
            assert!(budget.is_none() || lowest.is_some_and(|l| Some(l.as_watts()) <= budget), "{lowest:?}");
        }
    }
}
