// SPDX-License-Identifier: GPL-2.0

//! The files in `/proc/net`.
//!
//! C counterpart: `cn_proc_show()` in `drivers/connector/connector.c`.

use crate::{
    counters::{self, Counter},
    entry::Entry,
    entry_list::LiveList,
    instance,
};
use connector::bindings::{cn_glue_proc_create, cn_glue_proc_remove, cn_glue_seq_escape};
use kernel::{
    bindings::{self, loff_t, seq_file, seq_operations},
    prelude::*,
    sync::rcu::Guard,
};

/// A file that exists as long as this does.
///
/// # Invariants
///
/// There is a file of this name in `/proc/net`, and it is ours.
struct File(&'static CStr);

impl File {
    fn new(name: &'static CStr, operations: &'static Operations) -> Result<Self> {
        // SAFETY: The name and the functions are static.
        let file = unsafe { cn_glue_proc_create(name.as_char_ptr(), &operations.0) };
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
            _callbacks: File::new(c"connector", &CALLBACKS)?,
            _stats: File::new(c"connector_stats", &STATS)?,
        })
    }
}

/// What reads a file line by line. First comes a head, which is number 0, then the callbacks in
/// order of registration, whose numbers are those of their registrations. So what is registered and
/// unregistered while a file is read repeats and hides no other line.
struct Operations(seq_operations);

// SAFETY: The functions may be called by all tasks.
unsafe impl Sync for Operations {}

impl Operations {
    const fn new(show: unsafe extern "C" fn(*mut seq_file, *mut c_void) -> c_int) -> Self {
        Self(seq_operations {
            start: Some(start_callback),
            next: Some(next_callback),
            stop: Some(stop_callback),
            show: Some(show),
        })
    }
}

static CALLBACKS: Operations = Operations::new(show_callback);
static STATS: Operations = Operations::new(show_stats_callback);

/// Stands for the head of a file.
const HEAD: *mut c_void = core::ptr::dangling_mut::<usize>().cast();

fn as_position(entry: Option<&Entry>) -> *mut c_void {
    entry.map_or(core::ptr::null_mut(), |entry| {
        core::ptr::from_ref(entry).cast_mut().cast()
    })
}

/// Begins to read at a number. Until [`stop_callback`], the RCU read lock is held: for as many lines
/// as fit a page, in which nobody waits for the reader.
///
/// # Safety
///
/// `position` must point to a number.
unsafe extern "C" fn start_callback(_: *mut seq_file, position: *mut loff_t) -> *mut c_void {
    let guard = Guard::new();
    // SAFETY: By the safety requirements.
    let number = unsafe { *position } as u64;
    let found = match (number, instance::get()) {
        (0, _) => HEAD,
        (_, None) => core::ptr::null_mut(),
        (_, Some(connector)) => {
            let mut entries = connector.registry().table().entries(&guard);
            as_position(entries.find(|entry| entry.serial() >= number))
        }
    };
    // The lock is given back in `stop_callback`.
    core::mem::forget(guard);
    found
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
    let guard = Guard::new();
    let table = instance::get().map(|connector| connector.registry().table());
    let (number, next) = if at == HEAD {
        (0, table.and_then(|table| table.entries(&guard).next()))
    } else {
        // SAFETY: By the safety requirements this is an entry, found under the RCU read lock, which
        // is still held.
        let entry = unsafe { &*at.cast::<Entry>() };
        (entry.serial(), LiveList::next(entry, &guard))
    };
    // Where to begin if what follows is gone when the reader comes back.
    let number = next.map_or(number.wrapping_add(1), Entry::serial);
    // SAFETY: By the safety requirements.
    unsafe { *position = number as loff_t };
    as_position(next)
}

/// Ends what [`start_callback`] has begun.
///
/// # Safety
///
/// To be called once after it, by the same task.
unsafe extern "C" fn stop_callback(_: *mut seq_file, _: *mut c_void) {
    // SAFETY: `start_callback` has taken the lock and not given it back.
    unsafe { bindings::rcu_read_unlock() };
}

/// Shows a callback.
///
/// # Safety
///
/// `file` must be a sequence file that is being read, `at` what [`start_callback`] has returned.
unsafe extern "C" fn show_callback(file: *mut seq_file, at: *mut c_void) -> c_int {
    if at == HEAD {
        // SAFETY: By the safety requirements; the format has no arguments.
        unsafe { bindings::seq_printf(file, c"Name            ID\n".as_char_ptr()) };
        return 0;
    }
    // SAFETY: By the safety requirements this is an entry.
    let entry = unsafe { &*at.cast::<Entry>() };
    let id = entry.id();
    // SAFETY: By the safety requirements.
    let start = unsafe { (*file).count };
    // SAFETY: By the safety requirements; the format fits the arguments.
    unsafe {
        cn_glue_seq_escape(file, entry.name().as_char_ptr(), false);
        let width = 15usize.saturating_sub((*file).count.saturating_sub(start));
        bindings::seq_printf(
            file,
            c"%*s %u:%u\n".as_char_ptr(),
            width as c_int,
            c"".as_char_ptr(),
            id.idx(),
            id.val(),
        );
    }
    0
}

/// Shows all counters, or those of a callback.
///
/// # Safety
///
/// As for [`show_callback`].
unsafe extern "C" fn show_stats_callback(file: *mut seq_file, at: *mut c_void) -> c_int {
    if at != HEAD {
        // SAFETY: By the safety requirements this is an entry.
        unsafe { show_entry(file, &*at.cast::<Entry>()) };
        return 0;
    }
    let show = |name: &CStr, value: u64| {
        // SAFETY: By the safety requirements; the format fits the arguments.
        unsafe {
            bindings::seq_printf(file, c"%s %llu\n".as_char_ptr(), name.as_char_ptr(), value)
        };
    };
    let received = Counter::Delivered.total().wrapping_add(counters::dropped());
    show(c"received", received);
    for (counter, name) in counters::ALL {
        show(name, counter.total());
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
    let group = if entry.opens_group() {
        c"open"
    } else {
        c"closed"
    };
    let handler = entry.callback().handler();
    let capability = handler.map_or(-1, |handler| handler.capability.unwrap_or(-1));
    // SAFETY: By the safety requirements; the formats fit the arguments. A description lives as
    // long as its handler, which the RCU read lock keeps.
    unsafe {
        bindings::seq_printf(
            file,
            c"id %u:%u delivered %llu failed %llu refused %llu".as_char_ptr(),
            entry.id().idx(),
            entry.id().val(),
            tally.delivered,
            tally.failed,
            tally.refused,
        );
        bindings::seq_printf(
            file,
            c" capability %d group %s name ".as_char_ptr(),
            capability,
            group.as_char_ptr(),
        );
        cn_glue_seq_escape(file, entry.name().as_char_ptr(), true);
        let description = handler.map_or(core::ptr::null(), |handler| handler.description);
        if !description.is_null() {
            bindings::seq_printf(file, c" description ".as_char_ptr());
            cn_glue_seq_escape(file, description, false);
        }
        bindings::seq_printf(file, c"\n".as_char_ptr());
    }
}
