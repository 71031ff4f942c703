//! A browser without a window, asked over its DevTools pipe.
//!
//! Responsible for: starting and ending it, asking it, and keeping what it tells by itself. Not for: what is expected.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Patience with one answer.
const SOON: Duration = Duration::from_secs(90);

/// One page in a browser of its own.
pub(crate) struct Chrome {
    child: Child,
    to: ChildStdin,
    from: Receiver<Value>,
    number: u64,
    session: Option<String>,
    told: Vec<Value>,
    profile: PathBuf,
}

impl Chrome {
    /// Starts it with an empty page; its profile lies in the folder.
    pub(crate) fn start(browser: &str, folder: &Path) -> Self {
        let profile = folder.join("profile");
        // The pipe is on descriptors 3 and 4.
        let swap = "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>/dev/null";
        let mut child = Command::new("sh")
            .args(["-c", swap, browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"])
            .args(["--remote-debugging-pipe".to_owned(), format!("--user-data-dir={}", profile.display())])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (to, out) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (send, from) = channel();
        std::thread::spawn(move || {
            for message in BufReader::new(out).split(0).map_while(Result::ok) {
                if send.send(serde_json::from_slice(&message).unwrap()).is_err() {
                    return;
                }
            }
        });
        let mut chrome = Self { child, to, from, number: 0, session: None, told: Vec::new(), profile };
        let target = chrome.ask("Target.createTarget", &json!({ "url": "about:blank" }));
        let wanted = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = chrome.ask("Target.attachToTarget", &wanted);
        chrome.session = Some(attached["sessionId"].as_str().unwrap().to_owned());
        for domain in ["Page", "Runtime", "Log", "Network"] {
            chrome.ask(&format!("{domain}.enable"), &json!({}));
        }
        chrome
    }

    /// Asks, and waits for the answer.
    pub(crate) fn ask(&mut self, method: &str, params: &Value) -> Value {
        self.number += 1;
        let mut message = json!({ "id": self.number, "method": method, "params": params });
        if let Some(session) = &self.session {
            message["sessionId"] = session.as_str().into();
        }
        self.to.write_all(format!("{message}\0").as_bytes()).unwrap();
        loop {
            let answer = self.from.recv_timeout(SOON).unwrap_or_else(|why| panic!("{method}: {why}"));
            if answer["id"] == self.number {
                assert!(answer["error"].is_null(), "{method}: {answer}");
                return answer["result"].clone();
            }
            self.told.push(answer);
        }
    }

    /// What an expression is, awaited.
    pub(crate) fn js(&mut self, expression: &str) -> Value {
        let params = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let answer = self.ask("Runtime.evaluate", &params);
        assert!(answer["exceptionDetails"].is_null(), "{expression}\n{answer}");
        answer["result"]["value"].clone()
    }

    /// Waits until an expression is true; tells what it was if it never is.
    pub(crate) fn until(&mut self, what: &str, expression: &str) {
        let mut last = Value::Null;
        for _ in 0..150 {
            last = self.js(expression);
            if last == true {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let text = self.js("document.body.innerText");
        let said = self.told(&["Log.entryAdded", "Runtime.exceptionThrown"]);
        panic!("never: {what}; it was {last}\n{}\n{said:#?}", text.as_str().unwrap_or_default());
    }

    /// Size of the page and scheme of its colours; narrow ones are phones.
    pub(crate) fn look(&mut self, width: u32, height: u32, scheme: &str) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.ask("Emulation.setDeviceMetricsOverride", &size);
        let media = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.ask("Emulation.setEmulatedMedia", &json!({ "features": media }));
    }

    /// A picture of the whole page as PNG, in base64.
    pub(crate) fn picture(&mut self) -> String {
        let shot = self.ask("Page.captureScreenshot", &json!({ "captureBeyondViewport": true }));
        shot["data"].as_str().unwrap().to_owned()
    }

    /// What it told by itself of these kinds.
    pub(crate) fn told(&self, kinds: &[&str]) -> Vec<&Value> {
        self.told.iter().filter(|t| kinds.iter().any(|kind| t["method"] == *kind)).collect()
    }
}

impl Drop for Chrome {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.profile);
    }
}
