// SPDX-License-Identifier: GPL-2.0

//! A payload is aligned to four bytes, which is not enough for every type.
//!
//! error: a payload is aligned to four bytes only: use read_payload() for this type

use connector::{Handler, Id, Message, Registration, Sender};
use kernel::{prelude::*, sync::Arc};

struct Sum;

impl Handler for Sum {
    fn receive(&self, message: &Message<'_>, _sender: &Sender<'_>) -> Result {
        message.payload_as::<u64>().map(|_| ())
    }
}

pub fn register() -> Result<Registration<Sum>> {
    Registration::new(Id::new(20, 1), c"sum", Arc::new(Sum, GFP_KERNEL)?)
}
