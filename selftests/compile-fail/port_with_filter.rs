// SPDX-License-Identifier: GPL-2.0

//! A message to one port excludes no receiver.
//!
//! error: no method named `except` found for struct `Port`

use connector::{Id, Outgoing, Port};
use kernel::prelude::*;

pub fn send() -> Result {
    let target = Port(1).except(2);
    Ok(Outgoing::new(Id::new(20, 1), "text").send_to(target, GFP_KERNEL)?)
}
