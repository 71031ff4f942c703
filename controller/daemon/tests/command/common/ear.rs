//! An ear on the bus.

use headroom_drivers::mqtt::client::{Event, MqttClient};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A value on the bus, with the time stamp it bears.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Said {
    pub(crate) value: Option<f64>,
    pub(crate) unix_ms: i64,
}

#[derive(Default)]
struct Heard {
    latest: BTreeMap<String, Vec<u8>>,
    counts: BTreeMap<String, u64>,
}

/// Hears everything under its filters, on a thread of its own.
pub(crate) struct Ear {
    heard: Arc<Mutex<Heard>>,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Ear {
    pub(crate) fn on(url: &str, filters: &[&str]) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let id = format!("ear-{}-{}", std::process::id(), NUMBER.fetch_add(1, Relaxed));
        let heard = Arc::new(Mutex::new(Heard::default()));
        let stop = Arc::new(AtomicBool::new(false));
        let filters: Vec<String> = filters.iter().map(ToString::to_string).collect();
        let (url, of) = (url.to_owned(), (Arc::clone(&heard), Arc::clone(&stop)));
        let thread = std::thread::spawn(move || listen(&url, &id, filters, &of));
        Self { heard, stop, thread: Some(thread) }
    }

    /// Topics heard, with how often.
    pub(crate) fn counts(&self, prefix: &str) -> BTreeMap<String, u64> {
        let heard = self.heard.lock().unwrap();
        heard.counts.iter().filter(|(t, _)| t.starts_with(prefix)).map(|(t, n)| (t.clone(), *n)).collect()
    }

    pub(crate) fn count(&self, prefix: &str) -> u64 {
        self.counts(prefix).values().sum()
    }

    /// The last message of a topic with this end.
    pub(crate) fn json(&self, end: &str) -> Option<serde_json::Value> {
        let heard = self.heard.lock().unwrap();
        let (_, payload) = heard.latest.iter().find(|(t, _)| t.ends_with(end))?;
        serde_json::from_slice(payload).ok()
    }

    /// The last value that the BMS showed of a tag.
    pub(crate) fn value(&self, tag: &str) -> Option<Said> {
        let heard = self.heard.lock().unwrap();
        let end = format!("/{tag}");
        let (_, payload) =
            heard.latest.iter().find(|(t, _)| t.starts_with("BMS/v1/PUB/Value/") && t.ends_with(&end))?;
        let json: serde_json::Value = serde_json::from_slice(payload).ok()?;
        Some(Said { value: json["value"].as_f64(), unix_ms: json["timestamp"].as_i64()? })
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

type Shared = (Arc<Mutex<Heard>>, Arc<AtomicBool>);

fn listen(url: &str, id: &str, filters: Vec<String>, (heard, stop): &Shared) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (_client, mut events) = MqttClient::start(url, id, None, filters).unwrap();
        while !stop.load(Relaxed) {
            let event = tokio::time::timeout(Duration::from_millis(50), events.recv()).await;
            if let Ok(Some(Event::Message(message))) = event {
                let mut heard = heard.lock().unwrap();
                *heard.counts.entry(message.topic().to_owned()).or_default() += 1;
                heard.latest.insert(message.topic().to_owned(), message.payload.to_vec());
            }
        }
    });
}
