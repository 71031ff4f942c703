//! The pages inside TLS: the daemon's side, and that of the verbs that read them.
//!
//! Rooms: `server` (certificates, handshakes, who came), `client` (whom a verb trusts, and who it says it is). Not for: what a
//! page says (`crate::run::http`), or what somebody may do (`crate::instruct::operators`).

pub(crate) mod client;
pub(crate) mod server;
