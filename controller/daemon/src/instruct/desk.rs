//! The page `/instructions`: what stands, what was said last, and, for those whom the operators' file names, saying it.
//!
//! Responsible for: who may, what may be said, and answering once it is on disk. Not for: the file (`said`).
//!
//! | answer | means |
//! | --- | --- |
//! | 200 | kept; the next tick hears of it |
//! | 400 | no such word, no value, or one outside of what the policy allows |
//! | 401 | neither the token nor the certificate of anybody |
//! | 403 | this one may only look, or nobody may over HTTP |
//! | 404 | no such setpoint |
//! | 409 | this controller stands by: it is said to the one that leads |
//!
//! A token travels in a header that no browser sends by itself, so that no other page can make one instruct. A certificate is sent
//! by itself: what is said under it must be JSON by its content type, which no other page can send without being asked for leave.

use super::operators::{Operators, Role};
use super::said::{self, Said, Word};
use crate::https::server::Peer;
use crate::run::view::View;
use axum::extract::{ConnectInfo, DefaultBodyLimit, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Json, Router};
use headroom_drivers::Clock;
use headroom_site::Span;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Largest body, bytes.
const LARGEST: usize = 16 << 10;
/// Longest reason, characters.
const LONGEST: usize = 500;
/// Of what was said, so much is told.
const TOLD: usize = 100;

/// What the page needs.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) state: PathBuf,
    pub(crate) operators: Option<Arc<Operators>>,
    pub(crate) view: Arc<Mutex<View>>,
    pub(crate) clock: Clock,
}

/// What is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    actuator: String,
    word: Word,
    value: Option<f64>,
    for_s: Option<f64>,
    #[serde(default)]
    why: String,
}

/// Page `/instructions`.
#[derive(Debug, Serialize)]
struct Page {
    /// Somebody may instruct over HTTP.
    takes: bool,
    /// What was said last, the newest first.
    said: Vec<Said>,
    /// What is wrong with the file.
    wrong: Option<String>,
}

/// The route.
pub(crate) fn routes(desk: Desk) -> Router {
    let page = Router::new().route("/instructions", get(look).post(say));
    page.layer(DefaultBodyLimit::max(LARGEST)).with_state(desk)
}

async fn look(State(desk): State<Desk>) -> Json<Page> {
    let (said, wrong) = said::all(&desk.state);
    let said = said.into_iter().rev().take(TOLD).collect();
    Json(Page { takes: desk.operators.is_some(), said, wrong })
}

fn refuse(code: StatusCode, why: impl Into<String>) -> Response {
    (code, why.into() + "\n").into_response()
}

async fn say(
    State(desk): State<Desk>,
    peer: Option<Extension<ConnectInfo<Peer>>>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let peer = peer.map(|Extension(ConnectInfo(peer))| peer).unwrap_or_default();
    let by = match desk.who(&headers, peer) {
        Ok(by) => by,
        Err(refused) => return *refused,
    };
    let asked: Asked = match serde_json::from_str(&body) {
        Ok(asked) => asked,
        Err(why) => {
            let wants = "an instruction is {\"actuator\", \"word\": accept, reject, hold or auto, \"value\", \"for_s\", \"why\"}";
            return refuse(StatusCode::BAD_REQUEST, format!("{why}; {wants}"));
        }
    };
    match desk.keep(&asked, &by) {
        Ok(said) => {
            tracing::info!(actuator = %said.actuator, by = %said.by, "an operator says: {said}");
            Json(said).into_response()
        }
        Err(refused) => *refused,
    }
}

impl Desk {
    /// Who says this?
    fn who(&self, headers: &HeaderMap, peer: Peer) -> Result<String, Box<Response>> {
        let Some(operators) = &self.operators else {
            let why = "this daemon takes no instructions over HTTP: start it with --operators FILE, or say it on its host with `headroom instruct`";
            return Err(Box::new(refuse(StatusCode::FORBIDDEN, why)));
        };
        let token = headers.get(AUTHORIZATION).and_then(|a| a.to_str().ok()?.strip_prefix("Bearer "));
        let by_token = token.and_then(|token| operators.of(token.trim()));
        let json =
            headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
        let by_certificate = || peer.certificate.filter(|_| json).and_then(|own| operators.with(own));
        let Some(operator) = by_token.or_else(by_certificate) else {
            let why = "no token, or nobody's, and no certificate of an operator over application/json\n";
            return Err(Box::new(
                (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "Bearer")], why).into_response(),
            ));
        };
        if operator.role < Role::Operator {
            let why = format!("{} may only look", operator.name);
            return Err(Box::new(refuse(StatusCode::FORBIDDEN, why)));
        }
        Ok(operator.name.clone())
    }

    /// Does what is said here count?
    fn leads(&self) -> Result<(), String> {
        let view = self.view.lock().unwrap_or_else(PoisonError::into_inner);
        match view.leadership.as_ref().filter(|l| !l.leads) {
            None => Ok(()),
            Some(l) => {
                let leader = l.leader.as_deref().unwrap_or("nobody");
                Err(format!("this controller stands by, {leader} leads: say it there"))
            }
        }
    }

    /// Keeps what is asked for, if it may be said.
    fn keep(&self, asked: &Asked, by: &str) -> Result<Said, Box<Response>> {
        let bad = |why: String| Box::new(refuse(StatusCode::BAD_REQUEST, why));
        self.leads().map_err(|why| Box::new(refuse(StatusCode::CONFLICT, why)))?;
        let range = {
            let view = self.view.lock().unwrap_or_else(PoisonError::into_inner);
            view.actuators.iter().find(|a| a.id == asked.actuator).map(|a| (a.least, a.most, a.unit.clone()))
        };
        let Some((least, most, unit)) = range else {
            let why = format!("no setpoint is called `{}`", asked.actuator);
            return Err(Box::new(refuse(StatusCode::NOT_FOUND, why)));
        };
        said::check(asked.word, asked.value, (least, most), &unit).map_err(bad)?;
        if asked.for_s.is_some_and(|s| !(60.0..=31_622_400.0).contains(&s)) {
            return Err(bad("for_s is from 60 (a minute) to 31622400 (a year)".to_owned()));
        }
        if asked.why.chars().count() > LONGEST || asked.why.contains(char::is_control) {
            return Err(bad(format!("why is one line of at most {LONGEST} characters")));
        }
        let now = self.clock.now().unix_ms();
        let length = asked.for_s.map(Span::from_s);
        let said = Said::at(now, &asked.actuator, asked.word, asked.value, length, by, &asked.why);
        said.keep(&self.state).map_err(|why| {
            tracing::error!("an instruction is not kept: {why:#}");
            Box::new(refuse(StatusCode::INTERNAL_SERVER_ERROR, format!("not kept: {why:#}")))
        })?;
        Ok(said)
    }
}
