//! What the fabric must do: carry, draw, warm, and slow down.

use super::*;

fn run(net: &mut Network, traffic: f32, inlet_c: f64, seconds: f64, dt_s: f64) {
    let traffic = vec![traffic; net.links.len()];
    for _ in 0..(seconds / dt_s).round() as usize {
        net.update(&traffic, inlet_c, dt_s);
    }
}

#[test]
fn sixty_four_nodes_need_sixteen_leaves_and_eight_spines() {
    let mut net = Network::new(NetworkSpec::NDR400, 64);
    assert_eq!(net.switches.len(), 24);
    net.update(&[1.0; 64], 24.0, 1.0);
    assert!((net.utilisation(Tier::Leaf) - 1.0).abs() < 1e-9);
    assert!((net.utilisation(Tier::Spine) - 0.5).abs() < 1e-9);
    assert!((net.nic_power_w[3] - 8.0 * 27.0).abs() < 1e-9);
    assert!(net.link_factor.iter().all(|factor| (factor - 1.0).abs() < 1e-6));
    let full = net.switch_power_w();
    net.update(&[], 24.0, 1.0);
    assert!((net.switch_power_w() - 24.0 * 640.0).abs() < 1e-6 && full > 20_000.0);
    assert!((net.switch_air_w() + net.switch_liquid_w() - net.switch_power_w()).abs() < 1e-9);
}

#[test]
fn peers_carry_what_a_dead_switch_cannot() {
    let mut net = Network::new(NetworkSpec::NDR400, 32);
    net.switches[0].up = false;
    net.update(&[0.7; 32], 24.0, 1.0);
    assert!(net.switches[0].power_w.abs() < 1e-12);
    assert!((net.switches[1].utilisation - 0.8).abs() < 1e-6);
    assert!((net.link_factor[5] - 7.0 / 8.0).abs() < 1e-6, "collectives run on seven rails of eight");
    net.update(&[1.0; 32], 24.0, 1.0);
    assert!((net.switches[1].utilisation - 1.0).abs() < 1e-9 && net.switches[1].dropped_s > 0.1);
}

#[test]
fn faults_slow_what_they_touch_and_nothing_else() {
    let mut net = Network::new(NetworkSpec::NDR400, 64);
    net.links[3].health = 0.0;
    net.links[4].health = 0.5;
    net.pod_health[1] = 0.3;
    net.update(&[0.5; 64], 24.0, 1.0);
    let factor = |node: usize| f64::from(net.link_factor[node]);
    assert!(factor(3).abs() < 1e-9 && (factor(4) - 0.5).abs() < 1e-6 && (factor(5) - 1.0).abs() < 1e-6);
    assert!((factor(40) - 0.3).abs() < 1e-6 && net.nic_utilisation[3].abs() < 1e-9);
    // Half of the spines carry what leaves two pods; a quarter is too little.
    let mut net = Network::new(NetworkSpec::NDR400, 64);
    for spine in 16..20 {
        net.switches[spine].up = false;
    }
    net.update(&[1.0; 64], 24.0, 1.0);
    assert!((net.link_factor[0] - 1.0).abs() < 1e-6);
    net.switches[20].up = false;
    net.switches[21].up = false;
    net.update(&[1.0; 64], 24.0, 1.0);
    assert!((net.link_factor[0] - 0.5).abs() < 1e-6, "{}", net.link_factor[0]);
}

#[test]
fn warm_air_derates_modules_and_then_shuts_them() {
    let at = |inlet_c: f64| {
        let mut net = Network::new(NetworkSpec::NDR400, 32);
        run(&mut net, 1.0, inlet_c, 600.0, 1.0);
        (net.links[0], net.link_factor[0])
    };
    let (cool, full) = at(25.0);
    assert!((50.0..65.0).contains(&cool.optic_c) && full > 0.999 && cool.errors.abs() < 1e-9);
    let (warm, slower) = at(38.0);
    assert!(warm.optic_c > 70.0 && (0.5..0.99).contains(&slower) && warm.errors > 100.0, "{warm:?} {slower}");
    let (hot, flapping) = at(43.0);
    assert!(hot.flaps > 1.0 && flapping < 0.5, "{hot:?}");
    let mut net = Network::new(NetworkSpec::NDR400, 32);
    run(&mut net, 1.0, 55.0, 600.0, 1.0);
    assert!(net.links[0].shut && net.link_factor[0].abs() < 1e-9);
    run(&mut net, 1.0, 24.0, 600.0, 1.0);
    assert!(!net.links[0].shut && net.link_factor[0] > 0.999, "it comes back when it is cool");
}

#[test]
fn a_switch_without_fans_slows_and_shuts_its_ports() {
    let mut net = Network::new(NetworkSpec::NDR400, 32);
    net.switches[2].resistance = 1.25;
    run(&mut net, 0.95, 26.0, 1200.0, 1.0);
    assert!((0.5..1.0).contains(&net.switches[2].capacity), "{:?}", net.switches[2]);
    assert!(net.link_factor[0] < 1.0);
    net.switches[2].resistance = 2.0;
    run(&mut net, 0.95, 26.0, 1200.0, 1.0);
    assert!(net.switches[2].trips > 0, "{:?}", net.switches[2]);
}

#[test]
fn step_length_does_not_matter() {
    let at = |dt_s: f64| {
        let mut net = Network::new(NetworkSpec::NDR400, 32);
        run(&mut net, 0.8, 36.0, 60.0, dt_s);
        [net.links[0].optic_c, net.links[0].nic_c, net.switches[0].chip_c]
    };
    let fine = at(0.01);
    for dt_s in [0.1, 1.0, 10.0] {
        for (a, b) in fine.iter().zip(at(dt_s)) {
            assert!((a - b).abs() < 0.3, "{fine:?} {dt_s}");
        }
    }
}
