//! How words look: bold, dim, and a few colours that only repeat what the words say.
//!
//! Responsible for: keeping colour out where `NO_COLOR` asks for it (<https://no-color.org>). Not for: meaning; everything
//! is said in words.

use ratatui::style::{Color, Modifier, Style};

/// Styles of one screen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paint {
    colour: bool,
}

impl Paint {
    /// With colour unless `NO_COLOR` is set and not empty.
    pub(super) fn of_environment() -> Self {
        Self { colour: std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()) }
    }

    /// With colour, whatever the environment says.
    #[cfg(test)]
    pub(super) const fn with_colour() -> Self {
        Self { colour: true }
    }

    /// Without colour.
    pub(super) const fn plain() -> Self {
        Self { colour: false }
    }

    fn with(self, style: Style, colour: Color) -> Style {
        if self.colour { style.fg(colour) } else { style }
    }

    /// Heads and figures.
    pub(super) fn head(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// What stands beside.
    pub(super) fn soft(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    /// What is chosen.
    pub(super) fn chosen(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// Everything while it may no longer hold.
    pub(super) fn stale(self) -> Style {
        self.with(self.soft(), Color::DarkGray)
    }

    /// Trends.
    pub(super) fn trend(self) -> Style {
        self.with(Style::new(), Color::Cyan)
    }

    /// Alarms, and what is over its limit.
    pub(super) fn alarm(self) -> Style {
        self.with(self.head(), Color::Red)
    }

    /// Warnings, and what is near its limit.
    pub(super) fn warning(self) -> Style {
        self.with(self.head(), Color::Yellow)
    }

    /// All is as it should be.
    pub(super) fn well(self) -> Style {
        self.with(self.head(), Color::Green)
    }
}
