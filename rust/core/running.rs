// SPDX-License-Identifier: GPL-2.0

//! Which callbacks are running, and which tasks are inside one.
//!
//! A task takes a seat before it looks for the callback that it is to call, and gives it back after
//! the call. Who unregisters a callback looks through all seats. This way two tasks that call the
//! same callback share no memory that either writes to (a reference count would be such memory),
//! and unregistering needs neither a grace period nor a count.
//!
//! The order that this rests on:
//!
//! | caller                       | who unregisters          |
//! |------------------------------|--------------------------|
//! | takes a seat                 | takes it out of the table|
//! | *full barrier*               | *full barrier*           |
//! | looks for the entry          | looks through the seats  |
//!
//! At least one of the two sees what the other did: either the caller does not find the entry any
//! more, or the seat is seen and waited for. A seat whose task is still looking counts for every
//! callback; once the task has found one it says so, for that one alone to be waited for. Likewise
//! for waking up: the seat is given back, a full barrier, and a look whether anybody waits; who
//! waits says so, a full barrier, and a look through the seats.
//!
//! Knows nothing about what is called: a callback is a number above 1, and a task one that is not
//! 0.

use crate::once::{read_once, replace, take, write_once};
use kernel::{
    new_spinlock,
    prelude::*,
    sync::{
        atomic::{Atomic, Full},
        barrier::smp_mb,
        SetOnce, SpinLock,
    },
    time::{delay::fsleep, Delta},
};

/// How many rows there are; a task uses the row that its address names.
const ROWS: usize = 64;

/// How many seats a row has at first, and by how many it grows: as many as fit a cache line.
const SEATS: usize = 4;

/// Stands in a place whose task is looking for a callback.
const LOOKING: usize = 1;

/// Where a task sits while it looks for a callback and runs it.
struct Place {
    /// The callback, or [`LOOKING`]; 0 while the place is free.
    callback: Atomic<usize>,
    /// The task; 0 while nobody sits here. Compared by a task with itself only, so it needs no
    /// order.
    task: Atomic<usize>,
}

impl Place {
    /// Takes the place if it is free. Orders this before everything that follows.
    #[inline]
    fn take(&self, task: usize) -> Option<Looking<'_>> {
        if !take(&self.callback, LOOKING) {
            return None;
        }
        write_once(&self.task, task);
        Some(Looking(self))
    }

    /// Frees the place. Orders this after all that its task did in it and before everything that
    /// follows.
    #[inline]
    fn leave(&self) {
        write_once(&self.task, 0);
        replace(&self.callback, 0);
    }

    /// The callback, once its task does not look for one any more; 0 if nobody sits here.
    fn settled(&self) -> usize {
        loop {
            match read_once(&self.callback) {
                LOOKING => fsleep(Delta::from_micros(10)),
                callback => break callback,
            }
        }
    }
}

/// The places of a row, and more of them once all were taken at the same time.
#[repr(align(64))]
struct Row {
    places: [Place; SEATS],
    more: SetOnce<KBox<Row>>,
}

impl Row {
    const fn new() -> Self {
        Self {
            places: [const {
                Place {
                    callback: Atomic::new(0),
                    task: Atomic::new(0),
                }
            }; SEATS],
            more: SetOnce::new(),
        }
    }

    /// Whether nobody sits in the first places.
    #[inline]
    fn is_empty(&self) -> bool {
        let callbacks = self.places.iter().map(|place| read_once(&place.callback));
        callbacks.fold(0, |all, callback| all | callback) == 0
    }

    /// Whether `predicate` holds for one of the places.
    #[inline(never)]
    fn any(&self, predicate: impl Fn(&Place) -> bool) -> bool {
        let mut row = Some(self);
        while let Some(this) = row {
            if this.places.iter().any(&predicate) {
                return true;
            }
            row = this.more.as_ref().map(|more| &**more);
        }
        false
    }
}

/// Who runs which callback.
#[pin_data]
pub(crate) struct Running {
    rows: [Row; ROWS],
    /// Whether some row was made longer.
    grown: Atomic<usize>,
    /// Held by who makes a row longer.
    #[pin]
    growth: SpinLock<()>,
}

/// The proof that a task has said that it is looking for a callback.
#[must_use]
pub(crate) struct Looking<'a>(&'a Place);

impl<'a> Looking<'a> {
    /// Says which callback was found.
    #[inline]
    pub(crate) fn run(self, callback: usize) -> Seat<'a> {
        // What was read to find it comes before this store, whose value depends on it.
        write_once(&self.0.callback, callback);
        Seat(self.0)
    }

    /// Says that there is none. Orders this before everything that follows.
    #[inline]
    pub(crate) fn give_up(self) {
        self.0.leave();
    }
}

/// The proof that a task has said which callback it is about to run.
#[must_use]
pub(crate) struct Seat<'a>(&'a Place);

impl Seat<'_> {
    /// Says that the callback has returned. Orders this after all that the callback did and before
    /// everything that follows.
    #[inline]
    pub(crate) fn leave(self) {
        self.0.leave();
    }
}

impl Running {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            rows: [const { Row::new() }; ROWS],
            grown: Atomic::new(0),
            growth <- new_spinlock!((), "cn_running"),
        })
    }

    /// The row of a task.
    #[inline]
    fn row(&self, task: usize) -> Option<&Row> {
        // The low bits of the addresses of tasks are all alike.
        self.rows.get((task >> 6) % ROWS)
    }

    /// Says that `task` is about to look for a callback and to run it. Orders this before
    /// everything that follows.
    ///
    /// Does not sleep.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`]: all places of the row are taken, and there is no memory for more.
    #[inline(always)]
    pub(crate) fn look(&self, task: usize) -> Result<Looking<'_>> {
        let row = self.row(task).ok_or(ENOMEM)?;
        let [first, ..] = &row.places;
        match first.take(task) {
            Some(looking) => Ok(looking),
            None => self.look_crowded(row, task),
        }
    }

    #[cold]
    #[inline(never)]
    fn look_crowded<'a>(&self, mut row: &'a Row, task: usize) -> Result<Looking<'a>> {
        loop {
            let mut places = row.places.iter();
            if let Some(looking) = places.find_map(|place| place.take(task)) {
                return Ok(looking);
            }
            row = self.more(row)?;
        }
    }

    /// The continuation of a row, made if there is none.
    fn more<'a>(&self, row: &'a Row) -> Result<&'a Row> {
        if row.more.as_ref().is_none() {
            let more = KBox::new(Row::new(), GFP_ATOMIC)?;
            let _growth = self.growth.lock();
            // Before a seat is taken there, which is a full barrier.
            write_once(&self.grown, 1);
            row.more.populate(more);
        }
        row.more.as_ref().map(|more| &**more).ok_or(ENOMEM)
    }

    /// Whether some task runs `callback`, which can't be found any more; once this is false, it
    /// stays so. Waits for tasks that are looking, as [`Self::wait_for_lookups`] does.
    ///
    /// Where this is false, all that the callback did comes before what follows.
    pub(crate) fn is_running(&self, callback: usize) -> bool {
        smp_mb(Full);
        let is_running = self.any(|place| place.settled() == callback);
        smp_mb(Full);
        is_running
    }

    /// Waits until every task that is looking for a callback now has found one or given up. What
    /// they read comes before what follows.
    ///
    /// Looking takes no locks and does not sleep; this sleeps where such a task was interrupted.
    pub(crate) fn wait_for_lookups(&self) {
        self.is_running(LOOKING);
    }

    /// Whether `predicate` holds for one of the places that are taken.
    fn any(&self, predicate: impl Fn(&Place) -> bool) -> bool {
        let grown = read_once(&self.grown) != 0;
        let mut rows = self.rows.iter().filter(|row| grown || !row.is_empty());
        rows.any(|row| row.any(&predicate))
    }

    /// Whether `task`, which is the calling one, is inside some callback.
    pub(crate) fn is_inside(&self, task: usize) -> bool {
        let sits = |place: &Place| read_once(&place.task) == task;
        self.row(task).is_some_and(|row| row.any(sits))
    }
}
