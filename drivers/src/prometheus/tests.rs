//! Over a real socket: a page, a page that is gone, one that never ends, one that says no.

mod engines;

use super::start;
use crate::testing::{context, site, until};
use headroom_site::{Inbox, Quality, Reading, Reason, Span};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

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

/// A page on loopback that says what it is told to say, once per connection.
struct Server {
    port: u16,
    answer: Arc<Mutex<String>>,
    task: JoinHandle<()>,
}

impl Server {
    async fn open(page: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let answer = Arc::new(Mutex::new(String::new()));
        let said = Arc::clone(&answer);
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let text = said.lock().unwrap().clone();
                tokio::spawn(async move {
                    let mut request = [0_u8; 2048];
                    let _ = stream.read(&mut request).await;
                    let _ = stream.write_all(text.as_bytes()).await;
                });
            }
        });
        let server = Self { port, answer, task };
        server.say(page);
        server
    }

    fn say(&self, page: String) {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n";
        *self.answer.lock().unwrap() = head.to_owned() + &page;
    }

    fn break_down(&self) {
        *self.answer.lock().unwrap() =
            "HTTP/1.1 503 Busy\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".into();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
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
    server.say(PAGE.to_owned());
    until(&context, &mut inbox, |i| last_of(i, 0).is_some_and(|r| r.quality.is_good())).await;
    server.task.abort();
    until(&context, &mut inbox, |i| last_of(i, 0).is_some_and(|r| !r.quality.is_good())).await;
    handle.task.abort();
}
