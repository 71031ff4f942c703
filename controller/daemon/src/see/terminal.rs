//! A picture that is drawn again in place, and the keys that end it. All `unsafe` of these verbs is here.
#![allow(unsafe_code, reason = "two calls that read and set the terminal's modes")]

use std::io::{IsTerminal, Read, Write};
use tokio::sync::mpsc::{Receiver, channel};

/// The terminal while it is ours: alternate screen, no cursor, keys at once and unseen. It is given back when dropped.
pub(super) struct Terminal {
    /// Modes of the keyboard as they were found.
    found: Option<libc::termios>,
}

impl Terminal {
    /// Takes the terminal; `None` if standard output is none.
    pub(super) fn take() -> Option<Self> {
        if !std::io::stdout().is_terminal() {
            return None;
        }
        print!("\x1b[?1049h\x1b[?25l");
        let found = std::io::stdin().is_terminal().then(modes).flatten();
        if let Some(found) = &found {
            let mut quick = *found;
            quick.c_lflag &= !(libc::ICANON | libc::ECHO);
            set(&quick);
        }
        Some(Self { found })
    }

    /// Rows and columns; 24 by 80 if it does not say.
    pub(super) fn size() -> (usize, usize) {
        let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
        // SAFETY: TIOCGWINSZ writes one winsize, which is ours and lives through the call.
        let answer = unsafe { libc::ioctl(libc::STDOUT_FILENO, libc::TIOCGWINSZ, &raw mut size) };
        if answer != 0 || size.ws_row == 0 || size.ws_col == 0 {
            return (24, 80);
        }
        (usize::from(size.ws_row), usize::from(size.ws_col))
    }

    /// Draws lines, cut to the terminal.
    pub(super) fn draw(lines: &[String]) {
        let (rows, columns) = Self::size();
        let mut text = "\x1b[H".to_owned();
        for line in lines.iter().take(rows.saturating_sub(1)) {
            text.extend(line.chars().take(columns));
            text += "\x1b[K\r\n";
        }
        text += "\x1b[J";
        let mut out = std::io::stdout().lock();
        // A terminal that is gone is noticed by its hangup.
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }

    /// Keys as they are pressed, read on a thread that ends with the process. None where there is no keyboard.
    pub(super) fn keys() -> Receiver<u8> {
        let (out, keys) = channel(16);
        std::thread::spawn(move || {
            let mut key = [0_u8];
            while std::io::stdin().read_exact(&mut key).is_ok() && out.blocking_send(key[0]).is_ok() {}
        });
        keys
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if let Some(found) = &self.found {
            set(found);
        }
        print!("\x1b[?25h\x1b[?1049l");
        let _ = std::io::stdout().flush();
    }
}

fn modes() -> Option<libc::termios> {
    let mut modes = std::mem::MaybeUninit::<libc::termios>::uninit();
    // SAFETY: tcgetattr writes one termios, which is ours, and says by 0 that it did; only then is it read.
    unsafe { (libc::tcgetattr(libc::STDIN_FILENO, modes.as_mut_ptr()) == 0).then(|| modes.assume_init()) }
}

fn set(modes: &libc::termios) {
    // SAFETY: tcsetattr reads one termios, which lives through the call.
    unsafe {
        libc::tcsetattr(libc::STDIN_FILENO, libc::TCSANOW, modes);
    }
}
