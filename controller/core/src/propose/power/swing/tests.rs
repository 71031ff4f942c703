use super::*;
use crate::tests::{Bench, report, sample};
use headroom_site::NodeReport;
use headroom_site::Offered;

const ALLOWED_W: f64 = 400.0;

fn swing(bench: &Bench, allowed_w: f64) -> Swing {
    let text =
        format!("[grid]\nswing = {{ band = [\"0.1 Hz\", \"20 Hz\"], amplitude = \"{allowed_w} W\" }}\n");
    Swing::new(&bench.site, &crate::tests::wants(&bench.site, &text).policy().grid.swing.unwrap())
}

/// A tick in which each GPU is heard once.
fn tick(bench: &mut Bench, swing: &mut Swing, s: f64, nodes: Vec<NodeReport>) {
    bench.tick(s, &[], nodes);
    for (g, gpu) in bench.snapshot().gpus.iter().enumerate() {
        swing.hear(g, &gpu.sample);
    }
    swing.look(bench.snapshot());
}

/// `train` on GPUs a and b swings between 150 W and its ceiling each 4 s, `serve` stands at 300 W; the last ceilings.
fn held(allowed_w: f64, seconds: u32, serve_w: f32) -> (Vec<f64>, SiteSwing) {
    let mut bench = Bench::new("");
    let mut swing = swing(&bench, allowed_w);
    let mut high = vec![700.0_f64; 4];
    for second in 0..seconds {
        let s = f64::from(second);
        let train =
            |g: usize| sample(s, if second % 4 == 3 { 150.0 } else { high[g].min(650.0) as f32 }, 1980.0);
        let (a, b) = (train(0), train(1));
        let (c, d) = (sample(s, serve_w, 1980.0), sample(s, serve_w, 1980.0));
        let n = u64::from(second) + 1;
        let nodes = vec![
            report("n1", 1, n, &[("GPU-a", a), ("GPU-b", b)]),
            report("n2", 1, n, &[("GPU-c", c), ("GPU-d", d)]),
        ];
        tick(&mut bench, &mut swing, s, nodes);
        high = vec![700.0; 4];
        let demand = [650.0, 650.0, f64::from(serve_w), f64::from(serve_w)];
        swing.lower(bench.estimator.last(), (&demand, 1.0), (&[100.0; 4], &[1.0; 4]), &mut high);
    }
    (high, swing.site())
}

#[test]
fn a_job_in_step_swings_no_further_than_is_allowed() {
    let (high, site) = held(ALLOWED_W, 120, 300.0);
    let swings = high[0] + high[1] - 2.0 * 150.0;
    assert!(
        swings <= SHARE_OF_GPUS * ALLOWED_W + 1e-6 && swings > 0.9 * SHARE_OF_GPUS * ALLOWED_W,
        "{high:?}"
    );
    assert!(site.kept && site.held_w <= ALLOWED_W + 1e-6 && site.free_w > 1_000.0, "{site:?}");
    assert_eq!(high[2..], [700.0; 2], "who does not swing is left alone: {high:?}");
}

#[test]
fn what_the_lowest_caps_cannot_keep_is_said() {
    // Floors at 100 W are below the low of 150 W; allowed is nothing at all.
    let (high, site) = held(0.0, 60, 300.0);
    assert!(high[0] < 160.0 && site.kept == (site.held_w <= 1e-6), "{high:?} {site:?}");
    let mut bench = Bench::new("");
    let mut swing = swing(&bench, 10.0);
    for s in 0..20u32 {
        let watts = if s % 2 == 0 { 80.0 } else { 500.0 };
        tick(&mut bench, &mut swing, f64::from(s), crate::tests::reports(f64::from(s), [watts; 4]));
    }
    let mut high = [700.0; 4];
    swing.lower(bench.estimator.last(), (&[500.0; 4], 1.0), (&[200.0; 4], &[1.0; 4]), &mut high);
    assert!(!swing.site().kept && swing.site().held_w > 300.0, "{:?}", swing.site());
    assert!(high[0] >= 200.0, "no cap below the lowest: {high:?}");
}

#[test]
fn enough_room_changes_nothing() {
    let (high, site) = held(1e6, 60, 300.0);
    assert!(high == [700.0; 4] && site.kept, "{high:?} {site:?}");
}

#[test]
fn an_extreme_is_forgotten_slowly() {
    let mut of = Extremes::NONE;
    of.take((100.0, 100.0, 100.0), 0.0);
    for _ in 0..300 {
        of.take((500.0, 500.0, 500.0), 1.0 / TAU_S);
    }
    assert!((of.low_w - (500.0 - 400.0 * (-1.0_f64).exp())).abs() < 1.0, "{of:?}");
    assert!((of.high_w - 500.0).abs() < 1e-9);
}

#[test]
fn a_swing_in_step_with_the_samples_is_told_by_its_mean() {
    // Each sample falls on the low; the mean of a second stands between.
    let mut bench = Bench::new("");
    let mut swing = swing(&bench, ALLOWED_W);
    let mut high = [700.0; 4];
    for second in 0..180u32 {
        let s = f64::from(second);
        let one = GpuSample { power_average_w: Offered::new(400.0), ..sample(s, 200.0, 1980.0) };
        let n = u64::from(second) + 1;
        let nodes = ["n1", "n2"].map(|node| {
            let [a, b] = if node == "n1" { ["GPU-a", "GPU-b"] } else { ["GPU-c", "GPU-d"] };
            report(node, 1, n, &[(a, one), (b, one)])
        });
        tick(&mut bench, &mut swing, s, nodes.to_vec());
        high = [700.0; 4];
        swing.lower(bench.estimator.last(), (&[220.0; 4], 1.0), (&[100.0; 4], &[1.0; 4]), &mut high);
    }
    assert_eq!(swing.site().blind, 4);
    // From 200 W to 600 W each, so 800 W of the job that is in step.
    assert!(
        swing.site().free_w > 0.8 * 800.0 / SHARE_OF_GPUS && high[0] < 400.0,
        "{:?} {high:?}",
        swing.site()
    );
}
