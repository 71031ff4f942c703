//! Scenario files.

use super::Target;
use super::text::{lines, text};
use headroom_sim::scenario::Scenario;

/// Scenario files.
pub const SCENARIO: Target = Target { name: "scenario", body: read, bytes_per_byte: 1 << 12 };

fn read(input: &[u8]) {
    let text = text(input);
    match Scenario::parse(&text) {
        Ok(scenario) => {
            assert!(scenario.hours > 0.0 && scenario.hours.is_finite(), "{}", scenario.hours);
            for event in &scenario.events {
                assert!(!event.words().is_empty());
                for time_s in [0.0, 1.0, 3600.0, 86_400.0, 1e7] {
                    let Some(phase_s) = event.active_for_s(time_s) else { continue };
                    let degree = event.degree(phase_s);
                    assert!((0.0..=1.0).contains(&degree), "{degree} at {phase_s} s of {event:?}");
                }
            }
        }
        Err(findings) => {
            assert!(!findings.is_empty(), "refused without a finding");
            for f in &findings {
                assert!((1..=lines(&text)).contains(&f.line), "{} lines: {f}", lines(&text));
                assert!(!f.message.is_empty() && !f.remedy.is_empty(), "{f}");
            }
        }
    }
}
