//! Losses of the power path against published efficiencies.
//!
//! Responsible for: running [`power`](headroom_truth::facility::power) at load points. Not for: meters
//! ([`super::capture`]).

use super::{Check, Ledger, Tolerance};
use headroom_truth::facility::power::{busway_loss_w, transformer_loss_w, ups_loss_w};

const UPS: &str = "double-conversion units at the load points of EN 62040-3 (data sheets)";
const TRANSFORMER: &str = "dry-type distribution transformers, 1000 kVA class of Regulation (EU) 548/2014";
const BUSWAY: &str = "busway and distribution losses, 0.5 to 1 % at rated current (data sheets)";

/// All checks of this room.
#[must_use]
pub fn checks() -> Vec<Check> {
    let mut ledger = Ledger::new("ups", UPS);
    for (published, load) in [(95.2, 0.25), (96.7, 0.5), (97.1, 0.75), (97.1, 1.0)] {
        let ours = 100.0 * load / (load + ups_loss_w(1.0, load));
        // 3 % of an efficiency says nothing; a tenth of a typical loss does
        let quantity = format!("efficiency at {:.0} % load", 100.0 * load);
        ledger.note(quantity, "%", (published, ours), Tolerance::Absolute(0.3));
    }
    let mut all = ledger.checks;
    let mut ledger = Ledger::new("transformer", TRANSFORMER);
    let none = 100.0 * transformer_loss_w(1e6, 0.0) / 1e6;
    let full = 100.0 * transformer_loss_w(1e6, 1e6) / 1e6;
    ledger.note("no-load loss over rating", "%", (0.15, none), Tolerance::Range(0.13, 0.16));
    ledger.near("load loss over rating at full load", "%", 0.9, full - none);
    let half = 100.0 * transformer_loss_w(1e6, 0.5e6) / 1e6;
    ledger.near("load loss at half load over full load", "1", 0.25, (half - none) / (full - none));
    all.extend(ledger.checks);
    let mut ledger = Ledger::new("busway", BUSWAY);
    let loss = 100.0 * busway_loss_w(2e5, 2e5) / 2e5;
    ledger.note("loss at rated load", "%", (0.75, loss), Tolerance::Range(0.5, 1.0));
    all.extend(ledger.checks);
    all
}
