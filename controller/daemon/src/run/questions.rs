//! Questions to the loop: answered between two ticks, of the very line that decides.
//!
//! Responsible for: how a page asks and waits, and how many may. Not for: what is asked (`explain`, `what_if`, `diagram`).
//!
//! A question looks and changes nothing: it has the line as a shared reference, and the loop goes on when it is answered.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use headroom_core::Line;
use tokio::sync::{mpsc, oneshot};

/// Questions that wait for the loop; more are told to come again.
const WAITING: usize = 16;

/// One question with the way of its answer.
pub(crate) type Question = Box<dyn FnOnce(&Line) + Send>;

/// Where pages ask.
#[derive(Debug, Clone)]
pub(crate) struct Questions(mpsc::Sender<Question>);

/// The loop has too many questions already, or has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Busy;

impl Questions {
    /// Where pages ask, and where the loop finds what they ask.
    pub(crate) fn new() -> (Self, mpsc::Receiver<Question>) {
        let (ask, asked) = mpsc::channel(WAITING);
        (Self(ask), asked)
    }

    /// What the line says, once the loop comes to it.
    ///
    /// # Errors
    /// Too many ask already.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        of: impl FnOnce(&Line) -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let (answer, answered) = oneshot::channel();
        let question: Question = Box::new(move |line| {
            // Who no longer waits needs no answer.
            let _ = answer.send(of(line));
        });
        self.0.try_send(question).map_err(|_| Busy)?;
        answered.await.map_err(|_| Busy)
    }
}

impl IntoResponse for Busy {
    fn into_response(self) -> Response {
        (StatusCode::SERVICE_UNAVAILABLE, "too many ask already\n").into_response()
    }
}
