//! One picture: head, the chosen view, and the line of keys.
//!
//! Responsible for: what stands where, and cutting it to the room there is. Not for: what is known (`model`), nor for keys
//! (`app`).

mod cooling;
mod gpus;
mod help;
mod overview;
mod pairs;
mod power;
mod trends;

use super::app::{App, Mode};
use super::lay::{self, Column, cut, wrap};
use super::link::State;
use super::paint::Paint;
use super::tab::Tab;
use crate::run::alarms::Level;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use std::time::Instant;

/// Lines that a sentence about the daemon may take.
const SENTENCE: usize = 4;

/// Draws everything.
pub(super) fn draw(app: &mut App, area: Rect, buf: &mut Buffer, now: Instant) {
    let head = top(app, usize::from(area.width), now, true);
    let stale = app.model.freshness(now).state == State::Stale;
    let head_rows = u16::try_from(head.len()).unwrap_or(u16::MAX).min(area.height.saturating_sub(1));
    put(buf, Rect { height: head_rows, ..area }, &head);
    let rows = area.height.saturating_sub(head_rows + 1);
    let body = Rect { y: area.y + head_rows, height: rows, ..area };
    draw_body(app, body, buf);
    if stale {
        buf.set_style(body, app.paint.stale());
    }
    if area.height > 0 {
        let last = Rect { y: area.bottom() - 1, height: 1, ..area };
        put(buf, last, &[keys(app)]);
    }
}

/// The overview as lines of text, as wide as asked and as long as it is.
pub(super) fn once(app: &App, width: u16, now: Instant) -> Vec<String> {
    let mut lines = top(app, usize::from(width), now, false);
    if let Some(v) = app.model.shown() {
        lines.extend(overview::lines(v, &app.model.trend, usize::from(width), app.paint));
    }
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX);
    let area = Rect::new(0, 0, width, height);
    let mut buf = Buffer::empty(area);
    put(&mut buf, area, &lines);
    text(&buf)
}

/// What a buffer shows, without its styles.
pub(super) fn text(buf: &Buffer) -> Vec<String> {
    let line = |y: u16| {
        let row: String = buf.area.columns().map(|c| buf[(c.x, y)].symbol().to_owned()).collect();
        row.trim_end().to_owned()
    };
    (buf.area.top()..buf.area.bottom()).map(line).collect()
}

fn draw_body(app: &mut App, area: Rect, buf: &mut Buffer) {
    let (width, paint, tab) = (usize::from(area.width), app.paint, app.tab);
    if app.mode == Mode::Help {
        put(buf, area, &help::lines(width, paint));
        return;
    }
    if tab == Tab::Gpus {
        gpus::draw(app, area, buf);
        return;
    }
    let Some(v) = app.model.shown() else { return };
    let lines = match tab {
        Tab::Overview | Tab::Gpus => overview::lines(v, &app.model.trend, width, paint),
        Tab::Cooling => cooling::lines(v, width, paint),
        Tab::Power => power::lines(v, width, paint),
        Tab::Trends => trends::lines(v, &app.model.trend, width, paint),
    };
    let scroll = &mut app.scroll[tab.place()];
    scroll.fit(lines.len(), usize::from(area.height));
    put(buf, area, &lines[scroll.top.min(lines.len())..]);
}

/// Site, views, alarms, and how fresh everything is.
fn top(app: &App, width: usize, now: Instant, tabs: bool) -> Vec<Line<'static>> {
    let paint = app.paint;
    let fresh = app.model.freshness(now);
    let mut out = Vec::new();
    match app.model.shown() {
        Some(v) => {
            let may = match v.may() {
                "commands" => "the daemon commands the plant",
                "stands by" => "the daemon stands by, another one leads",
                _ => "the daemon only advises",
            };
            let text = format!("Headroom {}, policy {}; {may}, epoch {}", v.site, v.policy, v.epoch);
            out.push(Line::styled(cut(&text, width), paint.head()));
        }
        None => out.push(Line::styled(cut(&format!("Headroom at {}", app.url), width), paint.head())),
    }
    if tabs {
        out.push(views(app));
    }
    let style = match fresh.state {
        State::Live => paint.well(),
        State::Waiting => paint.head(),
        State::Stale => paint.warning(),
    };
    out.extend(wrap(&fresh.says, 0, width).into_iter().take(SENTENCE).map(|l| Line::styled(l, style)));
    out.extend(app.model.shown().and_then(|v| alarms(v, width, paint)));
    out
}

/// The views, the chosen one in brackets.
fn views(app: &App) -> Line<'static> {
    let name = |tab: Tab| {
        let text = format!("{} {}", tab.place() + 1, tab.name());
        if tab == app.tab && app.mode != Mode::Help {
            Span::styled(format!("[{text}]"), app.paint.chosen())
        } else {
            Span::raw(format!(" {text} "))
        }
    };
    Line::from(Tab::ALL.map(|tab| [name(tab), Span::raw(" ")]).concat())
}

/// How many alarms there are, and the first of them.
fn alarms(v: &crate::run::view::View, width: usize, paint: Paint) -> Option<Line<'static>> {
    let mut alarms = v.alarms.iter().filter(|t| t.level == Level::Alarm);
    let first = alarms.next()?;
    let text = match 1 + alarms.count() {
        1 => format!("1 alarm: {}", first.title),
        n => format!("{n} alarms, the first: {}", first.title),
    };
    Some(Line::styled(cut(&text, width), paint.alarm()))
}

/// Every key that does something now.
fn keys(app: &App) -> Line<'static> {
    let style = app.paint.chosen();
    match &app.mode {
        Mode::Help => Line::styled("any key: back  q quit", style),
        Mode::Find { typed, .. } => {
            Line::styled(format!("find: {typed}_  (rack, node, job or UUID)  Enter keep  Esc drop"), style)
        }
        Mode::Look if app.tab == Tab::Gpus => Line::styled(
            "1-5 Tab view  ↑↓ jk PgUp PgDn Home End move  s sort  / filter  ? help  q quit",
            style,
        ),
        Mode::Look => Line::styled("1-5 Tab view  ↑↓ jk PgUp PgDn Home End move  ? help  q quit", style),
    }
}

/// A head of a section.
fn head(text: &str, paint: Paint) -> Line<'static> {
    Line::styled(format!("-- {text} --"), paint.head())
}

/// A table as lines, or what stands where there is none.
fn rows(columns: &[Column], rows: &[Vec<String>], width: usize, none: &str) -> Vec<Line<'static>> {
    if rows.is_empty() {
        return vec![Line::from(none.to_owned())];
    }
    lay::table(columns, rows, width).into_iter().map(Line::from).collect()
}

/// Writes lines into an area; what does not fit is left out.
fn put(buf: &mut Buffer, area: Rect, lines: &[Line<'_>]) {
    let area = area.intersection(buf.area);
    for (y, line) in (area.top()..area.bottom()).zip(lines) {
        buf.set_line(area.x, y, line, area.width);
    }
}
