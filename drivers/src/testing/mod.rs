//! What tests share: a real broker, if the machine has one, and the data that may lie beside the repository.

pub(crate) mod modbus;
pub(crate) mod python;

use crate::Clock;
use crate::context::{Beat, Context, Mailbox};
use headroom_site::{Inbox, Site, Span};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A mosquitto of this test's own.
pub(crate) struct Mosquitto {
    child: Child,
    config: PathBuf,
    pub(crate) port: u16,
}

impl Mosquitto {
    /// `None`, with a word on why, where mosquitto is not installed.
    pub(crate) fn start(port: u16) -> Option<Self> {
        let config = std::env::temp_dir().join(format!("headroom-mosquitto-{}-{port}", std::process::id()));
        let text = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\nmax_queued_messages 200000\n"
        );
        std::fs::write(&config, text).unwrap();
        let child = ["mosquitto", "/usr/sbin/mosquitto"].iter().find_map(|program| {
            Command::new(program)
                .arg("-c")
                .arg(&config)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .ok()
        });
        let Some(child) = child else {
            println!("skipped: mosquitto is not installed");
            return None;
        };
        for _ in 0..200 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Some(Self { child, config, port });
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("mosquitto did not open its port");
    }

    pub(crate) fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.config);
    }
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
    let (mailbox, beat) = (Arc::new(Mailbox::default()), Arc::new(Beat::new(window)));
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
