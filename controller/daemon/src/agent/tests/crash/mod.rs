//! No orphaned cap: agents that die at any write, and come back to what they left.
//!
//! Responsible for: a campaign over seeds, in virtual time. The agent's own code (ownership file, lease, nodes) lives a
//! few lives on one machine and dies in each, at a random write to a GPU or to the disk (or in the middle of it), between
//! two ticks, or with the whole machine. Meanwhile the controller dies and is succeeded, messages are lost and late, GPUs
//! are gone, back, denied or in another order, disks are full, and somebody else sets limits. Whenever an agent runs that
//! nothing has troubled for the time promised, and at the end of each seed, every cap and lock is held by a live
//! lease, or is what was found, or is what somebody else has put there since.
//!
//! Not for: threads, sockets, the real NVML and the real disk (`lease`, and the tests of processes in `tests/agent`).
//!
//! ```console
//! $ HEADROOM_CRASHES=10000 cargo test --release -p headroom --bin headroom no_cap_is_orphaned -- --nocapture
//! $ HEADROOM_CRASH_SEED=17 cargo test ...          # this seed alone, step by step
//! ```

mod controller;
mod dice;
mod life;
mod machine;
mod trouble;

use controller::{Controller, TTL_MS, asks_for};
use dice::Dice;
use headroom_guard::Mode;
use headroom_site::{CapCommand, Site};
use life::Life;
use machine::{Card, Death, Machine};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;

/// Deaths in the gate.
const CRASHES: u64 = 300;
const TICK_NS: u64 = 200_000_000;
/// A lease that ended, or a GPU that is back, is seen to within a retry and the ticks around it.
const PROMPT_NS: u64 = super::super::gpu::RETRY_NS + 2 * TICK_NS;
/// A GPU that no node of this life holds.
const STRAY_NS: u64 = super::super::strays::PERIOD_NS + 2 * TICK_NS;
/// A lock that somebody else puts, MHz; the controller's are multiples of a hundred.
const FOREIGN_LOCK: u32 = 1111;
const NODES: [(&str, &[&str]); 2] = [("n1", &["GPU-a", "GPU-b"]), ("n2", &["GPU-c", "GPU-elsewhere"])];

/// A command that a node was bound to take, for one GPU.
struct Told {
    at_ns: u64,
    uuid: String,
    cap_mw: Option<u32>,
    lock_mhz: Option<u32>,
}

/// What a campaign went through.
#[derive(Default)]
struct Tally {
    crashes: u64,
    by_write: BTreeMap<&'static str, u64>,
    checks: u64,
}

/// One seed.
struct Play<'a> {
    sites: &'a [Site],
    machine: Machine,
    dice: Dice,
    controller: Controller,
    told: Vec<Told>,
    /// Highest epoch that reached each node, and the last sequence of it in this life.
    newest: BTreeMap<String, (u64, u64, u64)>,
    /// Since when nothing has troubled a GPU.
    calm_ns: Vec<u64>,
    now_ns: u64,
    boot: u64,
    tally: &'a mut Tally,
}

impl<'a> Play<'a> {
    fn new(seed: u64, sites: &'a [Site], log: bool, tally: &'a mut Tally) -> Self {
        let mut dice = Dice(seed);
        let uuids = NODES.iter().flat_map(|(_, uuids)| uuids.iter());
        let cards: Vec<Card> =
            uuids.map(|uuid| Card::new(uuid, dice.one_of(&[700_000, 655_000, 605_000]))).collect();
        Self {
            sites,
            calm_ns: vec![0; cards.len()],
            machine: Machine::new(cards, Dice(dice.next()), log),
            dice,
            controller: Controller::new(&NODES),
            told: Vec::new(),
            newest: BTreeMap::new(),
            now_ns: 100_000_000_000,
            boot: 0,
            tally,
        }
    }

    /// A few lives that die, and one that nothing troubles.
    fn run(&mut self) -> Result<(), String> {
        for _ in 0..1 + self.dice.below(4) {
            let fuse = self.dice.chance(90).then(|| self.dice.below(50));
            let ticks = 5 + self.dice.below(60);
            self.life(fuse, ticks, true)?;
            self.while_dead();
        }
        if self.dice.chance(50) {
            self.heal();
        }
        self.life(None, STRAY_NS / TICK_NS + 10, false)
    }

    /// One life; the machine's parts tell where it died.
    fn life(&mut self, fuse: Option<u64>, ticks: u64, troubled: bool) -> Result<(), String> {
        self.boot += 1;
        self.machine.parts().fuse = fuse;
        self.controller.alive = self.dice.chance(70);
        let ended = catch_unwind(AssertUnwindSafe(|| self.live(ticks, troubled)));
        self.machine.parts().fuse = None;
        match ended {
            Ok(ended) => ended,
            Err(payload) if payload.is::<Death>() => {
                let at = self.machine.parts().died_at;
                *self.tally.by_write.entry(at).or_default() += 1;
                self.tally.crashes += 1;
                Ok(())
            }
            Err(payload) => resume_unwind(payload),
        }
    }

    fn live(&mut self, ticks: u64, troubled: bool) -> Result<(), String> {
        let sites = self.sites;
        let site = &sites[self.dice.below(sites.len() as u64) as usize];
        let mode = if self.dice.chance(10) { Mode::Advisory } else { Mode::Active };
        self.note(|play| format!("life {}, {mode:?}, {} GPUs in the site file", play.boot, site.gpus.len()));
        self.calm_ns.fill(self.now_ns);
        self.told.clear();
        self.machine.parts().hiccups = if troubled && self.dice.chance(30) { 2 } else { 0 };
        let Some(mut life) = Life::start(&self.machine, site, self.boot, mode)? else { return Ok(()) };
        for tick in 0..ticks {
            self.now_ns += TICK_NS;
            if troubled {
                self.trouble(8);
            } else if tick == 2 {
                self.heal();
            }
            for command in self.controller.tick(self.now_ns, TICK_NS, &mut self.dice) {
                let binds = self.tell(&command, mode);
                life.obey(&command, self.now_ns, self.dice.next());
                if binds && !self.machine.parts().disk_fails {
                    let newest = (command.epoch, self.boot, command.sequence);
                    self.newest.insert(command.node.to_string(), newest);
                }
            }
            let heard = life.tick(self.now_ns);
            self.controller.hear(heard);
            self.check(&life)?;
        }
        if troubled && self.dice.chance(30) {
            self.note(|_| "  told to stop".to_owned());
            life.leave(self.now_ns);
            self.told.clear();
            let calm = self.calm_ns.iter().map(|calm_ns| self.now_ns - calm_ns).min();
            return if calm > Some(PROMPT_NS) { self.check_each(&life, 0, u64::MAX) } else { Ok(()) };
        }
        if troubled {
            *self.tally.by_write.entry("between ticks").or_default() += 1;
            self.tally.crashes += 1;
        }
        Ok(())
    }

    /// Keeps what a command binds its node to, if the node is bound to take it.
    fn tell(&mut self, command: &CapCommand, mode: Mode) -> bool {
        let (epoch, boot, sequence) = self.newest.get(&*command.node).copied().unwrap_or_default();
        let known = (epoch, boot) == (command.epoch, self.boot) && command.sequence <= sequence;
        let age_ms = self.now_ns.saturating_sub(command.echo_mono_ns) / 1_000_000;
        let mine = command.echo_boot == self.boot && mode == Mode::Active;
        if !mine || known || command.epoch < epoch || age_ms > TTL_MS {
            return false;
        }
        self.note(|_| format!("  told {} {}: {:?}", command.epoch, command.sequence, command.gpus));
        let horizon_ns = TTL_MS * 1_000_000 + STRAY_NS;
        self.told.retain(|told| told.at_ns + horizon_ns > self.now_ns);
        self.told.extend(command.gpus.iter().map(|target| Told {
            at_ns: self.now_ns,
            uuid: target.uuid.to_string(),
            cap_mw: target.cap_w.map(|w| w as u32 * 1000),
            lock_mhz: target.lock_mhz.map(|mhz| mhz as u32),
        }));
        true
    }

    fn check(&mut self, life: &Life) -> Result<(), String> {
        self.check_each(life, PROMPT_NS, STRAY_NS)
    }

    /// Every cap and lock is held, found, or somebody else's.
    fn check_each(&mut self, life: &Life, prompt_ns: u64, stray_ns: u64) -> Result<(), String> {
        let mut parts = self.machine.parts();
        let disk_fails = parts.disk_fails;
        for (card, calm_ns) in parts.cards.iter_mut().zip(&mut self.calm_ns) {
            let hiccup = std::mem::take(&mut card.hiccup);
            if !card.present || card.denied || hiccup || disk_fails {
                *calm_ns = self.now_ns;
                continue;
            }
            self.tally.checks += 1;
            let within_ns = if life.has(card.uuid) { prompt_ns } else { stray_ns };
            let settled = self.now_ns - *calm_ns >= within_ns;
            let lives = |told: &Told| {
                told.uuid == card.uuid && told.at_ns + TTL_MS * 1_000_000 + within_ns >= self.now_ns
            };
            // What was told in times of trouble may not have been done, and yet holds what stood before.
            let held = |f: &dyn Fn(&Told) -> bool| {
                self.told.iter().any(|told| lives(told) && (told.at_ns <= *calm_ns || f(told)))
            };
            let now = || format!("{} at {} ms", card.uuid, self.now_ns / 1_000_000);
            if !asks_for(card.limit_mw) {
                if !card.rightful.contains(&card.limit_mw) {
                    let (limit_mw, rightful) = (card.limit_mw, &card.rightful);
                    return Err(format!("{}: {limit_mw} mW, and nobody put one but {rightful:?}", now()));
                }
            } else if settled && !held(&|told| told.cap_mw == Some(card.limit_mw)) {
                return Err(format!("{}: a cap of {} mW is orphaned", now(), card.limit_mw));
            }
            let ours = card.lock_mhz.filter(|&mhz| mhz != FOREIGN_LOCK);
            if settled && ours.is_some() && !card.lock_denied && !held(&|told| told.lock_mhz == ours) {
                return Err(format!("{}: a lock of {ours:?} MHz is orphaned", now()));
            }
        }
        Ok(())
    }

    fn note(&self, what: impl FnOnce(&Self) -> String) {
        if self.machine.parts().log.is_some() {
            let line = what(self);
            self.machine.parts().note(|| line);
        }
    }
}

/// Plays a seed; the steps are told where `log` asks for it or the seed fails.
fn play(seed: u64, sites: &[Site], log: bool, tally: &mut Tally) -> Result<(), String> {
    let mut play = Play::new(seed, sites, log, tally);
    let ended = play.run();
    let steps = play.machine.parts().log.take().unwrap_or_default().join("\n");
    match ended {
        Err(why) if log => Err(format!("seed {seed}: {why}\n{steps}\nseed {seed}: {why}")),
        Err(why) => Err(why),
        Ok(()) if log => {
            println!("{steps}");
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

/// The site as it is, and as it is without one of its GPUs.
fn sites() -> [Site; 2] {
    let slow =
        super::SITE.replace("50 ms", "200 ms").replace("\"100 ms\"", "\"400 ms\"").replace("1 s", "2 s");
    let fewer = slow.replace("\"GPU-a\", \"GPU-b\"", "\"GPU-a\"");
    [slow, fewer].map(|text| headroom_site::file::read_site("site.toml", &text, Path::new(".")).unwrap())
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap())
}

#[test]
fn no_cap_is_orphaned() {
    let (sites, mut tally) = (sites(), Tally::default());
    if let Some(seed) = number("HEADROOM_CRASH_SEED") {
        return play(seed, &sites, true, &mut tally).unwrap();
    }
    let wanted = number("HEADROOM_CRASHES").unwrap_or(CRASHES);
    let begun = std::time::Instant::now();
    let mut seed = 0;
    while tally.crashes < wanted {
        seed += 1;
        if play(seed, &sites, false, &mut tally).is_err() {
            let told = play(seed, &sites, true, &mut Tally::default()).unwrap_err();
            panic!("{told}\nafter {} crash points; again: HEADROOM_CRASH_SEED={seed}", tally.crashes);
        }
    }
    let took_s = begun.elapsed().as_secs_f64();
    let Tally { crashes, by_write, checks } = tally;
    println!("{crashes} crash points of {seed} seeds in {took_s:.1} s, {checks} checks, none orphaned");
    println!("died at: {by_write:?}");
}
