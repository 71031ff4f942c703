//! A peer in Python, with which a test talks line by line.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A script of `tests/python` at work.
pub(crate) struct Script {
    child: Child,
    input: Option<ChildStdin>,
    heard: Arc<Mutex<Vec<serde_json::Value>>>,
}

impl Script {
    /// `None`, with a word on why, where python3 lacks what the script needs.
    pub(crate) fn start(name: &str, needs: &str, args: &[&str]) -> Option<Self> {
        let python = || {
            let mut command = Command::new("python3");
            // pysparkplug wants an older paho-mqtt than the other peers, so it may lie in a folder of its own.
            if let Some(folder) = std::env::var_os("HEADROOM_PYSPARKPLUG") {
                command.env("PYTHONPATH", folder);
            }
            command
        };
        let probe = python().args(["-c", &format!("import {needs}")]).stderr(Stdio::null()).status();
        if !probe.is_ok_and(|s| s.success()) {
            println!("skipped: python3 with {needs} is not installed");
            return None;
        }
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/python").join(name);
        let mut child =
            python().arg(path).args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take(), child.stdout.take().unwrap());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let ear = Arc::clone(&heard);
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                ear.lock().unwrap().push(serde_json::from_str(&line).unwrap());
            }
        });
        Some(Self { child, input, heard })
    }

    /// Says a line to it.
    pub(crate) fn say(&mut self, line: &str) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Waits, at most 15 s, until something it said satisfies a condition.
    pub(crate) async fn hears(
        &self,
        what: &str,
        is_it: impl Fn(&serde_json::Value) -> bool,
    ) -> serde_json::Value {
        for _ in 0..3000 {
            if let Some(found) = self.heard.lock().unwrap().iter().find(|v| is_it(v)) {
                return found.clone();
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("{what}: heard only {:#?}", self.heard.lock().unwrap());
    }

    /// What it said so far that satisfies a condition.
    pub(crate) fn count(&self, is_it: impl Fn(&serde_json::Value) -> bool) -> usize {
        self.heard.lock().unwrap().iter().filter(|v| is_it(v)).count()
    }

    /// Ends it without a word.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        self.kill();
    }
}
