// SPDX-License-Identifier: GPL-2.0

//! The slots of the callback table in which an id is searched, and the size of the table.
//!
//! The table is an array whose number of slots is a power of two. A search starts at the slot that
//! the hash of the id names. It ends at the id or at an empty slot. At most half of the slots are
//! in use, so a look-up takes about one step whatever the number of callbacks.
//!
//! Pure: depends on nothing but `core`, so that it compiles on the host too.

#![forbid(unsafe_code)]

use connector_base::Id;

/// Slots of the smallest table.
pub(crate) const MIN_CAPACITY: usize = 16;

/// The slot in which an id is looked for first; most often it is there.
///
/// `shift` is [`shift_for`] the number of slots.
#[inline]
pub(crate) fn start(id: Id, shift: u32) -> usize {
    // Ids often form sequences: the same `idx` and increasing `val`, or the reverse. The upper bits
    // of a product depend on all bits of its factors. This factor spreads sequences well (a
    // multiplier of linear congruential generators, from Steele and Vigna 2021).
    const SPREAD: u64 = 0xd134_2543_de82_ef95;

    id.as_u64().wrapping_mul(SPREAD).wrapping_shr(shift) as usize
}

/// The slots in which an id is looked for from `start` on, in order, each once.
///
/// `capacity` is the number of slots, a power of two and at least 2.
pub(crate) fn sequence(start: usize, capacity: usize) -> impl Iterator<Item = usize> {
    let mask = capacity.wrapping_sub(1);
    (0..capacity).map(move |step| start.wrapping_add(step) & mask)
}

/// By how many bits a hash is shifted to become the index of one of `capacity` slots.
pub(crate) fn shift_for(capacity: usize) -> u32 {
    u64::BITS.wrapping_sub(capacity.trailing_zeros())
}

/// The number of slots for `live` callbacks: room for as many again.
///
/// [`None`] if there is no such number.
pub(crate) fn capacity_for(live: usize) -> Option<usize> {
    Some(
        live.checked_mul(4)?
            .checked_next_power_of_two()?
            .max(MIN_CAPACITY),
    )
}

/// Whether a table needs to be made anew before one more slot of it is used.
///
/// `used` counts the slots of live callbacks and those that removed ones left behind.
pub(crate) fn is_full(used: usize, capacity: usize) -> bool {
    used >= capacity / 2
}
