//! The site on its way up, for people and machines.

use headroom_core::propose::power::SiteRamp;
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
