// SPDX-License-Identifier: GPL-2.0

//! Which callbacks are running, and which tasks are inside one.
//!
//! A task takes a seat before it calls and gives it back afterwards. Who unregisters a callback
//! looks through all seats. This way two tasks that call the same callback share no memory that
//! either writes to (a reference count would be such memory), and unregistering needs neither a
//! grace period nor a count.
//!
//! The order that this rests on:
//!
//! | caller                       | who unregisters          |
//! |------------------------------|--------------------------|
//! | finds the entry (under RCU)  | takes it out of the table|
//! | takes a seat for it          | marks it as dead         |
//! | *full barrier*               | *full barrier*           |
//! | looks whether it is dead     | looks through the seats  |
//!
//! At least one of the two sees what the other did: either the caller sees the mark and turns back,
//! or the seat is seen and waited for. Likewise for waking up: the seat is given back, a full
//! barrier, and a look whether anybody waits; who waits says so, a full barrier, and a look through
//! the seats.
//!
//! Knows nothing about what is called: a callback is a number that is not 0, and so is a task.

use crate::once::{read_once, write_once};
use kernel::{
    new_spinlock,
    prelude::*,
    sync::{
        atomic::{Atomic, Full},
        barrier::smp_mb,
        SetOnce, SpinLock,
    },
};

/// How many rows there are; a task uses the row that its address names.
const ROWS: usize = 64;

/// How many seats a row has at first, and by how many it grows: as many as fit a cache line.
const SEATS: usize = 4;

/// Where a task sits while it runs a callback.
struct Place {
    /// The callback; 0 while the place is free.
    callback: Atomic<usize>,
    /// The task; 0 while nobody sits here. Compared by a task with itself only, so it needs no order.
    task: Atomic<usize>,
}

impl Place {
    /// Takes the place if it is free. Orders this before everything that follows.
    #[inline]
    fn take(&self, callback: usize, task: usize) -> Option<Seat<'_>> {
        self.callback.cmpxchg(0, callback, Full).ok()?;
        write_once(&self.task, task);
        Some(Seat(self))
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

    /// Whether `predicate` holds for one of the places.
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
    /// Held by who makes a row longer.
    #[pin]
    growth: SpinLock<()>,
}

/// The proof that a task has said which callback it is about to run.
#[must_use]
pub(crate) struct Seat<'a>(&'a Place);

impl Seat<'_> {
    /// Says that the callback has returned. Orders this after all that the callback did and before
    /// everything that follows.
    #[inline]
    pub(crate) fn leave(self) {
        write_once(&self.0.task, 0);
        self.0.callback.xchg(0, Full);
    }
}

impl Running {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            rows: [const { Row::new() }; ROWS],
            growth <- new_spinlock!((), "cn_running"),
        })
    }

    /// The row of a task.
    #[inline]
    fn row(&self, task: usize) -> Option<&Row> {
        // The low bits of the addresses of tasks are all alike.
        self.rows.get((task >> 6) % ROWS)
    }

    /// Says that `task` is about to run `callback`. Orders this before everything that follows.
    ///
    /// Does not sleep.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`]: all places of the row are taken, and there is no memory for more.
    #[inline(always)]
    pub(crate) fn enter(&self, callback: usize, task: usize) -> Result<Seat<'_>> {
        let row = self.row(task).ok_or(ENOMEM)?;
        let [first, ..] = &row.places;
        match first.take(callback, task) {
            Some(seat) => Ok(seat),
            None => self.enter_crowded(row, callback, task),
        }
    }

    #[cold]
    #[inline(never)]
    fn enter_crowded<'a>(
        &self,
        mut row: &'a Row,
        callback: usize,
        task: usize,
    ) -> Result<Seat<'a>> {
        loop {
            let mut places = row.places.iter();
            if let Some(seat) = places.find_map(|place| place.take(callback, task)) {
                return Ok(seat);
            }
            row = self.more(row)?;
        }
    }

    /// The continuation of a row, made if there is none.
    fn more<'a>(&self, row: &'a Row) -> Result<&'a Row> {
        if row.more.as_ref().is_none() {
            let more = KBox::new(Row::new(), GFP_ATOMIC)?;
            let _growth = self.growth.lock();
            row.more.populate(more);
        }
        row.more.as_ref().map(|more| &**more).ok_or(ENOMEM)
    }

    /// Whether some task runs `callback`. A callback that is dead and not running now never will.
    ///
    /// Where this is false, all that the callback did comes before what follows.
    pub(crate) fn is_running(&self, callback: usize) -> bool {
        let runs = |place: &Place| read_once(&place.callback) == callback;
        let is_running = self.rows.iter().any(|row| row.any(runs));
        smp_mb(Full);
        is_running
    }

    /// Whether `task`, which is the calling one, is inside some callback.
    pub(crate) fn is_inside(&self, task: usize) -> bool {
        let sits = |place: &Place| read_once(&place.task) == task;
        self.row(task).is_some_and(|row| row.any(sits))
    }
}
