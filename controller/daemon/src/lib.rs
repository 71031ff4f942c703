//! What of the daemon others read: the journal. The verbs are the binary's own.

pub mod journal;
