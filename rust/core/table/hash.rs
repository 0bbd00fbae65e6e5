// SPDX-License-Identifier: GPL-2.0

//! Where in the callback table an id is looked for, and how large the table is.
//!
//! The table is an array of a power of two slots. An id is looked for from the slot that its hash
//! names, onwards, until it is found or an empty slot comes. At most half of the slots are in use,
//! so that a look-up takes about one step whatever the number of callbacks.
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
    // Ids come in rows: same `idx` and rising `val`, or the other way round. The upper bits of a
    // product depend on all bits of its factors; this one spreads such rows well (a multiplier of
    // linear congruential generators, from Steele and Vigna 2021).
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

/// By how many bits a hash is shifted to become a place among `capacity` slots.
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
