// SPDX-License-Identifier: GPL-2.0

//! Several programs may send at once, so a handler is shared by threads.
//!
//! error: `Cell<u32>` cannot be shared between threads safely

use connector::{Handler, Message, Sender};
use kernel::prelude::*;

use core::cell::Cell;

struct Count(Cell<u32>);

impl Handler for Count {
    fn receive(&self, _message: &Message<'_>, _sender: &Sender<'_>) -> Result {
        self.0.set(1);
        Ok(())
    }
}
