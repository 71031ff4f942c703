//! Forecasts of the weather.

use super::Target;
use super::text::{findings_stand, text};
use headroom_belief::outlook::WeatherForecast;
use headroom_site::Stamp;

const FILE: &str = "forecast.csv";

/// Forecasts of the weather.
pub const FORECAST: Target = Target { name: "forecast", body: read, bytes_per_byte: 1 << 12 };

fn read(input: &[u8]) {
    let text = text(input);
    let forecast = match WeatherForecast::read(FILE, &text) {
        Ok(forecast) => forecast,
        Err(findings) => return findings_stand(FILE, &text, &findings),
    };
    // The day of the seed and the one after, minute by minute, and the ends of time.
    const SEED_MIN: i64 = 29_737_800;
    let days = SEED_MIN..SEED_MIN + 2 * 1440;
    for minute in days.chain([i64::MIN, -1, 0, 1, i64::MAX]) {
        for air in [forecast.dry_bulb_c(minute), forecast.wet_bulb_c(minute)].into_iter().flatten() {
            assert!((-120.0..=70.0).contains(&air), "{air} degC at {minute}");
            let now = Stamp::from_unix_ns(minute.saturating_mul(60_000_000_000));
            assert!(!forecast.is_over(now), "it speaks of {minute}, but is over");
        }
    }
}
