//! What tests share: a real broker, if the machine has one, and the data that may lie beside the repository.

mod authority;
pub(crate) mod broker;
pub(crate) mod modbus;
pub(crate) mod pages;
pub(crate) mod python;

pub(crate) use authority::Authority;
pub(crate) use broker::{Broker, Mosquitto};

use crate::Clock;
use crate::context::{Beat, Context, Mailbox};
use headroom_site::{Inbox, Site, Span};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A site from its text.
pub(crate) fn site(text: &str) -> Site {
    let text = format!("format = 1\n[site]\nname = \"test\"\n{text}");
    headroom_site::file::read_site("test.toml", &text, std::path::Path::new("."))
        .map_err(|f| format!("{f:#?}\n{text}"))
        .unwrap()
}

/// A context on the host's clock; the beat counts for `window`.
pub(crate) fn context(window: Span) -> Context {
    let (mailbox, beat) =
        (Arc::new(Mailbox::default()), Arc::new(Beat::new(window, crate::Mandate::unbounded())));
    Context { clock: Clock::host(), mailbox, beat }
}

/// Waits until what has arrived satisfies a condition, at most ten seconds.
pub(crate) async fn until(context: &Context, inbox: &mut Inbox, done: impl Fn(&Inbox) -> bool) {
    for _ in 0..2000 {
        context.mailbox.drain(inbox);
        if done(inbox) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("did not come to pass: {inbox:#?}");
}

/// A file of the data that may lie beside the repository, if it does.
pub(crate) fn shared(path: &str) -> Option<PathBuf> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let roots = std::env::var_os("HEADROOM_SHARED").map(PathBuf::from).into_iter().chain([beside]);
    roots.map(|root| root.join(path)).find(|p| p.exists())
}
