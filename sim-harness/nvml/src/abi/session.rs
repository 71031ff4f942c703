//! What lives between `nvmlInit` and `nvmlShutdown`: the mapped page and the GPUs shown to this process.

use super::{Answer, Handle, code};
use crate::page::{Page, record::GpuRecord};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

struct Session {
    page: Page,
    /// Record numbers of the GPUs shown.
    shown: Vec<usize>,
    new_ids: bool,
    inits: u32,
}

static SESSION: RwLock<Option<Session>> = RwLock::new(None);
static DENY: AtomicBool = AtomicBool::new(false);

/// First driver version whose clocks-event counters stand at 269-271.
const NEW_IDS_FROM: (u32, u32) = (580, 82);

fn has_new_ids(driver_version: &str) -> bool {
    let mut parts = driver_version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) >= NEW_IDS_FROM
}

/// Opens the page named by the environment; a second call only counts.
pub(super) fn init() -> Answer<()> {
    let mut slot = SESSION.write().unwrap_or_else(PoisonError::into_inner);
    if let Some(session) = slot.as_mut() {
        session.inits += 1;
        return Ok(());
    }
    let path = std::env::var_os(crate::PAGE_ENV).ok_or(code::DRIVER_NOT_LOADED)?;
    let page = Page::open(Path::new(&path)).map_err(|_| code::DRIVER_NOT_LOADED)?;
    let host = std::env::var(crate::HOST_ENV).ok().filter(|host| !host.is_empty());
    let shown = page
        .gpus()
        .iter()
        .enumerate()
        .filter(|(_, gpu)| host.as_ref().is_none_or(|host| gpu.identity.host.is(host)))
        .map(|(number, _)| number)
        .collect();
    DENY.store(std::env::var(crate::DENY_WRITES_ENV).is_ok_and(|v| v == "1"), Relaxed);
    let new_ids = has_new_ids(&page.header().driver_version.get());
    *slot = Some(Session { page, shown, new_ids, inits: 1 });
    Ok(())
}

/// Undoes one [`init`].
pub(super) fn shutdown() -> Answer<()> {
    let mut slot = SESSION.write().unwrap_or_else(PoisonError::into_inner);
    let session = slot.as_mut().ok_or(code::UNINITIALIZED)?;
    session.inits -= 1;
    if session.inits == 0 {
        *slot = None;
    }
    Ok(())
}

/// Setters answer `NO_PERMISSION` in this process.
pub(super) fn writes_denied() -> bool {
    DENY.load(Relaxed)
}

fn on_session<T>(f: impl FnOnce(&Session) -> Answer<T>) -> Answer<T> {
    let slot = SESSION.read().unwrap_or_else(PoisonError::into_inner);
    f(slot.as_ref().ok_or(code::UNINITIALIZED)?)
}

/// Whether this driver numbers the clocks-event counters in the new way.
pub(super) fn new_field_ids() -> Answer<bool> {
    on_session(|session| Ok(session.new_ids))
}

/// Runs `f` on the page.
pub(super) fn on_page<T>(f: impl FnOnce(&Page) -> Answer<T>) -> Answer<T> {
    on_session(|session| f(&session.page))
}

/// GPUs shown.
pub(super) fn count() -> Answer<u32> {
    on_session(|session| Ok(session.shown.len() as u32))
}

/// The handle of the GPU at an index.
pub(super) fn handle_at(index: u32) -> Answer<Handle> {
    on_session(|session| {
        let number = session.shown.get(index as usize).ok_or(code::INVALID_ARGUMENT)?;
        session.page.gpu(*number).ok_or(code::INVALID_ARGUMENT).and_then(present)?;
        Ok(std::ptr::without_provenance_mut(index as usize + 1))
    })
}

/// The handle of the first GPU shown for which `f` holds.
pub(super) fn handle_of(f: impl Fn(&GpuRecord) -> bool) -> Answer<Handle> {
    on_session(|session| {
        let mut gpus = session.shown.iter().enumerate();
        let found = gpus.find(|(_, number)| session.page.gpu(**number).is_some_and(&f));
        let (index, number) = found.ok_or(code::NOT_FOUND)?;
        session.page.gpu(*number).ok_or(code::NOT_FOUND).and_then(present)?;
        Ok(std::ptr::without_provenance_mut(index + 1))
    })
}

/// Index behind a handle.
pub(super) fn index_of(device: Handle) -> Answer<usize> {
    device.addr().checked_sub(1).ok_or(code::INVALID_ARGUMENT)
}

fn present(gpu: &GpuRecord) -> Answer<&GpuRecord> {
    if gpu.control.present.load(Relaxed) == 0 { Err(code::GPU_IS_LOST) } else { Ok(gpu) }
}

/// Runs `f` on the GPU behind a handle, after the delay the world asks for.
pub(super) fn on_gpu<T>(device: Handle, f: impl FnOnce(&GpuRecord) -> Answer<T>) -> Answer<T> {
    on_session(|session| {
        let index = index_of(device)?;
        let number = session.shown.get(index).ok_or(code::INVALID_ARGUMENT)?;
        let gpu = session.page.gpu(*number).ok_or(code::INVALID_ARGUMENT)?;
        let delay_us = gpu.control.call_delay_us.load(Relaxed);
        if delay_us > 0 {
            std::thread::sleep(Duration::from_micros(u64::from(delay_us)));
        }
        f(present(gpu)?)
    })
}

#[cfg(test)]
mod tests {
    use super::has_new_ids;

    #[test]
    fn field_ids_moved_at_580_82() {
        assert!(!has_new_ids("535.104.05"));
        assert!(!has_new_ids("580.65.06"));
        assert!(has_new_ids("580.82.07"));
        assert!(has_new_ids("590.10"));
        assert!(!has_new_ids("unknown"));
    }
}
