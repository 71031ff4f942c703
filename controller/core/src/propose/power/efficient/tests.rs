use super::*;
use crate::tests::{Bench, reports, site_with};
use headroom_site::Offered;
use headroom_site::model::Latency;

/// The small plant whose second job is served by an engine with a page.
const ENGINE: &str = r#"
[[prometheus]]
id = "chat"
url = "http://127.0.0.1:9/metrics"
engine = "vllm"
poll = "5 s"
"#;

const PROMISE: &str = "[objective]\ntime-to-first-token = \"2 s\"\ntime-per-output-token = \"150 ms\"\n";

/// An engine that reads prompts by arithmetic and writes tokens by bandwidth.
struct Plant {
    bench: Bench,
    efficient: Efficient,
    /// Time to the first token at the highest clock, mean, s.
    first_s: f64,
    /// Elasticities of both latencies.
    follows: [f64; 2],
    /// Clock that the GPUs of the job run at.
    mhz: f64,
    at_s: f64,
}

impl Plant {
    fn new(policy: &str, first_s: f64) -> Self {
        let bench = Bench::at(site_with(ENGINE, "served-by = [\"chat\"]"), policy);
        let efficient = Efficient::new(&bench.site, &bench.wants);
        Self { bench, efficient, first_s, follows: [-1.1, -0.25], mhz: 1980.0, at_s: 0.0 }
    }

    /// Goes on for so many minutes; gives the wanted clock and why.
    fn minutes(&mut self, minutes: usize) -> JobClock {
        for _ in 0..minutes * 12 {
            self.at_s += 5.0;
            let x = self.mhz / 1980.0;
            let (first, token) = (self.first_s * x.powf(self.follows[0]), 0.03 * x.powf(self.follows[1]));
            let s = self.at_s;
            let points = [
                ("serve/chat/time-to-first-token-mean", s, first),
                ("serve/chat/time-to-first-token-p50", s, first * 0.8),
                ("serve/chat/time-to-first-token-p95", s, first * 1.9),
                ("serve/chat/time-to-first-token-count", s, 40.0),
                ("serve/chat/time-per-output-token-mean", s, token),
                ("serve/chat/time-per-output-token-p50", s, token * 0.95),
                ("serve/chat/time-per-output-token-p95", s, token * 1.4),
                ("serve/chat/time-per-output-token-count", s, 40.0),
                ("serve/chat/requests-running", s, 12.0),
                ("serve/chat/requests-waiting", s, 0.0),
            ];
            let mut seen = reports(s, [500.0, 500.0, 300.0 * x as f32, 300.0 * x as f32]);
            for report in &mut seen {
                for (uuid, sample) in &mut report.gpus {
                    if matches!(&**uuid, "GPU-c" | "GPU-d") {
                        sample.clock_mhz = Offered::new(self.mhz as f32);
                    }
                }
            }
            self.bench.tick(s, &points, seen);
            let (wants, e) = (&self.bench.wants, self.bench.estimator.last());
            self.efficient.look(wants, self.bench.align.last(), e);
            self.mhz = self.clock().wanted_mhz.unwrap_or(1980.0);
        }
        self.clock()
    }

    fn clock(&self) -> JobClock {
        self.efficient.clocks()[1]
    }
}

#[test]
fn without_a_promise_the_clock_is_free() {
    let clock = Plant::new("", 0.4).minutes(20);
    assert_eq!((clock.wanted_mhz, clock.why), (None, ClockWhy::NoPromise));
}

#[test]
fn the_clock_goes_as_low_as_the_promise_lets_it() {
    // 0.7 s at the highest clock, 97 of 100 in 1.6 s; that comes to 2 s at 0.82 of it
    let mut plant = Plant::new(PROMISE, 0.7);
    let clock = plant.minutes(60);
    assert!(
        matches!(clock.why, ClockWhy::Promise { of: Latency::FirstToken, .. } | ClockWhy::Lowering),
        "{clock:?}"
    );
    let x = clock.wanted_mhz.unwrap() / 1980.0;
    assert!((0.80..0.87).contains(&x), "{clock:?}");
    // the prompts get twice as long: up it goes, and stays
    plant.first_s = 1.0;
    let clock = plant.minutes(10);
    assert!(clock.wanted_mhz.is_none_or(|mhz| mhz > 1900.0), "{clock:?}");
    plant.first_s = 0.7;
    assert!(plant.minutes(60).wanted_mhz.unwrap() < 1800.0, "{:?}", plant.clock());
}

#[test]
fn the_knee_is_the_end_where_nothing_else_is() {
    let clock = Plant::new(PROMISE, 0.1).minutes(40);
    assert_eq!(clock.why, ClockWhy::Lowest);
    assert!((clock.wanted_mhz.unwrap() / 1980.0 - KNEE).abs() < 0.01 && clock.saves_w > 100.0, "{clock:?}");
    let floor = format!("{PROMISE}[[job]]\nid = \"serve\"\nfloor-clock = \"1500 MHz\"\n");
    assert_eq!(Plant::new(&floor, 0.1).minutes(40).wanted_mhz, Some(1500.0));
    let own = format!(
        "{PROMISE}[[job]]\nid = \"serve\"\nceiling-clock = \"1800 MHz\"\ntime-to-first-token = \"100 ms\"\n"
    );
    assert_eq!(Plant::new(&own, 0.1).minutes(5).wanted_mhz, Some(1800.0));
}

#[test]
fn a_training_job_gives_up_what_the_policy_lets_it() {
    let watts = "[objective]\nelectricity = \"0.12 EUR/kWh\"\ntokens = \"0.5 EUR/1e6\"\nprefer = \"watts\"\nmax-token-loss = \"3 %\"\n";
    let mut plant = Plant::new(watts, 0.4);
    plant.minutes(5);
    let clock = plant.efficient.clocks()[0];
    let ClockWhy::GivesUp { share } = clock.why else { panic!("{clock:?}") };
    assert!(share <= 0.03 + 1e-9 && clock.wanted_mhz.unwrap() >= 0.96 * 1980.0, "{clock:?}");
    let mut plant = Plant::new("[objective]\nprefer = \"tokens\"\n", 0.4);
    plant.minutes(5);
    assert_eq!(plant.efficient.clocks()[0].why, ClockWhy::TokensFirst);
}
