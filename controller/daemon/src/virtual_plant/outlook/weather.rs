//! Bands of the air over a year of weather: by the past and a sensor alone, and beside a forecast file.
//!
//! Years of EPW records are taken too where they are (`HEADROOM_SHARED`, by default `shared` beside the sources).

use headroom_belief::outlook::{HORIZONS, HORIZONS_MIN, LEVELS, Series, Traits, WeatherForecast};
use headroom_truth::weather::{Climate, Weather};
use std::path::Path;

/// Days of the year from which on some are taken, how many, and minutes of a day.
const BEGINS: [i64; 4] = [15, 105, 196, 288];
const DAYS: i64 = 12;
const DAY: i64 = 1440;

/// Coverage and pinball loss at each horizon.
#[derive(Debug, Default, Clone, Copy)]
struct Sums {
    n: [f64; HORIZONS],
    held: [f64; HORIZONS],
    loss: [f64; HORIZONS],
}

impl Sums {
    fn per_band(&self, sums: [f64; HORIZONS]) -> [f64; HORIZONS] {
        std::array::from_fn(|h| sums[h] / self.n[h])
    }
}

fn loss(y: f64, q: [f64; 3]) -> f64 {
    let one = |(tau, q): (f64, f64)| if y < q { (1.0 - tau) * (q - y) } else { tau * (y - q) };
    LEVELS.into_iter().zip(q).map(one).sum()
}

/// The wet bulb over some days, from the second on, with or without a file.
fn show(wet: &[f64], file: Option<&WeatherForecast>, sums: &mut Sums) {
    let mut series = Series::new(Traits { floor: f64::NEG_INFINITY, periodic: false, file: file.is_some() });
    for (m, y) in wet.iter().enumerate() {
        series.add(*y);
        series.close(m as i64, |m| file?.wet_bulb_c(m));
        for (h, minutes) in HORIZONS_MIN.into_iter().enumerate() {
            let (Ok(band), Some(then)) = (series.band(h), wet.get(m + minutes)) else { continue };
            if m as i64 >= DAY {
                sums.n[h] += 1.0;
                sums.held[h] += f64::from(u8::from((band.q[0]..=band.q[2]).contains(then)));
                sums.loss[h] += loss(*then, band.q);
            }
        }
    }
}

/// A forecast of these days as a service would give it for a place nearby: hourly, in tenths of a degree, 1.5 K too warm and
/// wrong by another kelvin now this way and now that, over hours.
fn forecast(weather: &Weather, begin: i64) -> WeatherForecast {
    let mut text = "time_unix_s,dry_bulb [degC],wet_bulb [degC]\n".to_owned();
    for hour in 0..=DAYS * 24 + 1 {
        let air = weather.at(((begin * 24 + hour) * 3600) as f64);
        let off = 1.5 + (hour as f64 * 0.37).sin();
        text += &format!("{},{:.1},{:.1}\n", hour * 3600, air.dry_bulb_c + off, air.wet_bulb_c + off);
    }
    WeatherForecast::read("forecast.csv", &text).unwrap()
}

fn years() -> Vec<Weather> {
    let mut years = vec![Weather::from_climate(&Climate::CONTINENTAL, 1)];
    let shared = std::env::var_os("HEADROOM_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"), Into::into);
    for file in
        ["USA_IL_Chicago-OHare.Intl.AP.725300_TMY3.epw", "USA_CA_San.Francisco.Intl.AP.724940_TMY3.epw"]
    {
        match std::fs::read_to_string(shared.join("data/weather").join(file)) {
            Ok(text) => years.push(Weather::from_epw(&text).unwrap()),
            Err(_) => println!("skipped {file}"),
        }
    }
    years
}

#[test]
fn outlook_of_a_year_of_weather_holds_and_a_file_earns_its_place() {
    for year in years() {
        let (mut alone, mut beside) = (Sums::default(), Sums::default());
        for begin in BEGINS {
            let at = |m: i64| year.at((begin * DAY + m) as f64 * 60.0).wet_bulb_c;
            let wet: Vec<f64> = (0..DAYS * DAY).map(at).collect();
            show(&wet, None, &mut alone);
            show(&wet, Some(&forecast(&year, begin)), &mut beside);
        }
        let held = alone.per_band(alone.held);
        let (without, with) = (alone.per_band(alone.loss), beside.per_band(beside.loss));
        println!("{}: held {held:.3?}; loss {without:.4?} K, with a file {with:.4?} K", year.place);
        println!("  held with a file {:.3?}", beside.per_band(beside.held));
        for h in 0..HORIZONS {
            let minutes = HORIZONS_MIN[h];
            assert!((0.85..=0.95).contains(&held[h]), "{}, {minutes} min: {}", year.place, held[h]);
            let held = beside.held[h] / beside.n[h];
            assert!((0.85..=0.95).contains(&held), "{}, {minutes} min: {held}", year.place);
            assert!(with[h] < 1.02 * without[h], "{}, {minutes} min: {} {}", year.place, with[h], without[h]);
        }
        assert!(with[4] < 0.95 * without[4], "{}: {} {}", year.place, with[4], without[4]);
    }
}
