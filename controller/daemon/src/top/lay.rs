//! Texts within a width: wrapped, flowing items, and columns that make room for each other.
//!
//! Responsible for: where words break and which columns are left out. Not for: what they say. A character is taken as one
//! cell wide.

/// Between two columns.
const GAP: usize = 2;
/// Between two items of a flow.
const BETWEEN: &str = " · ";

/// Number of cells.
pub(super) fn cells(text: &str) -> usize {
    text.chars().count()
}

/// A text cut to a width, with a mark where it was.
pub(super) fn cut(text: &str, width: usize) -> String {
    if cells(text) <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    if width == 0 { kept } else { kept + "…" }
}

/// Words in lines of at most a width, indented; a longer word is cut.
pub(super) fn wrap(text: &str, indent: usize, width: usize) -> Vec<String> {
    lines(text.split_whitespace(), " ", indent, width)
}

/// Items in lines of at most a width, indented, a dot between two. An item longer than a line is wrapped.
pub(super) fn flow(items: &[String], indent: usize, width: usize) -> Vec<String> {
    let most = width.saturating_sub(indent).max(1);
    let mut out: Vec<String> = Vec::new();
    for item in items.iter().filter(|i| !i.is_empty()) {
        let fits = |last: &String| cells(last) + cells(BETWEEN) + cells(item) <= width;
        match out.last_mut() {
            Some(last) if fits(last) => *last += &format!("{BETWEEN}{item}"),
            _ if cells(item) <= most => out.push(format!("{}{item}", " ".repeat(indent))),
            _ => out.extend(wrap(item, indent, width)),
        }
    }
    out
}

fn lines<'a>(
    words: impl Iterator<Item = &'a str>,
    between: &str,
    indent: usize,
    width: usize,
) -> Vec<String> {
    let most = width.saturating_sub(indent).max(1);
    let mut out: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in words {
        let word = cut(word, most);
        if line.is_empty() {
            line = word;
        } else if cells(&line) + cells(between) + cells(&word) <= most {
            line += between;
            line += &word;
        } else {
            out.push(std::mem::replace(&mut line, word));
        }
    }
    if !line.is_empty() {
        out.push(line);
    }
    out.iter().map(|l| format!("{}{l}", " ".repeat(indent))).collect()
}

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub(super) head: &'static str,
    /// Numbers stand to the right.
    pub(super) right: bool,
    /// Where it is too narrow, the highest goes first; 0 stays.
    pub(super) spare: u8,
}

impl Column {
    /// A column of words that stays.
    pub(super) const fn words(head: &'static str) -> Self {
        Self { head, right: false, spare: 0 }
    }

    /// A column of numbers that stays.
    pub(super) const fn number(head: &'static str) -> Self {
        Self { head, right: true, spare: 0 }
    }

    /// The same, left out where there is no room.
    pub(super) const fn spare(self, spare: u8) -> Self {
        Self { spare, ..self }
    }
}

/// Rows under a head, columns as wide as their widest cell; what does not fit into the width is left out or cut.
pub(super) fn table(columns: &[Column], rows: &[Vec<String>], width: usize) -> Vec<String> {
    let widest = |c: usize| rows.iter().filter_map(|r| r.get(c)).map(|t| cells(t)).max().unwrap_or(0);
    let widths: Vec<usize> =
        columns.iter().enumerate().map(|(c, column)| widest(c).max(cells(column.head))).collect();
    let shown = shown(columns, &widths, width);
    let line = |cell: &dyn Fn(usize) -> String| {
        let mut out = String::new();
        for (i, &c) in shown.iter().enumerate() {
            let text = cell(c);
            let pad = " ".repeat(widths[c].saturating_sub(cells(&text)));
            let gap = " ".repeat(if i == 0 { 0 } else { GAP });
            out += &if columns[c].right { format!("{gap}{pad}{text}") } else { format!("{gap}{text}{pad}") };
        }
        cut(out.trim_end(), width)
    };
    let head = line(&|c| columns[c].head.to_owned());
    let body = rows.iter().map(|r| line(&|c| r.get(c).cloned().unwrap_or_default()));
    std::iter::once(head).chain(body).collect()
}

/// Columns that are shown: those that may go do so, one by one, until the rest fits.
fn shown(columns: &[Column], widths: &[usize], width: usize) -> Vec<usize> {
    let mut shown: Vec<usize> = (0..columns.len()).collect();
    let needs = |shown: &[usize]| {
        shown.iter().map(|c| widths[*c]).sum::<usize>() + GAP * shown.len().saturating_sub(1)
    };
    while needs(&shown) > width {
        let spare = shown.iter().copied().filter(|c| columns[*c].spare > 0).max_by_key(|c| columns[*c].spare);
        let Some(spare) = spare else { break };
        shown.retain(|c| *c != spare);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_break_and_items_stay_whole() {
        assert_eq!(wrap("one two three", 2, 9), ["  one two", "  three"]);
        assert_eq!(wrap("incomprehensible", 0, 8), ["incompr…"]);
        let items = ["stands 30.1 °C".to_owned(), String::new(), "asked 30.6 °C".to_owned()];
        assert_eq!(flow(&items, 2, 40), ["  stands 30.1 °C · asked 30.6 °C"]);
        assert_eq!(flow(&items, 2, 20), ["  stands 30.1 °C", "  asked 30.6 °C"]);
        assert_eq!(flow(&items, 2, 12), ["  stands", "  30.1 °C", "  asked 30.6", "  °C"]);
    }

    #[test]
    fn spare_columns_go_before_anything_is_cut() {
        let columns = [Column::words("id"), Column::number("power"), Column::words("uuid").spare(1)];
        let rows = vec![vec!["gpu-1".to_owned(), "612 W".to_owned(), "GPU-aaaa".to_owned()]];
        assert_eq!(table(&columns, &rows, 40), ["id     power  uuid", "gpu-1  612 W  GPU-aaaa"]);
        assert_eq!(table(&columns, &rows, 14), ["id     power", "gpu-1  612 W"]);
        assert_eq!(table(&columns, &rows, 6)[1], "gpu-1…");
        assert_eq!(cut("abc", 0), "");
    }
}
