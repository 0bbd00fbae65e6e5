// SPDX-License-Identifier: GPL-2.0

//! Arrays whose length is known only at run time.

use kernel::prelude::*;

/// An array of `len` elements that are all zeroes. May sleep.
///
/// As `KVVec::zeroed()`, which with overflow checks refers to code that panics.
///
/// # Errors
///
/// [`ENOMEM`]: no memory.
pub(crate) fn zeroed<T: Zeroable>(len: usize) -> Result<KVVec<T>> {
    let array = KVVec::with_capacity(len, GFP_KERNEL | __GFP_ZERO)?;
    let (array, _, capacity) = array.into_raw_parts();
    // SAFETY: The parts are those of a vector with room for `len` elements whose memory is zeroed,
    // and all zeroes is a valid element.
    Ok(unsafe { KVVec::from_raw_parts(array, len, capacity) })
}
