//! The terminal is given back when the program panics, on a real pseudo terminal.

use crate::top::live::Screen;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};
use std::fs::File;
use std::io::Read;
use std::process::{Command, Stdio};

/// Run on a terminal by the test below.
#[test]
#[ignore = "it panics: the test below runs it"]
fn panics_on_its_terminal() {
    let _screen = Screen::take().unwrap();
    panic!("as it must");
}

#[test]
fn a_panic_gives_the_terminal_back() {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    tcsetwinsize(&ours, Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap();
    let theirs = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
    let side = || Stdio::from(theirs.try_clone().unwrap());
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--ignored", "--exact", "--nocapture", "top::tests::panic::panics_on_its_terminal"]);
    let mut child = command.stdin(side()).stdout(side()).stderr(side()).spawn().unwrap();
    assert!(!child.wait().unwrap().success());
    let modes = tcgetattr(&theirs).unwrap().local_modes;
    assert!(modes.contains(LocalModes::ICANON | LocalModes::ECHO), "{modes:?}");
    drop((command, theirs));
    let mut said = Vec::new();
    // The end of a pseudo terminal is an error.
    let _ = File::from(ours).read_to_end(&mut said);
    let said = String::from_utf8_lossy(&said);
    let at = |what: &str| said.find(what).unwrap_or_else(|| panic!("{what:?} is missing in {said:?}"));
    assert!(at("\u{1b}[?1049h") < at("\u{1b}[?1049l") && at("\u{1b}[?1049l") < at("as it must"), "{said:?}");
}
