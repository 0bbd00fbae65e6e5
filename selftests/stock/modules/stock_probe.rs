// SPDX-License-Identifier: GPL-2.0

//! The least that a Rust module does: it says that it was loaded and unloaded.
//!
//! It uses nothing of the connector. If it cannot be loaded, the metadata of the kernel is wrong, or the kernel takes no
//! modules.

use kernel::prelude::*;

module! {
    type: StockProbe,
    name: "stock_probe",
    authors: ["The connector-rs authors"],
    description: "A Rust module that does nothing",
    license: "GPL",
}

struct StockProbe;

impl kernel::Module for StockProbe {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        // With allocation, formatting and a lock of the crate kernel, it takes symbols of several of its parts.
        let lock = KBox::pin_init(kernel::new_mutex!(40), GFP_KERNEL)?;
        *lock.lock() += 2;
        pr_info!("loaded, {}\n", *lock.lock());
        Ok(StockProbe)
    }
}

impl Drop for StockProbe {
    fn drop(&mut self) {
        pr_info!("unloaded\n");
    }
}
