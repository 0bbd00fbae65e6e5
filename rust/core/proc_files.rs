// SPDX-License-Identifier: GPL-2.0

//! The files in `/proc/net`.
//!
//! C counterpart: `cn_proc_show()` in `drivers/connector/connector.c`.

use crate::{counters, instance};
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
        connector.registry().for_each(|entry| {
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

/// Shows all counters.
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
    show(c"received", counters::received());
    for (counter, name) in counters::ALL {
        show(name, counter.total());
    }
    0
}
