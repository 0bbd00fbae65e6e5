// SPDX-License-Identifier: GPL-2.0

//! The padding of a structure holds old kernel memory, which must not reach user space.
//!
//! error: `Answer` has 3 total byte(s) of padding

use connector::{Id, Outgoing};
use kernel::prelude::*;
use zerocopy_derive::Immutable;

#[derive(IntoBytes, Immutable)]
#[repr(C)]
struct Answer {
    kind: u8,
    number: u32,
}

pub fn send(number: u32) -> Result {
    let answer = Answer { kind: 1, number };
    Ok(Outgoing::new(Id::new(20, 1), &answer).send(GFP_KERNEL)?)
}
