//! What happens to the machine of a play: others at work, GPUs that go and come, disks that are full, lost power.

use super::{FOREIGN_LOCK, Play};

impl Play<'_> {
    /// So many times in a hundred, something happens to one GPU or to the disk.
    pub(super) fn trouble(&mut self, percent: u64) {
        if !self.dice.chance(percent) {
            return;
        }
        let (kind, n) = (self.dice.below(11), self.dice.below(self.calm_ns.len() as u64) as usize);
        let another_mw = (313 + 10 * self.dice.below(38)) as u32 * 1000;
        let mut parts = self.machine.parts();
        let card = &mut parts.cards[n];
        self.calm_ns[n] = self.now_ns;
        match kind {
            0..3 if card.present => card.set_by_another(another_mw),
            3 if card.present => card.lock_mhz = Some(FOREIGN_LOCK),
            4 => card.present = false,
            0..6 => card.present = true,
            6 => card.denied = !card.denied,
            7 => card.oob_mw = if card.oob_mw.is_some() { None } else { Some(another_mw) },
            8 => card.reset(),
            9 => card.lock_denied = !card.lock_denied,
            _ => parts.disk_fails = !parts.disk_fails,
        }
        let line = format!("  trouble {kind}: {:?}, disk fails {}", parts.cards[n], parts.disk_fails);
        parts.note(|| line);
    }

    /// Nobody runs on the machine for a while; it may lose its power.
    pub(super) fn while_dead(&mut self) {
        for _ in 0..self.dice.below(4) {
            self.trouble(50);
        }
        self.now_ns += self.dice.below(20) * 1_000_000_000;
        if self.dice.chance(20) {
            let mut parts = self.machine.parts();
            parts.note(|| "  power lost".to_owned());
            parts.lose_power();
            drop(parts);
            // What a host sets when it starts.
            (0..3).for_each(|_| self.trouble(50));
        }
    }

    /// All is well from here on.
    pub(super) fn heal(&mut self) {
        let mut parts = self.machine.parts();
        parts.note(|| "  all is well from here on".to_owned());
        (parts.disk_fails, parts.hiccups) = (false, 0);
        for card in &mut parts.cards {
            (card.present, card.denied, card.lock_denied, card.oob_mw) = (true, false, false, None);
        }
        drop(parts);
        self.calm_ns.fill(self.now_ns);
    }
}
