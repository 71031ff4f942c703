//! A store of a test's own, if the machine has one: NATS with JetStream, or etcd, as one process on loopback.
//!
//! Responsible for: starting it, stopping it in each way that a store can stop, and its folder. Not for: what stands in it.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Which one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Nats,
    Etcd,
}

/// A running store.
pub(crate) struct StoreServer {
    kind: Kind,
    folder: PathBuf,
    port: u16,
    peer: u16,
    /// Lines of nats-server's own configuration.
    more: String,
    child: Option<Child>,
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl StoreServer {
    /// `None`, and a word about it, where it is not installed.
    pub(crate) fn start(kind: Kind, folder: &Path, more: &str) -> Option<Self> {
        std::fs::create_dir_all(folder).unwrap();
        let (folder, more) = (folder.to_owned(), more.to_owned());
        let mut store = Self { kind, folder, port: free_port(), peer: free_port(), more, child: None };
        store.again().then_some(store)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        match self.kind {
            Kind::Nats => {
                let config = self.folder.join("nats.conf");
                let store = self.folder.join("js").display().to_string();
                let text = format!(
                    "listen: 127.0.0.1:{}\njetstream {{ store_dir: \"{store}\", max_mem: 64MB, max_file: 256MB }}\n{}\n",
                    self.port, self.more
                );
                std::fs::write(&config, text).unwrap();
                command.arg("-c").arg(config);
            }
            Kind::Etcd => {
                let [client, peer] = [self.port, self.peer].map(|p| format!("http://127.0.0.1:{p}"));
                command.arg("--data-dir").arg(self.folder.join("etcd"));
                command.args(["--name", "test", "--initial-cluster", &format!("test={peer}")]);
                command.args(["--listen-client-urls", &client, "--advertise-client-urls", &client]);
                command.args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer]);
                // What is lost with the power is not what these tests are about.
                command.args(["--unsafe-no-fsync", "--log-level", "error"]);
            }
        }
        command
    }

    /// Starts it again; `false`, and a word about it, where it is not installed.
    pub(crate) fn again(&mut self) -> bool {
        let programs: &[&str] = match self.kind {
            Kind::Nats => &["nats-server", "/usr/sbin/nats-server"],
            Kind::Etcd => &["etcd", "/usr/bin/etcd"],
        };
        let log =
            || std::fs::OpenOptions::new().create(true).append(true).open(self.folder.join("log")).unwrap();
        let run = |program: &&str| {
            self.command(program).stdin(Stdio::null()).stdout(log()).stderr(log()).spawn().ok()
        };
        let Some(child) = programs.iter().find_map(run) else {
            println!("skipped: {} is not installed", programs[0]);
            return false;
        };
        self.child = Some(child);
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(20), "{} does not listen", programs[0]);
            std::thread::sleep(Duration::from_millis(20));
        }
        true
    }

    /// What stands behind `--store`.
    pub(crate) fn url(&self) -> String {
        let scheme = if self.kind == Kind::Nats { "nats" } else { "etcd" };
        format!("{scheme}://127.0.0.1:{}", self.port)
    }

    /// Stops it as a crashed machine or a cut cable would: its connections stay open and say nothing.
    pub(crate) fn pause(&self) {
        self.signal("-STOP");
    }

    pub(crate) fn resume(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let id = self.child.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for StoreServer {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
