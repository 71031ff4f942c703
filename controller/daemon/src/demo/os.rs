//! The two things that only the kernel can do for the demo. All `unsafe` of the demo is here.
#![allow(unsafe_code, reason = "two system calls without memory of ours")]

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// The lowest priority there is.
const NICEST: libc::c_int = 19;

/// The child is killed when the thread that starts it ends, however that happens.
pub(super) fn die_with_parent(command: &mut Command) {
    let parent = std::process::id();
    let before_exec = move || {
        // SAFETY: prctl(PR_SET_PDEATHSIG) takes a number and touches no memory; getppid has no preconditions. Both are
        // async-signal-safe system calls, as the time between fork and exec demands.
        unsafe {
            if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) != 0 {
                return Err(io::Error::last_os_error());
            }
            // The parent may have ended before the call.
            if libc::getppid().cast_unsigned() != parent {
                return Err(io::Error::from(io::ErrorKind::NotFound));
            }
        }
        Ok(())
    };
    // SAFETY: the closure allocates nothing and calls nothing that is not async-signal-safe.
    unsafe {
        command.pre_exec(before_exec);
    }
}

/// Lets everything else go before this thread.
pub(super) fn step_back() {
    // SAFETY: setpriority takes three numbers and touches no memory; on Linux "who = 0" is the calling thread.
    unsafe {
        libc::setpriority(libc::PRIO_PROCESS, 0, NICEST);
    }
}

/// Asks a child to end.
pub(super) fn terminate(pid: u32) {
    // SAFETY: kill takes two numbers; the pid is that of a child not yet waited for, so nobody else can have it.
    unsafe {
        libc::kill(pid.cast_signed(), libc::SIGTERM);
    }
}
