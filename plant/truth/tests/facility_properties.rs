//! Any facility, whatever is done to it: nothing is lost. Heat, water, coolant, vapour and electricity close.

use headroom_truth::facility::cdu::CduCommand;
use headroom_truth::facility::chiller::ChillerCommand;
use headroom_truth::facility::hall::CrahCommand;
use headroom_truth::facility::{
    BessSpec, Commands, Facility, FacilityInputs, FacilitySpec, HeatRejection, Outdoor, PowerSpec, RackSpec,
};
use headroom_truth::rng::Rng;

/// Any plant: liquid and air-cooled racks mixed, any machines, any power path.
fn any_spec(rng: &mut Rng) -> FacilitySpec {
    let racks = 2 + (rng.uniform() * 9.0) as usize;
    let (cdus, rows) = (1 + racks / 4, 1 + racks / 5);
    let rack = |rng: &mut Rng| {
        let air = rng.uniform() < 0.2;
        RackSpec {
            peak_w: rng.range(8e3, 130e3),
            liquid_share: if air { 0.0 } else { rng.range(0.7, 0.95) },
            cdu: (!air).then(|| (rng.uniform() * cdus as f64) as usize),
            row: (rng.uniform() * rows as f64) as usize,
        }
    };
    let bess = (rng.uniform() < 0.5).then(|| BessSpec { power_w: rng.range(2e4, 3e5), energy_j: 5e8 });
    let kinds = [HeatRejection::Tower, HeatRejection::DryCooler, HeatRejection::AdiabaticCooler];
    FacilitySpec {
        racks: (0..racks).map(|_| rack(rng)).collect(),
        chillers: (rng.uniform() * 4.0) as usize,
        heat_rejection: kinds[(rng.uniform() * 3.0) as usize],
        economiser: rng.uniform() < 0.6,
        tank_m3: if rng.uniform() < 0.5 { rng.range(2.0, 80.0) } else { 0.0 },
        crahs: 1 + (rng.uniform() * 3.0) as usize,
        power: PowerSpec {
            ups_eco: rng.uniform() < 0.5,
            battery_s: rng.range(5.0, 600.0),
            generator_start_s: rng.range(5.0, 60.0),
            bess,
        },
        seed: rng.next_u64(),
    }
}

/// Any commands; often a plant that runs well, sometimes one that nobody would run.
fn any_commands(rng: &mut Rng, c: &mut Commands) {
    let wild = rng.uniform() < 0.3;
    let low = if wild { 0.0 } else { 0.5 };
    for cdu in &mut c.cdus {
        *cdu = CduCommand { valve: rng.range(low, 1.0), pumps: [rng.range(low, 1.0), rng.range(0.0, 1.0)] };
    }
    for crah in &mut c.crahs {
        *crah = CrahCommand { fan: rng.range(low, 1.0), valve: rng.range(low, 1.0) };
    }
    for chiller in &mut c.chillers {
        *chiller = ChillerCommand { run: !wild || rng.uniform() < 0.5, setpoint_c: rng.range(5.0, 22.0) };
    }
    for valve in &mut c.rack_valves {
        *valve = if rng.uniform() < 0.1 { 0.0 } else { rng.range(0.4, 1.0) };
    }
    c.primary_pumps = vec![rng.range(low, 1.0), if wild { 0.0 } else { rng.range(0.0, 1.0) }];
    (c.economiser, c.tower_fan) = (rng.uniform(), rng.range(low, 1.0));
    (c.adiabatic, c.tank) = (rng.uniform(), rng.range(-1.0, 1.0));
    c.bess_w = rng.range(-3e5, 3e5);
}

/// Any faults, on and off.
fn any_faults(rng: &mut Rng, f: &mut Facility) {
    let mut some = |chance: f64, most: f64| if rng.uniform() < chance { most * rng.uniform() } else { 0.0 };
    for rack in &mut f.racks {
        (rack.leak_lpm, rack.air) = (some(0.03, 4.0), some(0.05, 0.8));
        rack.valve.stiction = some(0.1, 0.1);
    }
    for cdu in &mut f.cdus {
        (cdu.clogging, cdu.plate.fouling) = (some(0.1, 0.8), some(0.1, 0.5));
        (cdu.valve.stiction, cdu.valve.stuck) = (some(0.1, 0.05), some(0.1, 1.0) > 0.0);
        cdu.pumps[0].failed = some(0.1, 1.0) > 0.0;
        (cdu.pumps[1].wear, cdu.pumps[1].air) = (some(0.1, 0.3), some(0.1, 0.2));
    }
    for chiller in &mut f.primary.chillers {
        chiller.tripped = some(0.1, 1.0) > 0.0;
    }
    f.primary.clogging = some(0.1, 0.7);
    f.primary.pumps[0].failed = some(0.1, 1.0) > 0.0;
    for aisle in &mut f.hall.aisles {
        aisle.blocked = some(0.1, 0.9);
    }
    f.condenser.tower.fouling = some(0.1, 0.6);
    f.condenser.tower.basin.make_up_failed = some(0.05, 1.0) > 0.0;
    f.power.feed_lost = some(0.08, 1.0) > 0.0;
    f.power.generator.failed = some(0.1, 1.0) > 0.0;
    f.power.ups.staging = some(0.5, 1.0) > 0.0;
}

fn any_weather(rng: &mut Rng) -> Outdoor {
    let dry_bulb_c = rng.range(-20.0, 42.0);
    let wet_bulb_c = dry_bulb_c - rng.range(0.5, 12.0) * ((dry_bulb_c + 25.0) / 60.0);
    Outdoor { dry_bulb_c, wet_bulb_c, dew_point_c: wet_bulb_c - 0.4 * (dry_bulb_c - wet_bulb_c) }
}

/// What must close over a run.
#[derive(Default)]
struct Books {
    heat_in_j: f64,
    heat_out_j: f64,
    basin_kg: f64,
    vapour_kg: f64,
    source_j: f64,
    worst_power: f64,
    worst_flow: f64,
}

struct Site {
    facility: Facility,
    commands: Commands,
    power_w: Vec<f64>,
    liquid_w: Vec<f64>,
    books: Books,
}

impl Site {
    fn new(spec: FacilitySpec) -> Self {
        let facility = Facility::new(spec);
        let commands = facility.idle_commands();
        let racks = facility.racks.len();
        let (power_w, liquid_w) = (vec![0.0; racks], vec![0.0; racks]);
        Self { facility, commands, power_w, liquid_w, books: Books::default() }
    }

    /// Chips that get too hot or have no supply do not work.
    fn load(&mut self, wanted: f64) {
        let f = &self.facility;
        for (rack, spec) in f.spec.racks.iter().enumerate() {
            let hot = f.racks[rack].return_c() > 70.0 || f.inlet_air_c(rack) > 50.0;
            let off = hot || !f.power.critical_powered();
            self.power_w[rack] = if off { 0.0 } else { wanted * spec.peak_w };
            self.liquid_w[rack] = self.power_w[rack] * if spec.is_liquid() { spec.liquid_share } else { 0.0 };
        }
    }

    fn step(&mut self, outdoor: Outdoor, dt_s: f64) {
        let it_w: f64 = self.power_w.iter().sum();
        let liquid_w: f64 = self.liquid_w.iter().sum();
        let inputs = FacilityInputs {
            rack_power_w: &self.power_w,
            rack_liquid_w: &self.liquid_w,
            rack_air_w: it_w - liquid_w,
            server_air_m3s: 1e-5 * self.facility.spec.air_peak_w() * 6.0,
            outdoor,
            commands: &self.commands,
        };
        let held = |f: &Facility| f.power.ups.energy_j + f.power.bess.map_or(0.0, |b| b.energy_j);
        let before_j = held(&self.facility);
        self.facility.step(&inputs, dt_s);
        let (f, b) = (&self.facility, &mut self.books);
        b.heat_in_j += f.heat_in_w * dt_s;
        b.heat_out_j += f.heat_out_w() * dt_s;
        let water = f.water();
        b.basin_kg += water.basin_kg_s * dt_s;
        b.vapour_kg += water.vapour_kg_s * dt_s;
        b.source_j += f.power.source_w * dt_s;
        let p = &f.powers;
        let used_w = p.it_w + p.cooling_w() + p.house_w + f.power.stated_loss_w();
        let stored_w = (held(f) - before_j) / dt_s;
        let scale_w = p.facility_w.abs().max(it_w).max(1e3);
        b.worst_power = b.worst_power.max((p.facility_w - used_w - stored_w).abs() / scale_w);
        let flows = f.continuity();
        b.worst_flow = b.worst_flow.max(flows.technology).max(flows.facility).max(flows.condenser);
    }
}

fn run_closes(seed: u64, hours: f64, steps_s: &[f64]) {
    let mut rng = Rng::new(seed);
    let mut site = Site::new(any_spec(&mut rng));
    let (start_j, start) = (site.facility.stored_j(), site.facility.water());
    let (mut time_s, mut due_s, mut load) = (0.0, 0.0, 0.5);
    let (mut outdoor, mut dt_s) = (any_weather(&mut rng), steps_s[0]);
    while time_s < hours * 3600.0 {
        if time_s >= due_s {
            due_s += rng.range(600.0, 7200.0);
            any_commands(&mut rng, &mut site.commands);
            any_faults(&mut rng, &mut site.facility);
            (outdoor, load) = (any_weather(&mut rng), rng.range(0.0, 1.0));
            dt_s = steps_s[(rng.uniform() * steps_s.len() as f64) as usize];
        }
        site.load(load);
        site.step(outdoor, dt_s);
        time_s += dt_s;
    }
    let (f, b) = (&site.facility, &site.books);
    let scale_j = b.heat_in_j.max(start_j);
    let heat = (b.heat_in_j - b.heat_out_j - (f.stored_j() - start_j)) / scale_j;
    assert!(heat.abs() < 1e-9, "seed {seed}: heat {heat:e} of {scale_j:e} J in {:?}", f.spec);
    let water = f.water();
    let basin = (water.basin_kg - start.basin_kg - b.basin_kg) / start.basin_kg;
    assert!(basin.abs() < 1e-9, "seed {seed}: basin {basin:e}");
    let coolant = (start.coolant_l - water.coolant_l - water.coolant_lost_l) / start.coolant_l.max(1.0);
    assert!(coolant.abs() < 1e-9, "seed {seed}: coolant {coolant:e}");
    let vapour = (water.vapour_kg - start.vapour_kg - b.vapour_kg) / start.vapour_kg;
    assert!(vapour.abs() < 1e-9, "seed {seed}: vapour {vapour:e}");
    assert!(b.worst_power < 1e-9, "seed {seed}: electricity {:e}", b.worst_power);
    assert!(b.worst_flow < 1e-9, "seed {seed}: flows {:e}", b.worst_flow);
    assert!(b.heat_in_j > 0.0 && b.source_j >= 0.0 && f.powers.facility_w.is_finite());
    for cdu in &f.cdus {
        assert!((-5.0..105.0).contains(&cdu.supply_c()), "seed {seed}: {}", cdu.supply_c());
    }
    assert!((-5.0..105.0).contains(&f.condenser.supply_c()), "seed {seed}: {}", f.condenser.supply_c());
}

/// A week of any site in steps of 5 to 10 s.
#[test]
fn a_week_of_any_site_closes() {
    for seed in 0..8 {
        run_closes(seed, 168.0, &[10.0, 7.0, 5.0]);
    }
}

/// Many other sites, for less long, with any step from a hundredth of a second.
#[test]
fn any_step_closes() {
    for seed in 100..140 {
        run_closes(seed, 5.0, &[10.0, 3.3, 1.0]);
    }
    for seed in 200..206 {
        run_closes(seed, 0.02, &[0.01]);
        run_closes(seed, 0.2, &[0.1]);
    }
}

/// The same seed gives the same bits.
#[test]
fn the_same_site_twice_is_the_same() {
    let run = || {
        let mut rng = Rng::new(11);
        let mut site = Site::new(any_spec(&mut rng));
        any_commands(&mut rng, &mut site.commands);
        for _ in 0..500 {
            site.load(0.7);
            site.step(Outdoor { dry_bulb_c: 20.0, wet_bulb_c: 15.0, dew_point_c: 11.0 }, 10.0);
        }
        site.facility
    };
    assert_eq!(run(), run());
}
