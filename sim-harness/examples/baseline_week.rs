//! The baseline over a time, and what warmer water is worth: a table of mean kW.
//!
//! `baseline_week [HOURS] [EPW | continental | coastal | desert]` (168 h, continental). The time starts on 14 July,
//! or on the hottest wet-bulb day with `BASELINE_HOTTEST=1`. `BASELINE_GRID=1` prints the table of settings too.

use headroom_sim::score::{Baseline, Prices, Score, StrategyScore};
use headroom_sim::world::points::RequestTarget;
use headroom_sim::world::{World, WorldConfig};
use headroom_truth::weather::{Climate, Weather};
use std::error::Error;

/// Settings asked for during a run.
#[derive(Clone, Copy, Default)]
struct Settings {
    facility_c: Option<f64>,
    supply_c: Option<f64>,
    dp_kpa: Option<f64>,
}

fn ask(world: &mut World, settings: Settings) {
    let requests = world.points().requests.clone();
    for (point, target) in requests {
        world.image.requests[point] = match target {
            RequestTarget::Facility => settings.facility_c,
            RequestTarget::CduSupply(_) => settings.supply_c,
            RequestTarget::CduDp(_) => settings.dp_kpa,
            RequestTarget::CrahSupply(_) | RequestTarget::Tower => None,
        };
    }
}

/// Runs `hours` and returns the score with mean compressor power, hottest die and hottest rack air.
fn run(
    config: WorldConfig,
    hours: f64,
    settings: Settings,
) -> Result<(StrategyScore, [f64; 4]), Box<dyn Error>> {
    let mut world = World::new(config).map_err(|findings| findings[0].clone())?;
    let mut baseline = Baseline::new();
    ask(&mut world, settings);
    // requests take effect before the score starts
    (0..3 * 3600).for_each(|_| world.step());
    let mut score = Score::new(&world, Prices::default());
    let mut seen = [0.0_f64; 4];
    let steps = (hours * 3600.0) as usize;
    for _ in 0..steps {
        baseline.act(&mut world);
        world.step();
        score.observe(&world);
        seen[0] += world.facility().powers.chillers_w / 1000.0 / steps as f64;
        seen[1] = world.fleet.die_c.iter().fold(seen[1], |hot, die| hot.max(f64::from(*die)));
        seen[2] = seen[2].max(world.facility().hall.cold_c);
        seen[3] = seen[3].max(world.facility().powers.facility_w / 1000.0);
    }
    Ok((score.finish(&world), seen))
}

fn line(name: &str, hours: f64, score: &StrategyScore, seen: &[f64; 4]) {
    let v = &score.violations;
    println!(
        "{name:<26} {:8.1} {:8.1} {:8.2} {:8.2} {:7.4} {:7.1} {:6.1} {:7.1} | {:.0} {:.0} {:.0} {:.0} {:.0} | {:.4} {:.0} {:.0}",
        score.facility_kwh / hours,
        score.it_kwh / hours,
        score.cooling_kwh / hours,
        seen[0],
        score.pue,
        seen[1],
        seen[2],
        seen[3],
        v.temperature_k_s,
        v.budget_w_s,
        v.flow_s,
        v.dew_point_s,
        v.ramp_s,
        score.clock_cv_in_job,
        score.throttled_gpu_s.sw_power_cap,
        score.throttled_gpu_s.sw_thermal,
    );
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let hours: f64 = arguments.next().map_or(Ok(168.0), |text| text.parse())?;
    let place = arguments.next().unwrap_or_else(|| "continental".to_owned());
    let weather = match place.as_str() {
        "continental" => Weather::from_climate(&Climate::CONTINENTAL, 1),
        "coastal" => Weather::from_climate(&Climate::COASTAL, 1),
        "desert" => Weather::from_climate(&Climate::DESERT, 1),
        file => Weather::from_epw(&std::fs::read_to_string(file)?)?,
    };
    let mut config = WorldConfig { start_s: 194.0 * 86_400.0, ..WorldConfig::default() };
    if std::env::var_os("BASELINE_HOTTEST").is_some() {
        config.start_s = weather.hottest_wet_bulb_s() - 12.0 * 3600.0;
    }
    println!("{} from day {:.0}, {hours} h", weather.place, config.start_s / 86_400.0 + 1.0);
    config.weather = Some(weather);
    println!(
        "{:<26} {:>8} {:>8} {:>8} {:>8} {:>7} {:>7} {:>6} {:>7} | K.s W.s flow dew ramp | cv capped.s hot.s",
        "mean kW", "facility", "IT", "cooling", "compr.", "PUE", "die C", "air C", "peak"
    );
    let began = std::time::Instant::now();
    let (score, seen) = run(config.clone(), hours, Settings::default())?;
    let per_step_us = began.elapsed().as_secs_f64() / (hours + 3.0) / 3600.0 * 1e6;
    line("own BMS", hours, &score, &seen);
    println!("{per_step_us:.1} us a step");
    if std::env::var_os("BASELINE_GRID").is_some() {
        for facility_c in [14.0, 18.0, 22.0, 26.0, 28.0, 30.0] {
            for supply_c in [30.0, 34.0, 38.0] {
                let settings =
                    Settings { facility_c: Some(facility_c), supply_c: Some(supply_c), dp_kpa: None };
                let (score, seen) = run(config.clone(), hours, settings)?;
                line(&format!("facility {facility_c} supply {supply_c}"), hours, &score, &seen);
            }
        }
        for dp_kpa in [50.0, 70.0] {
            let settings = Settings { facility_c: Some(26.0), supply_c: Some(34.0), dp_kpa: Some(dp_kpa) };
            let (score, seen) = run(config.clone(), hours, settings)?;
            line(&format!("26 / 34 at {dp_kpa} kPa"), hours, &score, &seen);
        }
    }
    Ok(())
}
