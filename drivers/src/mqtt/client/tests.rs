//! Over a real broker: what arrives, what survives a restart of it, and what must not.

mod conformance;
mod encrypted;

use super::*;
use crate::testing::{Mosquitto, free_port};

async fn next(events: &mut mpsc::Receiver<Event>) -> Event {
    tokio::time::timeout(Duration::from_secs(15), events.recv()).await.expect("in time").expect("alive")
}

async fn until_up(events: &mut mpsc::Receiver<Event>) {
    while !matches!(next(events).await, Event::Up) {}
}

/// The next message, as text.
async fn message(events: &mut mpsc::Receiver<Event>) -> (String, String, bool) {
    loop {
        if let Event::Message(m) = next(events).await {
            return (m.topic().to_owned(), String::from_utf8(m.payload.to_vec()).unwrap(), m.retained);
        }
    }
}

#[tokio::test]
async fn a_thousand_filters_take_several_packets() {
    let Some(broker) = Mosquitto::start(free_port()) else { return };
    let filters = (0..1000).map(|i| format!("{}/{i}", "x".repeat(100))).collect();
    let (a, mut events) = MqttClient::start(&broker.url(), "a", None, filters).unwrap();
    until_up(&mut events).await;
    a.try_publish(&format!("{}/999", "x".repeat(100)), "here", Delivery::State).unwrap();
    assert_eq!(message(&mut events).await.1, "here");
}

#[tokio::test]
async fn a_broker_restart_is_survived_and_no_old_order_is_replayed() {
    let Some(broker) = Mosquitto::start(free_port()) else { return };
    let (port, url) = (broker.port, broker.url());
    let will = Will::fixed("status/b", "gone");
    let (a, mut a_events) =
        MqttClient::start(&url, "a", None, vec!["order/#".into(), "status/#".into()]).unwrap();
    let (b, mut b_events) = MqttClient::start(&url, "b", Some(will), vec![]).unwrap();
    until_up(&mut a_events).await;
    until_up(&mut b_events).await;
    // Subscriptions may be in flight when the link is up: the retained state arrives either way.
    b.try_publish("status/b", "here", Delivery::State).unwrap();
    assert_eq!(message(&mut a_events).await.1, "here");
    b.try_publish("order/1", "one", Delivery::Command).unwrap();
    assert_eq!(message(&mut a_events).await, ("order/1".into(), "one".into(), false));

    drop(broker);
    while b.is_up() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let start = Instant::now();
    assert_eq!(b.try_publish("order/1", "old", Delivery::Command), Err(Refused::Down));
    assert!(start.elapsed() < Duration::from_millis(50));
    let Some(broker) = Mosquitto::start(port) else { return };
    until_up(&mut a_events).await;
    until_up(&mut b_events).await;
    // The state is said again without being asked; the old order is not.
    assert_eq!(message(&mut a_events).await.1, "here");
    b.try_publish("order/1", "new", Delivery::Command).unwrap();
    assert_eq!(message(&mut a_events).await, ("order/1".into(), "new".into(), false));
    assert!(a.counts().connects >= 2 && b.counts().dropped >= 1);

    // Dropped without goodbye: the will speaks. Closed properly: it does not.
    drop((b, b_events));
    assert_eq!(message(&mut a_events).await.1, "gone");
    a.close().await;
    drop(broker);
}

#[tokio::test]
async fn a_goodbye_leaves_the_will_unsaid() {
    let Some(broker) = Mosquitto::start(free_port()) else { return };
    let (_a, mut a_events) = MqttClient::start(&broker.url(), "a", None, vec!["#".into()]).unwrap();
    until_up(&mut a_events).await;
    let will = Will::fixed("status/b", "gone");
    let (b, mut b_events) = MqttClient::start(&broker.url(), "b", Some(will), vec![]).unwrap();
    until_up(&mut b_events).await;
    b.try_publish("status/b", "bye", Delivery::State).unwrap();
    b.close().await;
    assert_eq!(message(&mut a_events).await.1, "bye");
    assert!(tokio::time::timeout(Duration::from_millis(300), message(&mut a_events)).await.is_err());
}

#[tokio::test(flavor = "current_thread")]
async fn ten_thousand_messages_per_second_pass() {
    let Some(broker) = Mosquitto::start(free_port()) else { return };
    let (a, mut a_events) = MqttClient::start(&broker.url(), "a", None, vec!["t/#".into()]).unwrap();
    let (b, mut b_events) = MqttClient::start(&broker.url(), "b", None, vec![]).unwrap();
    until_up(&mut a_events).await;
    until_up(&mut b_events).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    let (count, payload) = (30_000, vec![b'x'; 120]);
    let start = Instant::now();
    let sender = tokio::spawn(async move {
        for i in 0..count {
            while b.try_publish(&format!("t/{}", i % 12_000), payload.clone(), Delivery::Telemetry).is_err() {
                tokio::task::yield_now().await;
            }
            if i % 64 == 0 {
                tokio::task::yield_now().await;
            }
        }
        b
    });
    let mut got = 0;
    let b = sender.await.unwrap();
    while got + b.counts().dropped < count {
        let _ = message(&mut a_events).await;
        got += 1;
    }
    let rate = got as f64 / start.elapsed().as_secs_f64();
    println!("{got} of {count} messages, {rate:.0} per second, {:?}", a.counts());
    assert!(rate > 5_000.0, "{rate}");
}

#[tokio::test]
async fn nobody_there_never_blocks() {
    let (a, mut events) =
        MqttClient::start(&format!("mqtt://127.0.0.1:{}", free_port()), "a", None, vec![]).unwrap();
    let start = Instant::now();
    assert!(matches!(next(&mut events).await, Event::Down(_)));
    assert!(matches!(next(&mut events).await, Event::Down(_)));
    assert!(start.elapsed() >= crate::backoff::MIN / 2);
    assert_eq!(a.try_publish("t", "x", Delivery::Telemetry), Err(Refused::Down));
}

#[tokio::test]
async fn an_owner_that_does_not_look_loses_messages_and_they_are_counted() {
    let (events, mut receiver) = mpsc::channel(2);
    let shared = Arc::new(Shared::default());
    let options = Options::new("mqtt://h".into(), "x", None).unwrap();
    let mut link = Link { options, subscriptions: vec![], events, shared: Arc::clone(&shared), stuck: false };
    let m = |n: u8| Event::Message(Message { topic: "t".into(), payload: vec![n].into(), retained: false });
    let start = Instant::now();
    for n in 0..100 {
        link.hand_over(m(n)).await;
    }
    // It is waited for once, not once per message.
    assert!(start.elapsed() < OWNER_GRACE * 5, "{:?}", start.elapsed());
    let count = |x: &AtomicU64| x.load(Ordering::Relaxed);
    assert_eq!((count(&shared.received), count(&shared.overrun)), (2, 98));
    receiver.try_recv().unwrap();
    link.hand_over(m(100)).await;
    assert_eq!((count(&shared.received), link.stuck), (3, false));
}
