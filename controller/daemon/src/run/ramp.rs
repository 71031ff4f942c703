//! The site on its way up, and how far it swings, for people and machines.

use headroom_core::propose::power::{SiteRamp, SiteSwing};
use serde::{Deserialize, Serialize};

/// The site on its way up.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct RampView {
    pub(crate) draws_w: f64,
    pub(crate) may_draw_w: f64,
    pub(crate) needs_w: f64,
}

impl From<SiteRamp> for RampView {
    fn from(site: SiteRamp) -> Self {
        Self { draws_w: site.draws_w, may_draw_w: site.may_draw_w, needs_w: site.needs_w }
    }
}

/// How far the site may swing within seconds, peak to peak.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct SwingView {
    pub(crate) allowed_w: f64,
    /// If all swing together and nothing is held for it, and as it is held.
    pub(crate) free_w: f64,
    pub(crate) held_w: f64,
    pub(crate) kept: bool,
    /// GPUs whose swing is not fully seen.
    #[serde(default)]
    pub(crate) blind: usize,
}

impl From<SiteSwing> for SwingView {
    fn from(s: SiteSwing) -> Self {
        Self { allowed_w: s.allowed_w, free_w: s.free_w, held_w: s.held_w, kept: s.kept, blind: s.blind }
    }
}
