// SPDX-License-Identifier: GPL-2.0

//! The bytes of a message are freed when the handler returns.
//!
//! error: borrowed data escapes outside of method

use connector::{Handler, Message, Sender};
use kernel::prelude::*;

struct Keeper;

impl Handler for Keeper {
    fn receive(&self, message: &Message<'_>, _sender: &Sender<'_>) -> Result {
        keep(message.payload());
        Ok(())
    }
}

fn keep(_payload: &'static [u8]) {}

pub fn make() -> impl Handler {
    Keeper
}
