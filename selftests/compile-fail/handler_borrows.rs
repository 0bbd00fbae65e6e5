// SPDX-License-Identifier: GPL-2.0

//! A handler may be called as long as it is registered, so it borrows nothing that could go first.
//!
//! error: lifetime bound not satisfied

use connector::{Handler, Message, Sender};
use kernel::prelude::*;

struct Borrower<'a>(&'a u32);

impl<'a> Handler for Borrower<'a> {
    fn receive(&self, message: &Message<'_>, sender: &Sender<'_>) -> Result {
        sender.reply(message, self.0)
    }
}
