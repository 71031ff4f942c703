//! Measurements, run by hand: `cargo test --release -p headroom-sim --lib -- --ignored --nocapture measure`.

use super::*;
use crate::desk::testing::SENSOR;
use crate::image::Image;
use crate::wires::BrokerChoice;
use std::time::Instant;

const POINTS: usize = 15_000;

/// The sample's supply temperature, many times.
fn large() -> Image {
    let mut points = testing::image().points.to_vec();
    let sample = points[SENSOR].clone();
    for n in 0..POINTS {
        let mut point = sample.clone();
        point.tag = format!("site/hall-1/row-1/rack-{n:05}/energyValve/supplyTemperature/feedback");
        points.push(point);
    }
    let values = vec![20.0; points.len()];
    Image { values, ..Image::of(points) }
}

fn stir(image: &mut Image, second: i64) {
    for (n, value) in image.values.iter_mut().enumerate() {
        *value = 20.0 + ((n as i64 * 7 + second) % 200) as f64 * 0.1;
    }
}

/// CPU seconds that threads of this name have used.
fn cpu_s(name: &str) -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let ticks: f64 = tasks
        .filter_map(|t| std::fs::read_to_string(t.ok()?.path().join("stat")).ok())
        .filter(|stat| stat.contains(&format!("({name})")))
        .map(|stat| {
            let rest: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
            rest[11].parse::<f64>().unwrap() + rest[12].parse::<f64>().unwrap()
        })
        .sum();
    ticks / 100.0
}

#[test]
#[ignore = "a measurement"]
fn measure_publishing() {
    let mut image = large();
    let mut desk = DsxDesk::new(&image, "MEPAI", DsxConfig::default()).unwrap();
    let (mut messages, mut bytes) = (0usize, 0usize);
    let start = Instant::now();
    let mut stirring = Duration::ZERO;
    for second in 0..100 {
        let before = Instant::now();
        stir(&mut image, second);
        stirring += before.elapsed();
        desk.publish(T0 + second * 1000, &image, &mut |topic, payload| {
            messages += 1;
            bytes += topic.len() + payload.len();
        });
    }
    let spent = start.elapsed() - stirring;
    let each = spent.as_nanos() as f64 / messages as f64;
    println!("desk: {each:.0} ns per message, {messages} messages, {} bytes each", bytes / messages);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
#[ignore = "a measurement"]
async fn measure_the_embedded_bus() {
    // In a tenth of real time: ten times the load of a plant of this size.
    measure_bus(&WiresConfig::default(), None, Duration::from_millis(100)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
#[ignore = "a measurement"]
async fn measure_an_external_bus() {
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let Some(_mosquitto) = external::Mosquitto::start(address) else {
        println!("skipped: no mosquitto");
        return;
    };
    external::listens(address).await;
    let broker = BrokerChoice::External { url: format!("mqtt://{address}") };
    measure_bus(&WiresConfig { broker, ..WiresConfig::default() }, Some(address), Duration::from_secs(1))
        .await;
}

async fn measure_bus(config: &WiresConfig, outside: Option<SocketAddr>, pace: Duration) {
    let image = large();
    let dsx = DsxDesk::new(&image, "MEPAI", DsxConfig::default()).unwrap();
    let shared = Shared { image, ..Shared::default() };
    let mut wires = Wires::start(shared, dsx, config).unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    wires.tick(T0);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let address = outside.or(wires.addresses().broker).unwrap();
    let mut peer = Peer::connect(address, "reader", None).await;
    peer.subscribe("BMS/v1/PUB/#", QoS::AtMostOnce).await;
    let metadata = peer.all().await.len();
    let (seconds, cpu) = (10, cpu_s("wires"));
    let start = Instant::now();
    let mut ticking = Duration::ZERO;
    for second in 1..=seconds {
        wires.plate().with(|shared| stir(&mut shared.image, second));
        let before = Instant::now();
        wires.tick(T0 + second * 1000);
        ticking += before.elapsed();
        tokio::time::sleep(pace.saturating_sub(before.elapsed())).await;
    }
    let elapsed = start.elapsed();
    let received = peer.all().await.len();
    let stats = wires.broker_stats();
    let busy = cpu_s("wires") - cpu;
    println!(
        "bus: {metadata} retained, {received} received in {elapsed:.2?}, tick {:.2?}, wires thread {:.2} us per \
         message, lock {:.1?}, lost {}, {stats:?}",
        ticking / seconds as u32,
        busy * 1e6 / received as f64,
        wires.plate().longest_hold(),
        wires.lost()
    );
}
