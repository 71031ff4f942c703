//! Asking the daemon once a second, apart from keys and drawing.
//!
//! Responsible for: which page is asked when, and a sentence where none came. Not for: what is made of it (`model`).

use super::gpus::{Grid, Layout};
use super::model::{Said, Trend};
use super::tab::Tab;
use crate::run::view::View;
use crate::status::{Answered, Reader};
use serde::de::DeserializeOwned;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval};

/// Time between two looks.
const EVERY: Duration = Duration::from_secs(1);
/// Of what the daemon says of a fault, so many characters are kept.
const SAID: usize = 200;

/// Who asks, and what it knows of the last answers.
pub(super) struct Poller {
    reader: Reader,
    url: String,
    /// Epoch and tick of the last status: a daemon that began anew has another past.
    last: Option<(u64, i64)>,
    /// The newest look of the trend.
    newest: Option<i64>,
    layout: Option<String>,
}

impl Poller {
    /// Of the daemon at an address. To be used inside a tokio runtime.
    pub(super) fn new(url: &str) -> Self {
        let url = url.trim_end_matches('/').to_owned();
        Self { reader: Reader::new(), url, last: None, newest: None, layout: None }
    }

    /// A page, or one sentence why not.
    async fn ask<T: DeserializeOwned>(&self, path: &str) -> Result<T, String> {
        let bytes =
            self.reader.get(&format!("{}{path}", self.url)).await.map_err(|why| sentence(path, &why))?;
        serde_json::from_slice(&bytes).map_err(|_| format!("what {path} answered is not this daemon's"))
    }

    /// Status and trend; why not, where one of them did not come.
    pub(super) async fn look(&mut self) -> Vec<Said> {
        match self.status().await {
            Ok(status) => vec![status, self.trend().await.unwrap_or_else(Said::Missed)],
            Err(why) => vec![Said::Missed(why)],
        }
    }

    async fn status(&mut self) -> Result<Said, String> {
        let status: View = self.ask("/status").await?;
        if self.last.is_some_and(|(epoch, unix_ms)| status.epoch != epoch || status.unix_ms < unix_ms) {
            self.newest = None;
        }
        self.last = Some((status.epoch, status.unix_ms));
        Ok(Said::Status(Box::new(status)))
    }

    async fn trend(&mut self) -> Result<Said, String> {
        let path = self.newest.map_or("/trend".to_owned(), |newest| format!("/trend?after={newest}"));
        let looks: Trend = self.ask(&path).await?;
        let more = self.newest.is_some();
        self.newest = looks.unix_ms.last().copied().or(self.newest);
        Ok(Said::Trend { looks, more })
    }

    /// The grid of GPUs, and the layout where it is another one.
    async fn gpus(&mut self) -> Result<Vec<Said>, String> {
        let mut out = Vec::new();
        let grid: Grid = self.ask("/gpus/grid").await?;
        if self.layout.as_deref() != Some(grid.layout()) {
            let layout: Layout = self.ask("/gpus/layout").await?;
            self.layout = Some(layout.layout.clone());
            out.push(Said::Layout(Box::new(layout)));
        }
        out.push(Said::Grid(Box::new(grid)));
        Ok(out)
    }

    /// What the shown view asks for by itself.
    async fn view(&mut self, tab: Tab) -> Vec<Said> {
        if tab != Tab::Gpus {
            return vec![Said::View(Ok(()))];
        }
        match self.gpus().await {
            Ok(mut said) => {
                said.push(Said::View(Ok(())));
                said
            }
            Err(why) => vec![Said::View(Err(why))],
        }
    }

    /// Asks until nobody listens; a view that is turned to has its pages at once.
    pub(super) async fn run(mut self, mut tab: watch::Receiver<Tab>, out: mpsc::Sender<Said>) {
        let mut due = interval(EVERY);
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let whole = tokio::select! {
                _ = due.tick() => true,
                turned = tab.changed() => if turned.is_ok() { false } else { return },
            };
            let mut said = if whole { self.look().await } else { Vec::new() };
            if !said.iter().any(|s| matches!(s, Said::Missed(_))) {
                let shown = *tab.borrow_and_update();
                said.extend(self.view(shown).await);
            }
            for one in said {
                if out.send(one).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Why there is no page, short.
fn sentence(path: &str, why: &anyhow::Error) -> String {
    if let Some(Answered { code, said }) = why.downcast_ref() {
        return format!("{path} answered {code}: {}", said.chars().take(SAID).collect::<String>());
    }
    let (first, cause) = (why.to_string(), why.root_cause().to_string());
    if first == cause { first } else { format!("{first}: {cause}") }
}
