// SPDX-License-Identifier: GPL-2.0

//! The files in `/proc/net`.
//!
//! C counterpart: `cn_proc_show()` in `drivers/connector/connector.c`.

use crate::{counters, entry::Entry, instance, once::read_once};
use connector::bindings::{cn_glue_proc_create, cn_glue_proc_remove};
use kernel::{
    bindings::{self, seq_file},
    prelude::*,
};

/// A file that exists as long as this does.
///
/// # Invariants
///
/// There is a file of this name in `/proc/net`, and it is ours.
struct File(&'static CStr);

impl File {
    fn new(
        name: &'static CStr,
        show: unsafe extern "C" fn(*mut seq_file, *mut c_void) -> c_int,
    ) -> Result<Self> {
        // SAFETY: The name and the function are static.
        let file = unsafe { cn_glue_proc_create(name.as_char_ptr(), Some(show)) };
        if file.is_null() && cfg!(CONFIG_PROC_FS) {
            return Err(ENOMEM);
        }
        // INVARIANT: The file was just made; without /proc there is none to be removed.
        Ok(Self(name))
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // SAFETY: By the type invariants the file is ours. This waits for those who read it.
        unsafe { cn_glue_proc_remove(self.0.as_char_ptr()) };
    }
}

/// The files of the connector.
pub(crate) struct ProcFiles {
    _callbacks: File,
    _stats: File,
}

impl ProcFiles {
    /// Makes the files. What they show is there already.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`]: no memory.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            _callbacks: File::new(c"connector", show_callbacks)?,
            _stats: File::new(c"connector_stats", show_stats)?,
        })
    }
}

/// Shows all callbacks, in order of registration.
///
/// # Safety
///
/// `file` must be a sequence file that is being read.
unsafe extern "C" fn show_callbacks(file: *mut seq_file, _: *mut c_void) -> c_int {
    // SAFETY: By the safety requirements; the format has no arguments.
    unsafe { bindings::seq_printf(file, c"Name            ID\n".as_char_ptr()) };
    if let Some(connector) = instance::get() {
        connector.registry().lock().entries().for_each(|entry| {
            let (name, id) = (entry.name(), entry.id());
            // SAFETY: By the safety requirements; the format fits the arguments.
            unsafe {
                bindings::seq_printf(
                    file,
                    c"%-15s %u:%u\n".as_char_ptr(),
                    name.as_char_ptr(),
                    id.idx(),
                    id.val(),
                )
            };
        });
    }
    0
}

/// Shows all counters, and then those of each callback, in order of registration.
///
/// # Safety
///
/// `file` must be a sequence file that is being read.
unsafe extern "C" fn show_stats(file: *mut seq_file, _: *mut c_void) -> c_int {
    let show = |name: &CStr, value: u64| {
        // SAFETY: By the safety requirements; the format fits the arguments.
        unsafe {
            bindings::seq_printf(file, c"%s %llu\n".as_char_ptr(), name.as_char_ptr(), value)
        };
    };
    let Some(connector) = instance::get() else {
        return 0;
    };
    let table = connector.registry().lock();
    let delivered = table.delivered();
    show(c"received", delivered.wrapping_add(counters::dropped()));
    show(c"delivered", delivered);
    for (counter, name) in counters::ALL {
        show(name, counter.total());
    }
    for entry in table.entries() {
        // SAFETY: By the safety requirements.
        unsafe { show_entry(file, entry) };
    }
    0
}

/// Shows the counters and the policy of a callback.
///
/// # Safety
///
/// `file` must be a sequence file that is being read.
unsafe fn show_entry(file: *mut seq_file, entry: &Entry) {
    let tally = entry.tally();
    // SAFETY: By the safety requirements; the format fits the arguments.
    unsafe {
        bindings::seq_printf(
            file,
            c"id %u:%u delivered %llu failed %llu refused %llu".as_char_ptr(),
            entry.id().idx(),
            entry.id().val(),
            read_once(&tally.delivered),
            read_once(&tally.failed),
            read_once(&tally.refused),
        )
    };
    let group = if entry.opens_group() {
        c"open"
    } else {
        c"closed"
    };
    let handler = entry.callback().handler();
    let capability = handler.map_or(-1, |handler| handler.capability.unwrap_or(-1));
    // SAFETY: As above.
    unsafe {
        bindings::seq_printf(
            file,
            c" capability %d group %s name %s".as_char_ptr(),
            capability,
            group.as_char_ptr(),
            entry.name().as_char_ptr(),
        )
    };
    let description = handler.map_or(core::ptr::null(), |handler| handler.description);
    if !description.is_null() {
        // SAFETY: As above; a description lives as long as its handler.
        unsafe { bindings::seq_printf(file, c" description %s".as_char_ptr(), description) };
    }
    // SAFETY: As above.
    unsafe { bindings::seq_printf(file, c"\n".as_char_ptr()) };
}
