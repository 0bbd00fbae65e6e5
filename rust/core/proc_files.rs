// SPDX-License-Identifier: GPL-2.0

//! The files in `/proc/net`.
//!
//! First comes a head, which is line 0, then the callbacks in order of registration: the number of
//! a line is that of the registration. Each line is looked up by itself, so that readers hold no
//! lock from one to the next. However long a file is, and wherever a program begins to read it, one
//! RCU read-side critical section passes at most [`SECTION`] entries.
//!
//! C counterpart: `cn_proc_show()` in `drivers/connector/connector.c`.

#![forbid(unsafe_code)]

use crate::{
    carrier::FEATURES,
    connector,
    helpers::{files_are_removed, reschedule},
    stats::{self, Counter},
    table::{Cursor, Entry, Found, SECTION},
};
use connector_base::{
    bindings::CN_NATIVE,
    seq_file::{Lines, Output, ProcFile},
};
use core::marker::PhantomData;
use kernel::{prelude::*, sync::rcu::Guard};
use zerocopy_derive::FromZeros;

/// The files of the connector.
pub(crate) struct ProcFiles {
    /// A connector that is built in has this file.
    _callbacks: Option<ProcFile<Entries<CallbacksFile>>>,
    _stats: ProcFile<Entries<StatsFile>>,
}

impl ProcFiles {
    /// Makes the files, when the connector has started.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`]: no memory.
    pub(crate) fn new(owner: &'static ThisModule) -> Result<Self> {
        let promise = files_are_removed();
        Ok(Self {
            _callbacks: (FEATURES & CN_NATIVE != 0)
                .then(|| ProcFile::new(c"connector", owner, promise))
                .transpose()?,
            _stats: ProcFile::new(c"connector_stats", owner, promise)?,
        })
    }
}

/// How the lines of a file look.
trait Format: 'static {
    fn show_head(output: &mut Output<'_>);
    fn show_entry(entry: &Entry, guard: &Guard, output: &mut Output<'_>);
}

/// A head, and a line for each callback.
struct Entries<F: Format>(PhantomData<F>);

/// The position in an open file.
#[derive(FromZeros)]
#[repr(C)]
struct State {
    /// The entry that is shown next, or one before it.
    cursor: Cursor,
    /// The number of lines since the last reschedule.
    lines: usize,
}

impl<F: Format> Lines for Entries<F> {
    type State = State;

    fn seek(state: &mut State, from: u64) -> Result<Option<u64>> {
        if from == 0 {
            return Ok(Some(0));
        }
        let Some(connector) = connector::get() else {
            return Ok(None);
        };
        if state.cursor.is_behind(from) {
            state.cursor = Cursor::START;
        }
        state.lines = state.lines.wrapping_add(1);
        if state.lines % SECTION == 0 {
            reschedule();
        }
        let table = connector.registry().table();
        loop {
            // In a statement of its own, so that the RCU read lock is released before the
            // reschedule.
            let is_wanted = |entry: &Entry| entry.serial() >= from;
            match state.cursor.seek(table, &Guard::new(), is_wanted) {
                Found::Entry(entry) => return Ok(Some(entry.serial())),
                Found::End => return Ok(None),
                Found::Pause => (),
            }
            reschedule();
        }
    }

    fn show(state: &mut State, line: u64, output: &mut Output<'_>) {
        if line == 0 {
            F::show_head(output);
        } else if let Some(connector) = connector::get() {
            let guard = Guard::new();
            if let Some(entry) = state.cursor.entry(connector.registry().table(), &guard) {
                F::show_entry(entry, &guard, output);
            }
        }
    }
}

/// `/proc/net/connector`.
struct CallbacksFile;

impl Format for CallbacksFile {
    fn show_head(output: &mut Output<'_>) {
        output.text("Name            ID\n");
    }

    fn show_entry(entry: &Entry, _: &Guard, output: &mut Output<'_>) {
        const BLANKS: &str = "               ";

        let start = output.position();
        output.escaped(entry.name().into(), false);
        let width = output.position().saturating_sub(start);
        output.text(BLANKS.get(width..).unwrap_or_default());
        output.text(" ");
        output.number(entry.id().idx().into());
        output.text(":");
        output.number(entry.id().val().into());
        output.text("\n");
    }
}

/// `/proc/net/connector_stats`.
struct StatsFile;

impl Format for StatsFile {
    fn show_head(output: &mut Output<'_>) {
        let mut show = |name: &str, value: u64| {
            output.text(name);
            output.text(" ");
            output.number(value);
            output.text("\n");
        };
        let received = Counter::Delivered.total().wrapping_add(stats::dropped());
        show("received", received);
        for (counter, name) in stats::ALL {
            show(name, counter.total());
        }
    }

    /// Shows the counters and the policy of a callback.
    fn show_entry(entry: &Entry, guard: &Guard, output: &mut Output<'_>) {
        let stats = entry.stats();
        let mut show = |name: &str, value: u64| {
            output.text(name);
            output.number(value);
        };
        show("id ", entry.id().idx().into());
        show(":", entry.id().val().into());
        show(" delivered ", stats.delivered);
        show(" failed ", stats.failed);
        show(" refused ", stats.refused);
        match entry.capability() {
            Some(capability) => show(" capability ", capability.unsigned_abs().into()),
            None => output.text(" capability -1"),
        }
        output.text(if entry.opens_group() {
            " group open name "
        } else {
            " group closed name "
        });
        output.escaped(entry.name().into(), true);
        if let Some(description) = entry.description(guard) {
            output.text(" description ");
            output.escaped(description, false);
        }
        output.text("\n");
    }
}
