//! `[operator]`: what the word of an operator may do.
//!
//! Responsible for: its key. Not for: who may say it (daemon), or what is made of it (`controller/core`).

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
