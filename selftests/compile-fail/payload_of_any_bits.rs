// SPDX-License-Identifier: GPL-2.0

//! A program can send any bits, and not all of them are a value of every type.
//!
//! error: FromBytes` is not satisfied

use connector::Message;
use kernel::prelude::*;

pub fn read(message: &Message<'_>) -> Result<bool> {
    message.payload_as::<bool>().copied()
}
