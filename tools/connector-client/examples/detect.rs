// SPDX-License-Identifier: GPL-2.0

//! Prints the features of the running kernel and the rights of this process. Detection loads no module.

use connector_client::{Kernel, Rights};

fn main() {
    let kernel = Kernel::detect();
    println!("connector: {:?}", kernel.connector);
    println!("acknowledgements: {}", kernel.acknowledgements);
    println!(
        "notification channel: {}",
        kernel.notification_channel.is_some()
    );
    println!("process events: {}", kernel.process_events);
    println!("CAP_NET_ADMIN: {}", Rights::of_this_process().net_admin);
}
