//! The ledger of the daemon: accounts that are fed beside the line, kept on disk and shown.
//!
//! Responsible for: when hours are written and the open one is set down. Not for: what is booked (`headroom-core`), the file
//! (`book`), or how it is told (`view`).
//!
//! Accounting never stops the loop: what cannot be written is told once, and goes on in memory.

pub(crate) mod book;
pub(crate) mod responses;
pub(crate) mod rows;
pub(crate) mod view;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use book::Book;
use headroom_core::Line;
use headroom_core::ledger::{Accounts, Hour};
use headroom_site::{Span, Stamp};
use responses::ResponseLine;
use rows::Account;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use view::Summary;

/// Time between two settings down of the open hour: what a kill loses at most.
pub(crate) const EACH: Span = Span::from_ms(60_000);
/// Closed hours that the page tells of.
const HOURS: usize = 24;

/// Page `/ledger`.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Page {
    /// The open hour, at most a minute behind.
    pub(crate) open: Account,
    /// Since this controller began.
    pub(crate) since_start: Account,
    /// The last closed hours, the newest first.
    pub(crate) hours: VecDeque<Summary>,
    /// Why nothing is kept on disk, if so.
    pub(crate) not_kept: Option<String>,
}

/// What `/status` tells of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Told {
    /// The open hour, at most a minute behind.
    pub(crate) hour: Summary,
    /// Since this controller began: tokens lost to drift and to throttling, and GPUs' energy beyond what the work needed.
    pub(crate) drift_tokens: f64,
    pub(crate) throttled_tokens: f64,
    pub(crate) gpus_over_kwh: f64,
    /// Demand responses that last, or whose end is a while ago at most.
    #[serde(default)]
    pub(crate) responses: Vec<ResponseLine>,
}

/// What looks at it.
pub(crate) type Shared = Arc<Mutex<Page>>;

/// Accounts, and where they go.
pub(crate) struct Keeper {
    accounts: Accounts,
    book: Option<Book>,
    shared: Shared,
    /// Closed hours since the start, together.
    closed: Hour,
    hours: VecDeque<Summary>,
    not_kept: Option<String>,
    kept: Option<Stamp>,
    /// Turns of responses that were shown.
    turns: u64,
}

impl Keeper {
    /// Begins, and settles what an earlier controller left open.
    pub(crate) fn new(line: &Line, epoch: u64, state: &Path) -> Self {
        let opened = Book::open(state, &line.site().name);
        let (book, not_kept) = match opened {
            Ok(book) => (Some(book), None),
            Err(why) => {
                tracing::warn!("no ledger is kept on disk: {why:#}");
                (None, Some(format!("{why:#}")))
            }
        };
        let mut accounts = Accounts::new(line, epoch);
        accounts.take_up(book.as_ref().map_or(&[], Book::responses));
        Self {
            accounts,
            book,
            shared: Shared::default(),
            closed: Hour::default(),
            hours: VecDeque::new(),
            not_kept,
            kept: None,
            turns: 0,
        }
    }

    /// Whoever shows it.
    pub(crate) fn shared(&self) -> Shared {
        Arc::clone(&self.shared)
    }

    /// Books the tick that the line has just made.
    pub(crate) fn tick(&mut self, line: &Line) {
        self.accounts.book(line);
        let now = line.snapshot().stamp;
        let mut closed = false;
        while let Some(hour) = self.accounts.closed() {
            closed = true;
            self.write(|book| book.append(&hour));
            self.hours.push_front(Summary::of(&hour));
            self.hours.truncate(HOURS);
            self.closed.add(&hour);
        }
        let turned = self.accounts.turns() != self.turns;
        self.turns = self.accounts.turns();
        if closed || turned || self.kept.is_none_or(|at| now.since(at) >= EACH || now < at) {
            self.kept = Some(now);
            let open = self.accounts.open(line);
            self.write(|book| book.set_down(&open));
            self.show(&open);
        }
    }

    /// The open hour ends here, because the controller does.
    pub(crate) fn end(&mut self, line: &Line) {
        let open = self.accounts.open(line);
        self.write(|book| book.append(&open));
    }

    /// Tells a page that was told something older.
    pub(crate) fn tell(&self, told: &mut Told) {
        let page = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if told.hour.to_unix_ms == page.open.summary.to_unix_ms && told.responses == page.open.responses {
            return;
        }
        told.hour.clone_from(&page.open.summary);
        let all = &page.since_start.summary;
        told.drift_tokens = all.token.lost_to_drift;
        told.throttled_tokens = all.token.lost_to_throttling;
        told.gpus_over_kwh = all.watt.gpus_over_kwh;
        told.responses.clone_from(&page.open.responses);
    }

    fn show(&self, open: &Hour) {
        let mut all = self.closed.clone();
        all.add(open);
        let mut page = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        page.open = Account::of(open);
        page.since_start = Account::of(&all);
        page.hours.clone_from(&self.hours);
        page.not_kept.clone_from(&self.not_kept);
    }

    /// Does something with the book; one that fails is not tried again.
    fn write(&mut self, what: impl FnOnce(&mut Book) -> anyhow::Result<()>) {
        if let Some(book) = &mut self.book
            && let Err(why) = what(book)
        {
            tracing::warn!("the ledger is no longer kept on disk: {why:#}");
            self.not_kept = Some(format!("{why:#}"));
            self.book = None;
        }
    }
}

/// The route.
pub(crate) fn routes(shared: Shared) -> Router {
    Router::new().route("/ledger", get(page)).with_state(shared)
}

async fn page(State(shared): State<Shared>) -> Json<Page> {
    Json(shared.lock().unwrap_or_else(PoisonError::into_inner).clone())
}
