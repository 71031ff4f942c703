//! Who leads, as it is shown and counted.

use serde::{Deserialize, Serialize};
use std::fmt;

/// One of several controllers, as it sees them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct LeadershipView {
    /// This one leads; else it stands by.
    pub(crate) leads: bool,
    /// Id of this one.
    pub(crate) who: String,
    /// Id of who leads, if anybody does.
    pub(crate) leader: Option<String>,
    /// Since when, by the leader's clock.
    pub(crate) since_unix_ms: Option<i64>,
    /// Its epoch, or that of who has led last.
    pub(crate) epoch: u64,
    /// How long it leads on if nothing is heard of it from now on, s.
    pub(crate) left_s: f64,
    /// A leader that is not heard of for so long leads no more, s.
    pub(crate) term_s: f64,
    /// Where it stands who leads.
    pub(crate) store: String,
    /// Why the store does not answer.
    #[serde(default)]
    pub(crate) trouble: Option<String>,
    /// Ids of those that stand by, without this one.
    #[serde(default)]
    pub(crate) standbys: Vec<String>,
    /// How often this one has begun to lead.
    pub(crate) terms_begun: u64,
}

impl fmt::Display for LeadershipView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since = self.since_unix_ms.map(headroom_site::Stamp::from_unix_ms);
        match (&self.leader, since) {
            (Some(_), Some(since)) if self.leads => {
                write!(
                    f,
                    "LEADER  {} leads since {since}, epoch {}, for {:.1} s more",
                    self.who, self.epoch, self.left_s
                )?;
            }
            (Some(leader), Some(since)) => {
                write!(
                    f,
                    "STANDBY  {} writes nothing: {leader} leads since {since}, epoch {}",
                    self.who, self.epoch
                )?;
            }
            _ => write!(f, "STANDBY  {} writes nothing: nobody leads", self.who)?,
        }
        match self.standbys.as_slice() {
            [] if self.leads => f.write_str("; NOBODY STANDS BY")?,
            [] => {}
            by => write!(f, "; by stand {}", by.join(", "))?,
        }
        self.trouble.iter().try_for_each(|why| write!(f, "\nstore {} does not answer: {why}", self.store))
    }
}
