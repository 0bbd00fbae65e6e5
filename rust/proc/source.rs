// SPDX-License-Identifier: GPL-2.0

//! What the hooks tell.
//!
//! Each definition is compared with its declaration in C, and turned into an [`Event`] in its first
//! lines.
//!
//! C counterparts: the functions of `include/linux/cn_proc.h`, which the kernel calls where the
//! connector is built in.

use crate::{
    bindings::{self, cn_proc_name, cn_proc_task},
    event::{Event, Task},
    instance,
};

/// Fails to compile if a definition differs from the declaration in the header.
macro_rules! assert_declared {
    ($($name:ident),* $(,)?) => {
        $(const _: () = {
            // Both branches of an `if` have the same type.
            if true {
                bindings::$name
            } else {
                $name
            };
        };)*
    };
}

assert_declared!(
    cn_proc_forked,
    cn_proc_executed,
    cn_proc_renamed,
    cn_proc_uid_changed,
    cn_proc_gid_changed,
    cn_proc_session_begun,
    cn_proc_traced,
    cn_proc_dumps_core,
    cn_proc_exits,
    cn_proc_attach,
    cn_proc_settle,
    cn_proc_visit,
);

impl From<cn_proc_task> for Task {
    fn from(task: cn_proc_task) -> Self {
        Self {
            pid: task.pid,
            tgid: task.tgid,
        }
    }
}

fn tell(event: &Event) {
    if let Some(service) = instance::get() {
        service.tell(event);
    }
}

/// # Safety
///
/// To be called by hooks that [`crate::glue::quiesce`] waits for.
#[no_mangle]
unsafe extern "C" fn cn_proc_forked(parent: cn_proc_task, child: cn_proc_task) {
    tell(&Event::Forked {
        parent: parent.into(),
        child: child.into(),
    });
}

/// # Safety
///
/// As for [`cn_proc_forked`].
#[no_mangle]
unsafe extern "C" fn cn_proc_executed(task: cn_proc_task) {
    tell(&Event::Executed { task: task.into() });
}

/// # Safety
///
/// As for [`cn_proc_forked`]; `name` must point to a name.
#[no_mangle]
unsafe extern "C" fn cn_proc_renamed(task: cn_proc_task, name: *const cn_proc_name) {
    // SAFETY: By the safety requirements.
    let name = unsafe { (*name).bytes };
    tell(&Event::Renamed {
        task: task.into(),
        name,
    });
}

/// # Safety
///
/// As for [`cn_proc_forked`].
#[no_mangle]
unsafe extern "C" fn cn_proc_uid_changed(task: cn_proc_task, real: u32, effective: u32) {
    tell(&Event::UidChanged {
        task: task.into(),
        real,
        effective,
    });
}

/// # Safety
///
/// As for [`cn_proc_forked`].
#[no_mangle]
unsafe extern "C" fn cn_proc_gid_changed(task: cn_proc_task, real: u32, effective: u32) {
    tell(&Event::GidChanged {
        task: task.into(),
        real,
        effective,
    });
}

/// # Safety
///
/// As for [`cn_proc_forked`].
#[no_mangle]
unsafe extern "C" fn cn_proc_session_begun(task: cn_proc_task) {
    tell(&Event::SessionBegun { task: task.into() });
}

/// # Safety
///
/// As for [`cn_proc_forked`].
#[no_mangle]
unsafe extern "C" fn cn_proc_traced(task: cn_proc_task, tracer: cn_proc_task) {
    tell(&Event::Traced {
        task: task.into(),
        tracer: tracer.into(),
    });
}

/// # Safety
///
/// As for [`cn_proc_forked`].
#[no_mangle]
unsafe extern "C" fn cn_proc_dumps_core(task: cn_proc_task, parent: cn_proc_task) {
    tell(&Event::DumpsCore {
        task: task.into(),
        parent: parent.into(),
    });
}

/// # Safety
///
/// As for [`cn_proc_forked`].
#[no_mangle]
unsafe extern "C" fn cn_proc_exits(
    task: cn_proc_task,
    code: u32,
    signal: u32,
    parent: cn_proc_task,
) {
    tell(&Event::Exits {
        task: task.into(),
        code,
        signal,
        parent: parent.into(),
    });
}

/// # Safety
///
/// To be called by work only, in process context, and not beside itself or [`cn_proc_settle`].
#[no_mangle]
unsafe extern "C" fn cn_proc_attach() {
    if let Some(service) = instance::get() {
        service.attach();
    }
}

/// # Safety
///
/// As for [`cn_proc_attach`].
#[no_mangle]
unsafe extern "C" fn cn_proc_settle() {
    if let Some(service) = instance::get() {
        service.settle();
    }
}

/// # Safety
///
/// To be called by work only, in process context, and not beside itself.
#[no_mangle]
unsafe extern "C" fn cn_proc_visit() {
    if let Some(service) = instance::get() {
        service.visit();
    }
}
