//! `[operator]` and `[promotion]`: what the word of an operator may do, and what must be shown besides it.
//!
//! Responsible for: their keys. Not for: who may say it (daemon), or what is made of it (`controller/core`).

use crate::words::within;
use headroom_site::Span;
use headroom_site::doc::Table;

/// What the word of an operator may do.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct OperatorWish {
    /// For how long at most advice that an operator has accepted is commanded, in a group that only advises. None: an acceptance
    /// is kept on record, and whoever gave it sets the setpoint by hand.
    pub accept: Option<Span>,
}

pub(crate) fn read(t: &Table<'_>) -> OperatorWish {
    let accept = t.get::<Span>("accept");
    if let Some(span) = accept {
        within(t, "accept", span.s(), (60.0, 7.0 * 86_400.0), ("1 min", "7 days"));
    }
    OperatorWish { accept }
}

/// What a group of actuators has to show before it commands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Promotion {
    /// Evidence of a backtest is asked for.
    pub required: bool,
    /// What the evidence must look at, at least.
    pub span: Span,
}

impl Default for Promotion {
    fn default() -> Self {
        Self { required: false, span: Span::from_ms(86_400_000) }
    }
}

pub(crate) fn promotion(t: &Table<'_>) -> Promotion {
    let span = t.get::<Span>("span");
    if let Some(span) = span {
        within(t, "span", span.s(), (3600.0, 366.0 * 86_400.0), ("1 h", "366 days"));
    }
    let default = Promotion::default();
    Promotion { required: t.or("evidence", false), span: span.unwrap_or(default.span) }
}
