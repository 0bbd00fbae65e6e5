// SPDX-License-Identifier: GPL-2.0

//! A file in `/proc` would outlive a module that forgets it.
//!
//! error: call to unsafe function

extern crate connector_base;

use connector_base::seq_file::{FilesAreRemoved, Lines, ProcFile};
use kernel::prelude::*;

pub fn forget<L: Lines>(owner: &'static ThisModule) -> Result {
    let promise = FilesAreRemoved::promise();
    core::mem::forget(ProcFile::<L>::new(c"file", owner, promise)?);
    Ok(())
}
