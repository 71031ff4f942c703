//! Every strategy on one world: a table, and what the search for the limit costs and how far it has converged.
//!
//! `strategies [SCENARIO] [HOURS] [GPUS] [SEED] [NAME,NAME...]` (demo, 2 h, 512, 1, all). `LIMIT_HORIZON`, `LIMIT_INTERVAL`,
//! `LIMIT_DT` (s), `LIMIT_SCALE` and `LIMIT_PLANS` change what the search may spend.

use headroom_sim::scenario::Scenario;
use headroom_sim::score::{Prices, Score};
use headroom_sim::strategy::{Limit, LimitConfig, NAMES, Strategy, by_name};
use headroom_sim::world::{World, WorldConfig};
use std::error::Error;
use std::time::Instant;

fn set(name: &str, value: &mut f64) {
    if let Some(new) = std::env::var(name).ok().and_then(|text| text.parse().ok()) {
        *value = new;
    }
}

fn limit() -> LimitConfig {
    let mut config = LimitConfig::default();
    set("LIMIT_HORIZON", &mut config.horizon_s);
    set("LIMIT_INTERVAL", &mut config.interval_s);
    set("LIMIT_DT", &mut config.dt_s);
    set("LIMIT_SCALE", &mut config.least_scale);
    let mut plans = config.evaluations as f64;
    set("LIMIT_PLANS", &mut plans);
    config.evaluations = plans as usize;
    config
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let scenario = arguments.next().unwrap_or_else(|| "demo".to_owned());
    let hours: f64 = arguments.next().map_or(Ok(2.0), |text| text.parse())?;
    let gpus: usize = arguments.next().map_or(Ok(512), |text| text.parse())?;
    let seed: u64 = arguments.next().map_or(Ok(1), |text| text.parse())?;
    let wanted = arguments.next();
    let scenario = Scenario::shipped(&scenario).ok_or("no such scenario")?;
    let config = WorldConfig { gpus, seed, scenario, ..WorldConfig::default() };
    println!(
        "{:<11} {:>9} {:>9} {:>8} {:>9} {:>7} {:>9} {:>7} {:>6} | K.s W.s flow dew ramp | wall s",
        "kWh", "facility", "IT", "cooling", "floor", "PUE", "Mtokens", "J/tok", "TTFT s"
    );
    for (name, _) in NAMES {
        if wanted.as_ref().is_some_and(|wanted| !wanted.split(',').any(|w| w == name)) {
            continue;
        }
        let mut strategy: Box<dyn Strategy> = match name {
            "limit" => Box::new(Limit::new(limit())),
            _ => by_name(name).ok_or("no such strategy")?,
        };
        let mut world = World::new(config.clone()).map_err(|findings| findings[0].clone())?;
        let mut score = Score::new(&world, Prices::default());
        let began = Instant::now();
        for _ in 0..(hours * 3600.0 / config.dt_s) as usize {
            strategy.act(&mut world);
            world.step();
            score.observe(&world);
        }
        let s = score.finish(&world);
        let v = &s.violations;
        println!(
            "{name:<11} {:9.2} {:9.2} {:8.2} {:9.2} {:7.4} {:9.3} {:7.4} {:6.3} | {:.0} {:.0} {:.0} {:.0} {:.0} | {:.1}",
            s.facility_kwh,
            s.it_kwh,
            s.cooling_kwh,
            s.floor_kwh,
            s.pue,
            s.tokens / 1e6,
            s.joules_per_token,
            s.first_token_mean_s.unwrap_or(f64::NAN),
            v.temperature_k_s,
            v.budget_w_s,
            v.flow_s,
            v.dew_point_s,
            v.ramp_s,
            began.elapsed().as_secs_f64(),
        );
        if std::env::var_os("STRATEGY_JSON").is_some() {
            println!("{}", serde_json::to_string(&s)?);
        }
    }
    Ok(())
}
