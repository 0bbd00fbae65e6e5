// SPDX-License-Identifier: GPL-2.0

//! The file `/proc/net/cn_proc`: which hooks there are, who listens, what was lost.
//!
//! Each line is looked up by itself, and no lock is held from one to the next. A reader delays
//! requests and events by one look-up at most. Only the pass over the members of the group, which
//! it waits for first, is longer; a work item does that for all readers.

use crate::{
    bindings::{self, cn_proc_cursor},
    hook::Hooks,
    instance,
    service::Service,
};
use kernel::{
    bindings::{loff_t, seq_file, seq_operations},
    prelude::*,
    seq_file::SeqFile,
    seq_print,
};

/// The file exists as long as this does.
pub(crate) struct ProcFile(());

impl ProcFile {
    /// Makes the file. What it shows is there already.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`]: no memory.
    pub(crate) fn new() -> Result<Self> {
        // SAFETY: The functions are static.
        let made = unsafe { bindings::cn_proc_glue_file_create(&OPERATIONS.0) };
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

/// What reads the file line by line. First comes a head, which has the number 0, then the listeners
/// in the order of the numbers of their sockets. So sockets that begin or end to listen while the
/// file is read neither repeat nor hide the line of another one.
struct Operations(seq_operations);

// SAFETY: The functions may be called by all tasks.
unsafe impl Sync for Operations {}

static OPERATIONS: Operations = Operations(seq_operations {
    start: Some(start_callback),
    next: Some(next_callback),
    stop: Some(stop_callback),
    show: Some(show_callback),
});

/// Goes to the first listener whose number is at least `number`; null if there is none.
fn go_to(cursor: &mut cn_proc_cursor, number: u64) -> *mut c_void {
    let found = instance::get().and_then(|service| service.listeners().first_from(number));
    let Some(number) = found else {
        return core::ptr::null_mut();
    };
    cursor.socket = number;
    core::ptr::from_mut(cursor).cast()
}

/// Begins to read at a number.
///
/// # Safety
///
/// `file` must be a sequence file of ours that is being read, `position` point to a number.
unsafe extern "C" fn start_callback(file: *mut seq_file, position: *mut loff_t) -> *mut c_void {
    // SAFETY: By the safety requirements; such a file has a cursor, for one reader at a time.
    let cursor = unsafe { &mut *(*file).private.cast::<cn_proc_cursor>() };
    // SAFETY: By the safety requirements.
    let number = unsafe { *position } as u64;
    if number != 0 {
        return go_to(cursor, number);
    }
    let Some(service) = instance::get() else {
        return core::ptr::null_mut();
    };
    match service.look_for_members() {
        Ok(pass) => cursor.pass = pass,
        Err(error) => return error.to_ptr(),
    }
    cursor.socket = 0;
    core::ptr::from_mut(cursor).cast()
}

/// Goes to the next line.
///
/// # Safety
///
/// `at` must be what [`start_callback`] or this function has returned, and `position` point to a
/// number.
unsafe extern "C" fn next_callback(
    _: *mut seq_file,
    at: *mut c_void,
    position: *mut loff_t,
) -> *mut c_void {
    // SAFETY: By the safety requirements this is the cursor.
    let cursor = unsafe { &mut *at.cast::<cn_proc_cursor>() };
    let number = cursor.socket.wrapping_add(1);
    let next = go_to(cursor, number);
    // Where to begin if what follows is gone when the reader comes back.
    let number = if next.is_null() {
        number
    } else {
        cursor.socket
    };
    // SAFETY: By the safety requirements.
    unsafe { *position = number as loff_t };
    next
}

/// Ends what [`start_callback`] has begun: nothing is held.
///
/// # Safety
///
/// None.
unsafe extern "C" fn stop_callback(_: *mut seq_file, _: *mut c_void) {}

/// Shows the head or a listener.
///
/// # Safety
///
/// `file` must be a sequence file that is being read, `at` what [`start_callback`] has returned.
unsafe extern "C" fn show_callback(file: *mut seq_file, at: *mut c_void) -> c_int {
    // SAFETY: By the safety requirements.
    let file = unsafe { SeqFile::from_raw(file) };
    // SAFETY: By the safety requirements this is the cursor.
    let cursor = unsafe { &*at.cast::<cn_proc_cursor>() };
    if let Some(service) = instance::get() {
        match cursor.socket {
            0 => show_head(file, service),
            _ => show_listener(file, service, cursor),
        }
    }
    0
}

fn show_head(file: &SeqFile, service: &Service) {
    let summary = service.summary();
    show_hooks(file, "available", summary.overview.available);
    show_hooks(file, "attached", summary.overview.attached);
    seq_print!(file, "sent {}\n", summary.sent);
    seq_print!(file, "no_memory {}\n", summary.no_memory);
    seq_print!(file, "missed {}\n", summary.missed);
    seq_print!(file, "refused {}\n", summary.overview.refused);
}

/// Shows a listener, if it is still one.
fn show_listener(file: &SeqFile, service: &Service, cursor: &cn_proc_cursor) {
    let Some((listener, no_memory)) = service.listeners().get(cursor.socket) else {
        return;
    };
    let is_member = listener.seen >= cursor.pass;
    seq_print!(
        file,
        "listener port {} socket {} events {:#x} member {} sent {} no_memory {} dropped {}\n",
        listener.portid,
        cursor.socket,
        listener.kinds.bits(),
        if is_member { "yes" } else { "no" },
        listener.sent,
        no_memory,
        listener.dropped,
    );
}

fn show_hooks(file: &SeqFile, title: &str, hooks: Hooks) {
    seq_print!(file, "{title}");
    for hook in hooks.iter() {
        seq_print!(file, " {}", hook.name());
    }
    seq_print!(file, "\n");
}
