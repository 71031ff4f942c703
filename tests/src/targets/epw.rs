//! Weather files.

use super::Target;
use super::text::{lines, text};
use headroom_truth::weather::{EpwError, Weather};

/// Weather files. A whole year is made of each row.
pub const EPW: Target = Target { name: "epw", body: read, bytes_per_byte: 1 << 15 };

/// Header lines and hours of a file that is read.
const HEADER_LINES: usize = 8;
const HOURS: usize = 8760;

fn read(input: &[u8]) {
    let text = text(input);
    if let Err(error) = year(&text) {
        let line = match error {
            EpwError::NoLocation => 1,
            EpwError::Columns { line, .. }
            | EpwError::Number { line, .. }
            | EpwError::Range { line, .. }
            | EpwError::NotAYear { line, .. } => line,
        };
        assert!((1..=lines(&text)).contains(&line), "{} lines: {error}", lines(&text));
        // A year of the rows that are there: most inputs are no year, and are to be read to the end all the same.
        if matches!(error, EpwError::NotAYear { rows: 1.., .. }) {
            let _ = year(&whole_year(&text));
        }
    }
}

fn year(text: &str) -> Result<(), EpwError> {
    let weather = Weather::from_epw(text)?;
    for hour in [0.0, 0.5, 4380.0, weather.hours() as f64 - 0.5, 9000.0] {
        let air = weather.at(hour * 3600.0);
        let all = [air.dry_bulb_c, air.wet_bulb_c, air.dew_point_c, air.rh, air.pressure_pa];
        assert!(all.iter().all(|x| x.is_finite()), "{air:?}");
        assert!(
            air.wet_bulb_c <= air.dry_bulb_c + 1e-6 && air.dew_point_c <= air.dry_bulb_c + 1e-6,
            "{air:?}"
        );
    }
    assert!(weather.hottest_wet_bulb_s().is_finite());
    Ok(())
}

/// The head of a file, and its rows again and again until there are as many as a year has hours.
fn whole_year(text: &str) -> String {
    let (head, rows): (Vec<_>, Vec<_>) = text.lines().enumerate().partition(|(i, _)| *i < HEADER_LINES);
    let head = head.into_iter().map(|(_, line)| line);
    let rows: Vec<&str> = rows.into_iter().map(|(_, line)| line).filter(|l| !l.trim().is_empty()).collect();
    let year = head.chain(rows.into_iter().cycle().take(HOURS));
    year.flat_map(|line| [line, "\n"]).collect()
}
