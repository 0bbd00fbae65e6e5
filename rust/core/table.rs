// SPDX-License-Identifier: GPL-2.0

//! The callback table.
//!
//! Guarantees:
//!
//! - A look-up takes no lock and about one step, whatever the number of callbacks, and goes on
//!   while the table changes or grows.
//! - An entry can be found only when it is complete.
//! - An entry that was found is there for as long as the reader who found it: a holder of the RCU
//!   read lock, or of a seat (see [`running`](crate::running)).
//!
//! Does not know whether a callback is running; see [`registry`](crate::registry).
//!
//! C counterpart: `drivers/connector/cn_queue.c`.

use crate::{
    entry::{Entry, OwnedEntry},
    entry_list::EntryList,
    once::read_once,
    probe,
    rcu::{self, RcuPointer, Reader},
    running::Running,
    window::widen,
    zeroed::zeroed,
};
use connector::Id;
use core::ptr::NonNull;
use kernel::{
    new_mutex,
    prelude::*,
    sync::{lock::mutex::MutexBackend, lock::Guard as LockGuard, rcu::Guard, CondVar, Mutex},
};

/// Stands in a slot whose entry was removed, so that look-ups go on behind it.
const REMOVED: *mut Entry = core::ptr::dangling_mut();

/// The slots; each is null, [`REMOVED`], or points to an entry of the table.
struct Slots {
    array: KVVec<RcuPointer<Entry>>,
    /// See [`probe::shift_for`].
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
            shift: probe::shift_for(capacity),
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
        let start = probe::start(id, self.shift);
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
        for place in probe::sequence(start, self.array.len()) {
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
    fn insert(&self, entry: &Entry, guard: &Guard) -> Option<bool> {
        let start = probe::start(entry.id(), self.shift);
        for place in probe::sequence(start, self.array.len()) {
            let slot = self.array.get(place)?;
            let used = match Self::read(slot, guard) {
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

/// Frees slots that no holder of a seat looks at any more, after a grace period.
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
    /// The entries that can be found, in order of registration.
    live: EntryList,
    /// The entries that can't be found any more but are still in use.
    retired: EntryList,
    /// How many entries are live.
    count: usize,
    /// How many slots are marked as removed.
    removed: usize,
    /// How many registrations there have been.
    serial: u64,
    /// How many messages were delivered to entries that are gone.
    delivered_before: u64,
}

/// The callback table.
///
/// # Invariants
///
/// `slots` points to slots which hold exactly the entries of `Writer::live`. It changes under the
/// lock only.
#[pin_data(PinnedDrop)]
pub(crate) struct Table {
    slots: RcuPointer<Slots>,
    #[pin]
    writer: Mutex<Writer>,
}

// SAFETY: The table may be dropped by any thread; it owns what it points to.
unsafe impl Send for Table {}

// SAFETY: Readers follow `slots` under RCU, writers hold the lock.
unsafe impl Sync for Table {}

impl Table {
    /// Makes an empty table.
    pub(crate) fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            writer <- new_mutex!(Writer {
                live: EntryList::new()?,
                retired: EntryList::new()?,
                count: 0,
                removed: 0,
                serial: 0,
                delivered_before: 0,
            }, "cn_table"),
            // Last, because nobody frees them if something else fails.
            // INVARIANT: There are no entries yet.
            slots: RcuPointer::new(KBox::into_raw(Slots::new(probe::MIN_CAPACITY)?)),
        }? Error)
    }

    /// Finds the entry of an id.
    ///
    /// Context: any.
    #[inline]
    pub(crate) fn find<'a>(&self, id: Id, reader: &'a impl Reader) -> Option<&'a Entry> {
        self.slots(reader).find(id, reader).map(|(_, entry)| entry)
    }

    #[inline]
    fn slots<'a>(&self, reader: &'a impl Reader) -> &'a Slots {
        // SAFETY: By the type invariants the pointer is that of slots, which are freed after they
        // were replaced; the reader holds that off.
        unsafe { &*self.slots.read(reader) }
    }

    /// Locks the table for changes. May sleep.
    pub(crate) fn lock(&self) -> Locked<'_> {
        Locked {
            table: self,
            writer: self.writer.lock(),
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
    writer: LockGuard<'a, Writer, MutexBackend>,
}

impl Locked<'_> {
    /// The entries that can be found, in order of registration.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.writer.live.iter()
    }

    /// How many entries can be found.
    pub(crate) fn count(&self) -> usize {
        self.writer.count
    }

    /// The list of entries that can't be found any more but are still in use.
    pub(crate) fn retired(&mut self) -> &mut EntryList {
        &mut self.writer.retired
    }

    /// The number of the next registration.
    pub(crate) fn next_serial(&mut self) -> u64 {
        self.writer.serial = self.writer.serial.wrapping_add(1);
        self.writer.serial
    }

    /// Adds an entry; from here on it can be found.
    ///
    /// # Errors
    ///
    /// - [`EINVAL`]: the id is taken.
    /// - [`ENOMEM`]: no memory for a larger table.
    pub(crate) fn insert(&mut self, entry: OwnedEntry, running: &Running) -> Result<&Entry> {
        if self.table.find(entry.id(), &Guard::new()).is_some() {
            return Err(EINVAL);
        }
        self.make_room(running)?;

        let guard = Guard::new();
        let slots = self.table.slots(&guard);
        let writer = &mut *self.writer;
        let entry = writer.live.push_back(entry);
        // INVARIANT: The entry becomes findable and is in `live`.
        if slots.insert(entry, &guard) == Some(true) {
            writer.removed = writer.removed.saturating_sub(1);
        }
        writer.count = writer.count.saturating_add(1);
        Ok(entry)
    }

    /// Removes the entry of an id, with the given serial number if there is one. New look-ups don't
    /// find it; readers who found it earlier may still use it.
    pub(crate) fn remove(&mut self, id: Id, serial: Option<u64>) -> Option<OwnedEntry> {
        let guard = Guard::new();
        let (slot, entry) = self.table.slots(&guard).find(id, &guard)?;
        if serial.is_some_and(|serial| serial != entry.serial()) {
            return None;
        }
        // INVARIANT: The entry leaves its slot and `live`.
        slot.set(REMOVED);
        let writer = &mut *self.writer;
        writer.removed = writer.removed.saturating_add(1);
        writer.count = writer.count.saturating_sub(1);
        writer.live.remove(entry)
    }

    /// Replaces the slots by more (or fewer) of them where one more entry would crowd them.
    fn make_room(&mut self, running: &Running) -> Result {
        let capacity = self.table.slots(&Guard::new()).capacity();
        let used = self.writer.count.saturating_add(self.writer.removed);
        if !probe::is_full(used, capacity) {
            return Ok(());
        }

        let capacity = probe::capacity_for(self.writer.count).ok_or(ENOMEM)?;
        let new = Slots::new(capacity)?;
        {
            let guard = Guard::new();
            for entry in self.writer.live.iter() {
                new.insert(entry, &guard);
            }
        }
        let old = self.table.slots.read(&Guard::new());
        // INVARIANT: The new slots hold what is in `live`.
        self.table.slots.set(KBox::into_raw(new));
        self.writer.removed = 0;
        widen();
        running.wait_for_lookups();
        free_slots(old);
        Ok(())
    }

    /// Claims a retired entry that nobody runs.
    pub(crate) fn claim_idle(&mut self, running: &Running) -> Option<Claim> {
        let idle = |entry: &&Entry| !running.is_running(entry.token()) && entry.claim();
        // INVARIANT: The entry is dead and not running, and was claimed just now.
        Some(Claim(NonNull::from(self.writer.retired.iter().find(idle)?)))
    }

    /// Ends a claim: the entry leaves the list and is freed after a grace period.
    pub(crate) fn finish(&mut self, claim: Claim) {
        // SAFETY: By the type invariants of `Claim` the entry is still in the list.
        if let Some(entry) = self.writer.retired.remove(unsafe { claim.0.as_ref() }) {
            self.bury(entry);
        }
    }

    /// Frees an entry that nobody runs any more after a grace period.
    pub(crate) fn bury(&mut self, entry: OwnedEntry) {
        let delivered = read_once(&entry.tally().delivered);
        self.writer.delivered_before = self.writer.delivered_before.wrapping_add(delivered);
    }

    /// How many messages were delivered since the start.
    pub(crate) fn delivered(&self) -> u64 {
        let entries = Iterator::chain(self.writer.live.iter(), self.writer.retired.iter());
        entries.fold(self.writer.delivered_before, |sum, entry| {
            sum.wrapping_add(read_once(&entry.tally().delivered))
        })
    }

    /// Sleeps until `condvar` is notified; the lock is free meanwhile.
    pub(crate) fn wait(&mut self, condvar: &CondVar) {
        condvar.wait(&mut self.writer);
    }
}

/// The duty to let go of a retired entry.
///
/// # Invariants
///
/// The entry is dead, nobody runs its callback, and it stays in the list of retired entries until
/// this claim, the only one, is finished.
pub(crate) struct Claim(NonNull<Entry>);

impl Claim {
    /// Tells the owner of the cookie, if there is one, that the callback will not run any more.
    pub(crate) fn release(&mut self) {
        // SAFETY: By the type invariants the entry is still in its list, which owns it.
        let entry = unsafe { self.0.as_ref() };
        if let Some(handler) = entry.callback().handler() {
            // SAFETY: By the type invariants the handler is not running and nobody can start it;
            // the claim is the only one, and it is used up after this.
            unsafe { (handler.release)(handler.cookie) };
        }
    }
}
