// SPDX-License-Identifier: GPL-2.0

//! Files in `/proc/net`, which programs read line by line.
//!
//! Guarantees: an implementation of [`Lines`] holds no lock from one line to the next, and needs no
//! `unsafe`.
//!
//! C counterparts: `include/linux/seq_file.h`, `include/linux/proc_fs.h`.

#![allow(unsafe_code)]

use core::{fmt, marker::PhantomData, ptr::null_mut};
use kernel::{
    bindings::{self, loff_t, seq_file, seq_operations},
    error::code::{ENODEV, ENOMEM},
    prelude::*,
};
use zerocopy::FromZeros;

/// The lines of a file.
///
/// Each line has a number, which does not change while the file is read. Lines may be added and
/// removed meanwhile. Such a change neither repeats nor hides any other line.
pub trait Lines: Sized + 'static {
    /// The state of an open file between lines. Reads of one file do not overlap.
    type State: FromZeros + Send;

    /// Finds the first line whose number is `from` or larger; [`None`] at the end.
    ///
    /// Context: process; may sleep.
    ///
    /// # Errors
    ///
    /// The program gets what is returned.
    fn seek(state: &mut Self::State, from: u64) -> Result<Option<u64>>;

    /// Writes the line that the last [`Self::seek`] found, or nothing if it was removed.
    ///
    /// Context: process; may sleep.
    fn show(state: &mut Self::State, line: u64, output: &mut Output<'_>);
}

/// The promise that files in `/proc` are removed before their module is gone. Whoever could forget
/// a [`ProcFile`] cannot make one without it.
#[derive(Clone, Copy)]
pub struct FilesAreRemoved(());

impl FilesAreRemoved {
    /// # Safety
    ///
    /// Each [`ProcFile`] that is made with this must be dropped before its module is unloaded.
    #[inline]
    pub const unsafe fn promise() -> Self {
        Self(())
    }
}

/// A file in `/proc/net` of the first network namespace, until this is dropped.
///
/// An open file keeps its module in use. The memory that a program reads into can be such that it
/// waits for another program, for ever; so the module cannot be unloaded then, and nothing waits.
///
/// # Invariants
///
/// There is a file of this name, and it is ours; or the kernel has no `/proc`.
pub struct ProcFile<L: Lines> {
    name: &'static CStr,
    _lines: PhantomData<fn() -> L>,
}

impl<L: Lines> ProcFile<L> {
    const OPERATIONS: &'static seq_operations = &seq_operations {
        start: Some(start_callback::<L>),
        next: Some(next_callback::<L>),
        stop: Some(stop_callback),
        show: Some(show_callback::<L>),
    };

    /// Makes the file. It may be read before this returns.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`]: no memory, or there is a file of this name already.
    pub fn new(
        name: &'static CStr,
        owner: &'static ThisModule,
        _: FilesAreRemoved,
    ) -> Result<Self> {
        // Without a state, the private memory of a file would be a null pointer.
        const { assert!(size_of::<L::State>() != 0) };
        if !create::<L>(name, owner) {
            return Err(ENOMEM);
        }
        // INVARIANT: The file was just made.
        Ok(Self {
            name,
            _lines: PhantomData,
        })
    }
}

impl<L: Lines> Drop for ProcFile<L> {
    fn drop(&mut self) {
        remove(self.name);
    }
}

/// The folder `/proc/net` of the first network namespace.
#[cfg(CONFIG_PROC_FS)]
#[inline]
fn proc_net() -> *mut bindings::proc_dir_entry {
    let namespace = &raw const bindings::init_net;
    let field = namespace.wrapping_byte_add(crate::bindings::CN_OFFSET_OF_PROC_NET as usize);
    // SAFETY: The namespace is always there. C says where the field is; it does not change.
    unsafe { field.cast::<*mut bindings::proc_dir_entry>().read() }
}

/// Makes a file.
#[cfg(CONFIG_PROC_FS)]
#[inline]
fn create<L: Lines>(name: &'static CStr, owner: &'static ThisModule) -> bool {
    // SAFETY: The name and the functions are static, and `init_net` is always there. The functions
    // expect the module as the data of the file.
    let file = unsafe {
        crate::bindings::proc_create_data(
            name.as_char_ptr(),
            0o444,
            proc_net(),
            const { &operations::<L>() },
            owner.as_ptr().cast(),
        )
    };
    !file.is_null()
}

/// What is done with an open file.
#[cfg(CONFIG_PROC_FS)]
const fn operations<L: Lines>() -> crate::bindings::proc_ops {
    crate::bindings::proc_ops {
        proc_open: Some(open_callback::<L>),
        proc_read_iter: Some(bindings::seq_read_iter),
        proc_lseek: Some(bindings::seq_lseek),
        proc_release: Some(release_callback::<L>),
        // SAFETY: All zeroes is a valid value: no flags, and no functions.
        ..unsafe { core::mem::zeroed() }
    }
}

/// Opens a file, with a reference to its module and a zeroed state.
///
/// # Safety
///
/// `inode` must be that of a file of [`create`], and `file` the one that is being opened.
#[cfg(CONFIG_PROC_FS)]
unsafe extern "C" fn open_callback<L: Lines>(
    inode: *mut bindings::inode,
    file: *mut bindings::file,
) -> c_int {
    // SAFETY: By the safety requirements; procfs puts the data of the file there. The module is
    // there while this runs: it removes the file before it is gone, and that waits.
    let owner = unsafe { (*inode).i_private }.cast();
    // SAFETY: As above; null stands for code that is built in.
    if !unsafe { bindings::try_module_get(owner) } {
        return ENODEV.to_errno();
    }
    let size = size_of::<L::State>() as c_int;
    // SAFETY: By the safety requirements. The functions are static and expect such a state.
    let state = unsafe { bindings::__seq_open_private(file, ProcFile::<L>::OPERATIONS, size) };
    if state.is_null() {
        // SAFETY: The reference was just taken.
        unsafe { bindings::module_put(owner) };
        return ENOMEM.to_errno();
    }
    0
}

/// Closes a file. The removal of the file waits until this has returned.
///
/// It is generic so that each module has its own.
///
/// # Safety
///
/// `file` must be one that [`open_callback`] has opened, and `inode` its inode.
#[cfg(CONFIG_PROC_FS)]
#[allow(clippy::extra_unused_type_parameters)]
unsafe extern "C" fn release_callback<L: Lines>(
    inode: *mut bindings::inode,
    file: *mut bindings::file,
) -> c_int {
    // SAFETY: By the safety requirements.
    let owner = unsafe { (*inode).i_private }.cast();
    // SAFETY: By the safety requirements.
    let result = unsafe { bindings::seq_release_private(inode, file) };
    // SAFETY: The reference was taken when the file was opened.
    unsafe { bindings::module_put(owner) };
    result
}

#[cfg(not(CONFIG_PROC_FS))]
#[inline]
fn create<L: Lines>(_: &'static CStr, _: &'static ThisModule) -> bool {
    true
}

/// Removes a file. Waits for its readers.
#[cfg(CONFIG_PROC_FS)]
#[inline]
fn remove(name: &'static CStr) {
    // SAFETY: The name is static, and `init_net` is always there.
    unsafe { crate::bindings::remove_proc_entry(name.as_char_ptr(), proc_net()) };
}

#[cfg(not(CONFIG_PROC_FS))]
#[inline]
fn remove(_: &'static CStr) {}

/// Stands for the line that the file is at; its number is the index of the file.
const LINE: *mut c_void = core::ptr::dangling_mut::<usize>().cast();

/// The state of an open file.
///
/// # Safety
///
/// `file` must be a file with these lines that is being read, and no other reference to its state
/// be in use.
#[inline]
unsafe fn state<'a, L: Lines>(file: *mut seq_file) -> &'a mut L::State {
    // SAFETY: By the safety requirements. The private memory of the file was allocated for a state
    // and zeroed, which is a valid one, when the file was opened; it is freed when it is closed.
    // Sequence files are read with their mutex held.
    unsafe { &mut *(*file).private.cast::<L::State>() }
}

/// Finds the first line whose number is `from` or larger, and stores its number.
///
/// # Safety
///
/// As for [`state`]; `position` must point to a number.
#[inline]
unsafe fn go_to<L: Lines>(file: *mut seq_file, position: *mut loff_t, from: u64) -> *mut c_void {
    // SAFETY: By the safety requirements.
    let found = L::seek(unsafe { state::<L>(file) }, from);
    let (number, line) = match found {
        Ok(Some(number)) => (number, LINE),
        // The next read starts here, in case lines were added.
        Ok(None) => (from, null_mut()),
        Err(error) => (from, error.to_ptr()),
    };
    // SAFETY: By the safety requirements.
    unsafe { *position = number as loff_t };
    line
}

/// Begins to read at a number.
///
/// # Safety
///
/// `file` must be a file with these lines that is being read, and `position` point to a number.
unsafe extern "C" fn start_callback<L: Lines>(
    file: *mut seq_file,
    position: *mut loff_t,
) -> *mut c_void {
    // SAFETY: By the safety requirements.
    unsafe { go_to::<L>(file, position, *position as u64) }
}

/// Goes to the next line.
///
/// # Safety
///
/// As for [`start_callback`].
unsafe extern "C" fn next_callback<L: Lines>(
    file: *mut seq_file,
    _: *mut c_void,
    position: *mut loff_t,
) -> *mut c_void {
    // SAFETY: By the safety requirements.
    unsafe { go_to::<L>(file, position, (*position as u64).wrapping_add(1)) }
}

/// Ends what [`start_callback`] has begun: nothing is held.
///
/// # Safety
///
/// None.
unsafe extern "C" fn stop_callback(_: *mut seq_file, _: *mut c_void) {}

/// Writes the line that the file is at.
///
/// # Safety
///
/// `file` must be a file with these lines that is being read.
unsafe extern "C" fn show_callback<L: Lines>(file: *mut seq_file, _: *mut c_void) -> c_int {
    // SAFETY: By the safety requirements; the index is the number that `go_to` has stored.
    let line = unsafe { (*file).index } as u64;
    // SAFETY: By the safety requirements; the state is apart from the file.
    let state = unsafe { state::<L>(file) };
    let mut output = Output {
        // INVARIANT: By the safety requirements, for the time of the call.
        file,
        _lifetime: PhantomData,
    };
    L::show(state, line, &mut output);
    0
}

/// A string in C, to be shown. Its length is found without code that can panic, unlike [`CStr`]'s.
///
/// # Invariants
///
/// A string starts there, and stays for `'a`.
#[derive(Clone, Copy)]
pub struct Text<'a> {
    start: *const c_char,
    _lifetime: PhantomData<&'a CStr>,
}

impl Text<'_> {
    /// # Safety
    ///
    /// A string must start there, and stay for the lifetime of the result.
    #[inline]
    pub unsafe fn from_ptr(start: *const c_char) -> Self {
        // INVARIANT: By the safety requirements.
        Self {
            start,
            _lifetime: PhantomData,
        }
    }
}

impl<'a> From<&'a CStr> for Text<'a> {
    #[inline]
    fn from(text: &'a CStr) -> Self {
        // INVARIANT: The text is borrowed.
        Self {
            start: text.as_char_ptr(),
            _lifetime: PhantomData,
        }
    }
}

/// Where a line is written to.
///
/// A line that does not fit is written again into a larger buffer, so no function here fails.
///
/// # Invariants
///
/// `file` is being read for `'a`, and nothing else uses it meanwhile.
pub struct Output<'a> {
    file: *mut seq_file,
    _lifetime: PhantomData<&'a mut seq_file>,
}

impl Output<'_> {
    /// Writes a text.
    #[inline]
    pub fn text(&mut self, text: &str) {
        // SAFETY: By the type invariants; the text has that many bytes.
        unsafe { bindings::seq_write(self.file, text.as_ptr().cast(), text.len()) };
    }

    /// Writes a number.
    #[inline]
    pub fn number(&mut self, number: u64) {
        // SAFETY: By the type invariants.
        unsafe { bindings::seq_put_decimal_ull(self.file, c"".as_char_ptr(), number) };
    }

    /// Writes a text that a module has chosen. Characters that could end a line become octal
    /// numbers, and so do blanks, if the text is to be one word.
    #[inline]
    pub fn escaped(&mut self, text: Text<'_>, is_one_word: bool) {
        /// Characters below the blank, the last one of ASCII, and what stands before a number.
        const LINE: &CStr = c"\x01\x02\x03\x04\x05\x06\x07\x08\t\n\x0b\x0c\r\x0e\x0f\x10\
            \x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x7f\\";
        const WORD: &CStr = c"\x01\x02\x03\x04\x05\x06\x07\x08\t\n\x0b\x0c\r\x0e\x0f\x10\
            \x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x7f\\ ";
        /// `ESCAPE_OCTAL`, a macro that bindgen does not know.
        const AS_OCTAL: c_uint = 1 << 3;

        let characters = if is_one_word { WORD } else { LINE };
        // SAFETY: By the type invariants of both; the text has that many bytes.
        unsafe {
            bindings::seq_escape_mem(
                self.file,
                text.start,
                bindings::strlen(text.start),
                AS_OCTAL,
                characters.as_char_ptr(),
            );
        }
    }

    /// The number of bytes in the buffer; the difference of two of them is the length of a text.
    #[inline]
    pub fn position(&self) -> usize {
        // SAFETY: By the type invariants.
        unsafe { (*self.file).count }
    }
}

/// Never fails.
impl fmt::Write for Output<'_> {
    #[inline]
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.text(text);
        Ok(())
    }
}
