//! A controller that may only advise, beside a plant: it advises, and the plant's wires carry nothing from it.

use crate::common::ear::Ear;
use crate::common::{CURTAILED, GPUS, OURS, Plant, Recipe, turn, until};
use std::time::Duration;

/// The number before a word in the plant's closing lines.
fn number(text: &str, word: &str) -> u64 {
    let head = text.split(word).next().filter(|h| h.len() < text.len());
    let head = head.unwrap_or_else(|| panic!("`{word}` is not said\n{text}"));
    head.rsplit([' ', '(']).next().unwrap().parse().unwrap_or_else(|_| panic!("{word}\n{text}"))
}

#[test]
fn advice_goes_to_whoever_listens_and_nothing_to_the_plant() {
    let _turn = turn();
    let recipe = Recipe {
        scenario: CURTAILED,
        hours: 0.1,
        more: ["--mode", "advisory"].map(String::from).into(),
        ..Recipe::default()
    };
    let mut plant = Plant::start("advisory", &recipe);
    let page = plant.page();
    let ear = Ear::on(&plant.broker(), &["BMS/v1/#", "headroom/v1/#"]);
    // The agents as a site would have them: they would obey.
    let _agents = plant.agents();
    let mut controller = plant.controller();
    until(Duration::from_secs(30), "advice to change something", || {
        let topics = ear.counts("headroom/v1/demo/advice/");
        topics
            .keys()
            .filter_map(|t| ear.json(t))
            .any(|json| json["advice"]["stands"] != json["advice"]["proposed"])
    });
    let status = plant.demo.ended(Duration::from_secs(60));
    let text = plant.demo.text();
    assert!(status.success() && controller.runs(), "{text}\n{}", controller.text());

    assert_eq!(ear.counts(OURS), std::collections::BTreeMap::new(), "no request, no heartbeat, no echo");
    for word in [" DSX requests", " Modbus writes", " cap writes", " lock writes", " in all", " heartbeats"] {
        assert_eq!(number(&text, word), 0, "{word}\n{text}");
    }
    assert_eq!(number(&text, " refused)"), 0, "{text}");
    for g in 0..GPUS {
        let asked = page.requests(g).unwrap();
        assert_eq!((asked.limit_writes, asked.lock_writes), (0, 0), "GPU {g}");
    }
    let bms = ear.count("BMS/v1/PUB/Value/");
    assert!(bms > 1000, "the BMS was heard all the while: {bms}");

    assert!(ear.count("headroom/v1/demo/time") >= 3, "agents hear the time all the same");
    let advice = ear.counts("headroom/v1/demo/advice/");
    let (mut moves, mut reasons) = (0, std::collections::BTreeSet::new());
    for topic in advice.keys() {
        let json = ear.json(topic).unwrap();
        let advice = &json["advice"];
        assert!(json["timestamp"].as_i64().is_some(), "{json}");
        assert!(topic.ends_with(advice["actuator"].as_str().unwrap()), "{json}");
        assert_eq!(advice["mode"], "advisory", "{json}");
        let (stands, proposed) = (advice["stands"].as_f64().unwrap(), advice["proposed"].as_f64().unwrap());
        moves += u32::from((stands - proposed).abs() > 1e-6);
        let why = advice["why"].as_str().unwrap();
        assert!(why.split(' ').count() >= 3, "{json}");
        reasons.insert(why.split(':').next().unwrap().to_owned());
    }
    println!(
        "{} messages of advice on {} topics, {moves} of the last ones propose a change ({reasons:?}); 0 writes beside {bms} values of the BMS",
        advice.values().sum::<u64>(),
        advice.len()
    );
    assert!(advice.len() >= 3, "{advice:?}");
}
