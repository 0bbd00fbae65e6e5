// SPDX-License-Identifier: GPL-2.0

//! The callback table.
//!
//! Guarantees:
//!
//! - A look-up takes no lock and about one step, whatever the number of callbacks, and goes on
//!   while the table changes or grows.
//! - An entry can be found only when it is complete.
//! - An entry that was found stays as long as the reader that found it: the RCU read lock, or a
//!   call that was entered (see [`calls`](crate::calls)).
//! - The lock is a spin lock, held for one pass over the entries at most. The table allocates and
//!   frees nothing under it.
//! - With a [`Cursor`], one RCU read-side critical section passes at most [`SECTION`] entries,
//!   however many there are. Entries that are registered during the whole of a walk are passed, in
//!   order of registration. A section begins with a look-up of the entry where the last one ended,
//!   or, if that was unregistered meanwhile, with the first entry.
//!
//! Does not know when an entry may be reclaimed; see [`Registry`](super::Registry).
//!
//! C counterpart: `drivers/connector/cn_queue.c`.

#![forbid(unsafe_code)]

use super::{
    callback::RemovedEntry,
    entry::Entry,
    hash,
    lists::{DyingList, LiveList},
};
use crate::{
    helpers::{reschedule, zeroed},
    sync::{race_delay, Changes, RcuArray, RcuArrayPointer, RcuSlot, Reader, RetiredArray, Slot},
};
use connector_base::Id;
use kernel::{
    new_spinlock,
    prelude::*,
    sync::{
        lock::spinlock::SpinLockBackend, lock::Guard as LockGuard, rcu::Guard, CondVar, SpinLock,
    },
};
use zerocopy_derive::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The slots, and by how much a hash is shifted to name one of them.
type Slots = RcuArray<RcuSlot<Entry>>;

impl Slots {
    fn with_capacity(capacity: usize) -> Result<KBox<Self>> {
        let slots = Self {
            elements: zeroed(capacity)?,
            number: hash::shift_for(capacity),
        };
        Ok(KBox::new(slots, GFP_KERNEL)?)
    }

    fn capacity(&self) -> usize {
        self.elements.len()
    }

    #[inline]
    fn find<'a>(&self, id: Id, reader: &'a impl Reader) -> Option<(&RcuSlot<Entry>, &'a Entry)> {
        let start = hash::start(id, self.number);
        let slot = self.elements.get(start)?;
        match slot.read(reader) {
            Slot::Taken(entry) if entry.id().as_u64() == id.as_u64() => Some((slot, entry)),
            Slot::Empty => None,
            _ => self.find_behind(start, id, reader),
        }
    }

    /// Finds what is not in the first slot where it could be.
    #[inline(never)]
    fn find_behind<'a>(
        &self,
        start: usize,
        id: Id,
        reader: &'a impl Reader,
    ) -> Option<(&RcuSlot<Entry>, &'a Entry)> {
        for index in hash::sequence(start, self.elements.len()) {
            let slot = self.elements.get(index)?;
            match slot.read(reader) {
                Slot::Taken(entry) if entry.id().as_u64() == id.as_u64() => {
                    return Some((slot, entry))
                }
                Slot::Empty => return None,
                _ => (),
            }
        }
        None
    }

    /// Puts an entry into a free slot and returns whether the slot was used before; [`None`] if
    /// there is no free slot.
    fn insert(&self, entry: &Entry, reader: &impl Reader) -> Option<bool> {
        let start = hash::start(entry.id(), self.number);
        for index in hash::sequence(start, self.elements.len()) {
            let slot = self.elements.get(index)?;
            let used = match slot.read(reader) {
                Slot::Taken(_) => continue,
                Slot::Removed => true,
                Slot::Empty => false,
            };
            slot.set(entry);
            return Some(used);
        }
        None
    }
}

/// What only the holder of the table's lock may see.
struct Writer {
    changes: Changes,
    /// The entries that can't be found any more and are not reclaimed yet.
    dying: DyingList<Entry>,
    /// How many entries are live.
    count: usize,
    /// How many slots are marked as removed.
    removed: usize,
    /// How many registrations there have been.
    serial: u64,
}

/// The callback table.
///
/// The slots hold exactly the entries of `live`. Both change under the lock only.
#[pin_data]
pub(crate) struct Table {
    slots: RcuArrayPointer<RcuSlot<Entry>>,
    live: LiveList<Entry>,
    #[pin]
    writer: SpinLock<Writer>,
}

impl Table {
    /// Makes an empty table, whose lock has these changes.
    pub(super) fn new(changes: Changes) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            slots: RcuArrayPointer::new(Slots::with_capacity(hash::MIN_CAPACITY)?),
            live: LiveList::new(),
            writer <- new_spinlock!(Writer {
                changes,
                dying: DyingList::new(),
                count: 0,
                removed: 0,
                serial: 0,
            }, "cn_table"),
        }? Error)
    }

    /// Finds the entry of an id.
    ///
    /// Context: any.
    #[inline]
    pub(crate) fn find<'a>(&self, id: Id, reader: &'a impl Reader) -> Option<&'a Entry> {
        let slots = self.slots.read(reader);
        slots.find(id, reader).map(|(_, entry)| entry)
    }

    /// The live entries, in order of registration. Entries that are registered or unregistered
    /// meanwhile may be among them or not.
    ///
    /// Context: any.
    pub(crate) fn entries<'a>(&self, reader: &'a Guard) -> impl Iterator<Item = &'a Entry> {
        self.live.iter(reader)
    }

    /// Locks the table for changes. Does not sleep, except with `PREEMPT_RT`.
    pub(super) fn lock(&self) -> Locked<'_> {
        Locked {
            table: self,
            writer: self.writer.lock(),
        }
    }

    /// Locks the table with room for one more entry. May sleep.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`]: no memory for a larger table.
    pub(super) fn lock_with_room(&self) -> Result<Locked<'_>> {
        loop {
            let locked = self.lock();
            let Some(capacity) = locked.wanted_capacity()? else {
                return Ok(locked);
            };
            drop(locked);
            let new = Slots::with_capacity(capacity)?;
            race_delay();
            let mut locked = self.lock();
            // The unused slots are freed without the lock: the old ones, or the new ones if another
            // task was faster.
            match locked.wanted_capacity() {
                Ok(Some(wanted)) if wanted <= new.capacity() => {
                    let old = locked.replace_slots(new);
                    drop(locked);
                    drop(old);
                }
                _ => {
                    drop(locked);
                    drop(new);
                }
            }
        }
    }
}

/// The table while its lock is held.
pub(crate) struct Locked<'a> {
    table: &'a Table,
    writer: LockGuard<'a, Writer, SpinLockBackend>,
}

impl Locked<'_> {
    /// The entries that can be found, in order of registration.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.table.live.iter(&self.writer.changes)
    }

    /// The entries that can't be found any more and are not reclaimed yet.
    pub(crate) fn dying(&self) -> impl Iterator<Item = &Entry> {
        self.writer.dying.iter(&self.writer.changes)
    }

    /// How many entries can be found.
    pub(crate) fn count(&self) -> usize {
        self.writer.count
    }

    /// Adds an entry, for which [`Table::lock_with_room`] has made room. From here on it can be
    /// found. Returns it if its id is taken.
    pub(super) fn insert(&mut self, mut entry: KBox<Entry>) -> Result<&Entry, KBox<Entry>> {
        let table = self.table;
        let writer = &mut *self.writer;
        if table.find(entry.id(), &writer.changes).is_some() {
            return Err(entry);
        }
        writer.serial = writer.serial.wrapping_add(1);
        entry.set_serial(writer.serial);
        // From here on it belongs to the table. A `RemovedEntry` frees it.
        let entry: &Entry = KBox::leak(entry);
        table.live.push_back(entry, &writer.changes);
        if table
            .slots
            .read(&writer.changes)
            .insert(entry, &writer.changes)
            == Some(true)
        {
            writer.removed = writer.removed.saturating_sub(1);
        }
        writer.count = writer.count.saturating_add(1);
        Ok(entry)
    }

    /// Removes the entry of an id, with the given serial number if there is one. New look-ups don't
    /// find it; it is among the dying ones until [`Self::forget`].
    pub(super) fn remove(&mut self, id: Id, serial: Option<u64>) -> Option<&Entry> {
        let table = self.table;
        let writer = &mut *self.writer;
        let (slot, entry) = table
            .slots
            .read(&writer.changes)
            .find(id, &writer.changes)?;
        if serial.is_some_and(|serial| serial != entry.serial()) {
            return None;
        }
        slot.remove();
        table.live.remove(entry, &writer.changes);
        writer.dying.push(entry, &writer.changes);
        writer.removed = writer.removed.saturating_add(1);
        writer.count = writer.count.saturating_sub(1);
        Some(entry)
    }

    /// Takes a dying entry out of the table.
    pub(super) fn forget(&mut self, entry: &RemovedEntry) {
        let writer = &mut *self.writer;
        writer.dying.remove(entry.entry(), &writer.changes);
    }

    /// How many slots there should be before one more entry crowds them; [`None`] if there are
    /// enough.
    fn wanted_capacity(&self) -> Result<Option<usize>> {
        let capacity = self.table.slots.read(&self.writer.changes).capacity();
        let used = self.writer.count.saturating_add(self.writer.removed);
        if !hash::is_full(used, capacity) {
            return Ok(None);
        }
        Ok(Some(hash::capacity_for(self.writer.count).ok_or(ENOMEM)?))
    }

    /// Moves all entries to new slots, and returns the old ones.
    fn replace_slots(&mut self, new: KBox<Slots>) -> RetiredArray<RcuSlot<Entry>> {
        let writer = &mut *self.writer;
        for entry in self.table.live.iter(&writer.changes) {
            new.insert(entry, &writer.changes);
        }
        writer.removed = 0;
        self.table.slots.replace(new, &writer.changes)
    }

    /// Sleeps until `condvar` is notified; the lock is free meanwhile.
    pub(super) fn wait(&mut self, condvar: &CondVar) {
        condvar.wait(&mut self.writer);
    }
}

/// How many entries are passed in one RCU read-side critical section.
pub(crate) const SECTION: usize = 128;

/// The entry at which a walk goes on; zeroes are the first one.
///
/// An entry is found again by its id and its serial number, so that nothing keeps it in memory.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct Cursor {
    id: Id,
    serial: u64,
}

/// The result of a section.
pub(crate) enum Found<'a> {
    /// A wanted entry.
    Entry(&'a Entry),
    /// Not yet anything: another section is needed.
    Pause,
    /// There are no more entries.
    End,
}

impl Cursor {
    /// Before all entries.
    pub(crate) const START: Self = Self {
        id: Id::new(0, 0),
        serial: 0,
    };

    /// At an entry.
    pub(crate) fn at(entry: &Entry) -> Self {
        Self {
            id: entry.id(),
            serial: entry.serial(),
        }
    }

    /// The entry, if it is still registered.
    pub(crate) fn entry<'a>(&self, table: &Table, reader: &'a Guard) -> Option<&'a Entry> {
        let entry = table.find(self.id, reader);
        entry.filter(|entry| entry.serial() == self.serial)
    }

    /// Goes to an entry.
    fn set(&mut self, entry: &Entry) {
        *self = Self::at(entry);
    }

    /// Whether the cursor is behind the registration with this number.
    pub(crate) fn is_behind(&self, serial: u64) -> bool {
        self.serial > serial
    }

    /// Moves to the first wanted entry, starting at the current one, or at the first one if the
    /// current one was unregistered. Does not sleep.
    pub(crate) fn seek<'a>(
        &mut self,
        table: &Table,
        reader: &'a Guard,
        is_wanted: impl Fn(&Entry) -> bool,
    ) -> Found<'a> {
        let here = self.entry(table, reader);
        let mut next = here.or_else(|| table.entries(reader).next());
        for _ in 0..SECTION {
            let Some(entry) = next else {
                return Found::End;
            };
            if is_wanted(entry) {
                self.set(entry);
                return Found::Entry(entry);
            }
            next = LiveList::next(entry, reader);
        }
        let Some(entry) = next else {
            return Found::End;
        };
        self.set(entry);
        Found::Pause
    }
}

/// Whether `predicate` holds for one of the entries that are live during the whole of the call.
///
/// Context: process; may sleep.
pub(crate) fn any(table: &Table, predicate: impl Fn(&Entry) -> bool) -> bool {
    let mut cursor = Cursor::START;
    loop {
        // By itself, so that the RCU read lock is released before the task may be rescheduled.
        let found = match cursor.seek(table, &Guard::new(), &predicate) {
            Found::Entry(_) => Some(true),
            Found::End => Some(false),
            Found::Pause => None,
        };
        if let Some(found) = found {
            return found;
        }
        reschedule();
    }
}
