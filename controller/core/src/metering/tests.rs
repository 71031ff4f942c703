use super::*;
use crate::tests::{Bench, at, reading, report, sample};
use headroom_site::{Inbox, NodeReport, Offered, Reading};

fn look(bench: &mut Bench, metering: &mut Metering, s: f64, readings: Vec<Reading>, nodes: Vec<NodeReport>) {
    bench.align.take(&Inbox { readings, nodes, ..Inbox::default() });
    bench.align.snapshot(at(s));
    metering.look(&bench.align);
    bench.align.settle();
}

/// Two nodes beside a meter that shows the truth: the first board shows 4 % too much.
fn second(bench: &mut Bench, metering: &mut Metering, k: u32, counter: bool) -> [f64; 4] {
    let s = f64::from(k);
    let wave = |g: usize| 350.0 + 250.0 * (s / (7.0 + 3.0 * g as f64)).sin();
    let truth = [0, 1, 2, 3].map(wave);
    let shown = [1.04, 1.0, 0.97, 1.0];
    let mut gpus: Vec<_> = (0..4).map(|g| sample(s, (truth[g] * shown[g]) as f32, 1500.0)).collect();
    for (g, sample) in gpus.iter_mut().enumerate() {
        sample.energy_j = counter.then_some(s * 1000.0 * shown[g]).into();
    }
    let sequence = u64::from(k) + 1;
    let nodes = vec![
        report("n1", 1, sequence, &[("GPU-a", gpus[0]), ("GPU-b", gpus[1])]),
        report("n2", 1, sequence, &[("GPU-c", gpus[2]), ("GPU-d", gpus[3])]),
    ];
    let meter_w = 1.05 * truth.iter().sum::<f64>() + 400.0;
    look(bench, metering, s, vec![reading(&bench.site, "feed-power", s, meter_w)], nodes);
    truth
}

#[test]
fn a_boards_gain_is_learned_beside_the_meter_and_its_energy_is_true() {
    let mut bench = Bench::new("");
    bench.site.power[0].overhead = Some(0.05);
    let mut metering = Metering::new(&bench.site);
    assert_eq!(metering.gain(0), Gain::PRIOR);
    for k in 0..1800 {
        second(&mut bench, &mut metering, k, false);
    }
    for (g, shown) in [1.04, 1.0, 0.97, 1.0].into_iter().enumerate() {
        let gain = metering.gain(g);
        assert!((gain.factor * shown - 1.0).abs() < 0.01 && gain.sigma < 0.02, "{g}: {gain:?}");
    }
    let before: Vec<Energy> = (0..4).map(|g| metering.energy(g)).collect();
    let mut truth_j = [0.0; 4];
    for k in 1800..1810 {
        let truth = second(&mut bench, &mut metering, k, false);
        truth_j.iter_mut().zip(truth).for_each(|(sum, w)| *sum += w);
    }
    for (g, before) in before.iter().enumerate() {
        let found_j = metering.energy(g).true_j - before.true_j;
        assert!((found_j / truth_j[g] - 1.0).abs() < 0.01, "{g}: {found_j} of {}", truth_j[g]);
    }
}

#[test]
fn a_counter_is_preferred_to_power_and_one_that_fell_began_anew() {
    let mut bench = Bench::new("");
    let mut metering = Metering::new(&bench.site);
    for k in 0..11 {
        second(&mut bench, &mut metering, k, true);
    }
    assert!((metering.energy(1).shown_j - 10_000.0).abs() < 1e-6, "{:?}", metering.energy(1));
    // A look that found no counter: the next one tells of it too.
    let without = sample(10.5, 500.0, 1500.0);
    look(&mut bench, &mut metering, 10.5, vec![], vec![report("n1", 1, 98, &[("GPU-b", without)])]);
    assert!((metering.energy(1).shown_j - 10_000.0).abs() < 1e-6, "{:?}", metering.energy(1));
    let mut fallen = sample(11.0, 500.0, 1500.0);
    fallen.energy_j = Offered::new(300.0);
    look(&mut bench, &mut metering, 11.0, vec![], vec![report("n1", 1, 99, &[("GPU-b", fallen)])]);
    assert!((metering.energy(1).shown_j - 10_300.0).abs() < 1e-6, "{:?}", metering.energy(1));
}
