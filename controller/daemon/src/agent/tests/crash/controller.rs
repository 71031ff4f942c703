//! A controller that dies, is succeeded, and whose messages are lost, late, doubled and out of order.

use super::dice::Dice;
use super::life::Heard;
use headroom_site::CapCommand;
use headroom_site::gpu::CapTarget;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Life of its leases.
pub(super) const TTL_MS: u64 = 2000;

/// True for a limit that only the controller asks for, mW: tens of watts from 300 to 590 W.
pub(super) fn asks_for(limit_mw: u32) -> bool {
    (300_000..600_000).contains(&limit_mw) && limit_mw.is_multiple_of(10_000)
}

/// A node, its GPUs, and what is wanted of them.
struct Wish {
    node: &'static str,
    uuids: &'static [&'static str],
    gpus: Arc<[CapTarget]>,
}

/// The controller, with the messages under way.
pub(super) struct Controller {
    pub(super) alive: bool,
    epoch: u64,
    sequence: u64,
    wishes: Vec<Wish>,
    heard: BTreeMap<String, (u64, u64)>,
    under_way: Vec<(u64, CapCommand)>,
}

impl Controller {
    pub(super) fn new(nodes: &[(&'static str, &'static [&'static str])]) -> Self {
        let wish = |&(node, uuids): &(_, _)| Wish { node, uuids, gpus: [].into() };
        let wishes = nodes.iter().map(wish).collect();
        Self { alive: true, epoch: 1, sequence: 0, wishes, heard: BTreeMap::new(), under_way: Vec::new() }
    }

    pub(super) fn hear(&mut self, heard: Vec<Heard>) {
        self.heard.extend(heard.into_iter().map(|(node, boot, mono_ns)| (node, (boot, mono_ns))));
    }

    /// Says what it wants, if it lives, and hands over what arrives now.
    pub(super) fn tick(&mut self, now_ns: u64, tick_ns: u64, dice: &mut Dice) -> Vec<CapCommand> {
        if dice.chance(3) {
            (self.epoch, self.sequence) = (self.epoch + 1, 0);
        }
        for n in 0..self.wishes.len() {
            if !self.alive || dice.chance(40) {
                continue;
            }
            self.wishes[n].think(dice);
            let Some(command) = self.command(n, dice) else { continue };
            if dice.chance(15) {
                continue;
            }
            let late = if dice.chance(15) { dice.below(15) } else { 0 };
            if dice.chance(5) {
                self.under_way.push((now_ns + tick_ns * dice.below(15), command.clone()));
            }
            self.under_way.push((now_ns + tick_ns * late, command));
        }
        self.under_way.extract_if(.., |(at_ns, _)| *at_ns <= now_ns).map(|(_, command)| command).collect()
    }

    fn command(&mut self, n: usize, dice: &mut Dice) -> Option<CapCommand> {
        let wish = &self.wishes[n];
        let &(echo_boot, echo_mono_ns) = self.heard.get(wish.node)?;
        self.sequence += 1;
        Some(CapCommand {
            node: wish.node.into(),
            who: "test".into(),
            // Now and then one that was succeeded still thinks that it leads.
            epoch: self.epoch - u64::from(dice.chance(10)),
            sequence: self.sequence,
            ttl_ms: TTL_MS,
            echo_boot,
            echo_mono_ns,
            sent_ns: 0,
            gpus: Arc::clone(&wish.gpus),
            reason: "a test".into(),
        })
    }
}

impl Wish {
    /// Sometimes it wants something else, and sometimes nothing of a GPU.
    fn think(&mut self, dice: &mut Dice) {
        if !self.gpus.is_empty() && dice.chance(70) {
            return;
        }
        let named = self.uuids.iter().filter(|_| dice.chance(80)).copied().collect::<Vec<_>>();
        let target = |uuid: &str| CapTarget {
            uuid: uuid.into(),
            cap_w: dice.chance(85).then(|| (300 + 10 * dice.below(30)) as f32),
            lock_mhz: dice.chance(50).then(|| (1200 + 100 * dice.below(7)) as f32),
        };
        self.gpus = named.into_iter().map(target).collect();
    }
}
