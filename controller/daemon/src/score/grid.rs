//! A table of words, for a terminal or a page.
//!
//! Responsible for: layout. Not for: what stands in it.

/// A table. The first columns are text (to the left), the rest numbers (to the right).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Grid {
    pub(crate) title: String,
    /// Number of columns with text.
    pub(crate) texts: usize,
    pub(crate) head: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Grid {
    /// An empty table.
    pub(crate) fn new(title: &str, texts: usize, head: &[&str]) -> Self {
        let head = head.iter().map(|h| (*h).to_owned()).collect();
        Self { title: title.to_owned(), texts, head, rows: Vec::new() }
    }

    /// For a terminal.
    pub(crate) fn plain(&self) -> String {
        let width = |n: usize| {
            let cells = self.rows.iter().filter_map(|r| r.get(n)).chain(self.head.get(n));
            cells.map(|c| c.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.head.len()).map(width).collect();
        let mut out = format!("{}\n", self.title);
        for row in std::iter::once(&self.head).chain(&self.rows) {
            let mut line = String::new();
            for (n, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let space = " ".repeat(width - cell.chars().count());
                let gap = if n == 0 { "" } else { "  " };
                if n < self.texts {
                    line += &format!("{gap}{cell}{space}");
                } else {
                    line += &format!("{gap}{space}{cell}");
                }
            }
            out += line.trim_end();
            out.push('\n');
        }
        out
    }

    /// As a table in Markdown; the title is the caller's.
    pub(crate) fn markdown(&self) -> String {
        let line = |cells: &[String]| {
            let cells: Vec<String> = cells.iter().map(|c| c.replace('|', "\\|")).collect();
            format!("| {} |\n", cells.join(" | "))
        };
        let rule: Vec<String> =
            (0..self.head.len()).map(|n| if n < self.texts { "---" } else { "---:" }.to_owned()).collect();
        let rows = self.rows.iter().map(|r| line(r));
        [line(&self.head), line(&rule)].into_iter().chain(rows).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let mut grid = Grid::new("t", 1, &["name", "x"]);
        grid.rows = vec![vec!["a".into(), "1.0 ± 2".into()], vec!["long name".into(), "3".into()]];
        assert_eq!(grid.plain(), "t\nname             x\na          1.0 ± 2\nlong name        3\n");
        assert_eq!(grid.markdown(), "| name | x |\n| --- | ---: |\n| a | 1.0 ± 2 |\n| long name | 3 |\n");
    }
}
