//! `headroom demo`: a whole factory on loopback with real protocols, and the score at the end.
//!
//! ```text
//!  this process                                            processes of their own
//!   world thread: world, BMS, score --- NVML page -------- agents (one per host)
//!        | wires: MQTT, Modbus, metrics --- loopback ----- agents, controller
//!   governor thread: plant clock ------ clock page ------- agents, controller
//!   watch thread: who ticks, who reports
//!   a thread of low priority: the same world on its own BMS
//!   main thread: processes, screen
//! ```
//!
//! Responsible for: putting the pieces together and taking everything down again. Not for: what any of them does.

mod crew;
mod folder;
mod governor;
mod happening;
mod options;
mod os;
mod parties;
mod plant;
mod screen;
mod stage;
mod summary;
mod watch;

use crate::exit;
use crate::files::ModeChoice;
use crate::score::strategy::Id;
use crate::score::{self, Run, ScoreFile};
use anyhow::{Context, Result, anyhow};
use crew::{Crew, Recipe};
use folder::Folder;
use governor::{Dial, Governor};
use headroom_drivers::{Clock, ClockPage};
use headroom_nvml_abi::{HOST_ENV, PAGE_ENV, library_path};
use headroom_sim::world::WorldConfig;
use headroom_site::Span;
pub(crate) use options::Options;
use parties::Parties;
use plant::{Plant, host_name};
use screen::{Fixed, Picture, Screen};
use stage::{Ended, Stage, Window};
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use summary::Pace;
use watch::{Heard, Watch};

/// Plant time between the start of the clock and the start of the world: agents and controller find their feet. Short,
/// since a controller that has watched a standing plant for long is ahead of one that starts with the world.
const APPROACH: Span = Span::from_ms(8_000);
/// Highest speed until everybody is there.
const APPROACH_SPEED: f64 = 10.0;
/// Time between two pictures.
const PICTURE: Duration = Duration::from_millis(250);
/// Time between two looks at the processes.
const TEND: Duration = Duration::from_millis(25);
/// Lines of a log that are shown when something broke.
const TAIL: usize = 20;

/// Runs the demo.
///
/// # Errors
/// Anything that keeps it from starting.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let config = WorldConfig { dt_s: options.step.0, ..options.world.config()? };
    let folder = Folder::new()?;
    let show = Show::open(options, &config, &folder)?;
    let outcome = show.play();
    if let Some(out) = &options.world.plant.out {
        folder.keep(out).context("what is worth keeping")?;
    }
    outcome
}

/// Everything that runs.
struct Show<'a> {
    options: &'a Options,
    folder: &'a Folder,
    clock: Clock,
    parties: Arc<Parties>,
    dial: Arc<Dial>,
    heard: Arc<Heard>,
    window: Arc<Window>,
    recipes: Vec<Recipe>,
    world: JoinHandle<(Plant, Ended)>,
    governor: JoinHandle<Result<(), headroom_drivers::clock::PageError>>,
    watch: JoinHandle<Result<()>>,
    baseline: Option<JoinHandle<Result<Run>>>,
}

/// How the show went.
struct Went {
    /// What broke, with the log that tells more.
    broke: Option<(String, String)>,
    pace: Pace,
}

impl<'a> Show<'a> {
    /// Builds the plant and starts every thread, but no process yet.
    fn open(options: &'a Options, config: &WorldConfig, folder: &'a Folder) -> Result<Self> {
        let prices = score::prices(&options.world.plant.policy)?;
        let nvml = library_path().context(
            "libheadroom_nvml_abi.so, the NVML of the harness, is not beside this executable; cargo builds it there",
        )?;
        let plant = Plant::new(config.clone(), prices, options.broker.as_deref(), folder)?;
        // The world steps half a period before the controller ticks: what a tick decides acts on the next step, as in
        // virtual time.
        let start = plant.now() - Span::from_ns(plant.period().ns() / 2);
        let clock_page = folder.join("clock.page");
        let page = ClockPage::create(&clock_page, start - APPROACH, 0.0).context("the plant's clock")?;
        let clock = Clock::page(&clock_page)?;
        let hosts = plant.hosts();
        let parties = Arc::new(Parties::new(hosts));
        let recipes = recipes(options, &plant, &nvml, &clock_page, folder);
        let (period, step) = (plant.period(), plant.step_span());
        let most = options.speed.most();
        let dial = Arc::new(Dial::new(if options.plant_only { most } else { most.min(APPROACH_SPEED) }));
        let heard = Arc::new(Heard::default());
        let watch = Watch::of(&plant, &clock, &parties, &heard, folder);
        let window = Arc::new(Window::default());
        let governor = Governor {
            page,
            clock: clock.clone(),
            period,
            parties: Arc::clone(&parties),
            dial: Arc::clone(&dial),
        };
        let stage = Stage {
            plant,
            clock: clock.clone(),
            parties: Arc::clone(&parties),
            heard: Arc::clone(&heard),
            window: Arc::clone(&window),
            steps: (options.world.hours * 3600.0 / config.dt_s).round() as u64,
            step,
            start,
            alone: options.plant_only,
        };
        Ok(Self {
            options,
            folder,
            clock,
            parties,
            dial,
            heard,
            window,
            recipes,
            world: thread("world", move || stage.run())?,
            governor: thread("governor", move || governor.run())?,
            watch: thread("watch", move || watch.run())?,
            baseline: (!options.plant_only)
                .then(|| baseline(config, options.world.hours, prices))
                .transpose()?,
        })
    }

    /// Starts the processes, watches until the end, and tells what came of it.
    fn play(mut self) -> Result<ExitCode> {
        let recipes = std::mem::take(&mut self.recipes);
        let mut crew = if self.options.plant_only {
            announce(&recipes, self.folder);
            Crew::start(Vec::new(), self.folder, self.clock.clone(), Arc::clone(&self.parties))?
        } else {
            Crew::start(recipes, self.folder, self.clock.clone(), Arc::clone(&self.parties))?
        };
        let processes = crew.len();
        let mut screen = Screen::new(self.fixed()?);
        let went = self.attend(&mut crew, &mut screen);
        self.window.end();
        let wires = self.heard.view();
        crew.end();
        self.dial.end();
        self.heard.end();
        screen.close();
        let (plant, ended) = joined(self.world)?;
        joined(self.governor)??;
        joined(self.watch)??;
        let went = went?;
        match (went.broke, ended) {
            (Some((what, log)), _) => Ok(broke(&what, &self.folder.tail(&log, TAIL), &log)),
            (None, Ended::Missing(missing)) => {
                let log = if missing.contains("controller") { "controller.log" } else { "agent-1.log" };
                Ok(broke(&missing, &self.folder.tail(log, TAIL), log))
            }
            (None, Ended::Told) => {
                println!("stopped at {}; no score", happening::clock(plant.world().elapsed_s()));
                Ok(ExitCode::SUCCESS)
            }
            (None, Ended::Done) => {
                let carried = plant.carried();
                if let Some(baseline) = self.baseline {
                    if !baseline.is_finished() {
                        eprintln!("waiting for the same world on its own BMS ...");
                    }
                    conclude(self.options, &joined(baseline)??, &plant.finish())?;
                }
                print!("{}", summary::text(&carried, &went.pace, wires.as_ref(), processes));
                Ok(ExitCode::SUCCESS)
            }
        }
    }

    /// Looks after processes and screen until the world's thread ends, something breaks, or somebody asks to end.
    fn attend(&self, crew: &mut Crew, screen: &mut Screen) -> Result<Went> {
        let mut went = Went { broke: None, pace: Pace::default() };
        let mut next_picture = Instant::now();
        let (mut before, mut elapsed_s) = (None::<(Instant, f64)>, 0.0);
        let mut begun_at = None::<(Instant, u64)>;
        while !self.world.is_finished() && !self.heard.told() && !self.watch.is_finished() {
            for fate in crew.tend()? {
                screen.tell(elapsed_s, &fate.what);
                went.pace.restarts += u64::from(!fate.ended);
                if fate.ended && !self.window.begun() {
                    went.broke = Some((fate.what, fate.log));
                    return Ok(went);
                }
            }
            if self.window.begun() && begun_at.is_none() {
                begun_at = Some((Instant::now(), self.parties.missed()));
                self.dial.allow(self.options.speed.most());
                if let Some(address) = self.heard.address().filter(|_| !self.options.plant_only) {
                    let ask = format!(
                        "see {address}/, or more by `headroom status --url {address}`, points, tap, timeline"
                    );
                    screen.tell(self.window.look().elapsed_s, &ask);
                }
            }
            if Instant::now() >= next_picture {
                next_picture = Instant::now() + PICTURE;
                let shown = self.window.look();
                for what in happening::changes(screen.scenario(), elapsed_s, shown.elapsed_s) {
                    screen.tell(shown.elapsed_s, &what);
                }
                elapsed_s = shown.elapsed_s;
                let speed = before
                    .map_or(0.0, |(at, s): (Instant, f64)| (elapsed_s - s) / at.elapsed().as_secs_f64());
                before = Some((Instant::now(), elapsed_s));
                let missed = begun_at.map_or(0, |(_, at_begin)| self.parties.missed() - at_begin);
                let view = self.heard.view();
                let begun = self.window.begun();
                screen.draw(&Picture { shown: &shown, view: view.as_ref(), speed, missed, begun });
            }
            std::thread::sleep(TEND);
        }
        if let Some((at, missed)) = begun_at {
            went.pace.wall_s = at.elapsed().as_secs_f64();
            went.pace.plant_s = self.window.look().elapsed_s;
            went.pace.missed = self.parties.missed() - missed;
            went.pace.given_up = self.dial.given_up();
        }
        Ok(went)
    }

    fn fixed(&self) -> Result<Fixed> {
        let world = &self.options.world;
        let config = world.config()?;
        Ok(Fixed {
            gpus: config.gpus,
            policy: world.plant.policy.clone(),
            mode: match world.plant.mode {
                Some(ModeChoice::Advisory) => ", advisory",
                Some(ModeChoice::Active) => ", active",
                None => "",
            },
            scenario: config.scenario,
            hours: world.hours,
            asked: self.options.speed.to_string(),
        })
    }
}

fn thread<T: Send + 'static>(name: &str, work: impl FnOnce() -> T + Send + 'static) -> Result<JoinHandle<T>> {
    let builder = std::thread::Builder::new().name(name.to_owned());
    builder.spawn(work).with_context(|| format!("no thread for {name}"))
}

fn joined<T>(thread: JoinHandle<T>) -> Result<T> {
    let name = thread.thread().name().unwrap_or("?").to_owned();
    thread.join().map_err(|_| anyhow!("the thread `{name}` broke off"))
}

/// The same world on its own BMS, in virtual time, when nobody else needs the processor.
fn baseline(
    config: &WorldConfig,
    hours: f64,
    prices: headroom_sim::score::Prices,
) -> Result<JoinHandle<Result<Run>>> {
    let config = config.clone();
    thread("baseline", move || {
        os::step_back();
        score::baseline(&config, hours, prices)
    })
}

/// How agents and controller are started.
fn recipes(options: &Options, plant: &Plant, nvml: &Path, clock: &Path, folder: &Folder) -> Vec<Recipe> {
    let common = |state: &Path| -> Vec<OsString> {
        [
            "--site".into(),
            plant.site.clone().into(),
            "--clock".into(),
            clock.into(),
            "--state".into(),
            state.into(),
        ]
        .into()
    };
    let advisory = options.world.plant.mode == Some(ModeChoice::Advisory);
    let agent = |host: usize| {
        let name = format!("agent-{}", host + 1);
        let mut args: Vec<OsString> = vec!["agent".into()];
        args.extend(common(&folder.join(&name)));
        args.extend(["--nvml".into(), nvml.into()]);
        args.extend(advisory.then(|| OsString::from("--advisory")));
        let envs = vec![(PAGE_ENV, plant.nvml_page.clone().into()), (HOST_ENV, host_name(host).into())];
        Recipe { log: format!("{name}.log"), name, args, envs, stale: None, is_controller: false }
    };
    let mut all: Vec<Recipe> = (0..plant.hosts()).map(agent).collect();
    let state = folder.join("controller");
    let mut args: Vec<OsString> = vec!["run".into()];
    args.extend(common(&state));
    args.extend(["--policy".into(), OsString::from(&options.world.plant.policy)]);
    args.extend(["--http".into(), "127.0.0.1:0".into()]);
    if let Some(mode) = options.world.plant.mode {
        args.extend(["--mode".into(), mode.word().into()]);
    }
    all.push(Recipe {
        name: "controller".to_owned(),
        log: "controller.log".to_owned(),
        args,
        envs: Vec::new(),
        stale: Some(state.join(crate::run::http::ADDRESS_FILE)),
        is_controller: true,
    });
    all
}

/// How to start agents and controller in other terminals.
fn announce(recipes: &[Recipe], folder: &Folder) {
    println!("The plant runs. In other terminals:\n");
    for recipe in recipes {
        println!("{}\n", recipe.by_hand());
    }
    let address = folder.join("controller").join(crate::run::http::ADDRESS_FILE);
    println!(
        "headroom status --url http://$(cat {0})\n\nThe page is http://$(cat {0})/\n\nCtrl-C ends it.\n",
        address.display()
    );
}

fn broke(what: &str, tail: &str, log: &str) -> ExitCode {
    eprintln!("headroom demo: {what}\nlast lines of {log}:\n{tail}");
    ExitCode::from(exit::FAULT)
}

/// Table and score file.
fn conclude(options: &Options, baseline: &Run, run: &Run) -> Result<()> {
    let world = &options.world;
    let config = world.config()?;
    let file = ScoreFile {
        format: 1,
        seed: config.seed,
        hours: world.hours,
        gpus: config.gpus,
        site: score::SITE_NAME.to_owned(),
        scenario: world.scenario.clone(),
        strategies: [(Id::Baseline, baseline), (Id::Headroom, run)]
            .map(|(id, r)| (id, r.score.clone()))
            .into(),
    };
    print!("{}", score::table::table(&file));
    if let Some(out) = &world.plant.out {
        score::write(&[file], out)?;
        score::write_timelines([(Id::Baseline, baseline), (Id::Headroom, run)], out)?;
    }
    Ok(())
}
