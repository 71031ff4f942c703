//! Losses of power path and storage against published efficiencies.
//!
//! Responsible for: running UPS, transformer, busway, battery and tank at load points. Not for: meters
//! ([`super::capture`]).

use super::{Check, Ledger, Tolerance};
use headroom_truth::facility::BessSpec;
use headroom_truth::facility::bess::Bess;
use headroom_truth::facility::busway::busway_loss_w;
use headroom_truth::facility::fluid::WATER;
use headroom_truth::facility::tank::Tank;
use headroom_truth::facility::transformer::transformer_loss_w;
use headroom_truth::facility::ups::{eco_loss_w, ups_loss_w};

const BESS: &str = "AC-coupled lithium storage: 83 to 86 % (PNNL, NREL ATB) to 92 % (vendors)";
const TANK: &str =
    "stratified chilled-water tanks lose 1 to 2 % of their charge in a day (Duffie and Beckman; practice)";

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
    ledger.source = "UPS in eco mode, 98.5 to 99 % (data sheets)";
    for load in [0.5, 1.0] {
        let eco = 100.0 * load / (load + eco_loss_w(1.0, load));
        let quantity = format!("efficiency in eco mode at {:.0} % load", 100.0 * load);
        ledger.note(quantity, "%", (98.75, eco), Tolerance::Range(98.5, 99.05));
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
    all.extend(storage());
    all
}

/// Battery and chilled-water storage.
fn storage() -> Vec<Check> {
    let mut ledger = Ledger::new("bess", BESS);
    let spec = BessSpec { power_w: 1e6, energy_j: 4.0 * 3.6e9 };
    let mut bess = Bess::new(spec);
    let (mut in_j, mut out_j) = (0.0, 0.0);
    let start = bess.charge();
    // an hour in at rated power, then out until it holds what it held
    for _ in 0..3600 {
        in_j += bess.step(-1e6, 2e6, true, 1.0);
    }
    while bess.charge() > start && out_j < 2.0 * in_j {
        out_j -= bess.step(1e6, 2e6, true, 1.0);
    }
    let round = 100.0 * out_j / in_j;
    ledger.note(
        "round trip at rated power, auxiliaries included",
        "%",
        (88.0, round),
        Tolerance::Range(83.0, 92.0),
    );
    let mut all = ledger.checks;
    let mut ledger = Ledger::new("tank", TANK);
    let mut tank = Tank::sized(200.0, 20_000.0, 12.0);
    let (mut lost_j, day_s) = (0.0, 86_400.0);
    for _ in 0..8640 {
        tank.step(12.0, 30.0, day_s / 8640.0);
        lost_j -= tank.loss_w * day_s / 8640.0;
    }
    // a charge of 8 K
    let share = 100.0 * lost_j / (WATER.capacity_j_k(200_000.0) * 8.0);
    ledger.note(
        "charge of 8 K lost in a day, 200 m3, 30 C outside",
        "%",
        (1.5, share),
        Tolerance::Range(1.0, 2.0),
    );
    all.extend(ledger.checks);
    all
}
