//! What is shown of what is known: the view, where it is scrolled to, and what keys do.
//!
//! Responsible for: keys. Not for: drawing (`view`), nor for the terminal (`live`).

use super::model::Model;
use super::paint::Paint;
use super::tab::Tab;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// The longest text that is looked for, characters.
const LONGEST: usize = 60;

/// What keys are for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Mode {
    #[default]
    Look,
    /// A text to find is typed; what was looked for before comes back if it is dropped.
    Find {
        typed: String,
        before: String,
    },
    Help,
}

/// Does it go on?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    Stay,
    Quit,
}

/// Where lines are scrolled to.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Scroll {
    pub(super) top: usize,
    /// Lines of the last picture.
    page: usize,
    all: usize,
}

impl Scroll {
    /// Takes the size of a picture.
    pub(super) fn fit(&mut self, all: usize, page: usize) {
        (self.all, self.page) = (all, page);
        self.top = self.top.min(all.saturating_sub(page));
    }
}

/// Which row is chosen, and which is the first in sight.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Rows {
    pub(super) cursor: usize,
    pub(super) top: usize,
    page: usize,
    all: usize,
}

impl Rows {
    /// Takes the size of a picture, and brings the cursor into sight.
    pub(super) fn fit(&mut self, all: usize, page: usize) {
        (self.all, self.page) = (all, page);
        self.cursor = self.cursor.min(all.saturating_sub(1));
        let least = (self.cursor + 1).saturating_sub(page);
        self.top = self.top.clamp(least, self.cursor.max(least)).min(all.saturating_sub(page).max(least));
    }
}

/// Steps of a key.
#[derive(Debug, Clone, Copy)]
enum Move {
    Up(usize),
    Down(usize),
    PageUp,
    PageDown,
    First,
    Last,
}

impl Move {
    fn of(key: KeyCode) -> Option<Self> {
        Some(match key {
            KeyCode::Up | KeyCode::Char('k') => Self::Up(1),
            KeyCode::Down | KeyCode::Char('j') => Self::Down(1),
            KeyCode::PageUp => Self::PageUp,
            KeyCode::PageDown => Self::PageDown,
            KeyCode::Home => Self::First,
            KeyCode::End => Self::Last,
            _ => return None,
        })
    }

    /// The new place on a scale up to `most`; a page is one line less than what is in sight.
    fn from(self, at: usize, page: usize, most: usize) -> usize {
        let page = page.saturating_sub(1).max(1);
        match self {
            Self::Up(n) => at.saturating_sub(n),
            Self::Down(n) => at.saturating_add(n).min(most),
            Self::PageUp => at.saturating_sub(page),
            Self::PageDown => at.saturating_add(page).min(most),
            Self::First => 0,
            Self::Last => most,
        }
    }
}

/// All of it.
#[derive(Debug)]
pub(super) struct App {
    pub(super) model: Model,
    pub(super) paint: Paint,
    pub(super) url: String,
    pub(super) tab: Tab,
    pub(super) mode: Mode,
    /// Of each view that is lines.
    pub(super) scroll: [Scroll; Tab::ALL.len()],
    pub(super) gpus: Rows,
}

impl App {
    /// Nothing known yet.
    pub(super) fn new(url: &str, paint: Paint) -> Self {
        Self {
            model: Model::default(),
            paint,
            url: url.to_owned(),
            tab: Tab::default(),
            mode: Mode::default(),
            scroll: Default::default(),
            gpus: Rows::default(),
        }
    }

    /// A key was pressed.
    pub(super) fn press(&mut self, key: KeyEvent) -> After {
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return if key.code == KeyCode::Char('c') { After::Quit } else { After::Stay };
        }
        match self.mode {
            Mode::Find { .. } => self.type_key(key.code),
            _ if key.code == KeyCode::Char('q') => return After::Quit,
            Mode::Help => self.mode = Mode::Look,
            Mode::Look => self.look_key(key.code),
        }
        After::Stay
    }

    fn look_key(&mut self, key: KeyCode) {
        let gpus = self.tab == Tab::Gpus;
        match key {
            KeyCode::Char(c @ '1'..='5') => self.tab = Tab::ALL[c as usize - '1' as usize],
            KeyCode::Tab => self.tab = self.tab.further(1),
            KeyCode::BackTab => self.tab = self.tab.further(Tab::ALL.len() - 1),
            KeyCode::Char('?') => self.mode = Mode::Help,
            KeyCode::Char('s') if gpus => self.model.fleet.sort_next(),
            KeyCode::Char('/') if gpus => {
                let before = self.model.fleet.filter().to_owned();
                self.mode = Mode::Find { typed: before.clone(), before };
            }
            KeyCode::Esc if gpus => self.find(""),
            other => {
                if let Some(step) = Move::of(other) {
                    self.go(step);
                }
            }
        }
    }

    fn go(&mut self, step: Move) {
        if self.tab == Tab::Gpus {
            let rows = &mut self.gpus;
            rows.cursor = step.from(rows.cursor, rows.page, rows.all.saturating_sub(1));
        } else {
            let scroll = &mut self.scroll[self.tab.place()];
            scroll.top = step.from(scroll.top, scroll.page, scroll.all.saturating_sub(scroll.page));
        }
    }

    fn type_key(&mut self, key: KeyCode) {
        let Mode::Find { typed, before } = &mut self.mode else { return };
        let asked = match key {
            KeyCode::Enter => {
                self.mode = Mode::Look;
                return;
            }
            KeyCode::Esc => {
                let before = std::mem::take(before);
                self.mode = Mode::Look;
                before
            }
            KeyCode::Backspace => {
                typed.pop();
                typed.clone()
            }
            KeyCode::Char(c) if typed.chars().count() < LONGEST => {
                typed.push(c);
                typed.clone()
            }
            _ => return,
        };
        self.find(&asked);
    }

    fn find(&mut self, asked: &str) {
        self.model.fleet.find(asked);
        self.gpus = Rows::default();
    }
}
