// SPDX-License-Identifier: GPL-2.0

//! Not every number is a capability; the kernel stops at those that are none.
//!
//! error: mismatched types

use connector::{Access, Options};

pub fn options() -> Options {
    Options::new().access(Access::Capability(1000))
}
