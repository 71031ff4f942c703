//! `headroom top` on a real pseudo terminal, beside a real daemon beside a plant.

use crate::common::{Plant, Recipe, turn, until};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};
use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(20);

/// A program on a terminal of 24 by 80, and what the terminal shows.
struct Stage {
    child: Child,
    keyboard: File,
    /// Kept open, so that its modes can be looked at after the program.
    theirs: File,
    screen: Arc<Mutex<vt100::Parser>>,
}

impl Stage {
    fn start(args: &[&str]) -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        tcsetwinsize(&ours, Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap();
        let theirs = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        let side = || Stdio::from(theirs.try_clone().unwrap());
        let mut command = Command::new(env!("CARGO_BIN_EXE_headroom"));
        command.arg("top").args(args).env("TERM", "xterm-256color").env_remove("NO_COLOR");
        let child = command.stdin(side()).stdout(side()).stderr(side()).spawn().unwrap();
        let keyboard = File::from(ours);
        let screen = Arc::new(Mutex::new(vt100::Parser::new(24, 80, 0)));
        let (mut from, into) = (keyboard.try_clone().unwrap(), Arc::clone(&screen));
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(n @ 1..) = from.read(&mut bytes) {
                into.lock().unwrap().process(&bytes[..n]);
            }
        });
        Self { child, keyboard, theirs, screen }
    }

    fn text(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    fn shows(&self, parts: &[&str]) {
        let mut last = String::new();
        let mut all = || {
            last = self.text();
            parts.iter().all(|p| last.contains(p))
        };
        let begun = std::time::Instant::now();
        while !all() {
            assert!(begun.elapsed() < PATIENCE, "not shown: {parts:?}\n{}", self.text());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn canonical(&self) -> bool {
        tcgetattr(&self.theirs).unwrap().local_modes.contains(LocalModes::ICANON | LocalModes::ECHO)
    }

    /// It ends well, and the terminal is as it was.
    fn ends(&mut self) {
        let mut status = None;
        until(PATIENCE, "it ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        assert_eq!(status.unwrap().code(), Some(0), "{}", self.text());
        until(PATIENCE, "the terminal is given back", || {
            let parser = self.screen.lock().unwrap();
            !parser.screen().alternate_screen() && !parser.screen().hide_cursor()
        });
        assert!(self.canonical());
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn top(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_headroom")).arg("top").args(args).stdin(Stdio::null()).output().unwrap()
}

#[test]
fn it_shows_what_the_daemon_says_and_what_it_no_longer_says() {
    let _turn = turn();
    let plant = Plant::start("top", &Recipe::default());
    let (_agents, mut controller) = (plant.agents(), plant.controller());
    let file = plant.folder.join("controller/http.addr");
    until(Duration::from_secs(60), "the daemon's address", || file.exists());
    let address = std::fs::read_to_string(file).unwrap().trim().to_owned();
    let url = format!("http://{address}");
    until(Duration::from_secs(90), "GPUs are heard", || {
        let once = top(&["--once", "--url", &url]);
        String::from_utf8_lossy(&once.stdout).contains(&format!("of {} GPUs heard", crate::common::GPUS))
    });
    one_picture(&url, &plant);
    let mut stage = Stage::start(&["--url", &url]);
    stage.shows(&["[1 Overview]", "Live: figures of ", "TOKEN clock consistency", "q quit"]);
    assert!(stage.screen.lock().unwrap().screen().alternate_screen() && !stage.canonical());
    views(&mut stage, &plant);
    controller.kill();
    stage.shows(&["Stale: no answer for ", "no connection", "greyed"]);
    // Keys work while nobody answers, and it goes on by itself.
    stage.press("?");
    stage.shows(&["-- Help --", "it only looks"]);
    stage.press("x1");
    let again = plant.controller_at(&address);
    stage.shows(&["[1 Overview]", "Live: figures of "]);
    drop(again);
    stage.shows(&["Stale: no answer for "]);
    stage.press("q");
    stage.ends();
}

fn one_picture(url: &str, plant: &Plant) {
    let wide = top(&["--once", "--width", "120", "--url", url]);
    let text = String::from_utf8(wide.stdout).unwrap();
    assert_eq!(wide.status.code(), Some(0), "{}", String::from_utf8_lossy(&wide.stderr));
    for part in [
        "TOKEN clock",
        "FLOPS throttling",
        "WATT power",
        "PUE thermal",
        "-- What is wrong --",
        "GPU caps and clocks",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(text.contains(&plant.broker()), "connections\n{text}");
    assert!(text.lines().all(|l| l.chars().count() <= 120) && !text.contains('\u{1b}'), "{text}");
}

fn views(stage: &mut Stage, plant: &Plant) {
    let site = plant.site();
    let first = |key: &str| site[key][0]["id"].as_str().unwrap().to_owned();
    stage.press("2");
    stage.shows(&["[2 Cooling]", &first("actuator"), "in force", "measures"]);
    stage.press("\u{1b}[F");
    stage.shows(&["-- Headroom of the racks --"]);
    stage.press("\t");
    stage.shows(&["[3 Power]", "share of it", " %"]);
    stage.press("4");
    stage.shows(&[
        "[4 GPUs]",
        &format!("of {} GPUs are held back", crate::common::GPUS),
        "highest die temperature first",
        ">",
    ]);
    stage.press("s");
    stage.shows(&["the highest power first"]);
    let node = first("node");
    stage.press(&format!("/{node}\r"));
    stage.shows(&[&format!("with \"{node}\" in rack, node, job or UUID"), &format!("> {node} GPU ")]);
    stage.press("jj");
    stage.shows(&["GPU-"]);
    stage.press("5");
    stage.shows(&["[5 Trends]", "GPUs throttled", "█"]);
    stage.press("1");
    stage.shows(&["[1 Overview]"]);
}

#[test]
fn signals_and_ctrl_c_give_the_terminal_back() {
    for end in ["\u{3}", "TERM", "INT", "HUP"] {
        let mut stage = Stage::start(&["--url", "http://127.0.0.1:1"]);
        stage.shows(&["Headroom at http://127.0.0.1:1", "Stale: no answer yet (no connection"]);
        if end == "\u{3}" {
            stage.press(end);
        } else {
            Command::new("kill").args([&format!("-{end}"), &stage.child.id().to_string()]).status().unwrap();
        }
        stage.ends();
    }
}

#[test]
fn without_a_terminal_the_remedy_is_said() {
    let said = |args: &[&str]| {
        let output = top(args);
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, text) = said(&[]);
    assert!(code == Some(2) && text.contains("headroom top --once"), "{text}");
    let (code, text) = said(&["--url", "bms:9464"]);
    assert!(code == Some(2) && text.contains("not an address like http://host:port"), "{text}");
    let (code, text) = said(&["--once", "--url", "http://127.0.0.1:1"]);
    assert!(code == Some(4) && text.contains("no connection"), "{text}");
    assert_eq!(said(&["--width", "80"]).0, Some(2));
}
