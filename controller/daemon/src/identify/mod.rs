//! Identification: from a table of what was seen to a model of the site.
//!
//! Rooms: `recorder` (writes tables).

pub(crate) mod recorder;
