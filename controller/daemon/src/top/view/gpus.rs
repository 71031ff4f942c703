//! GPUs: the table of those that are wanted, only its visible rows, and all numbers of the chosen one.

use crate::say::{clock, count};
use crate::top::app::App;
use crate::top::gpus::{Fleet, NOT_HELD, Quantity};
use crate::top::lay::{Column, cells, cut, table, wrap};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

/// Column of the first quantity.
const FIRST: usize = 3;
const COLUMNS: [Column; 9] = [
    Column::words("GPU"),
    Column::words("rack").spare(2),
    Column::words("job").spare(1),
    Column::number("die").spare(4),
    Column::number("power").spare(6),
    Column::number("clock").spare(5),
    Column::number("headroom").spare(3),
    Column::words("clock held by"),
    Column::words("UUID").spare(7),
];

/// The columns; the one that they are listed by stays.
fn columns(sort: Quantity) -> [Column; 9] {
    let mut columns = COLUMNS;
    if let Some(place) = Quantity::COLUMNS.iter().position(|of| *of == sort) {
        columns[FIRST + place].spare = 0;
    }
    columns
}

/// Draws it; what is chosen is brought into sight.
pub(super) fn draw(app: &mut App, area: Rect, buf: &mut Buffer) {
    let (width, paint) = (usize::from(area.width), app.paint);
    let fleet = &app.model.fleet;
    let Some(grid) = fleet.grid() else {
        let says = "Waiting for the first answer about the GPUs.";
        super::put(buf, area, &[Line::from(says)]);
        return;
    };
    let mut head = Vec::new();
    let summary = fleet.summary().unwrap_or_default();
    head.push(Line::from(cut(&format!("{summary} As of {}.", clock(grid.unix_ms)), width)));
    head.push(Line::styled(listed(app, width), paint.soft()));
    // The numbers of the chosen one take the last lines.
    let gpu = fleet.rows().get(app.gpus.cursor).map(|g| *g as usize);
    let tail = gpu.map_or(Vec::new(), |gpu| wrap(&tell(fleet, gpu), 0, width));
    let most = usize::from(area.height);
    let room = most.saturating_sub(head.len() + 1 + tail.len());
    app.gpus.fit(fleet.rows().len(), room);
    let shown: Vec<usize> =
        fleet.rows().iter().skip(app.gpus.top).take(room).map(|gpu| *gpu as usize).collect();
    let rows: Vec<Vec<String>> = shown.iter().map(|gpu| row(fleet, *gpu)).collect();
    let mut lines = head;
    for (i, text) in table(&columns(fleet.sort()), &rows, width.saturating_sub(2)).into_iter().enumerate() {
        let chosen = i > 0 && app.gpus.top + i - 1 == app.gpus.cursor;
        let text = format!("{} {text}", if chosen { '>' } else { ' ' });
        let pad = " ".repeat(width.saturating_sub(cells(&text)));
        lines.push(match (i, chosen) {
            (0, _) => Line::styled(text, paint.head()),
            (_, true) => Line::styled(format!("{text}{pad}"), paint.chosen()),
            _ => Line::from(text),
        });
    }
    lines.extend((rows.len()..room).map(|_| Line::default()));
    lines.extend(tail.into_iter().map(|l| Line::styled(l, paint.soft())));
    super::put(buf, area, &lines);
}

/// What is listed, in which order.
fn listed(app: &App, width: usize) -> String {
    let fleet = &app.model.fleet;
    let found = match fleet.filter().trim() {
        "" => format!("{} listed", count(fleet.rows().len())),
        asked => format!("{} with \"{asked}\" in rack, node, job or UUID", count(fleet.rows().len())),
    };
    let unknown = if fleet.sort() == Quantity::Place { "" } else { ", after what is not known" };
    cut(&format!("{found}, {}{unknown}.", fleet.sort().order()), width)
}

fn row(fleet: &Fleet, gpu: usize) -> Vec<String> {
    let who = fleet.who(gpu);
    let mut out = vec![format!("{} GPU {}", who.node, who.number), who.rack.to_owned(), who.job.to_owned()];
    out.extend(Quantity::COLUMNS.map(|of| fleet.said(of, gpu)));
    out.push(who.uuid.to_owned());
    out
}

/// The numbers of a GPU in words.
fn tell(fleet: &Fleet, gpu: usize) -> String {
    let who = fleet.who(gpu);
    let numbers = Quantity::COLUMNS.map(|of| match (of, fleet.said(of, gpu)) {
        (Quantity::Held, said) if said == NOT_HELD => format!("clock {said}"),
        (Quantity::Held, said) if said.starts_with("not ") => format!("{} {said}", of.word()),
        (Quantity::Held, said) => format!("clock held by {said}"),
        (_, said) => format!("{} {said}", of.word()),
    });
    format!(
        "{}, {}, GPU {} ({}): {}. {}",
        who.rack,
        who.node,
        who.number,
        who.job,
        numbers.join("; "),
        who.uuid
    )
}
