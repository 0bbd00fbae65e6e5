// SPDX-License-Identifier: GPL-2.0

//! A registration that is not kept ends at once. (The compiler warns; here the warning is an
//! error.)
//!
//! error: a registration ends when it is dropped

#![deny(unused_must_use)]

use connector::{Handler, Id, Registration};
use kernel::{prelude::*, sync::Arc};

pub fn register<H: Handler>(handler: Arc<H>) -> Result {
    Registration::new(Id::new(20, 1), c"lost", handler)?;
    Ok(())
}
