//! What the ledger costs: `HEADROOM_GPUS=10240 cargo test --release -p headroom ledger_costs -- --ignored --nocapture`.

use super::beside::{Beside, of_env};
use headroom_core::ledger::Accounts;
use headroom_sim::scenario::Scenario;
use headroom_sim::world::WorldConfig;

/// What booking a tick costs beside the tick itself.
#[test]
#[ignore = "a measurement"]
fn ledger_costs_of_a_tick() {
    let gpus = of_env("HEADROOM_GPUS", 1024) as usize;
    let config = WorldConfig { gpus, dt_s: 1.0, warmup_s: 60.0, ..WorldConfig::default() };
    let mut beside = Beside::new(Scenario::quiet(), config, "balanced");
    let mut accounts = Accounts::new(&beside.line, 1);
    let mut ns: Vec<f64> = Vec::new();
    for step in 0..600 {
        beside.step();
        let begun = std::time::Instant::now();
        accounts.book(&beside.line);
        if step >= 100 {
            ns.push(begun.elapsed().as_nanos() as f64 / gpus as f64);
        }
    }
    let begun = std::time::Instant::now();
    let open = accounts.open(&beside.line);
    let (set_down_us, bytes) = (begun.elapsed().as_micros(), serde_json::to_string(&open).unwrap().len());
    ns.sort_by(f64::total_cmp);
    println!(
        "{gpus} GPUs: {:.1} ns per GPU and tick (median), {:.1} (p99); the open hour is made in {set_down_us} us and has {bytes} bytes",
        ns[ns.len() / 2],
        ns[ns.len() * 99 / 100]
    );
}
