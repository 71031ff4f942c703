//! The GPU model against published measurements.
//!
//! Responsible for: running `headroom_truth::gpu` through its public interface as the sources ran their boards.
//! Not for: fitting. Products are data (`plant/truth/skus`), and no check has a special case in the model.
//!
//! Rooms: `caps` (training under power caps), `sensor` (power sensors against a meter), `thermal` (heat, leakage, clocks).

mod caps;
mod sensor;
mod thermal;

use super::{Check, Tolerance};
use headroom_truth::gpu::{Fleet, Sku, Spread};
use std::path::Path;

/// Every check of the GPU model. `data` is a folder of raw data with `traces/`; a figure whose file is there is computed
/// from it, else the carried figure is used.
#[must_use]
pub fn checks(data: Option<&Path>) -> Vec<Check> {
    let traces = data.map(|folder| folder.join("traces"));
    let mut all = caps::checks(traces.as_deref());
    all.extend(sensor::checks(traces.as_deref()));
    all.extend(thermal::checks());
    all
}

/// Identical GPUs of a product, all alike. Nothing if no such product ships.
fn fleet_of(product: &str, gpus: usize) -> Option<Fleet> {
    Some(Fleet::with_spread(&[(Sku::find(product)?, gpus)], 1, Spread::NONE))
}

/// The text of a trace, if it is there.
fn trace(folder: Option<&Path>, file: &str) -> Option<String> {
    std::fs::read_to_string(folder?.join(file)).ok()
}

fn check(
    model: &'static str,
    quantity: String,
    unit: &'static str,
    (published, ours): (f64, f64),
    (tolerance, source): (Tolerance, &'static str),
) -> Check {
    Check { model, quantity, unit, published, ours, tolerance, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_hold(checks: &[Check]) {
        for c in checks {
            let mark = if c.holds() { "ok  " } else { "FAIL" };
            println!(
                "{mark} {}: {}: published {:.3} ours {:.3} {}",
                c.model, c.quantity, c.published, c.ours, c.unit
            );
        }
        let failed: Vec<&str> = checks.iter().filter(|c| !c.holds()).map(|c| c.quantity.as_str()).collect();
        assert!(failed.is_empty(), "{failed:#?}");
    }

    #[test]
    fn carried_figures_hold() {
        let checks = checks(None);
        assert!(checks.len() >= 35, "{}", checks.len());
        all_hold(&checks);
    }

    #[test]
    fn raw_data_hold() {
        let shared = std::env::var_os("HEADROOM_SHARED")
            .map_or_else(|| "../../shared".into(), std::path::PathBuf::from);
        let data = shared.join("data");
        if !data.join("traces").is_dir() {
            println!("skipped: no raw data");
            return;
        }
        all_hold(&checks(Some(&data)));
    }
}
