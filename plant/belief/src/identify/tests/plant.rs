//! A synthetic site of random structure: loops with racks, an upstream loop, meters. It is linear and of its own making.

use super::super::{Column, Table};
use crate::dice::Dice;
use headroom_site::Site;
use headroom_site::file::read_site;
use std::fmt::Write;
use std::path::Path;

/// What happens while the table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Setpoints move for the first hours.
    Excited,
    /// Nobody moves anything.
    Still,
}

/// A loop: its setpoint, how its supply follows, its heat.
#[derive(Debug, Clone)]
pub(super) struct Loop {
    pub gain: f64,
    tau_s: f64,
    delay: usize,
    upstream: f64,
    heat_k_per_w: f64,
    base_c: f64,
    racks: usize,
}

#[derive(Debug, Clone)]
pub(super) struct Synthetic {
    seed: u64,
    kind: Kind,
    pub loops: Vec<Loop>,
    pub it_gain: f64,
    losses: f64,
    noise_k: f64,
    drift_k: f64,
}

const PERIOD_S: f64 = 30.0;
const ROWS: usize = 2400;
const GPUS: usize = 8;

impl Synthetic {
    pub(super) fn draw(seed: u64, kind: Kind) -> Self {
        let mut dice = Dice(seed.wrapping_mul(0x1234_5678_9abc_def1) + 1);
        let count = 2 + (dice.draw() * 3.0) as usize;
        let loops = (0..count).map(|_| Loop {
            gain: dice.range(0.85, 1.1),
            tau_s: dice.range(60.0, 400.0),
            delay: (dice.draw() * 4.0) as usize,
            upstream: dice.range(0.0, 0.15),
            heat_k_per_w: dice.range(0.0, 2e-4),
            base_c: dice.range(27.0, 33.0),
            racks: 1 + (dice.draw() * 3.0) as usize,
        });
        Self {
            seed,
            kind,
            loops: loops.collect(),
            it_gain: dice.range(1.05, 1.35),
            losses: dice.range(0.05, 0.12),
            noise_k: dice.range(0.03, 0.1),
            drift_k: dice.range(0.002, 0.006),
        }
    }

    /// Standard deviation of what nobody can foresee an hour ahead, K.
    pub(super) fn unforeseen_k(&self) -> f64 {
        (2.0 * self.noise_k.powi(2) + 120.0 * self.drift_k.powi(2)).sqrt()
    }

    fn racks(&self, n: usize) -> impl Iterator<Item = String> + '_ {
        (0..self.loops[n].racks).map(move |r| format!("rack-{n}-{r}"))
    }

    pub(super) fn site(&self) -> Site {
        self.text(true)
    }

    /// The same without a word on what serves what.
    pub(super) fn black_site(&self) -> Site {
        self.text(false)
    }

    fn text(&self, grey: bool) -> Site {
        let mut o = String::from(
            "format = 1\n[site]\nname = \"synthetic\"\n[periods]\npower = \"1 s\"\ncooling = \"30 s\"\n\
             [[mqtt]]\nid = \"bms\"\nurl = \"mqtt://127.0.0.1:1883\"\n[meters]\nfacility = \"facility\"\nit = \"it\"\n",
        );
        let point = |o: &mut String, id: &str, of: &str, kind: &str, area: &str, unit: &str| {
            writeln!(
                o,
                "[[point]]\nid = \"{id}\"\nof = \"{of}\"\ntype = \"{kind}\"\narea = [{area}]\nunit = \"{unit}\"\n\
                 from = {{ mqtt = \"bms\", tag = \"{id}\" }}"
            )
            .unwrap();
        };
        point(&mut o, "facility", "site", "ActivePower", "", "kW");
        point(&mut o, "it", "site", "ActivePower", "", "kW");
        let mut loops: Vec<(String, String)> =
            (0..self.loops.len()).map(|n| (format!("{n}"), format!("CDU-{n}"))).collect();
        loops.push(("up".to_owned(), "UP".to_owned()));
        for (n, of) in &loops {
            point(
                &mut o,
                &format!("supply-{n}"),
                of,
                "LiquidTemperature",
                "\"Secondary\", \"Supply\"",
                "degC",
            );
            point(&mut o, &format!("setpoint-{n}"), of, "Setpoint", "", "degC");
            if n != "up" {
                point(
                    &mut o,
                    &format!("return-{n}"),
                    of,
                    "LiquidTemperature",
                    "\"Secondary\", \"Return\"",
                    "degC",
                );
                point(&mut o, &format!("flow-{n}"), of, "LiquidFlow", "\"Secondary\"", "L/min");
            }
            writeln!(
                o,
                "[[actuator]]\nid = \"loop-{n}\"\nof = \"{of}\"\nunit = \"degC\"\nrange = [\"10 degC\", \"45 degC\"]\n\
                 ramp = \"1 K/5min\"\nstep = \"0.5 K\"\ndeadband = \"0.1 K\"\nfallback = \"25 degC\"\n\
                 readback = \"setpoint-{n}\"\nmeasures = \"supply-{n}\"\nto = {{ mqtt = \"bms\", tag = \"loop-{n}/request\" }}"
            )
            .unwrap();
        }
        self.places(&mut o, grey);
        read_site("site.toml", &o, Path::new(".")).map_err(|f| format!("{f:#?}")).unwrap()
    }

    fn places(&self, o: &mut String, grey: bool) {
        let serves = |list: Vec<String>| if grey { list.join("\", \"") } else { String::new() };
        for n in 0..self.loops.len() {
            let racks: Vec<String> = self.racks(n).collect();
            for rack in &racks {
                let gpus: Vec<String> = (0..GPUS).map(|g| format!("\"GPU-{rack}-{g}\"")).collect();
                writeln!(
                    o,
                    "[[place]]\nid = \"{rack}\"\nkind = \"rack\"\n[[node]]\nid = \"node-{rack}\"\nrack = \"{rack}\"\n\
                     sku = \"H100-SXM\"\nother-power = \"500 W\"\ngpus = [{}]",
                    gpus.join(", ")
                )
                .unwrap();
            }
            let list = serves(racks);
            let list = if list.is_empty() { String::new() } else { format!("\"{list}\"") };
            writeln!(o, "[[equipment]]\nid = \"CDU-{n}\"\nkind = \"cdu\"\nserves = [{list}]").unwrap();
        }
        let list = serves((0..self.loops.len()).map(|n| format!("CDU-{n}")).collect());
        let list = if list.is_empty() { String::new() } else { format!("\"{list}\"") };
        writeln!(o, "[[equipment]]\nid = \"UP\"\nkind = \"facility-loop\"\nserves = [{list}]").unwrap();
    }

    /// Twenty hours of it; the first six excited where somebody moves setpoints, and a few moves later.
    pub(super) fn table(&self) -> Table {
        let mut dice = Dice(self.seed ^ 0xabcd);
        let mut columns: Vec<(String, Vec<f64>)> = Vec::new();
        let up = self.setpoint(&mut dice, 18.0, 99);
        let up_supply = follow(&up, 1.0, 200.0, 1);
        let mut gpus = vec![0.0; ROWS];
        for (n, l) in self.loops.iter().enumerate() {
            let setpoint = self.setpoint(&mut dice, l.base_c, n);
            let heat = self.heat(&mut dice, n, &mut columns);
            gpus.iter_mut().zip(&heat).for_each(|(sum, w)| *sum += w);
            let followed = follow(&setpoint, l.gain, l.tau_s, l.delay);
            let warm = follow(&heat, l.heat_k_per_w, 120.0, 0);
            let mean_w = heat.iter().sum::<f64>() / ROWS as f64;
            let mut drift = 0.0;
            let supply: Vec<f64> = (0..ROWS)
                .map(|k| {
                    drift += self.drift_k * dice.normal();
                    let own = l.base_c + followed[k] - l.gain * l.base_c;
                    let others = l.upstream * (up_supply[k] - 18.0) + warm[k] - l.heat_k_per_w * mean_w;
                    own + others + drift + self.noise_k * dice.normal()
                })
                .collect();
            let flow = mean_w / (4.0e6 / 6e4 * 8.0);
            let back = (0..ROWS).map(|k| supply[k] + 0.85 * heat[k] * self.it_gain / (4.0e6 / 6e4 * flow));
            columns.push((format!("return-{n}"), back.collect()));
            columns.push((
                format!("flow-{n}"),
                (0..ROWS).map(|_| flow * (1.0 + 0.005 * dice.normal())).collect(),
            ));
            columns.push((format!("supply-{n}"), supply));
            columns.push((format!("setpoint-{n}"), setpoint));
        }
        let it: Vec<f64> =
            gpus.iter().map(|w| self.it_gain * w + 800.0 + 0.002 * w * dice.normal()).collect();
        columns.push((
            "facility".into(),
            it.iter().map(|w| (1.0 + self.losses) * w + 4e3 + 0.002 * w * dice.normal()).collect(),
        ));
        columns.push(("it".into(), it));
        columns
            .push(("supply-up".into(), up_supply.iter().map(|t| t + self.noise_k * dice.normal()).collect()));
        columns.push(("setpoint-up".into(), up));
        table(columns)
    }

    fn setpoint(&self, dice: &mut Dice, base: f64, n: usize) -> Vec<f64> {
        let mut at = base;
        let (phase, period) = (dice.range(0.0, 6.0), 40.0 + 13.0 * (n % 7) as f64);
        (0..ROWS)
            .map(|k| {
                if self.kind == Kind::Still {
                    return base;
                }
                if k < 720 {
                    return base + 1.2 * (k as f64 / period + phase).sin();
                }
                if dice.draw() < 0.004 {
                    at = base + dice.range(-1.0, 1.0);
                }
                at
            })
            .collect()
    }

    fn heat(&self, dice: &mut Dice, n: usize, columns: &mut Vec<(String, Vec<f64>)>) -> Vec<f64> {
        let mut sum = vec![0.0; ROWS];
        for rack in self.racks(n).collect::<Vec<_>>() {
            let mut level = dice.range(300.0, 600.0);
            let watts: Vec<f64> = (0..ROWS)
                .map(|_| {
                    if dice.draw() < 0.01 {
                        level = dice.range(250.0, 650.0);
                    }
                    GPUS as f64 * level * (1.0 + 0.01 * dice.normal())
                })
                .collect();
            sum.iter_mut().zip(&watts).for_each(|(sum, w)| *sum += w);
            columns.push((format!("gpu_power:{rack}"), watts));
        }
        sum
    }
}

/// First order with delay, at rest before.
fn follow(input: &[f64], gain: f64, tau_s: f64, delay: usize) -> Vec<f64> {
    let share = 1.0 - (-PERIOD_S / tau_s).exp();
    let mut x = input[0];
    (0..input.len())
        .map(|k| {
            x += share * (input[k.saturating_sub(delay)] - x);
            gain * x
        })
        .collect()
}

pub(super) fn table(columns: Vec<(String, Vec<f64>)>) -> Table {
    let unix_s: Vec<f64> = (0..ROWS).map(|k| 1.75e9 + PERIOD_S * k as f64).collect();
    let column = |(name, values): (String, Vec<f64>)| {
        let unit = if name.starts_with("flow") {
            "L/min"
        } else if name.contains("gpu_power") || name == "it" || name == "facility" {
            "W"
        } else {
            "degC"
        };
        Column { name, unit: unit.to_owned(), values }
    };
    Table::new(&unix_s, columns.into_iter().map(column).collect()).unwrap()
}
