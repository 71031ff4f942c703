//! The web page at `/`: one screen for people that reads the daemon's JSON pages once a second.
//!
//! Responsible for: handing out its files, which are part of the program, with headers that keep a browser to this host.
//! Not for: what it shows (`view`, `trend`, `seen`), nor what an operator says on it (`crate::instruct::desk`); nothing is
//! reckoned here.

use axum::Router;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Nothing from elsewhere, nothing inline, nothing around it.
const POLICY: &str =
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// A file of the page.
#[derive(Debug, Clone, Copy)]
struct Asset {
    path: &'static str,
    kind: &'static str,
    text: &'static str,
}

macro_rules! asset {
    ($path:literal, $kind:ident, $file:literal) => {
        Asset { path: $path, kind: $kind, text: include_str!(concat!("assets/", $file)) }
    };
}

/// All files of the page.
const ASSETS: [Asset; 18] = [
    asset!("/", HTML, "page.html"),
    asset!("/page.css", CSS, "page.css"),
    asset!("/page.svg", SVG, "page.svg"),
    asset!("/page.js", JS, "page.js"),
    asset!("/page/ask.js", JS, "ask.js"),
    asset!("/page/say.js", JS, "say.js"),
    asset!("/page/dom.js", JS, "dom.js"),
    asset!("/page/spark.js", JS, "spark.js"),
    asset!("/page/overview.js", JS, "overview.js"),
    asset!("/page/trouble.js", JS, "trouble.js"),
    asset!("/page/advice.js", JS, "advice.js"),
    asset!("/page/plant.js", JS, "plant.js"),
    asset!("/page/cooling.js", JS, "cooling.js"),
    asset!("/page/power.js", JS, "power.js"),
    asset!("/page/gpus.js", JS, "gpus.js"),
    asset!("/page/heat.js", JS, "heat.js"),
    asset!("/page/timeline.js", JS, "timeline.js"),
    asset!("/page/plot.js", JS, "plot.js"),
];

/// The routes.
pub(crate) fn routes() -> Router {
    let add = |router: Router, asset: Asset| {
        router.route(asset.path, get(move |asked: HeaderMap| async move { asset.answer(&asked) }))
    };
    ASSETS.into_iter().fold(Router::new(), add)
}

impl Asset {
    /// A name for what is in it.
    fn tag(self) -> String {
        let mut hasher = DefaultHasher::new();
        self.text.hash(&mut hasher);
        format!("\"{:016x}\"", hasher.finish())
    }

    /// The file, or that the browser has it already.
    fn answer(self, asked: &HeaderMap) -> Response {
        let tag = self.tag();
        let known = asked.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
        let head: [(HeaderName, &str); 6] = [
            (CONTENT_TYPE, self.kind),
            (CACHE_CONTROL, "no-cache"),
            (ETAG, &tag),
            (CONTENT_SECURITY_POLICY, POLICY),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (REFERRER_POLICY, "no-referrer"),
        ];
        if known {
            return (StatusCode::NOT_MODIFIED, head).into_response();
        }
        (head, self.text).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_the_browser_has_is_not_sent_again() {
        let page = ASSETS[0];
        let first = page.answer(&HeaderMap::new());
        assert_eq!(first.status(), StatusCode::OK);
        let asked: HeaderMap = [(IF_NONE_MATCH, first.headers()[ETAG].clone())].into_iter().collect();
        assert_eq!(page.answer(&asked).status(), StatusCode::NOT_MODIFIED);
    }

    #[test]
    fn files_have_one_place_each_and_are_short() {
        for (i, asset) in ASSETS.iter().enumerate() {
            assert!(ASSETS[..i].iter().all(|a| a.path != asset.path), "{}", asset.path);
            assert!(asset.text.lines().count() <= 300, "{}", asset.path);
        }
    }
}
