//! Events of the power path.

use super::{Effect, Entry};
use crate::scenario::Kind;

pub(super) const ENTRIES: &[Entry] = &[Entry {
    kind: Kind {
        name: "feed-loss",
        doc: "The utility fails; the UPS carries the racks until the generator has started.",
        words: "the utility feed is lost",
        fields: &[],
        ramps: false,
    },
    bind: |_| Ok(Effect::switch(|world, on| world.facility.power.feed_lost = on)),
}];
