//! What tests share: a real broker, if the machine has one, and the data that may lie beside the repository.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
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
