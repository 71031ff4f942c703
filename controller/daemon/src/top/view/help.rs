//! Help: every key, and what the words mean.

use crate::top::lay::{Column, wrap};
use crate::top::paint::Paint;
use ratatui::text::Line;

const KEYS: [(&str, &str); 9] = [
    ("1 2 3 4 5", "the view of that number; Tab and Shift-Tab go round"),
    ("Up Down j k", "a line, or a GPU, up or down"),
    ("PgUp PgDn", "a screen up or down"),
    ("Home End", "to the first or the last"),
    ("s", "GPUs: listed by the next quantity, the worst first"),
    ("/", "GPUs: find rack, node, job or UUID; Enter keeps it, Esc drops it"),
    ("?", "this help; any key goes back"),
    ("q, Ctrl-C", "ends; the terminal is as it was"),
    ("", "Nothing here changes anything at the plant: it only looks."),
];

const WORDS: [&str; 4] = [
    "Live: the daemon answers and its loop ticks.",
    "Stale: no answer for 3.5 seconds, or no tick for five periods of the loop. What came last is greyed, with its age and the \
     reason. It is asked again every second, and goes on by itself.",
    "Waiting: nothing has come yet.",
    "A number that is not known has its reason in its place, and is never 0.",
];

/// All of it in lines.
pub(super) fn lines(width: usize, paint: Paint) -> Vec<Line<'static>> {
    let rows: Vec<Vec<String>> =
        KEYS.iter().map(|(key, does)| vec![(*key).to_owned(), (*does).to_owned()]).collect();
    let mut out = vec![super::head("Help", paint)];
    out.extend(super::rows(&[Column::words("key"), Column::words("does")], &rows, width, ""));
    out.push(super::head("Words", paint));
    out.extend(WORDS.iter().flat_map(|text| wrap(text, 0, width)).map(Line::from));
    out
}
