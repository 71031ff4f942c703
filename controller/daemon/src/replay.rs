//! `headroom replay`: the decisions of a tape once more.
//!
//! Responsible for: a fresh line for each run, fed with what that run was told, and what it decides held against what was
//! decided then, on the tape and in the journal. Not for: the layout of a tape (`crate::tape`).
//!
//! A run is replayed under the files that it ran under: then every decision is the same, bit for bit, on every machine of the
//! platform. Under another policy what comes is what the controller would have said in its place, tick by tick; the plant of the
//! tape does not answer it.

use crate::files::{Loaded, ModeChoice, load, load_model};
use crate::journal::Records;
use crate::run::record::Record;
use crate::tape::{Begin, Entry, Reader, Told, short_digest};
use anyhow::{Context, Result, bail};
use clap::Args;
use headroom_core::Line;
use headroom_core::lease::Identity;
use headroom_site::file::read_text;
use headroom_site::{Inbox, Office, Stamp};
use serde::Deserialize;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

/// Ticks that decide otherwise of which more than the number is said.
const TOLD: u64 = 3;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Tape of `headroom run --tape`.
    tape: PathBuf,
    /// Site file that it ran with.
    #[arg(long)]
    site: PathBuf,
    /// Policy that it ran with; another one is held against it.
    #[arg(long)]
    policy: String,
    /// Mode that it was started with, if any.
    #[arg(long)]
    mode: Option<ModeChoice>,
    /// Model that it was started with, if any.
    #[arg(long, value_name = "model.toml")]
    model: Option<PathBuf>,
    /// Also compares what stands in this journal, byte by byte.
    #[arg(long, value_name = "journal.jsonl")]
    journal: Option<PathBuf>,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let Some(loaded) = load(&options.site, &options.policy, options.mode)? else {
        return Ok(ExitCode::from(crate::exit::CONFIGURATION));
    };
    let journal = options.journal.as_deref().map(Journal::open).transpose()?;
    let mut replay =
        Replay { options, loaded, journal, line: None, inbox: Inbox::default(), found: Found::default() };
    let mut tape = Reader::open(&options.tape)?;
    let begun = Instant::now();
    loop {
        match tape.read()? {
            Some(Entry::Begin(begin)) => replay.begin(&begin)?,
            Some(Entry::Told(told)) => replay.tick(told)?,
            Some(Entry::Office(office)) => replay.inbox.office = office,
            None => break,
        }
    }
    let torn = if tape.torn() { "; the last entry is torn: the run was killed" } else { "" };
    println!("{}{torn}", replay.found.text(begun.elapsed().as_secs_f64()));
    Ok(if replay.found.same() { ExitCode::SUCCESS } else { ExitCode::from(crate::exit::FAULT) })
}

/// What has come of it.
#[derive(Debug, Default)]
struct Found {
    runs: u64,
    ticks: u64,
    others: u64,
    /// First and last tick of the run, and plant time of the runs before, s.
    ends: Option<(Stamp, Stamp)>,
    plant_s: f64,
    /// Records of the journal that were met, and those that are not the same.
    records: Option<(u64, u64)>,
    /// It did not run under these wants.
    other_wants: bool,
}

impl Found {
    const fn same(&self) -> bool {
        self.others == 0 && !matches!(self.records, Some((_, 1..)))
    }

    fn close(&mut self) {
        self.plant_s += self.ends.take().map_or(0.0, |(first, last)| last.since(first).s());
    }

    fn text(&mut self, took_s: f64) -> String {
        self.close();
        let what = if self.others == 0 {
            format!("{} ticks of {} runs decided again, each bit for bit as it was", self.ticks, self.runs)
        } else {
            format!("{} of {} ticks of {} runs decide otherwise", self.others, self.ticks, self.runs)
        };
        let journal = self.records.map_or(String::new(), |(met, others)| {
            format!("\n{} of {met} records of the journal are the same, byte for byte", met - others)
        });
        let policy = if self.other_wants { "\nunder another policy than it ran with" } else { "" };
        let pace = self.plant_s / took_s.max(1e-9);
        format!("{what}\n{:.0} s in {took_s:.1} s: {pace:.0} times as fast{journal}{policy}", self.plant_s)
    }
}

struct Replay<'a> {
    options: &'a Options,
    loaded: Loaded,
    journal: Option<Journal>,
    line: Option<Line>,
    inbox: Inbox,
    found: Found,
}

impl Replay<'_> {
    /// A run begins: a fresh line, as it was then.
    fn begin(&mut self, begin: &Begin) -> Result<()> {
        let identity = Identity { who: begin.who.clone(), epoch: begin.epoch };
        let model = self.options.model.as_deref().map(read_text).transpose()?;
        let now =
            Begin::new((&self.loaded.site, &self.loaded.wants), model.as_deref(), &identity, begin.excite);
        if now.site != begin.site {
            let site = self.options.site.display();
            bail!(
                "the tape is of another site file than {site} (`{}`): give the one that it ran with",
                begin.site_name
            );
        }
        if now.model != begin.model {
            let then = if begin.model.is_some() { "another model" } else { "no model" };
            bail!("the run had {then}: give --model as it was started");
        }
        if now.program != begin.program {
            eprintln!(
                "the tape is of headroom {}, this is {}: decisions may differ",
                begin.program, now.program
            );
        }
        self.found.close();
        self.found.runs += 1;
        self.found.other_wants |= now.wants != begin.wants;
        let mut line = Line::with_wants(&self.loaded.site, self.loaded.wants.clone(), identity);
        if let Some(length) = begin.excite {
            line.excite(length);
        }
        if let Some(path) = &self.options.model {
            line.believe(&load_model(path)?).with_context(|| path.display().to_string())?;
        }
        self.line = Some(line);
        self.inbox.office = Office::Sole;
        Ok(())
    }

    fn tick(&mut self, told: Told<'static>) -> Result<()> {
        let line = self.line.as_mut().context("the tape has a tick before its first run")?;
        let (now, decided) = (told.now, told.decided);
        told.tell(&self.loaded.site, &mut self.inbox)
            .context("the tape names what is not in the site file")?;
        let tick = line.tick(&self.inbox, now);
        let record = serde_json::to_string(&Record::new(line, &tick))?;
        self.found.ticks += 1;
        self.found.ends = Some((self.found.ends.map_or(now, |(first, _)| first), now));
        let then = self.journal.as_mut().map(|journal| journal.record_of(now)).transpose()?.flatten();
        let differs = short_digest(&record) != decided;
        if let Some(then) = &then {
            let (met, others) = self.found.records.get_or_insert((0, 0));
            *met += 1;
            *others += u64::from(*then != record);
        }
        if differs {
            self.found.others += 1;
            if self.found.others <= TOLD {
                let then = then.as_deref().unwrap_or("not in the journal");
                println!("{now} decides otherwise\n  then   {then}\n  again  {record}");
            }
        }
        Ok(())
    }
}

/// A journal, read alongside.
struct Journal {
    records: Records<BufReader<File>>,
    next: Option<(i64, String)>,
    ended: bool,
}

/// What is looked at of a record.
#[derive(Debug, Deserialize)]
struct When {
    tai_ns: i64,
}

impl Journal {
    fn open(path: &Path) -> Result<Self> {
        Ok(Self { records: Records::open(path)?, next: None, ended: false })
    }

    /// The record of a tick, if there is one; ticks are asked for in order.
    fn record_of(&mut self, now: Stamp) -> Result<Option<String>> {
        loop {
            match self.next.take() {
                Some((at, record)) if at == now.tai_ns() => return Ok(Some(record)),
                Some(later) if later.0 > now.tai_ns() => {
                    self.next = Some(later);
                    return Ok(None);
                }
                _ if self.ended => return Ok(None),
                _ => {}
            }
            match self.records.read()? {
                Some(record) => {
                    let When { tai_ns } =
                        serde_json::from_slice(record).context("a record of the journal")?;
                    self.next = Some((tai_ns, String::from_utf8_lossy(record).into_owned()));
                }
                None => self.ended = true,
            }
        }
    }
}
