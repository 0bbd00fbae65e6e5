// SPDX-License-Identifier: GPL-2.0

//! Delays that make races more likely.
//!
//! Between two steps that another processor may come in between, [`race_delay`] now and then waits
//! for some microseconds, so that tests meet orders of steps which else are rare. Only kernels with
//! checks (`CONFIG_RUST_DEBUG_ASSERTIONS`) do that; in others there is no such code.

use kernel::{
    sync::atomic::{Atomic, Relaxed},
    time::{delay::udelay, Delta},
};

/// Waits for up to 30 microseconds, at one in sixteen calls.
///
/// Does not sleep. Context: any.
#[inline(always)]
pub(crate) fn race_delay() {
    if cfg!(CONFIG_RUST_DEBUG_ASSERTIONS) {
        wait_now_and_then();
    }
}

#[cold]
fn wait_now_and_then() {
    static CALLS: Atomic<u32> = Atomic::new(0);
    // The upper bits of such a product are as good as random.
    let chance = CALLS.fetch_add(1, Relaxed).wrapping_mul(0x9e37_79b9) >> 24;
    if chance < 16 {
        udelay(Delta::from_micros(i64::from(chance).saturating_mul(2)));
    }
}
