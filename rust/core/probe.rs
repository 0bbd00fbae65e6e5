// SPDX-License-Identifier: GPL-2.0

//! Where in the callback table an id is looked for, and how large the table is.
//!
//! The table is an array of a power of two slots. An id is looked for from the slot that its hash
//! names, onwards, until it is found or an empty slot comes. At most half of the slots are in use,
//! so that a look-up takes about one step whatever the number of callbacks.
//!
//! Pure: depends on nothing but `core`, so that it compiles on the host too.

use connector::Id;

/// Slots of the smallest table.
pub(crate) const MIN_CAPACITY: usize = 16;

/// The hash of an id.
///
/// Ids come in rows (same `idx`, rising `val`, or the other way round), so every bit of both
/// halves must reach the low bits, which choose the slot.
#[inline]
pub(crate) fn hash(id: Id) -> usize {
    // 2^64 divided by the golden ratio, made odd: neighbours end up far apart.
    const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

    let product = id.as_u64().wrapping_mul(SPREAD);
    let folded = (product ^ product >> 32).wrapping_mul(SPREAD);
    (folded >> 32) as usize
}

/// The slots in which an id is looked for, in order, each once.
#[inline]
pub(crate) fn sequence(id: Id, capacity: usize) -> impl Iterator<Item = usize> {
    let mask = capacity.wrapping_sub(1);
    let start = hash(id);
    (0..capacity).map(move |step| start.wrapping_add(step) & mask)
}

/// The number of slots for `live` callbacks: room for as many again.
///
/// [`None`] if there is no such number.
pub(crate) fn capacity_for(live: usize) -> Option<usize> {
    Some(live.checked_mul(4)?.checked_next_power_of_two()?.max(MIN_CAPACITY))
}

/// Whether a table needs to be made anew before one more slot of it is used.
///
/// `used` counts the slots of live callbacks and those that removed ones left behind.
pub(crate) fn is_full(used: usize, capacity: usize) -> bool {
    used >= capacity / 2
}
