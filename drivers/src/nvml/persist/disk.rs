//! The disk under the ownership file: the few calls it needs, so that a test can die between any two of them.

use headroom_site::file::{FileError, read_bytes};
use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io::{Result, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

/// What is asked of a disk.
pub trait Disk: Debug + Send {
    /// The files of a folder; none if there is no such folder.
    fn list(&mut self, folder: &Path) -> Vec<PathBuf>;
    /// A file's content.
    ///
    /// # Errors
    /// [`FileError`] if it cannot be read.
    fn read(&mut self, path: &Path) -> std::result::Result<Vec<u8>, FileError>;
    /// Makes a file anew, with its folder; its content is on disk when this returns, its name may not be.
    ///
    /// # Errors
    /// What the system says; then the file holds anything.
    fn write(&mut self, path: &Path, bytes: &[u8]) -> Result<()>;
    /// Gives a file another name, in the place of whatever had it.
    ///
    /// # Errors
    /// What the system says.
    fn rename(&mut self, from: &Path, to: &Path) -> Result<()>;
    /// Names in a folder are on disk when this returns.
    ///
    /// # Errors
    /// What the system says.
    fn sync_folder(&mut self, folder: &Path) -> Result<()>;
    /// Writes a few bytes into a file, made if need be. They outlive the process; the machine, once [`Self::sync`] has returned.
    ///
    /// # Errors
    /// What the system says.
    fn put(&mut self, path: &Path, offset: u64, bytes: &[u8]) -> Result<()>;
    /// What was put into a file, and its name, is on disk when this returns.
    ///
    /// # Errors
    /// What the system says.
    fn sync(&mut self, path: &Path) -> Result<()>;
}

/// The disk of this host.
#[derive(Debug, Clone, Copy, Default)]
pub struct HostDisk;

impl Disk for HostDisk {
    fn list(&mut self, folder: &Path) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
        entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect()
    }

    fn read(&mut self, path: &Path) -> std::result::Result<Vec<u8>, FileError> {
        read_bytes(path)
    }

    fn write(&mut self, path: &Path, bytes: &[u8]) -> Result<()> {
        fs::create_dir_all(folder_of(path))?;
        let mut file = File::create(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    }

    fn rename(&mut self, from: &Path, to: &Path) -> Result<()> {
        fs::rename(from, to)
    }

    fn sync_folder(&mut self, folder: &Path) -> Result<()> {
        File::open(folder)?.sync_all()
    }

    fn put(&mut self, path: &Path, offset: u64, bytes: &[u8]) -> Result<()> {
        fs::create_dir_all(folder_of(path))?;
        OpenOptions::new().write(true).create(true).truncate(false).open(path)?.write_all_at(bytes, offset)
    }

    fn sync(&mut self, path: &Path) -> Result<()> {
        File::open(path)?.sync_all()?;
        self.sync_folder(folder_of(path))
    }
}

/// The folder a file is in.
pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
