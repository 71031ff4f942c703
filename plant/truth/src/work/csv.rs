//! Request traces as comma-separated text.
//!
//! Responsible for: three headers, two ways to write a time, and errors that name the line.
//! Not for: files or quoting (request traces have neither quotes nor text).
//!
//! Headers: `arrival,input_tokens,output_tokens`; that of the Azure LLM inference traces of 2023 and 2024,
//! `TIMESTAMP,ContextTokens,GeneratedTokens`; or that of `BurstGPT`, `Timestamp,...,Request tokens,Response tokens,...`.
//! Columns are found by name; further ones are passed over. Times are seconds, or
//! `YYYY-MM-DD[T ]hh:mm:ss[.frac]` with an optional `Z` or `+hh:mm`; arrivals are given from the first one. Requests
//! without an answer (failed ones) are left out.

use thiserror::Error;

use super::requests::Request;

/// Why a trace was refused. Lines count from 1.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TraceError {
    /// The header is neither of the known ones.
    #[error(
        "line {line}: unknown header '{found}'; expected 'arrival,input_tokens,output_tokens' or 'TIMESTAMP,ContextTokens,GeneratedTokens'"
    )]
    Header {
        /// Line.
        line: usize,
        /// What stands there.
        found: String,
    },
    /// Not as many columns as the header.
    #[error("line {line}: expected {expected} columns, found {found}")]
    Columns {
        /// Line.
        line: usize,
        /// Columns of the header.
        expected: usize,
        /// Columns found.
        found: usize,
    },
    /// Neither seconds nor a date and time.
    #[error("line {line}: arrival is neither seconds nor a time: '{text}'")]
    Arrival {
        /// Line.
        line: usize,
        /// What stands there.
        text: String,
    },
    /// Not a token count.
    #[error("line {line}: {column} is not a whole number: '{text}'")]
    Tokens {
        /// Line.
        line: usize,
        /// Column name.
        column: &'static str,
        /// What stands there.
        text: String,
    },
    /// No requests.
    #[error("line {line}: the trace has no requests")]
    Empty {
        /// Last line.
        line: usize,
    },
}

const HEADERS: [[&str; 3]; 3] = [
    ["arrival", "input_tokens", "output_tokens"],
    ["timestamp", "contexttokens", "generatedtokens"],
    ["timestamp", "request tokens", "response tokens"],
];

/// Where the three columns stand, and how many there are.
struct Layout {
    at: [usize; 3],
    columns: usize,
}

fn layout(header: &str) -> Option<Layout> {
    let names: Vec<String> = columns(header).map(str::to_ascii_lowercase).collect();
    let find = |known: &[&str; 3]| {
        let mut at = [0; 3];
        for (slot, name) in at.iter_mut().zip(known) {
            *slot = names.iter().position(|n| n == name)?;
        }
        Some(at)
    };
    HEADERS.iter().find_map(find).map(|at| Layout { at, columns: names.len() })
}

/// Reads a trace; requests come back sorted by arrival, the first at 0 s.
///
/// # Errors
/// [`TraceError`], with the line.
pub fn parse_requests(text: &str) -> Result<Vec<Request>, TraceError> {
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let (index, header) = lines.next().ok_or(TraceError::Empty { line: 1 })?;
    let unknown = || TraceError::Header { line: index + 1, found: header.trim().to_owned() };
    let layout = layout(header).ok_or_else(unknown)?;
    let mut last = index + 1;
    let mut requests = Vec::new();
    for (index, row) in lines {
        last = index + 1;
        let request = request(row, last, &layout)?;
        if request.output_tokens > 0 {
            requests.push(request);
        }
    }
    requests.sort_by(|a, b| a.arrival_s.total_cmp(&b.arrival_s));
    let first = requests.first().ok_or(TraceError::Empty { line: last })?.arrival_s;
    for request in &mut requests {
        request.arrival_s -= first;
    }
    Ok(requests)
}

fn columns(row: &str) -> impl Iterator<Item = &str> {
    row.trim_start_matches('\u{feff}').split(',').map(str::trim)
}

fn request(row: &str, line: usize, layout: &Layout) -> Result<Request, TraceError> {
    let mut field = [""; 3];
    let mut found = 0;
    for (k, text) in columns(row).enumerate() {
        if let Some(slot) = layout.at.iter().position(|at| *at == k) {
            field[slot] = text;
        }
        found = k + 1;
    }
    if found != layout.columns {
        return Err(TraceError::Columns { line, expected: layout.columns, found });
    }
    let [arrival, input, output] = field;
    let arrival_s = time_s(arrival).ok_or_else(|| TraceError::Arrival { line, text: arrival.to_owned() })?;
    let tokens = |text: &str, column| {
        text.parse().map_err(|_| TraceError::Tokens { line, column, text: text.to_owned() })
    };
    Ok(Request {
        arrival_s,
        input_tokens: tokens(input, "input_tokens")?,
        output_tokens: tokens(output, "output_tokens")?,
    })
}

/// Seconds, or the seconds of a civil date and time.
fn time_s(text: &str) -> Option<f64> {
    if let Ok(seconds) = text.parse::<f64>() {
        return seconds.is_finite().then_some(seconds);
    }
    let (date, time) = text.trim_end_matches(['Z', 'z']).split_once(['T', ' '])?;
    let (time, offset_s) = match time.rfind(['+', '-']) {
        Some(sign) => (&time[..sign], offset_s(&time[sign..])?),
        None => (time, 0.0),
    };
    let mut date = date.splitn(3, '-');
    let mut part = || date.next()?.parse::<u32>().ok();
    let (year, month, day) = (part()?, part()?, part()?);
    let mut time = time.splitn(3, ':');
    let (hour, minute) = (time.next()?.parse::<u32>().ok()?, time.next()?.parse::<u32>().ok()?);
    let second = time.next()?.parse::<f64>().ok()?;
    let fits = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60;
    if !fits || !(0.0..61.0).contains(&second) {
        return None;
    }
    let seconds = days_from_civil(i64::from(year), i64::from(month), i64::from(day)) * 86_400
        + i64::from(hour * 3600 + minute * 60);
    Some(seconds as f64 + second - offset_s)
}

/// Seconds of a time zone's `+hh:mm` or `-hh:mm`.
fn offset_s(text: &str) -> Option<f64> {
    let (hour, minute) = text.get(1..)?.split_once(':')?;
    let seconds = f64::from(hour.parse::<u8>().ok()?) * 3600.0 + f64::from(minute.parse::<u8>().ok()?) * 60.0;
    Some(if text.starts_with('-') { -seconds } else { seconds })
}

/// Days since 1970-01-01 of a Gregorian date (H. Hinnant, "chrono-compatible low-level date algorithms").
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let doy = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_headers_and_both_times_read() {
        let plain = parse_requests("arrival,input_tokens,output_tokens\n10.5,100,20\n8,50,5\n").unwrap();
        assert_eq!(plain[1], Request { arrival_s: 2.5, input_tokens: 100, output_tokens: 20 });
        let azure = "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 23:59:59.5000000,4808,10\r\n\
                     2023-11-17T00:00:01.25Z,3180,8\n";
        let azure = parse_requests(azure).unwrap();
        assert_eq!(azure.len(), 2);
        assert!((azure[1].arrival_s - 1.75).abs() < 1e-6);
        assert_eq!(days_from_civil(2000, 3, 1), 11_017);
        let later = "TIMESTAMP,ContextTokens,GeneratedTokens\n2024-05-10 00:00:00.009930+00:00,2162,5\n\
                     2024-05-10 02:00:01.009930+02:00,100,6\n";
        let later = parse_requests(later).unwrap();
        assert!((later[1].arrival_s - 1.0).abs() < 1e-6 && later[0].input_tokens == 2162);
    }

    #[test]
    fn columns_are_found_by_name() {
        let text = "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n\
                    5,ChatGPT,472,18,490,Conversation log\n45,ChatGPT,1087,0,1087,API log\n\
                    118,GPT-4,417,276,693,API log\n";
        let requests = parse_requests(text).unwrap();
        assert_eq!(requests.len(), 2, "the one without an answer is left out");
        assert_eq!(requests[1], Request { arrival_s: 113.0, input_tokens: 417, output_tokens: 276 });
    }

    #[test]
    fn errors_name_the_line() {
        let head = "arrival,input_tokens,output_tokens\n1,2,3\n\n";
        let with = |row: &str| parse_requests(&format!("{head}{row}\n")).unwrap_err().to_string();
        assert_eq!(with("1,2"), "line 4: expected 3 columns, found 2");
        assert_eq!(with("soon,2,3"), "line 4: arrival is neither seconds nor a time: 'soon'");
        assert_eq!(with("2023-13-01 00:00:00,2,3").split(':').next(), Some("line 4"));
        assert_eq!(with("1,2,-3"), "line 4: output_tokens is not a whole number: '-3'");
        assert_eq!(with("1,many,3"), "line 4: input_tokens is not a whole number: 'many'");
        assert!(
            parse_requests("a,b,c\n").unwrap_err().to_string().starts_with("line 1: unknown header 'a,b,c'")
        );
        assert_eq!(
            parse_requests("arrival,input_tokens,output_tokens\n").unwrap_err(),
            TraceError::Empty { line: 1 }
        );
    }
}
