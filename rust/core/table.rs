// SPDX-License-Identifier: GPL-2.0

//! The callback table.
//!
//! Guarantees:
//!
//! - A look-up takes no lock and about one step, whatever the number of callbacks, and goes on
//!   while the table changes or grows.
//! - An entry can be found only when it is complete.
//! - An entry that was found is there for as long as the reader who found it: the RCU read lock, or
//!   a call that was entered (see [`calls`](crate::calls)).
//! - The lock is a spin lock, held for one pass over the entries at most. The table allocates and
//!   frees nothing under it.
//!
//! Does not know when an entry may be reclaimed; see [`registry`](crate::registry).
//!
//! C counterpart: `drivers/connector/cn_queue.c`.

use crate::{
    entry::{Entry, RemovedEntry},
    entry_list::{Changes, DyingList, LiveList},
    hash,
    race_delay::race_delay,
    rcu::{self, RcuPointer, Reader},
    zeroed::zeroed,
};
use connector_base::Id;
use core::ptr::NonNull;
use kernel::{
    new_spinlock,
    prelude::*,
    sync::{
        lock::spinlock::SpinLockBackend, lock::Guard as LockGuard, rcu::Guard, CondVar, SpinLock,
    },
};

/// Stands in a slot whose entry was removed, so that look-ups go on behind it.
const REMOVED: *mut Entry = core::ptr::dangling_mut();

/// The slots; each is null, [`REMOVED`], or points to an entry of the table.
struct Slots {
    array: KVVec<RcuPointer<Entry>>,
    shift: u32,
}

/// What is in a slot.
enum Slot<'a> {
    Empty,
    Removed,
    Taken(&'a Entry),
}

impl Slots {
    fn new(capacity: usize) -> Result<KBox<Self>> {
        let array = zeroed(capacity)?;
        let slots = Self {
            array,
            shift: hash::shift_for(capacity),
        };
        Ok(KBox::new(slots, GFP_KERNEL)?)
    }

    fn capacity(&self) -> usize {
        self.array.len()
    }

    #[inline]
    fn read<'a>(slot: &RcuPointer<Entry>, reader: &'a impl Reader) -> Slot<'a> {
        let entry = slot.read(reader);
        if entry.addr() <= REMOVED.addr() {
            return if entry.is_null() {
                Slot::Empty
            } else {
                Slot::Removed
            };
        }
        // SAFETY: What is neither null nor `REMOVED` is an entry of the table; it is freed after it
        // was removed from its slot, which the reader holds off.
        Slot::Taken(unsafe { &*entry })
    }

    #[inline]
    fn find<'a>(&self, id: Id, reader: &'a impl Reader) -> Option<(&RcuPointer<Entry>, &'a Entry)> {
        let start = hash::start(id, self.shift);
        let slot = self.array.get(start)?;
        match Self::read(slot, reader) {
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
    ) -> Option<(&RcuPointer<Entry>, &'a Entry)> {
        for place in hash::sequence(start, self.array.len()) {
            let slot = self.array.get(place)?;
            match Self::read(slot, reader) {
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
        let start = hash::start(entry.id(), self.shift);
        for place in hash::sequence(start, self.array.len()) {
            let slot = self.array.get(place)?;
            let used = match Self::read(slot, reader) {
                Slot::Taken(_) => continue,
                Slot::Removed => true,
                Slot::Empty => false,
            };
            slot.set(core::ptr::from_ref(entry).cast_mut());
            return Some(used);
        }
        None
    }
}

/// Frees slots that can't be found any more, after a grace period. May sleep.
fn free_slots(slots: *mut Slots) {
    // SAFETY: Slots come from `Slots::new` and are freed here alone, once nobody can find them any
    // more; readers who found them earlier are waited for. The pointer is read out of the box
    // before the box is freed, and the vector is not used afterwards.
    unsafe {
        let (array, _, _) = core::ptr::read(&raw const (*slots).array).into_raw_parts();
        rcu::free_deferred(array);
        rcu::free_deferred(slots);
    }
}

/// What only the holder of the table's lock may see.
pub(crate) struct Writer {
    changes: Changes,
    /// The entries that can't be found any more and are not reclaimed yet.
    dying: DyingList,
    /// How many entries are live.
    count: usize,
    /// How many slots are marked as removed.
    removed: usize,
    /// How many registrations there have been.
    serial: u64,
}

/// The callback table.
///
/// # Invariants
///
/// `slots` points to slots which hold exactly the entries of `live`. Both change under the lock
/// only.
#[pin_data(PinnedDrop)]
pub(crate) struct Table {
    slots: RcuPointer<Slots>,
    live: LiveList,
    #[pin]
    writer: SpinLock<Writer>,
}

// SAFETY: The table may be dropped by any thread; it owns what it points to.
unsafe impl Send for Table {}

// SAFETY: Readers follow pointers under RCU, writers hold the lock.
unsafe impl Sync for Table {}

impl Table {
    /// Makes an empty table.
    pub(crate) fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            live: LiveList::new(),
            writer <- new_spinlock!(Writer {
                changes: Changes::new(),
                dying: DyingList::new(),
                count: 0,
                removed: 0,
                serial: 0,
            }, "cn_table"),
            // Last, because nobody frees them if something else fails.
            // INVARIANT: There are no entries yet.
            slots: RcuPointer::new(KBox::into_raw(Slots::new(hash::MIN_CAPACITY)?)),
        }? Error)
    }

    /// Finds the entry of an id.
    ///
    /// Context: any.
    #[inline]
    pub(crate) fn find<'a>(&self, id: Id, reader: &'a impl Reader) -> Option<&'a Entry> {
        self.slots(reader).find(id, reader).map(|(_, entry)| entry)
    }

    /// The live entries, in order of registration. What comes and goes meanwhile may be among them
    /// or not.
    ///
    /// Context: any.
    pub(crate) fn entries<'a>(&self, reader: &'a Guard) -> impl Iterator<Item = &'a Entry> {
        self.live.iter(reader)
    }

    #[inline]
    fn slots<'a>(&self, reader: &'a impl Reader) -> &'a Slots {
        // SAFETY: By the type invariants the pointer is that of slots, which are freed after they
        // were replaced; the reader holds that off.
        unsafe { &*self.slots.read(reader) }
    }

    /// Locks the table for changes. Does not sleep, except with `PREEMPT_RT`.
    pub(crate) fn lock(&self) -> Locked<'_> {
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
    pub(crate) fn lock_with_room(&self) -> Result<Locked<'_>> {
        loop {
            let locked = self.lock();
            let Some(capacity) = locked.wanted_capacity()? else {
                return Ok(locked);
            };
            drop(locked);
            let new = Slots::new(capacity)?;
            race_delay();
            let mut locked = self.lock();
            // The slots that are not used, freed without the lock: the old ones, or, if others have
            // been quicker, the new ones.
            let needless = match locked.wanted_capacity() {
                Ok(Some(wanted)) if wanted <= new.capacity() => locked.replace_slots(new),
                _ => KBox::into_raw(new),
            };
            drop(locked);
            free_slots(needless);
        }
    }
}

#[pinned_drop]
impl PinnedDrop for Table {
    fn drop(self: Pin<&mut Self>) {
        // By itself, so that the RCU read lock ends here: freeing may sleep.
        let slots = self.slots.read(&Guard::new());
        free_slots(slots);
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
        self.writer.dying.iter()
    }

    /// How many entries can be found.
    pub(crate) fn count(&self) -> usize {
        self.writer.count
    }

    /// Adds an entry, for which [`Table::lock_with_room`] has seen to room; from here on it can be
    /// found. Gives it back if its id is taken.
    pub(crate) fn insert(&mut self, mut entry: KBox<Entry>) -> Result<&Entry, KBox<Entry>> {
        let table = self.table;
        let writer = &mut *self.writer;
        if table.find(entry.id(), &writer.changes).is_some() {
            return Err(entry);
        }
        writer.serial = writer.serial.wrapping_add(1);
        entry.set_serial(writer.serial);
        let entry = NonNull::from(KBox::leak(entry));
        // INVARIANT: The entry is in `live` and becomes findable.
        // SAFETY: It is in no list yet, and from here on belongs to the table, which frees it after
        // a grace period.
        unsafe { table.live.push_back(entry, &mut writer.changes) };
        // SAFETY: The entry was just leaked, and stays at least until it is removed, for which the
        // lock is needed that `self` holds.
        let entry = unsafe { entry.as_ref() };
        if table.slots(&writer.changes).insert(entry, &writer.changes) == Some(true) {
            writer.removed = writer.removed.saturating_sub(1);
        }
        writer.count = writer.count.saturating_add(1);
        Ok(entry)
    }

    /// Removes the entry of an id, with the given serial number if there is one. New look-ups don't
    /// find it; it is among the dying ones until [`Self::forget`].
    pub(crate) fn remove(&mut self, id: Id, serial: Option<u64>) -> Option<&Entry> {
        let table = self.table;
        let writer = &mut *self.writer;
        let entry = {
            let (slot, entry) = table.slots(&writer.changes).find(id, &writer.changes)?;
            if serial.is_some_and(|serial| serial != entry.serial()) {
                return None;
            }
            slot.set(REMOVED);
            NonNull::from(entry)
        };
        // INVARIANT: The entry leaves `live` as well.
        // SAFETY: It was found, so it is in `live`, and in no other list; it stays until it is
        // forgotten.
        unsafe {
            table.live.remove(entry.as_ref(), &mut writer.changes);
            writer.dying.push(entry, &mut writer.changes);
        }
        writer.removed = writer.removed.saturating_add(1);
        writer.count = writer.count.saturating_sub(1);
        // SAFETY: It stays until it is forgotten, for which the lock is needed that `self` holds.
        Some(unsafe { entry.as_ref() })
    }

    /// Takes a dying entry out of the table.
    ///
    /// # Safety
    ///
    /// The entry must be among the dying ones; to be called once.
    pub(crate) unsafe fn forget(&mut self, entry: NonNull<Entry>) -> RemovedEntry {
        let writer = &mut *self.writer;
        // SAFETY: By the safety requirements the entry is in this list, and stays until its owner,
        // which is the result, is dropped.
        unsafe { writer.dying.remove(entry.as_ref(), &mut writer.changes) };
        // SAFETY: The table owns its entries since `insert`, where they were leaked. This one was
        // taken out of its slot and of `live` before it became a dying one, so new readers do not
        // find it, and by the safety requirements this happens once.
        unsafe { RemovedEntry::from_raw(entry) }
    }

    /// How many slots there should be before one more entry crowds them; [`None`] if there are
    /// enough.
    fn wanted_capacity(&self) -> Result<Option<usize>> {
        let capacity = self.table.slots(&self.writer.changes).capacity();
        let used = self.writer.count.saturating_add(self.writer.removed);
        if !hash::is_full(used, capacity) {
            return Ok(None);
        }
        Ok(Some(hash::capacity_for(self.writer.count).ok_or(ENOMEM)?))
    }

    /// Moves all entries to new slots, and returns the old ones.
    fn replace_slots(&mut self, new: KBox<Slots>) -> *mut Slots {
        let writer = &mut *self.writer;
        for entry in self.table.live.iter(&writer.changes) {
            new.insert(entry, &writer.changes);
        }
        let old = self.table.slots.read(&writer.changes);
        // INVARIANT: The new slots hold what is in `live`.
        self.table.slots.set(KBox::into_raw(new));
        writer.removed = 0;
        old
    }

    /// Sleeps until `condvar` is notified; the lock is free meanwhile.
    pub(crate) fn wait(&mut self, condvar: &CondVar) {
        condvar.wait(&mut self.writer);
    }
}
