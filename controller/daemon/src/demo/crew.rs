//! The demo's processes: agents and controller, as on a real site each one of its own.
//!
//! Responsible for: starting them from this executable, starting again whoever dies, ending them all. Not for: what
//! they do.

use super::folder::Folder;
use super::os;
use super::parties::{Parties, Party};
use anyhow::{Context, Result};
use headroom_drivers::Clock;
use headroom_site::{Span, Stamp};
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A dead agent is started again after so long, plant time and wall time.
const AGENT_REST: (Span, Duration) = (Span::from_ms(2_000), Duration::from_millis(200));
/// A dead controller stays dead long enough to watch how caps and setpoints go back by themselves.
const CONTROLLER_REST: (Span, Duration) = (Span::from_ms(60_000), Duration::from_millis(200));
/// How long they may take to end by themselves.
const GRACE: Duration = Duration::from_secs(4);

/// How one of them is started.
#[derive(Debug, Clone)]
pub(super) struct Recipe {
    pub(super) name: String,
    pub(super) args: Vec<OsString>,
    pub(super) envs: Vec<(&'static str, OsString)>,
    /// Its log, in the folder of logs.
    pub(super) log: String,
    /// File that says where it listens; an old one misleads.
    pub(super) stale: Option<PathBuf>,
    pub(super) is_controller: bool,
}

impl Recipe {
    /// The command line to start it by hand.
    pub(super) fn by_hand(&self) -> String {
        let exe = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("headroom"));
        let mut line = String::new();
        for (key, value) in &self.envs {
            line += &format!("{key}={} ", quoted(value));
        }
        line += &quoted(exe.as_os_str());
        for arg in &self.args {
            line += " ";
            line += &quoted(arg);
        }
        line
    }
}

/// A word for a shell.
fn quoted(word: &std::ffi::OsStr) -> String {
    let text = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=+,@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.into_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

struct Member {
    recipe: Recipe,
    process: Option<Child>,
    died: Option<(Stamp, Instant)>,
}

/// All of them. They die with it.
pub(super) struct Crew {
    members: Vec<Member>,
    exe: PathBuf,
    logs: PathBuf,
    clock: Clock,
    parties: Arc<Parties>,
}

/// What became of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fate {
    pub(super) what: String,
    pub(super) log: String,
    /// It ended, rather than being started again.
    pub(super) ended: bool,
}

impl Crew {
    /// Starts all of them.
    ///
    /// # Errors
    /// One of them cannot be started.
    pub(super) fn start(
        recipes: Vec<Recipe>,
        folder: &Folder,
        clock: Clock,
        parties: Arc<Parties>,
    ) -> Result<Self> {
        let exe = std::env::current_exe().context("this executable")?;
        let members =
            recipes.into_iter().map(|recipe| Member { recipe, process: None, died: None }).collect();
        let mut crew = Self { members, exe, logs: folder.join("log"), clock, parties };
        for member in &mut crew.members {
            member.process = Some(start(&crew.exe, &crew.logs, &member.recipe)?);
        }
        Ok(crew)
    }

    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    /// Looks after them: tells who died and who was started again.
    ///
    /// # Errors
    /// One of them cannot be started again.
    pub(super) fn tend(&mut self) -> Result<Vec<Fate>> {
        let mut fates = Vec::new();
        for (index, member) in self.members.iter_mut().enumerate() {
            let name = &member.recipe.name;
            let fate = |what: String, ended| Fate { what, log: member.recipe.log.clone(), ended };
            if let Some(child) = &mut member.process {
                if let Some(status) = child.try_wait()? {
                    fates.push(fate(format!("{name} {}", how(status)), true));
                    member.process = None;
                    member.died = Some((self.clock.now(), Instant::now()));
                    party(&self.parties, &member.recipe, index).gone();
                }
            } else if let Some((at, wall)) = member.died {
                let (rest, pause) = if member.recipe.is_controller { CONTROLLER_REST } else { AGENT_REST };
                if self.clock.now().since(at) >= rest && wall.elapsed() >= pause {
                    fates.push(fate(format!("{name} is started again"), false));
                    member.process = Some(start(&self.exe, &self.logs, &member.recipe)?);
                    member.died = None;
                }
            }
        }
        Ok(fates)
    }

    /// Ends all of them: the controller first, so that it lets go itself.
    pub(super) fn end(&mut self) {
        for controller in [true, false] {
            let deadline = Instant::now() + GRACE;
            let mut left: Vec<&mut Child> = self
                .members
                .iter_mut()
                .filter(|m| m.recipe.is_controller == controller)
                .filter_map(|m| m.process.as_mut())
                .collect();
            left.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
            left.iter().for_each(|child| os::terminate(child.id()));
            while !left.is_empty() && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(10));
                left.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
            }
            for child in left {
                tracing::warn!(pid = child.id(), "did not end by itself and is cut off");
                let _ = child.kill();
                let _ = child.wait();
            }
        }
        self.members.clear();
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.end();
    }
}

/// Agents come first, in the order of their hosts.
fn party<'a>(parties: &'a Parties, recipe: &Recipe, index: usize) -> &'a Party {
    if recipe.is_controller { &parties.controller } else { &parties.agents[index] }
}

fn how(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("has ended with exit code {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "has ended".to_owned(),
    }
}

fn start(exe: &PathBuf, logs: &std::path::Path, recipe: &Recipe) -> Result<Child> {
    if let Some(stale) = &recipe.stale {
        // Absent at the first start.
        let _ = std::fs::remove_file(stale);
    }
    let log = OpenOptions::new().create(true).append(true).open(logs.join(&recipe.log))?;
    let mut command = Command::new(exe);
    command.args(&recipe.args).envs(recipe.envs.iter().map(|(k, v)| (k, v)));
    // A group of their own: Ctrl-C is for the demo, which ends them in order.
    command.process_group(0).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    os::die_with_parent(&mut command);
    command.spawn().with_context(|| format!("{} cannot be started", recipe.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_a_shell() {
        assert_eq!(quoted("/tmp/a-b".as_ref()), "/tmp/a-b");
        assert_eq!(quoted("it's here".as_ref()), r"'it'\''s here'");
    }
}
