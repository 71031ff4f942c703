//! What is kept of a run for other verbs: a table, a tape, and the site file that goes with both.
//!
//! Responsible for: fresh files in a folder. Not for: what they hold (`crate::identify::recorder`, `crate::tape`).

use super::run::Study;
use super::{site_text, write_whole};
use crate::identify::recorder::Recorder;
use crate::tape::{Begin, Writer};
use anyhow::Result;
use headroom_core::Wants;
use headroom_core::lease::Identity;
use headroom_sim::site_file::SiteAddresses;
use headroom_sim::world::World;
use headroom_site::Site;
use headroom_site::file::read_text;
use std::path::Path;

/// Longest tape, bytes: a tape of a thousand GPUs has some 40 KiB a tick.
const LONGEST: u64 = 64 << 30;

/// Files that are being written.
pub(super) struct Kept {
    pub(super) table: Recorder,
    pub(super) tape: Option<Writer>,
}

impl Kept {
    /// Fresh ones.
    ///
    /// # Errors
    /// One of them cannot be written.
    pub(super) fn begin(
        folder: &Path,
        world: &World,
        (site, wants): (&Site, &Wants),
        identity: &Identity,
        study: &Study<'_>,
    ) -> Result<Self> {
        let text = site_text(world, &SiteAddresses::nowhere(world.modbus.len()));
        write_whole(&folder.join("site.toml"), &text)?;
        let path = folder.join("table.csv");
        write_whole(&path, "")?;
        let table = Recorder::open(&path, site)?;
        let tape = study.tape.then(|| begin_tape(folder, (site, wants), identity, study)).transpose()?;
        Ok(Self { table, tape })
    }
}

fn begin_tape(
    folder: &Path,
    (site, wants): (&Site, &Wants),
    identity: &Identity,
    study: &Study<'_>,
) -> Result<Writer> {
    let path = folder.join("run.tape");
    write_whole(&path, "")?;
    let model = study.model.map(read_text).transpose()?;
    let begin = Begin::new((site, wants), model.as_deref(), identity, study.excite);
    Writer::begin(&path, LONGEST, begin)
}
