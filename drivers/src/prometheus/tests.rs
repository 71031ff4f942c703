//! Over a real socket: a page, a page that is gone, one that never ends, one that says no.

mod engines;

use super::start;
use crate::testing::pages::Server;
use crate::testing::{context, site, until};
use headroom_site::{Inbox, Quality, Reading, Reason, Span};

fn text(port: u16) -> String {
    format!(
        r#"
[[prometheus]]
id = "serving"
url = "http://127.0.0.1:{port}/metrics"
poll = "20 ms"
[[point]]
id = "tokens"
of = "site"
unit = "tokens"
counter = true
from = {{ prometheus = "serving", metric = "tokens_total", labels = {{ model = "a" }} }}
[[point]]
id = "queue"
of = "site"
unit = "count"
from = {{ prometheus = "serving", metric = "queue" }}
[[point]]
id = "gone"
of = "site"
unit = "count"
from = {{ prometheus = "serving", metric = "gone" }}
"#
    )
}

const PAGE: &str = "# HELP tokens_total x\n# TYPE tokens_total counter\n\
tokens_total{model=\"a\",gpu=\"0\"} 1.5e3\ntokens_total{model=\"a\",gpu=\"1\"} 500 1700000000000\n\
tokens_total{model=\"b\"} 7\ntokens_total_created 3\nbroken{ 1\nqueue NaN\n";

fn last_of(inbox: &Inbox, point: usize) -> Option<Reading> {
    inbox.readings.iter().rev().find(|r| r.point.index() == point).copied()
}

#[tokio::test]
async fn series_are_summed_and_every_trouble_has_its_quality() {
    let server = Server::open(PAGE.to_owned()).await;
    let site = site(&text(server.port));
    let context = context(Span::from_ms(100));
    let handle = start(&site, 0, context.clone());
    let mut inbox = Inbox::default();
    until(&context, &mut inbox, |i| last_of(i, 2).is_some()).await;
    let tokens = last_of(&inbox, 0).unwrap();
    assert!(tokens.quality.is_good() && (tokens.value - 2000.0).abs() < 1e-9);
    assert_eq!(last_of(&inbox, 1).unwrap().quality, Quality::Bad(Reason::NotANumber));
    assert_eq!(last_of(&inbox, 2).unwrap().quality, Quality::Bad(Reason::NotSupported));
    until(&context, &mut inbox, |_| !handle.status.lock().unwrap().missing.is_empty()).await;
    assert_eq!(handle.status.lock().unwrap().missing, ["point `gone`: it has no `gone`"]);

    server.break_down();
    until(&context, &mut inbox, |i| last_of(i, 0).is_some_and(|r| !r.quality.is_good())).await;
    assert_eq!(last_of(&inbox, 0).unwrap().quality, Quality::Bad(Reason::NoCommunication));
    until(&context, &mut inbox, |_| handle.status.lock().unwrap().trouble.is_some()).await;
    assert!(handle.status.lock().unwrap().trouble.clone().is_some_and(|t| t.contains("503")));
    server.say(PAGE);
    until(&context, &mut inbox, |i| last_of(i, 0).is_some_and(|r| r.quality.is_good())).await;
    server.close();
    until(&context, &mut inbox, |i| last_of(i, 0).is_some_and(|r| !r.quality.is_good())).await;
    handle.task.abort();
}
