// SPDX-License-Identifier: GPL-2.0

//! An address of the kernel is not for user space.
//!
//! error: IntoBytes` is not implemented for `&u32`

use connector::{Id, Outgoing};
use kernel::prelude::*;

pub fn send(number: &u32) -> Result {
    Ok(Outgoing::new(Id::new(20, 1), &number).send(GFP_KERNEL)?)
}
