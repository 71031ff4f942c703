//! The embedded broker against an independent client.

use super::*;
use crate::wires::broker::{Broker, BrokerConfig, QueueLimits};
use rumqttc::PublishOptions;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn broker(config: &BrokerConfig) -> (Broker, SocketAddr) {
    let (listener, address) = Broker::bind(config).unwrap();
    let broker = Broker::new(config);
    tokio::spawn(broker.clone().serve(listener));
    (broker, address)
}

fn q0() -> PublishOptions {
    PublishOptions::at_most_once()
}

/// CONNECT with client id "raw" and this keep alive, without a will.
fn connect(keep_alive_s: u8) -> Vec<u8> {
    [&[0x10, 15, 0, 4][..], b"MQTT", &[4, 2, 0, keep_alive_s, 0, 3], b"raw"].concat()
}

#[tokio::test]
async fn retained_messages_wait_for_late_subscribers() {
    let (broker, address) = broker(&BrokerConfig::default()).await;
    let mut early = Peer::connect(address, "early", None).await;
    early.subscribe("meta/#", QoS::AtMostOnce).await;
    let publisher = Peer::connect(address, "publisher", None).await;
    publisher.client.publish("meta/a", "1", q0().retained()).await.unwrap();
    publisher.client.publish("meta/b", "2", q0().retained()).await.unwrap();
    publisher.client.publish("meta/c", "3", q0()).await.unwrap();
    let live = early.all().await;
    assert_eq!(live.len(), 3);
    assert!(live.iter().all(|p| !p.retain), "to a live subscriber nothing is old");

    let mut late = Peer::connect(address, "late", None).await;
    late.subscribe("meta/+", QoS::AtMostOnce).await;
    let kept = late.all().await;
    assert_eq!(kept.iter().map(topic).collect::<Vec<_>>(), ["meta/a", "meta/b"]);
    assert!(kept.iter().all(|p| p.retain));

    publisher.client.publish("meta/a", "", q0().retained()).await.unwrap();
    late.next().await;
    assert_eq!(broker.stats().retained, 1, "an empty payload clears");
}

#[tokio::test]
async fn filters_match_as_mqtt_says() {
    let (_, address) = broker(&BrokerConfig::default()).await;
    let publisher = Peer::connect(address, "publisher", None).await;
    let topics = ["a/b", "a/b/c", "a/x/c", "a", "b"];
    for (filter, expected) in
        [("a/+/c", vec!["a/b/c", "a/x/c"]), ("a/#", vec!["a/b", "a/b/c", "a/x/c", "a"]), ("a/b", vec!["a/b"])]
    {
        let mut peer = Peer::connect(address, "subscriber", None).await;
        peer.subscribe(filter, QoS::AtMostOnce).await;
        peer.subscribe("end", QoS::AtMostOnce).await;
        for topic in topics {
            publisher.client.publish(topic, "x", q0()).await.unwrap();
        }
        publisher.client.publish("end", "x", q0()).await.unwrap();
        let mut got = Vec::new();
        loop {
            let name = topic(&peer.next().await);
            if name == "end" {
                break;
            }
            got.push(name);
        }
        assert_eq!(got, expected, "{filter}");
        peer.client.unsubscribe(filter).await.unwrap();
        peer.wait_for(|p| matches!(p, Incoming::UnsubAck(_))).await;
        publisher.client.publish("a/b", "x", q0()).await.unwrap();
        publisher.client.publish("end", "x", q0()).await.unwrap();
        assert_eq!(topic(&peer.next().await), "end");
        peer.die();
    }
}

#[tokio::test]
async fn the_will_speaks_for_the_dead_only() {
    let (_, address) = broker(&BrokerConfig::default()).await;
    let mut watcher = Peer::connect(address, "watcher", None).await;
    watcher.subscribe("status/#", QoS::AtLeastOnce).await;
    let will = |name: &str| LastWill::new(format!("status/{name}"), "offline", QoS::AtLeastOnce, true);
    let polite = Peer::connect(address, "polite", Some(will("polite"))).await;
    polite.client.disconnect().await.unwrap();
    let dead = Peer::connect(address, "dead", Some(will("dead"))).await;
    dead.die();
    let heard = watcher.next().await;
    assert_eq!((topic(&heard).as_str(), &heard.payload[..]), ("status/dead", &b"offline"[..]));
    assert!(watcher.next_within(QUIET).await.is_none());
    // A second client of one name throws the first out.
    let _first = Peer::connect(address, "twin", Some(will("twin"))).await;
    let _second = Peer::connect(address, "twin", None).await;
    assert_eq!(topic(&watcher.next().await), "status/twin");
    let mut late = Peer::connect(address, "late", None).await;
    late.subscribe("status/+", QoS::AtMostOnce).await;
    assert_eq!(late.all().await.len(), 2, "wills may be retained");
}

#[tokio::test]
async fn qos_1_arrives_whole_and_in_order() {
    let (_, address) = broker(&BrokerConfig::default()).await;
    let mut subscriber = Peer::connect(address, "subscriber", None).await;
    subscriber.subscribe("n", QoS::AtLeastOnce).await;
    let publisher = Peer::connect(address, "publisher", None).await;
    let sender = publisher.client.clone();
    tokio::spawn(async move {
        for n in 0..1000 {
            sender.publish("n", n.to_string(), PublishOptions::at_least_once()).await.unwrap();
        }
    });
    for n in 0..1000 {
        let publish = subscriber.next().await;
        assert_eq!(publish.qos, QoS::AtLeastOnce);
        assert_eq!(publish.payload, n.to_string());
    }
}

#[tokio::test]
async fn a_subscriber_gets_one_copy_at_the_lower_quality() {
    let (_, address) = broker(&BrokerConfig::default()).await;
    let mut plain = Peer::connect(address, "plain", None).await;
    plain.subscribe("a/b", QoS::AtMostOnce).await;
    let mut both = Peer::connect(address, "both", None).await;
    both.subscribe("a/#", QoS::AtMostOnce).await;
    both.subscribe("a/+", QoS::AtLeastOnce).await;
    let publisher = Peer::connect(address, "publisher", None).await;
    publisher.client.publish("a/b", "1", PublishOptions::at_least_once()).await.unwrap();
    let qualities = |all: Vec<Publish>| all.iter().map(|p| p.qos).collect::<Vec<_>>();
    assert_eq!(qualities(plain.all().await), [QoS::AtMostOnce]);
    assert_eq!(qualities(both.all().await), [QoS::AtLeastOnce]);
    publisher.client.publish("a/b", "2", q0()).await.unwrap();
    assert_eq!(qualities(both.all().await), [QoS::AtMostOnce]);
}

#[tokio::test]
async fn a_client_that_acknowledges_nothing_gets_a_window_then_the_door() {
    let queue = QueueLimits { messages: 500, bytes: 8 << 20 };
    let (broker, address) = broker(&BrokerConfig { queue, ..BrokerConfig::default() }).await;
    let mut mute = TcpStream::connect(address).await.unwrap();
    mute.write_all(&connect(0)).await.unwrap();
    mute.write_all(&[0x82, 6, 0, 1, 0, 1, b'n', 1]).await.unwrap();
    mute.read_exact(&mut [0; 9]).await.unwrap();
    let mut publisher = Peer::connect(address, "publisher", None).await;
    for _ in 0..500 {
        publisher.client.publish("n", "x", PublishOptions::at_least_once()).await.unwrap();
    }
    // Each is 0x32, length, topic length and topic, packet id, payload: 8 bytes.
    let mut window = [0; 8 * 100];
    timeout(SOON, mute.read_exact(&mut window)).await.unwrap().unwrap();
    assert_eq!(window[792..], [0x32, 6, 0, 1, b'n', 0, 100, b'x']);
    assert!(timeout(QUIET, mute.read_exact(&mut [0; 1])).await.is_err(), "more than the window");
    assert_eq!(broker.stats().clients, 2);
    for _ in 0..200 {
        publisher.client.publish("n", "x", PublishOptions::at_least_once()).await.unwrap();
    }
    for _ in 0..700 {
        publisher.wait_for(|p| matches!(p, Incoming::PubAck(_))).await;
    }
    let end = timeout(SOON, mute.read(&mut [0; 8])).await.unwrap();
    assert!(!matches!(end, Ok(n) if n > 0), "cut off");
}

#[tokio::test]
async fn a_consumer_that_does_not_read_stalls_nobody() {
    let queue = QueueLimits { messages: 2000, bytes: 8 << 20 };
    let (broker, address) = broker(&BrokerConfig { queue, ..BrokerConfig::default() }).await;
    let mut stuck = TcpStream::connect(address).await.unwrap();
    stuck.write_all(&connect(0)).await.unwrap();
    stuck.write_all(&[0x82, 6, 0, 1, 0, 1, b'#', 0]).await.unwrap();
    let mut acks = [0; 9];
    stuck.read_exact(&mut acks).await.unwrap();
    assert_eq!(acks, [0x20, 2, 0, 0, 0x90, 3, 0, 1, 0]);

    let mut reader = Peer::connect(address, "reader", None).await;
    reader.subscribe("flood", QoS::AtMostOnce).await;
    let publisher = Peer::connect(address, "publisher", None).await;
    let payload = vec![7u8; 1000];
    // More than kernel buffers and the queue can hold for the stuck one; in steps that the reader follows.
    for _ in 0..20 {
        for _ in 0..1000 {
            publisher.client.publish("flood", payload.clone(), q0()).await.unwrap();
        }
        for _ in 0..1000 {
            reader.next().await;
        }
    }
    assert!(broker.stats().dropped > 0, "{:?}", broker.stats());
    assert_eq!(broker.stats().received, 20_000);
}

#[tokio::test]
async fn ten_thousand_messages_pass() {
    let (broker, address) = broker(&BrokerConfig::default()).await;
    let mut subscriber = Peer::connect(address, "subscriber", None).await;
    subscriber.subscribe("plant/#", QoS::AtMostOnce).await;
    let publisher = Peer::connect(address, "publisher", None).await;
    let sender = publisher.client.clone();
    tokio::spawn(async move {
        for n in 0..10_000u32 {
            sender.publish(format!("plant/{}", n % 500), n.to_string(), q0()).await.unwrap();
        }
    });
    for n in 0..10_000u32 {
        assert_eq!(subscriber.next().await.payload, n.to_string());
    }
    assert_eq!((broker.stats().received, broker.stats().dropped), (10_000, 0));
}

#[tokio::test]
async fn strangers_are_turned_away() {
    let (broker, address) = broker(&BrokerConfig::default()).await;
    let after = |hello: Vec<u8>, bytes: Vec<u8>| async move {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let mut reply = Vec::new();
        if !hello.is_empty() {
            stream.write_all(&hello).await.unwrap();
            stream.read_exact(&mut [0; 4]).await.unwrap();
        }
        stream.write_all(&bytes).await.unwrap();
        timeout(SOON, stream.read_to_end(&mut reply)).await.unwrap().unwrap();
        reply
    };
    let none = Vec::new;
    assert!(after(none(), b"GET / HTTP/1.1\r\n\r\n".to_vec()).await.is_empty());
    let mut version5 = connect(0);
    version5[8] = 5;
    assert_eq!(after(none(), version5).await, [0x20, 2, 0, 1], "unacceptable protocol version");
    assert!(after(connect(0), connect(0)).await.is_empty(), "a second CONNECT");
    assert!(after(connect(0), vec![0x34, 6, 0, 1, b'a', 0, 1, b'x']).await.is_empty(), "QoS 2");
    assert!(after(connect(0), vec![0x30, 4, 0, 1, b'#', b'x']).await.is_empty(), "wildcard in a topic");
    let subscribe = vec![0x82, 7, 0, 1, 0, 2, b'a', b'#', 0, 0xE0, 0];
    assert_eq!(after(connect(0), subscribe).await, [0x90, 3, 0, 1, 0x80], "bad filter, then goodbye");
    assert_eq!(after(none(), connect(1)).await, [0x20, 2, 0, 0], "silent beyond one and a half keep alives");
    assert_eq!(broker.stats().clients, 0);
}

#[tokio::test]
async fn the_house_has_a_size() {
    let (_, address) = broker(&BrokerConfig { most_clients: 1, ..BrokerConfig::default() }).await;
    let _first = Peer::connect(address, "first", None).await;
    let mut second = TcpStream::connect(address).await.unwrap();
    second.write_all(&connect(0)).await.unwrap();
    let mut reply = [0; 4];
    second.read_exact(&mut reply).await.unwrap();
    assert_eq!(reply, [0x20, 2, 0, 3], "server unavailable");
}

const PAHO: &str = r#"
import sys, paho.mqtt.client as mqtt
got = []
def on_connect(c, u, f, rc, p): c.subscribe([("t/#", 1)])
def on_subscribe(c, u, mid, rc, p): c.publish("t/x", "hello", qos=1)
def on_message(c, u, m):
    got.append((m.topic, m.payload, m.qos)); c.disconnect()
c = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
c.on_connect, c.on_subscribe, c.on_message = on_connect, on_subscribe, on_message
c.connect("127.0.0.1", int(sys.argv[1]))
c.loop_forever()
assert got == [("t/x", b"hello", 1)], got
"#;

#[tokio::test]
async fn paho_agrees() {
    if !python_has("paho.mqtt.client") {
        println!("skipped: no paho-mqtt");
        return;
    }
    let (_, address) = broker(&BrokerConfig::default()).await;
    let run = python(PAHO, vec![address.port().to_string()]);
    timeout(SOON, run).await.unwrap().unwrap();
}
