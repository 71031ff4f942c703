//! From text to a scenario.

use super::plant::PlantSpec;
use super::table::{self, Findings, Table};
use super::{Scenario, ScenarioError, agents, event, plant, weather, work};

/// Keys of a file.
const KEYS: [&str; 10] =
    ["name", "description", "hours", "start", "seed", "plant", "weather", "work", "agents", "event"];

pub(super) fn parse(text: &str) -> Result<Scenario, Vec<ScenarioError>> {
    let findings = Findings::default();
    let scenario = file(table::read(text, &findings));
    let found = findings.sorted();
    match scenario {
        Some(scenario) if found.is_empty() => Ok(scenario),
        _ => Err(found),
    }
}

fn file(mut t: Table<'_>) -> Option<Scenario> {
    let name = t.required(("name", "\"afternoon\""), Table::text);
    let description = t.text(("description", "\"one line\"")).unwrap_or_default();
    let line = t.line_of("hours");
    let hours = t.required(("hours", "2.0"), Table::number);
    if hours.is_some_and(|hours| hours <= 0.0) {
        t.find(line, "`hours` must be above 0", "write `hours = 2.0`");
    }
    let line = t.line_of("start");
    let moment = t.moment(("start", "\"2025-07-18T12:00\""));
    let start_s = moment.as_deref().and_then(seconds_of_year);
    if moment.is_some() && start_s.is_none() {
        let remedy = "write `start = \"2025-07-18T12:00\"`: local standard time, any year but no 29 February";
        t.find(line, "`start` is not a date and time", remedy);
    }
    let seed = t.count(("seed", "1"), 0..=usize::MAX / 2).map(|seed| seed as u64);
    let spec = t.table(("plant", "")).map_or_else(PlantSpec::default, plant::read);
    let weather = t.table(("weather", "")).and_then(weather::read);
    let work = t.table(("work", "")).map(work::read).unwrap_or_default();
    let agents = t.table(("agents", "")).map(agents::read);
    let events = t.tables(("event", "[]")).into_iter().filter_map(event::read).collect();
    t.finish("a scenario", &KEYS);
    let (name, hours) = (name?, hours?);
    Some(Scenario { name, description, hours, start_s, seed, plant: spec, weather, work, agents, events })
}

/// Seconds since 1 January 00:00 of "2025-07-18T12:00" and the like. The year counts for nothing: a year of weather
/// has no leap day.
fn seconds_of_year(moment: &str) -> Option<f64> {
    const DAYS: [u32; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let (date, time) = moment.split_once(['T', ' ']).unwrap_or((moment, "00:00"));
    let date: Vec<u32> = date.split('-').map(str::parse).collect::<Result<_, _>>().ok()?;
    let time: Vec<f64> = time.split(':').map(str::parse).collect::<Result<_, _>>().ok()?;
    let ([month, day] | [_, month, day]) = date[..] else { return None };
    let (hour, minute, second) = match time[..] {
        [hour, minute] => (hour, minute, 0.0),
        [hour, minute, second] => (hour, minute, second),
        _ => return None,
    };
    let length = *DAYS.get(month.checked_sub(1)? as usize)?;
    let whole = hour.fract().abs() < f64::EPSILON && minute.fract().abs() < f64::EPSILON;
    let clock = (0.0..24.0).contains(&hour) && (0.0..60.0).contains(&minute) && (0.0..60.0).contains(&second);
    if !(1..=length).contains(&day) || !whole || !clock {
        return None;
    }
    let days: u32 = DAYS[..month as usize - 1].iter().sum::<u32>() + day - 1;
    Some(f64::from(days) * 86_400.0 + hour * 3600.0 + minute * 60.0 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_count_from_new_year() {
        assert_eq!(seconds_of_year("2025-01-01T00:00"), Some(0.0));
        assert_eq!(seconds_of_year("07-18 12:00"), Some((198.0 * 24.0 + 12.0) * 3600.0));
        assert_eq!(seconds_of_year("2024-12-31T23:59:59"), Some(365.0 * 86_400.0 - 1.0));
        for wrong in ["2025-02-29T00:00", "2025-13-01", "noon", "2025-07-18T25:00", "2025-07-18T12", "0-0"] {
            assert_eq!(seconds_of_year(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_file_with_everything_reads() {
        let text = "name = \"x\"\nhours = 4\nstart = 2025-07-18T12:00:00\nseed = 7\n[plant]\nchillers = 1\n\
            [weather]\nclimate = \"marine\"\n[work]\nload = 3\n[[event]]\nat = \"1 h\"\nfor = \"1 h\"\n\
            ramp = \"10 min\"\nfade = \"5 min\"\nkind = \"heat-wave\"\nrise = \"6 K\"\n";
        let scenario = parse(text).unwrap();
        assert_eq!((scenario.seed, scenario.plant.chillers), (Some(7), 1));
        assert_eq!(scenario.start_s, Some((198.0 * 24.0 + 12.0) * 3600.0));
        let event = &scenario.events[0];
        let degrees = [0.0, 300.0, 1800.0, 3450.0].map(|phase_s| (100.0 * event.degree(phase_s)) as i32);
        assert_eq!(degrees, [0, 50, 100, 50]);
        assert_eq!(event.words(), "heat wave, 6 K");
    }

    #[test]
    fn findings_of_all_tables_come_at_once() {
        let text = "hours = 0\nstart = \"soon\"\nsed = 3\n[plant]\nchiller = 1\n[weather]\nepw = 3\n\
            [work]\nload = \"x\"\n[[event]]\nkind = \"nonsense\"\n[events]\n";
        let lines: Vec<usize> = parse(text).unwrap_err().iter().map(|f| f.line).collect();
        assert_eq!(lines, [1, 1, 2, 3, 5, 7, 9, 10, 11, 12]);
    }
}
