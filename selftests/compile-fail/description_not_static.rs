// SPDX-License-Identifier: GPL-2.0

//! A description is read as long as the registration lasts.
//!
//! error: borrowed data escapes outside of function

use connector::Options;
use kernel::prelude::*;

pub fn options(text: &CStr) -> Options {
    Options::new().description(text)
}
