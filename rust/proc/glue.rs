// SPDX-License-Identifier: GPL-2.0

//! The boundary to C: the functions that hooks and work items call, and those that the service
//! calls, as its [`Glue`].
//!
//! Guarantees that C finds the service as long as it exists. This is the only file of the module
//! that says `unsafe`.
//!
//! C counterparts: `glue/proc_glue.h`; the functions of `include/linux/cn_proc.h`, which the kernel
//! calls where the connector is built in.

#![allow(unsafe_code)]

use crate::{
    event::{Event, Kinds, Task},
    hook::Hook,
    service::{Glue, SequenceNumber, Service},
};
use bindings::{cn_proc_name, cn_proc_task};
use connector_base::seq_file::FilesAreRemoved;
use kernel::{
    error::to_result,
    prelude::*,
    sync::{
        atomic::{Acquire, Atomic, Release},
        Arc,
    },
    types::NotThreadSafe,
};

connector_base::generated! {
    /// Types and functions of the header.
    mod bindings = "CN_PROC_BINDINGS"
}

/// The functions of C that the service calls.
pub(crate) struct ProcGlue;

/// The service of this module.
pub(crate) type ProcService = Service<ProcGlue>;

/// The service while it runs, else null.
static SERVICE: Atomic<*mut ProcService> = Atomic::new(core::ptr::null_mut());

/// The service; [`None`] before it has started and after it has stopped.
///
/// For hooks, work items and readers of the file, all of which end before the service is freed.
pub(crate) fn service() -> Option<&'static ProcService> {
    // SAFETY: By the invariants of `RunningService`. Its drop waits for hooks and work items, and
    // the file is removed before it is dropped.
    unsafe { SERVICE.load(Acquire).as_ref() }
}

/// The running service: [`service`] returns it, and work items run, until this is dropped.
///
/// # Invariants
///
/// `SERVICE` is null or points to what `service` owns.
pub(crate) struct RunningService {
    service: Arc<ProcService>,
}

impl RunningService {
    /// Starts the work items of a service; there is one service.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`]: no memory.
    pub(crate) fn new(service: Arc<ProcService>) -> Result<Self> {
        // SAFETY: In process context; the drop stops what this starts.
        to_result(unsafe { bindings::cn_proc_glue_start_work() })?;
        // INVARIANT: What is returned owns the service.
        SERVICE.store((&raw const *service).cast_mut(), Release);
        Ok(Self { service })
    }
}

/// The promise of the module, which owns the file of the service until it is dropped.
pub(crate) fn files_are_removed() -> FilesAreRemoved {
    // SAFETY: The kernel drops the module's value before it unloads the module, and nothing forgets
    // the file.
    unsafe { FilesAreRemoved::promise() }
}

impl Drop for RunningService {
    fn drop(&mut self) {
        // The work items first, since they attach hooks.
        // SAFETY: In process context, not in a work item, and no task waits for one.
        unsafe { bindings::cn_proc_glue_stop_work() };
        self.service.stop();
        SERVICE.store(core::ptr::null_mut(), Release);
    }
}

/// Defines functions that C calls, each with what it does with the service. Fails to compile if a
/// definition differs from the declaration in the header.
macro_rules! called_by_c {
    ($(
        $(#[$doc:meta])*
        $name:ident($($argument:ident: $type:ty),*) |$service:ident| $do:expr;
    )*) => {$(
        $(#[$doc])*
        #[no_mangle]
        unsafe extern "C" fn $name($($argument: $type),*) {
            if let Some($service) = service() {
                $do;
            }
        }

        const _: () = {
            // Both branches of an `if` have the same type.
            if true {
                bindings::$name
            } else {
                $name
            };
        };
    )*};
}

/// Defines functions that hooks call, each with the event that it delivers.
macro_rules! called_by_hooks {
    ($($name:ident($($argument:ident: $type:ty),*) => $event:expr;)*) => {
        called_by_c! {$(
            /// # Safety
            ///
            /// To be called by hooks only, which [`Glue::synchronize`] waits for.
            $name($($argument: $type),*) |service| service.deliver(&$event);
        )*}
    };
}

called_by_hooks! {
    cn_proc_forked(parent: cn_proc_task, child: cn_proc_task) => Event::Forked {
        parent: parent.into(),
        child: child.into(),
    };
    cn_proc_executed(task: cn_proc_task) => Event::Executed { task: task.into() };
    cn_proc_renamed(task: cn_proc_task, name: cn_proc_name) => Event::Renamed {
        task: task.into(),
        name: name.bytes,
    };
    cn_proc_uid_changed(task: cn_proc_task, real: u32, effective: u32) => Event::UidChanged {
        task: task.into(),
        real,
        effective,
    };
    cn_proc_gid_changed(task: cn_proc_task, real: u32, effective: u32) => Event::GidChanged {
        task: task.into(),
        real,
        effective,
    };
    cn_proc_session_begun(task: cn_proc_task) => Event::SessionBegun { task: task.into() };
    cn_proc_traced(task: cn_proc_task, tracer: cn_proc_task) => Event::Traced {
        task: task.into(),
        tracer: tracer.into(),
    };
    cn_proc_dumps_core(task: cn_proc_task, parent: cn_proc_task) => Event::DumpsCore {
        task: task.into(),
        parent: parent.into(),
    };
    cn_proc_exits(
        task: cn_proc_task,
        code: u32,
        signal: u32,
        parent: cn_proc_task
    ) => Event::Exits {
        task: task.into(),
        code,
        signal,
        parent: parent.into(),
    };
}

called_by_c! {
    /// # Safety
    ///
    /// To be called by a work item only, in process context, and not concurrently with itself or
    /// [`cn_proc_detach_idle`].
    cn_proc_attach() |service| service.attach();

    /// # Safety
    ///
    /// As for [`cn_proc_attach`].
    cn_proc_detach_idle() |service| service.detach_idle();

    /// # Safety
    ///
    /// To be called by a work item only, in process context, and not concurrently with itself.
    cn_proc_visit() |service| service.visit();
}

impl From<cn_proc_task> for Task {
    fn from(task: cn_proc_task) -> Self {
        Self {
            pid: task.pid,
            tgid: task.tgid,
        }
    }
}

/// Whether this kernel has what a hook needs. May sleep.
///
/// # Errors
///
/// [`ENOMEM`]: no memory to find out.
pub(crate) fn is_available(hook: Hook) -> Result<bool> {
    // SAFETY: In process context; the number is that of a hook.
    match to_result(unsafe { bindings::cn_proc_glue_try(hook as u32) }) {
        Err(error) if error == ENOMEM => Err(error),
        tried => Ok(tried.is_ok()),
    }
}

/// Whether exit events are delayed; known when the hook was tried.
pub(crate) fn exits_are_delayed() -> bool {
    // SAFETY: In process context.
    unsafe { bindings::cn_proc_glue_exits_are_delayed() }
}

impl Glue for ProcGlue {
    type Number = ProcNumber;

    fn next_number() -> ProcNumber {
        // SAFETY: The function does what is required.
        unsafe { ProcNumber::begin(bindings::cn_proc_glue_next_number) }
    }

    fn last_number() -> ProcNumber {
        // SAFETY: As above.
        unsafe { ProcNumber::begin(bindings::cn_proc_glue_last_number) }
    }

    fn now() -> u64 {
        // SAFETY: In any context but NMI.
        unsafe { bindings::cn_proc_glue_now() }
    }

    fn attach(hook: Hook) -> Result {
        // SAFETY: In process context; the number is that of a hook.
        to_result(unsafe { bindings::cn_proc_glue_attach(hook as u32) })
    }

    fn detach(hook: Hook) {
        // SAFETY: In process context; the number is that of a hook.
        unsafe { bindings::cn_proc_glue_detach(hook as u32) };
    }

    fn synchronize() {
        // SAFETY: In process context.
        unsafe { bindings::cn_proc_glue_synchronize() };
    }

    fn missed() -> u64 {
        // SAFETY: In process context.
        unsafe { bindings::cn_proc_glue_missed() }
    }

    fn update_hooks_in(milliseconds: u32) {
        // SAFETY: The work item is stopped before this module is unloaded.
        unsafe { bindings::cn_proc_glue_update_hooks_in(milliseconds) };
    }

    fn wait_attached() -> Result {
        // SAFETY: In process context; the work item is stopped after all requests.
        killed(unsafe { bindings::cn_proc_glue_wait_attached() })
    }

    fn wait_visited() -> Result {
        // SAFETY: In process context; the work item is stopped after all readers.
        killed(unsafe { bindings::cn_proc_glue_wait_visited() })
    }

    fn wait_closes() -> Result {
        // SAFETY: In process context; the work item is stopped after all requests.
        killed(unsafe { bindings::cn_proc_glue_wait_closes() })
    }

    fn close_delivered(socket: u64) {
        // SAFETY: In any context.
        unsafe { bindings::cn_proc_glue_close_delivered(socket) };
    }
}

/// Programs must not see the error of a wait that is to be started again.
fn killed(waited: c_int) -> Result {
    to_result(waited).map_err(|_| EINTR)
}

/// A sequence number.
///
/// # Invariants
///
/// This task stays on processor `cpu`, and ends that itself.
pub(crate) struct ProcNumber {
    number: u32,
    cpu: u32,
    /// The task that has begun this ends it.
    _task: NotThreadSafe,
}

impl ProcNumber {
    /// # Safety
    ///
    /// `read` must write the processor, return the number, and keep this task there until the drop.
    unsafe fn begin(read: unsafe extern "C" fn(*mut u32) -> u32) -> Self {
        let mut cpu = 0;
        // SAFETY: A number can be written to `cpu`; the drop ends what this begins.
        let number = unsafe { read(&mut cpu) };
        // INVARIANT: By the safety requirements.
        Self {
            number,
            cpu,
            _task: NotThreadSafe,
        }
    }
}

impl SequenceNumber for ProcNumber {
    fn number(&self) -> u32 {
        self.number
    }

    fn cpu(&self) -> u32 {
        self.cpu
    }
}

impl Drop for ProcNumber {
    fn drop(&mut self) {
        // SAFETY: By the type invariants, this ends what `next_number` or `last_number` began.
        unsafe { bindings::cn_proc_glue_put_number() };
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
