// SPDX-License-Identifier: GPL-2.0

//! The files in `/proc/net`.
//!
//! They are read under RCU. However long a file is, and wherever a program begins to read it, one
//! read-side critical section passes at most [`SECTION`] entries: a seek to a large offset formats
//! all lines before it, and goes from section to section as any other read.
//!
//! C counterpart: `cn_proc_show()` in `drivers/connector/connector.c`.

use crate::{
    counters::{self, Counter},
    cursor::{reschedule, Cursor, Found, SECTION},
    entry::Entry,
    entry_list::LiveList,
    instance,
};
use connector_base::bindings::{cn_glue_proc_create, cn_glue_proc_remove, cn_glue_seq_escape};
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
        // SAFETY: The name and the functions are static. The functions expect a state of this size.
        let file = unsafe {
            cn_glue_proc_create(
                name.as_char_ptr(),
                &operations.0,
                size_of::<State>() as c_uint,
            )
        };
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

/// What an open file knows of where it is read. All zeroes at first.
struct State {
    /// An entry at or before the one that is read next.
    cursor: Cursor,
    /// How many entries were passed in this read-side critical section.
    passed: usize,
}

/// The state of an open file.
///
/// # Safety
///
/// `file` must be a sequence file of ours that is being read, and no other reference to its state
/// be in use.
unsafe fn state<'a>(file: *mut seq_file) -> &'a mut State {
    // SAFETY: By the safety requirements. The private memory of the file was allocated for a state
    // and zeroed, which is a valid one, when the file was opened, and is freed when it is closed.
    // Sequence files are read with their mutex held.
    unsafe { &mut *(*file).private.cast::<State>() }
}

/// Acquires the RCU read lock until it is released by [`unlock`].
fn lock() {
    core::mem::forget(Guard::new());
}

/// Releases the RCU read lock.
///
/// # Safety
///
/// The task must have acquired it by [`lock`].
unsafe fn unlock() {
    // SAFETY: By the safety requirements.
    unsafe { bindings::rcu_read_unlock() };
}

/// Finds the first entry with this number or a larger one. Begins a new read-side critical section
/// wherever one has passed [`SECTION`] entries.
///
/// # Safety
///
/// As for [`state`]; and the task must hold the RCU read lock by [`lock`], as it does afterwards.
/// What was found under it before must not be used any more.
unsafe fn seek(file: *mut seq_file, number: u64) -> *mut c_void {
    let Some(connector) = instance::get() else {
        return core::ptr::null_mut();
    };
    let table = connector.registry().table();
    // SAFETY: By the safety requirements.
    let state = unsafe { state(file) };
    state.passed = 0;
    if state.cursor.is_behind(number) {
        state.cursor = Cursor::START;
    }
    loop {
        // By itself, so that the inner lock is released before the outer one.
        let found = {
            let guard = Guard::new();
            let found = state
                .cursor
                .seek(table, &guard, |entry| entry.serial() >= number);
            match found {
                Found::Entry(entry) => Some(as_position(Some(entry))),
                Found::End => Some(core::ptr::null_mut()),
                Found::Pause => None,
            }
        };
        if let Some(found) = found {
            return found;
        }
        // SAFETY: By the safety requirements the lock is held.
        unsafe { unlock() };
        reschedule();
        lock();
    }
}

/// Begins to read at a number. Until [`stop_callback`], the RCU read lock is held, except between
/// sections.
///
/// # Safety
///
/// `file` must be a sequence file of ours that is being read, and `position` point to a number.
unsafe extern "C" fn start_callback(file: *mut seq_file, position: *mut loff_t) -> *mut c_void {
    // `stop_callback` releases it.
    lock();
    // SAFETY: By the safety requirements.
    let number = unsafe { *position } as u64;
    if number == 0 {
        // SAFETY: By the safety requirements.
        unsafe { state(file) }.passed = 0;
        return HEAD;
    }
    // SAFETY: By the safety requirements; the lock was just acquired, and nothing was found yet.
    unsafe { seek(file, number) }
}

/// Goes to the next line.
///
/// # Safety
///
/// As for [`start_callback`]; `at` must be what that or this function has returned last.
unsafe extern "C" fn next_callback(
    file: *mut seq_file,
    at: *mut c_void,
    position: *mut loff_t,
) -> *mut c_void {
    let guard = Guard::new();
    let table = instance::get().map(|connector| connector.registry().table());
    let (number, next) = if at == HEAD {
        (0, table.and_then(|table| table.entries(&guard).next()))
    } else {
        // SAFETY: By the safety requirements this is an entry, found in the read-side critical
        // section that still lasts: who ends one in between returns what is found in the next one.
        let entry = unsafe { &*at.cast::<Entry>() };
        (entry.serial(), LiveList::next(entry, &guard))
    };
    // Where to begin if what follows is gone when the reader comes back.
    let number = next.map_or(number.wrapping_add(1), Entry::serial);
    // SAFETY: By the safety requirements.
    unsafe { *position = number as loff_t };
    // SAFETY: By the safety requirements.
    let state = unsafe { state(file) };
    state.passed = state.passed.wrapping_add(1);
    let (Some(entry), true) = (next, state.passed >= SECTION) else {
        return as_position(next);
    };
    state.cursor.set(entry);
    drop(guard);
    // SAFETY: By the safety requirements the lock that `start_callback` has acquired is held. The
    // entry is not used any more: it is found again.
    unsafe {
        unlock();
        reschedule();
        lock();
        seek(file, number)
    }
}

/// Ends what [`start_callback`] has begun.
///
/// # Safety
///
/// To be called once after it, by the same task, with what that or [`next_callback`] has returned
/// last.
unsafe extern "C" fn stop_callback(file: *mut seq_file, at: *mut c_void) {
    if !at.is_null() && at != HEAD {
        // The next read begins here.
        // SAFETY: By the safety requirements this is an entry, found in the read-side critical
        // section that still lasts, and the file is one of ours.
        unsafe { state(file).cursor.set(&*at.cast::<Entry>()) };
    }
    // SAFETY: `start_callback` has acquired the lock.
    unsafe { unlock() };
}

/// Shows a callback.
///
/// # Safety
///
/// `file` must be a sequence file that is being read, and `at` what [`start_callback`] or
/// [`next_callback`] has returned last.
unsafe extern "C" fn show_callback(file: *mut seq_file, at: *mut c_void) -> c_int {
    if at == HEAD {
        // SAFETY: By the safety requirements; the format has no arguments.
        unsafe { bindings::seq_printf(file, c"Name            ID\n".as_char_ptr()) };
        return 0;
    }
    // SAFETY: By the safety requirements this is an entry, found in the read-side critical section
    // that still lasts.
    let entry = unsafe { &*at.cast::<Entry>() };
    let id = entry.id();
    // SAFETY: By the safety requirements the file is there, and nobody else uses it meanwhile.
    let start = unsafe { (*file).count };
    // SAFETY: The file is being read by the safety requirements; the name ends with a NUL and is a
    // part of the entry; the format fits the arguments.
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
        // SAFETY: By the safety requirements the file is being read, and this is an entry, found in
        // the read-side critical section that still lasts.
        unsafe { show_entry(file, &*at.cast::<Entry>()) };
        return 0;
    }
    let show = |name: &CStr, value: u64| {
        // SAFETY: The file is being read by the safety requirements; the format fits the arguments.
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
/// `file` must be a sequence file that is being read, and `entry` one that was found in the RCU
/// read-side critical section that still lasts.
unsafe fn show_entry(file: *mut seq_file, entry: &Entry) {
    let stats = entry.stats();
    let group = if entry.opens_group() {
        c"open"
    } else {
        c"closed"
    };
    let handler = entry.callback().handler();
    let capability = handler.map_or(-1, |handler| handler.capability.unwrap_or(-1));
    // SAFETY: The file is being read by the safety requirements, and the formats fit the arguments.
    // The entry was found in this read-side critical section, so it was not reclaimed before that
    // began. `struct cn_core_handler` requires that a description stays until a grace period after
    // that, which has not ended: static data of a module are freed by `free_module()`, which waits
    // for a grace period after the exit of the module and after our notifier, where the last of its
    // entries is reclaimed.
    unsafe {
        bindings::seq_printf(
            file,
            c"id %u:%u delivered %llu failed %llu refused %llu".as_char_ptr(),
            entry.id().idx(),
            entry.id().val(),
            stats.delivered,
            stats.failed,
            stats.refused,
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
