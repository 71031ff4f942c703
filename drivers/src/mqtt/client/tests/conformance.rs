//! What every MQTT 3.1.1 broker must do for us, and what we must bear from it: mosquitto and NATS.

use super::{message, next, until_up};
use crate::mqtt::client::*;
use crate::testing::{Broker, free_port};
use std::collections::BTreeMap;
use std::time::Instant;

type Start = fn(u16) -> Option<Broker>;

async fn connect(
    url: &str,
    name: &str,
    will: Option<Will>,
    filters: &[&str],
) -> (MqttClient, mpsc::Receiver<Event>) {
    let filters = filters.iter().map(|f| (*f).to_owned()).collect();
    let (client, mut events) = MqttClient::start(url, name, will, filters).unwrap();
    until_up(&mut events).await;
    (client, events)
}

/// Says it until the other end has heard: a subscription may still be on its way.
async fn until_heard(a: &MqttClient, events: &mut mpsc::Receiver<Event>, topic: &str, payload: &str) {
    for _ in 0..100 {
        a.try_publish(topic, payload.to_owned(), Delivery::Command).unwrap();
        let heard = tokio::time::timeout(Duration::from_millis(200), message(events)).await;
        if heard.is_ok_and(|m| m.1 == payload) {
            return;
        }
    }
    panic!("{payload} is not heard on {topic}");
}

async fn kept_states_orders_and_wills(start: Start) {
    let Some(broker) = start(free_port()) else { return };
    let (a, mut a_events) = connect(&broker.url(), "a", None, &["order/#", "status/#"]).await;
    let (b, b_events) = connect(&broker.url(), "b", Some(Will::fixed("status/b", "gone")), &[]).await;
    until_heard(&b, &mut a_events, "order/1", "one").await;
    b.try_publish("status/b", "here", Delivery::State).unwrap();
    while message(&mut a_events).await.1 != "here" {}
    // Who comes later gets the state, and not the order.
    let (_late, mut late_events) = connect(&broker.url(), "late", None, &["order/#", "status/#"]).await;
    assert_eq!(message(&mut late_events).await, ("status/b".into(), "here".into(), true));
    assert!(tokio::time::timeout(Duration::from_millis(300), message(&mut late_events)).await.is_err());
    drop((b, b_events));
    assert_eq!(message(&mut late_events).await.1, "gone");
    a.close().await;
}

#[tokio::test]
async fn kept_states_orders_and_wills_on_mosquitto() {
    kept_states_orders_and_wills(Broker::mosquitto).await;
}

#[tokio::test]
async fn kept_states_orders_and_wills_on_nats() {
    kept_states_orders_and_wills(Broker::nats).await;
}

#[tokio::test]
async fn a_restart_of_nats_is_survived_and_no_old_order_is_replayed() {
    let Some(broker) = Broker::nats(free_port()) else { return };
    let port = broker.port;
    let (b, mut b_events) = connect(&broker.url(), "b", None, &[]).await;
    let (_a, mut a_events) = connect(&broker.url(), "a", None, &["order/#"]).await;
    until_heard(&b, &mut a_events, "order/1", "one").await;
    drop(broker);
    while b.is_up() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(b.try_publish("order/1", "old", Delivery::Command), Err(Refused::Down));
    let Some(_broker) = Broker::nats(port) else { return };
    until_up(&mut a_events).await;
    until_up(&mut b_events).await;
    let mut heard = Vec::new();
    b.try_publish("order/1", "new", Delivery::Command).unwrap();
    while heard.last().is_none_or(|m| m != "new") {
        b.try_publish("order/1", "new", Delivery::Command).unwrap();
        let more = tokio::time::timeout(Duration::from_millis(200), message(&mut a_events)).await;
        heard.extend(more.map(|m| m.1));
    }
    assert!(!heard.contains(&"old".to_owned()), "{heard:?}");
}

async fn a_silent_broker_is_found_by_keep_alive(start: Start) {
    let Some(broker) = start(free_port()) else { return };
    let (a, mut events) = connect(&broker.url(), "a", None, &["t/#"]).await;
    broker.pause();
    let begun = Instant::now();
    while !matches!(next(&mut events).await, Event::Down(_)) {}
    // A ping after 5 s of silence, given up at the next.
    assert!(begun.elapsed() <= Duration::from_secs(12), "{:?}", begun.elapsed());
    assert_eq!(a.try_publish("t", "x", Delivery::Command), Err(Refused::Down));
    broker.resume();
    until_up(&mut events).await;
}

#[tokio::test]
async fn a_silent_mosquitto_is_found_by_keep_alive() {
    a_silent_broker_is_found_by_keep_alive(Broker::mosquitto).await;
}

#[tokio::test]
async fn a_silent_nats_is_found_by_keep_alive() {
    a_silent_broker_is_found_by_keep_alive(Broker::nats).await;
}

/// Each refused filter is named, and the others work.
async fn refused(broker: &Broker, url: &str) {
    let (a, mut events) = connect(url, "a", None, &["secret/#", "open/#"]).await;
    loop {
        if let Event::Refused(filter) = next(&mut events).await {
            assert_eq!(filter, "secret/#");
            break;
        }
    }
    until_heard(&a, &mut events, "open/1", "here").await;
    assert!(broker.port > 0);
}

#[tokio::test]
async fn a_refused_subscription_is_named_on_mosquitto() {
    let Some(broker) = Broker::strict_mosquitto(free_port()) else { return };
    refused(&broker, &broker.url()).await;
}

#[tokio::test]
async fn a_refused_subscription_is_named_on_nats() {
    let Some(broker) = Broker::strict_nats(free_port()) else { return };
    refused(&broker, &broker.url().replace("//", "//u:p@")).await;
}

#[tokio::test]
async fn ten_thousand_kept_messages_at_the_start_are_taken_whole_and_the_latest_wins() {
    const TOPICS: usize = 10_000;
    let Some(broker) = Broker::mosquitto(free_port()) else { return };
    let (witness, mut seen) = connect(&broker.url(), "w", None, &["flood/#"]).await;
    let (a, _events) = connect(&broker.url(), "a", None, &[]).await;
    until_heard(&a, &mut seen, "flood/first", "x").await;
    for payload in ["1", "2"] {
        for n in 0..TOPICS {
            a.try_publish(&format!("flood/{n}"), payload, Delivery::Session).unwrap();
            if n % 64 == 0 {
                tokio::task::yield_now().await;
            }
        }
    }
    let mut second = 0;
    while second < TOPICS {
        second += usize::from(message(&mut seen).await.1 == "2");
    }
    let begun = Instant::now();
    let (late, mut events) = connect(&broker.url(), "late", None, &["flood/#"]).await;
    let mut kept = BTreeMap::new();
    while kept.len() < TOPICS {
        let (topic, payload, retained) = message(&mut events).await;
        assert!(retained && payload == "2", "{topic} {payload}");
        kept.insert(topic, payload);
    }
    println!("{TOPICS} kept messages in {:?}", begun.elapsed());
    assert_eq!((late.counts().received, late.counts().overrun), (TOPICS as u64, 0));
    assert_eq!(witness.counts().overrun, 0);
}
