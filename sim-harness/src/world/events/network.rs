//! Events of the compute network.

use super::bind::{Class, Device};
use super::{Effect, Entry, device};
use crate::scenario::Kind;

pub(super) const ENTRIES: &[Entry] = &[Entry {
    kind: Kind {
        name: "switch-down",
        doc: "A switch is out of service; its peers carry its traffic as far as they can.",
        words: "{device} is down",
        fields: &[device("\"leaf-01\"", "Switch.")],
        ramps: false,
    },
    bind: |bind| {
        let Device::Switch(n) = bind.device("device", &[Class::Switch])? else {
            return Err(bind.missing("network", "remove the event"));
        };
        Ok(Effect::switch(move |world, on| world.network.switches[n].up = !on))
    },
}];
