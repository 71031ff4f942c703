//! Pages of metrics without a server, and the agent's file without a disk.

use crate::Clock;
use crate::context::{Beat, Context, Mailbox};
use crate::nvml::persist::Contents;
use crate::prometheus::fetch::Fetched;
use crate::{dcgm, prometheus};
use headroom_site::{NodeReport, Reading, Site, Span, Stamp};
use std::sync::Arc;

fn context() -> Context {
    let (mailbox, beat) =
        (Arc::new(Mailbox::default()), Arc::new(Beat::new(Span::from_ms(100), crate::Mandate::none())));
    Context { clock: Clock::host(), mailbox, beat }
}

fn fetched(text: Option<&str>, stamp: Stamp, uncertainty: Span) -> Fetched {
    let text = text.map(str::to_owned).ok_or_else(|| "no answer".to_owned());
    Fetched { text, stamp, uncertainty }
}

/// The first DCGM page of a site.
pub struct DcgmPage(dcgm::Page);

impl DcgmPage {
    /// A page that was never read.
    #[must_use]
    pub fn new(site: &Site) -> Self {
        Self(dcgm::Page::new(site, 0, context()))
    }

    /// Reads a page; reports if it was collected anew.
    pub fn page(&mut self, text: &str, stamp: Stamp, uncertainty: Span) -> Vec<NodeReport> {
        let at = fetched(None, stamp, uncertainty);
        match self.0.take(text, &at) {
            Some((stamp, uncertainty)) => self.0.reports(stamp, uncertainty),
            None => Vec::new(),
        }
    }
}

/// All pages of a site that are read for points.
pub struct EnginePages(Vec<prometheus::Page>);

impl EnginePages {
    /// Pages that were never read.
    #[must_use]
    pub fn new(site: &Site) -> Self {
        let page = |i| prometheus::Page::new(site, i, context());
        Self((0..site.prometheus.len()).map(page).collect())
    }

    /// Every page says this, or does not answer; readings, and what is lacking, by page.
    pub fn page(&mut self, text: Option<&str>, stamp: Stamp) -> Vec<(Vec<Reading>, Vec<String>)> {
        let at = fetched(text, stamp, Span::from_ms(5));
        let one = |page: &mut prometheus::Page| {
            let lacks = page.take(&at, stamp);
            (page.readings().drain(..).collect(), lacks)
        };
        self.0.iter_mut().map(one).collect()
    }
}

/// The agent's file, written again from what was read of it.
///
/// # Errors
/// It is none, in words.
pub fn ownership(bytes: &[u8]) -> Result<Vec<u8>, String> {
    Contents::read(bytes)?.write().map_err(|e| e.to_string())
}
