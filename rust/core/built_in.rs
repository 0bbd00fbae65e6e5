// SPDX-License-Identifier: GPL-2.0

//! The connector in a kernel that has it built in.
//!
//! What `module!` declares is started with the drivers when it is built in. That is too late for
//! other parts of the kernel that register a callback when they start: the connector starts with
//! the subsystems, as the C one does. It never stops.
//!
//! C counterpart: `subsys_initcall(cn_init)` in `drivers/connector/connector.c`.

use crate::Running;
use connector_base::bindings;
use kernel::{error::from_result, module::this_module, prelude::*};

/// Starts with the drivers, when there is nothing left to do.
pub(crate) struct Module;

impl kernel::Module for Module {
    fn init(_: &'static ThisModule) -> Result<Self> {
        Ok(Self)
    }
}

const _: () = {
    // Fails to compile if the definition differs from the declaration in the header.
    if true {
        bindings::cn_core_start
    } else {
        cn_core_start
    };
};

/// Starts the connector; called once, with the subsystems, by `glue/cn_glue.c`.
///
/// Returns 0, `-EINVAL` if a parameter on the kernel's command line is refused, or `-ENOMEM`.
#[no_mangle]
unsafe extern "C" fn cn_core_start() -> c_int {
    from_result(|| {
        let running = <Running as kernel::Module>::init(this_module::<Module>())?;
        KBox::leak(KBox::new(running, GFP_KERNEL)?);
        Ok(0)
    })
}
