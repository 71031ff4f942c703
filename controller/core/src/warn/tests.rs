use crate::tests::{Bench, report, sample};
use crate::warn::Warnings;
use headroom_belief::Binding;
use headroom_site::Offered;

/// Half an hour of a load and coolant; gives who is warned of at each second.
fn run(seconds: u32, coolant: impl Fn(f64) -> f64, power: impl Fn(f64) -> f32) -> Vec<Vec<(usize, f64)>> {
    let (mut bench, mut warnings, mut all) = (Bench::new(""), Warnings::new(4), Vec::new());
    let mut plate_k = 0.0;
    for s in 0..seconds {
        let s = f64::from(s);
        plate_k += (0.02 * power(s) - plate_k) / 10.0;
        let one = |unlike: f32| {
            let mut sample = sample(s, power(s), 1980.0);
            let die_c = coolant(s) as f32 + unlike * (plate_k + 0.03 * power(s));
            sample.die_c = Offered::new(die_c.round());
            sample
        };
        let nodes = vec![
            report("n1", 1, s as u64 + 1, &[("GPU-a", one(1.0)), ("GPU-b", one(1.0))]),
            report("n2", 1, s as u64 + 1, &[("GPU-c", one(1.0)), ("GPU-d", one(1.3))]),
        ];
        let reading = [("cdu-supply", s, coolant(s))];
        let fresh = s % 5.0 == 0.0;
        let estimate = bench.tick(s, if fresh { &reading } else { &[] }, nodes);
        warnings.look(estimate);
        assert!(warnings.standing().all(|w| w.binding == Binding::SwThermal));
        all.push(warnings.standing().map(|w| (w.gpu, w.seconds)).collect());
    }
    all
}

/// A load whose peaks come every twenty seconds.
fn training(s: f64) -> f32 {
    if s % 20.0 < 14.0 { 600.0 } else { 200.0 }
}

#[test]
fn warm_water_on_its_way_is_told_in_time_and_the_worst_first() {
    // From 30 degC on 2 K/min: the fourth, 39 K above the water, meets 87 degC at 48 degC, the others at 57.
    let warms = |s: f64| 30.0 + (s - 600.0).max(0.0) / 30.0;
    let all = run(1_500, warms, training);
    let first = |gpu: usize| all.iter().position(|now| now.iter().any(|w| w.0 == gpu)).unwrap();
    let meets = |rise: f64| 600.0 + 30.0 * (87.0 - rise - 30.0);
    let lead = |gpu: usize, rise: f64| meets(rise) - first(gpu) as f64;
    assert!(lead(3, 39.0) > 30.0 && lead(3, 39.0) < 240.0, "{}", lead(3, 39.0));
    assert!(lead(0, 30.0) > 30.0 && lead(0, 30.0) < 240.0, "{}", lead(0, 30.0));
    assert!(first(3) + 100 < first(0));
}

#[test]
fn loads_that_come_and_go_are_no_reason() {
    let all = run(1_800, |_| 38.0, |s| if (s as u32 / 300).is_multiple_of(2) { 100.0 } else { training(s) });
    let warned = all.iter().enumerate().find(|(_, now)| !now.is_empty());
    assert!(warned.is_none(), "{warned:?}");
}

#[test]
fn what_passes_is_taken_back() {
    // Water warms to 52 degC and cools again.
    let there_and_back = |s: f64| 30.0 + 22.0 * (1.0 - ((s - 1_200.0) / 600.0).powi(2)).max(0.0);
    let all = run(2_400, there_and_back, training);
    assert!(all[1_200].iter().any(|w| w.0 == 3));
    assert!(all[2_399].is_empty(), "{:?}", all[2_399]);
}
