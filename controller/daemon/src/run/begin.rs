//! What a start of the daemon needs before its first tick.
//!
//! Responsible for: clock, line, tape and epoch of this start. Not for: the loop.

use super::Options;
use crate::backtest::evidence::Evidence;
use crate::backtest::gate;
use crate::files::{Loaded, load, load_model};
use crate::https::server::Secured;
use crate::instruct::operators::Operators;
use crate::tape;
use anyhow::{Context, Result, anyhow};
use headroom_core::lease::Identity;
use headroom_core::{Line, Wants};
use headroom_drivers::Clock;
use headroom_policies::CoolingStrategy;
use headroom_site::Site;
use headroom_site::file::{FileError, read_text};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

/// The clock that everything is told by.
pub(super) fn clock_of(options: &Options) -> Result<Clock> {
    let page = options.clock.as_deref();
    page.map_or(Ok(Clock::host()), |p| Clock::page(p).with_context(|| format!("clock page {}", p.display())))
}

/// The line at its start, with its experiment and its model if there are any.
pub(super) fn begin(site: &Site, wants: Wants, identity: Identity, options: &Options) -> Result<Line> {
    let mut line = Line::with_wants(site, wants, identity);
    if let Some(length) = options.excite {
        line.excite(length);
    }
    if options.model.is_none() && line.wants().cooling == CoolingStrategy::Predictive {
        tracing::warn!(
            "the policy plans cooling on a model of the site: give --model; until then it is least-headroom"
        );
    }
    if let Some(path) = &options.model {
        let model = load_model(path).with_context(|| path.display().to_string())?;
        line.believe(&model).with_context(|| path.display().to_string())?;
    }
    Ok(line)
}

/// Site and policy, with groups held to advice that lack the evidence that is asked for. What is wrong is printed; `None` then.
pub(super) fn loaded_of(options: &Options) -> Option<Loaded> {
    let loaded = load(&options.site, &options.policy, options.mode)
        .and_then(|loaded| loaded.map(|l| promoted(l, options)).transpose());
    loaded.unwrap_or_else(|why| {
        eprintln!("headroom run: {why:#}");
        None
    })
}

fn promoted(mut loaded: Loaded, options: &Options) -> Result<Loaded> {
    // The experiment is where the model comes from that evidence is made with: whoever begins one stands beside it.
    if options.excite.is_some() {
        return Ok(loaded);
    }
    let evidence: Vec<Evidence> =
        options.evidence.iter().map(|path| Evidence::read(path)).collect::<Result<_>>()?;
    let model = options.model.as_deref().map(read_text).transpose()?;
    for held in gate::promote(&mut loaded, model.as_deref(), &evidence) {
        tracing::warn!("{held}");
        loaded.unproven.push(held.to_string());
    }
    Ok(loaded)
}

/// Who may look at the pages, and who may instruct there.
pub(super) struct Visitors {
    pub(super) operators: Option<Arc<Operators>>,
    /// The pages are inside TLS.
    pub(super) secured: Option<Secured>,
}

/// Who comes over HTTP. What is wrong with the files is printed; `None` means that something was.
pub(super) fn visitors_of(options: &Options) -> Result<Option<Visitors>> {
    let secured = match options.http_tls.as_deref().map(Secured::read).transpose() {
        Ok(secured) => secured,
        Err(why) => return refuse(&why).map(|_| None),
    };
    if secured.as_ref().is_some_and(|secured| !secured.is_found_at(options.http)) {
        let why = anyhow!(
            "--http-tls: `name` is missing: at {} verbs on this host find the pages by it",
            options.http
        );
        return refuse(&why).map(|_| None);
    }
    let Some(path) = &options.operators else { return Ok(Some(Visitors { operators: None, secured })) };
    let name = path.display().to_string();
    let text = read_text(path).with_context(|| format!("operators {name}"))?;
    Ok(match Operators::read(&name, &text) {
        Ok(operators) => Some(Visitors { operators: Some(Arc::new(operators)), secured }),
        Err(found) => {
            found.iter().for_each(|f| eprintln!("{f}"));
            None
        }
    })
}

/// A tape on which this run begins, if one is wanted. One that is full or damaged keeps no plant without its controller.
pub(super) fn tape_of(loaded: &Loaded, identity: &Identity, options: &Options) -> Option<tape::Writer> {
    let (path, bound) = options.tape.as_ref()?;
    let begun = options.model.as_deref().map(read_text).transpose().map_err(Into::into).and_then(|model| {
        let begin =
            tape::Begin::new((&loaded.site, &loaded.wants), model.as_deref(), identity, options.excite);
        tape::Writer::begin(path, *bound, begin)
    });
    begun.inspect_err(|why| tracing::warn!("no tape is kept: {why:#}")).ok()
}

/// What keeps it from starting is said, and whose it is to mend.
pub(super) fn refuse(why: &anyhow::Error) -> Result<ExitCode> {
    eprintln!("headroom run: {why:#}");
    Ok(ExitCode::from(crate::exit::CONFIGURATION))
}

/// The epoch of this start: one above the last one that this state folder knows, on disk before it is used.
pub(super) fn next_epoch(state: &Path) -> Result<u64> {
    keep_epoch(state, 0)
}

/// An epoch above the last one of a state folder, and above another, on disk before it is used.
pub(crate) fn keep_epoch(state: &Path, above: u64) -> Result<u64> {
    let path = state.join("epoch");
    std::fs::create_dir_all(state).with_context(|| format!("state folder {}", state.display()))?;
    let last: u64 = match read_text(&path) {
        Ok(text) => {
            text.trim().parse().with_context(|| format!("{} does not hold a number", path.display()))?
        }
        Err(FileError::Io(e)) if e.kind() == std::io::ErrorKind::NotFound => 0,
        Err(e) => return Err(e).with_context(|| path.display().to_string()),
    };
    let none = || format!("{} holds the last number there is; it is damaged", path.display());
    let epoch = last.max(above).checked_add(1).with_context(none)?;
    let fresh = state.join("epoch.new");
    std::fs::write(&fresh, format!("{epoch}\n"))?;
    std::fs::File::open(&fresh)?.sync_all()?;
    std::fs::rename(&fresh, &path)?;
    std::fs::File::open(state)?.sync_all()?;
    Ok(epoch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_rise_and_a_damaged_file_is_told() {
        let state = std::env::temp_dir().join(format!("headroom-epoch-{}", std::process::id()));
        assert_eq!((next_epoch(&state).unwrap(), next_epoch(&state).unwrap()), (1, 2));
        assert_eq!((keep_epoch(&state, 40).unwrap(), keep_epoch(&state, 3).unwrap()), (41, 42));
        for damaged in ["18446744073709551615", "-1", "2 3", ""] {
            std::fs::write(state.join("epoch"), damaged).unwrap();
            let told = next_epoch(&state).unwrap_err().to_string();
            assert!(told.contains("epoch"), "{damaged}: {told}");
        }
        std::fs::remove_dir_all(&state).unwrap();
    }
}
