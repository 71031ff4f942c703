//! `headroom map import FILE.csv` and `headroom map export FILE.toml`: register maps from and to a spreadsheet.
//!
//! Responsible for: files, standard output and exit codes. Not for: what a table says (`headroom_drivers::modbus::csv`).

use crate::exit::{CONFIGURATION, FAULT};
use clap::Subcommand;
use headroom_drivers::modbus::csv;
use headroom_site::file::{read_register_map, read_text};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Which way.
#[derive(Debug, Subcommand)]
pub(crate) enum Way {
    /// A table of registers (CSV) to a register map on standard output.
    Import {
        /// Table, with the columns name, area, address, type and those of the manual.
        file: PathBuf,
        /// What the table's addresses count from.
        #[arg(long, default_value_t = 0)]
        address_base: u16,
    },
    /// A register map to a table (CSV) on standard output.
    Export {
        /// Register map.
        file: PathBuf,
    },
}

/// Runs the verb.
pub(crate) fn run(way: &Way) -> ExitCode {
    let (Way::Import { file, .. } | Way::Export { file }) = way;
    let text = match read_text(file) {
        Ok(text) => text,
        Err(e) => {
            eprintln!("headroom map: {}: {e}", file.display());
            return ExitCode::from(CONFIGURATION);
        }
    };
    let name = name(file);
    let made = match way {
        Way::Import { address_base, .. } => csv::import(&name, &text, *address_base),
        Way::Export { .. } => read_register_map(&name, &text).map(|map| csv::export(&map)),
    };
    match made {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(findings) => {
            findings.iter().for_each(|f| eprintln!("{f}"));
            ExitCode::from(FAULT)
        }
    }
}

fn name(file: &Path) -> String {
    file.display().to_string()
}
