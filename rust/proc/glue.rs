// SPDX-License-Identifier: GPL-2.0

//! The functions that are written in C.
//!
//! C counterpart: `glue/proc_glue.h`.

use crate::{bindings, event::Kinds, hook::Hook};
use kernel::{error::to_result, prelude::*};

/// Whether this kernel has what a hook needs. May sleep.
///
/// # Errors
///
/// There is no memory to find out.
pub(crate) fn is_available(hook: Hook) -> Result<bool> {
    // SAFETY: In process context; the number is that of a hook.
    match to_result(unsafe { bindings::cn_proc_glue_try(hook as u32) }) {
        Err(error) if error == ENOMEM => Err(error),
        tried => Ok(tried.is_ok()),
    }
}

/// Says, before the first hook is tried, whether functions of the kernel may be probed.
pub(crate) fn allow_probes(allowed: bool) {
    // SAFETY: No hook was tried.
    unsafe { bindings::cn_proc_glue_allow_probes(allowed) };
}

/// Whether ends are told a moment after they have happened; known when their hook was tried.
pub(crate) fn ends_are_late() -> bool {
    // SAFETY: In process context.
    unsafe { bindings::cn_proc_glue_ends_are_late() }
}

/// Lets a hook tell of events. May sleep.
///
/// # Errors
///
/// This kernel lacks what the hook needs, or memory.
pub(crate) fn attach(hook: Hook) -> Result {
    // SAFETY: In process context; the number is that of a hook.
    to_result(unsafe { bindings::cn_proc_glue_attach(hook as u32) })
}

/// Ends what [`attach`] began. May sleep. A tracepoint may still be running until [`quiesce`], and
/// ends that were noted are told.
pub(crate) fn detach(hook: Hook) {
    // SAFETY: In process context; the number is that of a hook.
    unsafe { bindings::cn_proc_glue_detach(hook as u32) };
}

/// Waits, when all hooks are detached, until none is running, and forgets what is not told yet.
pub(crate) fn quiesce() {
    // SAFETY: In process context.
    unsafe { bindings::cn_proc_glue_quiesce() };
}

/// How many events hooks could not see.
pub(crate) fn missed() -> u64 {
    // SAFETY: In process context.
    unsafe { bindings::cn_proc_glue_missed() }
}

/// Asks for the work in so many milliseconds, or earlier, if it was due earlier; 0 means now.
pub(crate) fn settle_later(milliseconds: u32) {
    // SAFETY: The work is ended before this module goes.
    unsafe { bindings::cn_proc_glue_later(milliseconds) };
}

/// Waits until what is wanted now was attached, or failed to be.
///
/// # Errors
///
/// [`EINTR`]: the task is killed.
pub(crate) fn await_attached() -> Result {
    // SAFETY: In process context; the work is ended after all requests.
    killed(unsafe { bindings::cn_proc_glue_await_attached() })
}

/// Waits until the members of the group were visited after this was called.
///
/// # Errors
///
/// [`EINTR`]: the task is killed.
pub(crate) fn await_visit() -> Result {
    // SAFETY: In process context; the work is ended after all readers.
    killed(unsafe { bindings::cn_proc_glue_await_visit() })
}

/// Waits until [`closed`] was called for all sockets that are closed now; for a second at most.
///
/// # Errors
///
/// [`EINTR`]: the task is killed.
pub(crate) fn await_closes() -> Result {
    // SAFETY: In process context; the work is ended after all requests.
    killed(unsafe { bindings::cn_proc_glue_await_closes() })
}

/// Says that what there is to do for a closed socket was done, by its number.
pub(crate) fn closed(socket: u64) {
    // SAFETY: In any context.
    unsafe { bindings::cn_proc_glue_closed(socket) };
}

/// Programs know nothing of the error that stands for a wait that is begun again.
fn killed(waited: c_int) -> Result {
    to_result(waited).map_err(|_| EINTR)
}

/// Nanoseconds since the machine was started.
pub(crate) fn now() -> u64 {
    // SAFETY: In any context but NMI.
    unsafe { bindings::cn_proc_glue_now() }
}

/// A message's turn: it has the next number of a processor, and nobody sends on that one meanwhile.
pub(crate) struct Turn {
    number: u32,
    cpu: u32,
}

impl Turn {
    /// Takes the next turn.
    pub(crate) fn take() -> Self {
        let mut cpu = 0;
        // SAFETY: A number can be written to `cpu`; the drop ends what this begins.
        let number = unsafe { bindings::cn_proc_glue_begin(&mut cpu) };
        Self { number, cpu }
    }

    /// The turn of a message without a number of its own: it has the number that its processor
    /// gave last.
    pub(crate) fn again() -> Self {
        let mut cpu = 0;
        // SAFETY: A number can be written to `cpu`; the drop ends what this begins.
        let number = unsafe { bindings::cn_proc_glue_begin_again(&mut cpu) };
        Self { number, cpu }
    }

    /// The number of the message.
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// The processor.
    pub(crate) fn cpu(&self) -> u32 {
        self.cpu
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // SAFETY: This ends what `take` began, on the same processor.
        unsafe { bindings::cn_proc_glue_end() };
    }
}

/// Work can be asked for until this is dropped, which waits for it.
pub(crate) struct Work(());

impl Work {
    /// For who does it; there is one.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`]: no memory.
    pub(crate) fn new() -> Result<Self> {
        // SAFETY: In process context; the drop ends what this begins.
        to_result(unsafe { bindings::cn_proc_glue_begin_work() })?;
        Ok(Self(()))
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        // SAFETY: In process context, not from work itself, and nobody waits for any.
        unsafe { bindings::cn_proc_glue_end_work() };
    }
}

static_assert!(Kinds::ALL.bits() == bindings::CN_PROC_EVENTS);
static_assert!(Hook::ALL.len() == bindings::CN_PROC_HOOKS as usize);
static_assert!(Hook::Fork as u32 == bindings::CN_PROC_HOOK_FORK);
static_assert!(Hook::Exec as u32 == bindings::CN_PROC_HOOK_EXEC);
static_assert!(Hook::Exit as u32 == bindings::CN_PROC_HOOK_EXIT);
static_assert!(Hook::Comm as u32 == bindings::CN_PROC_HOOK_COMM);
static_assert!(Hook::Credentials as u32 == bindings::CN_PROC_HOOK_CREDENTIALS);
static_assert!(Hook::Sid as u32 == bindings::CN_PROC_HOOK_SID);
static_assert!(Hook::Ptrace as u32 == bindings::CN_PROC_HOOK_PTRACE);
static_assert!(Hook::Coredump as u32 == bindings::CN_PROC_HOOK_COREDUMP);
