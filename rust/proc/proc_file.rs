// SPDX-License-Identifier: GPL-2.0

//! The file `/proc/net/cn_proc`: which hooks there are, who listens, what was lost.

use crate::{bindings, hook::Hooks, instance};
use kernel::{bindings::seq_file, prelude::*, seq_file::SeqFile, seq_print};

/// The file exists as long as this does.
pub(crate) struct ProcFile(());

impl ProcFile {
    /// Makes the file. What it shows is there already.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`]: no memory.
    pub(crate) fn new() -> Result<Self> {
        // SAFETY: The function is static.
        let made = unsafe { bindings::cn_proc_glue_file_create(Some(show_callback)) };
        if !made && cfg!(CONFIG_PROC_FS) {
            return Err(ENOMEM);
        }
        Ok(Self(()))
    }
}

impl Drop for ProcFile {
    fn drop(&mut self) {
        // SAFETY: The file is ours. This waits for those who read it.
        unsafe { bindings::cn_proc_glue_file_remove() };
    }
}

/// Shows everything.
///
/// # Safety
///
/// `file` must be a sequence file that is being read.
unsafe extern "C" fn show_callback(file: *mut seq_file, _: *mut c_void) -> c_int {
    // SAFETY: By the safety requirements.
    show(unsafe { SeqFile::from_raw(file) });
    0
}

fn show(file: &SeqFile) {
    let Some(service) = instance::get() else {
        return;
    };
    let summary = service.summary();
    show_hooks(file, "available", summary.available);
    show_hooks(file, "attached", summary.attached);
    seq_print!(file, "sent {}\n", summary.sent);
    seq_print!(file, "no_memory {}\n", summary.no_memory);
    seq_print!(file, "missed {}\n", summary.missed);
    let mut last = None;
    while let Some((socket, listener)) = service.listeners().next_after(last) {
        last = Some(socket);
        seq_print!(
            file,
            "listener port {} socket {} events {:#x} member {} sent {} no_memory {} dropped {}\n",
            listener.portid,
            socket.number(),
            listener.kinds.bits(),
            if listener.is_member { "yes" } else { "no" },
            listener.sent,
            listener.no_memory,
            listener.dropped,
        );
    }
}

fn show_hooks(file: &SeqFile, title: &str, hooks: Hooks) {
    seq_print!(file, "{title}");
    for hook in hooks.iter() {
        seq_print!(file, " {}", hook.name());
    }
    seq_print!(file, "\n");
}
