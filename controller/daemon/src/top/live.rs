//! The terminal while it is ours, and the loop that draws: on an answer, on a key, and once a second for the age of things.
//!
//! Responsible for: giving the terminal back, whatever ends it. Not for: what is drawn (`view`).

use super::app::{After, App};
use super::poll::Poller;
use super::view;
use anyhow::{Context, Result};
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyEventKind};
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};

/// Time between two pictures at most.
const REDRAW: Duration = Duration::from_secs(1);
/// Answers and keys that may wait.
const WAITING: usize = 32;

/// The terminal: alternate screen, no cursor, keys at once and unseen. It is given back when dropped, and before a panic is
/// told.
pub(super) struct Screen(DefaultTerminal);

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// It cannot be had.
    pub(super) fn take() -> Result<Self> {
        Ok(Self(ratatui::try_init().context("the terminal cannot be drawn on")?))
    }

    fn draw(&mut self, app: &mut App) -> Result<()> {
        let picture = |frame: &mut ratatui::Frame<'_>| {
            let area = frame.area();
            view::draw(app, area, frame.buffer_mut(), Instant::now());
        };
        self.0.draw(picture).context("the terminal is gone")?;
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // A terminal that is gone has nothing to be given back.
        let _ = self.0.show_cursor();
        let _ = ratatui::try_restore();
    }
}

/// Draws until somebody ends it.
///
/// # Errors
/// The terminal cannot be had, or is gone.
pub(super) async fn run(mut app: App) -> Result<()> {
    let (mut ended, mut hung_up, mut broken) =
        (signal(SignalKind::terminate())?, signal(SignalKind::hangup())?, signal(SignalKind::interrupt())?);
    let mut screen = Screen::take()?;
    let (turn, turned) = watch::channel(app.tab);
    let (out, mut said) = mpsc::channel(WAITING);
    tokio::spawn(Poller::new(&app.url).run(turned, out));
    let mut keys = keys();
    let mut next = tokio::time::interval(REDRAW);
    next.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        screen.draw(&mut app)?;
        tokio::select! {
            one = said.recv() => match one {
                Some(one) => app.model.take(one, Instant::now()),
                None => return Ok(()),
            },
            event = keys.recv() => match event {
                Some(Event::Key(key)) if key.kind != KeyEventKind::Release => {
                    if app.press(key) == After::Quit {
                        return Ok(());
                    }
                    turn.send_if_modified(|shown| std::mem::replace(shown, app.tab) != app.tab);
                }
                // Another size is drawn at once; the rest is not for us.
                Some(_) => {}
                None => return Ok(()),
            },
            _ = next.tick() => {}
            _ = ended.recv() => return Ok(()),
            _ = hung_up.recv() => return Ok(()),
            _ = broken.recv() => return Ok(()),
        }
        // What waits is drawn together.
        while let Ok(one) = said.try_recv() {
            app.model.take(one, Instant::now());
        }
    }
}

/// Keys and sizes, read on a thread that ends with the process or the terminal.
fn keys() -> mpsc::Receiver<Event> {
    let (out, keys) = mpsc::channel(WAITING);
    std::thread::spawn(move || {
        while let Ok(event) = event::read() {
            if out.blocking_send(event).is_err() {
                return;
            }
        }
    });
    keys
}
