// SPDX-License-Identifier: GPL-2.0

//! A sent bundle is not ours any more.
//!
//! error: use of moved value: `bundle`

use connector::{Bundle, Id, Outgoing};
use kernel::prelude::*;

pub fn send(mut bundle: Bundle) -> Result {
    bundle.push(&Outgoing::new(Id::new(20, 1), "text"))?;
    bundle.send(GFP_KERNEL)?;
    Ok(bundle.send(GFP_KERNEL)?)
}
