// SPDX-License-Identifier: GPL-2.0

//! A sender is known only while its message is being handled.
//!
//! error: borrowed data escapes outside of method

use connector::{Handler, Message, Sender};
use kernel::prelude::*;

struct Later;

impl Handler for Later {
    fn receive(&self, _message: &Message<'_>, sender: &Sender<'_>) -> Result {
        keep(sender);
        Ok(())
    }
}

fn keep(_sender: &'static Sender<'static>) {}

pub fn make() -> impl Handler {
    Later
}
