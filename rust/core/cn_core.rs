// SPDX-License-Identifier: GPL-2.0

//! The connector: netlink messages between programs and the callbacks of kernel modules.
//!
//! A drop-in replacement of the kernel's C module of the same name: the same netlink protocol, the
//! same functions for other modules, the same file in `/proc/net`.
//!
//! | the way of a message                    | what it meets                                  |
//! |-----------------------------------------|------------------------------------------------|
//! | [`socket`]: bytes from a program        | [`received`]: the datagram                     |
//! | [`receive`]: message by message         | `connector::wire`: the format                  |
//! | [`registry`]: whose it is               | [`table`]: the callbacks, [`running`]: in use  |
//! | [`c_abi`]: from and to other modules    | [`send`], [`buffer`]: on the way to programs   |
//!
//! C counterpart: `drivers/connector/`.

mod active;
mod buffer;
mod c_abi;
mod counters;
mod entry;
mod entry_list;
mod instance;
#[cfg(CONFIG_CONNECTOR_KUNIT_TEST)]
mod kunit;
mod module_notifier;
mod once;
mod parameters;
mod probe;
mod proc_files;
mod rcu;
mod receive;
mod received;
mod registry;
mod running;
mod send;
mod socket;
mod table;

use instance::Instance;
use kernel::prelude::*;
use module_notifier::ModuleNotifier;
use parameters::{Groups, Refused, MAX_GROUPS};
use proc_files::ProcFiles;
use socket::Socket;

module! {
    type: Module,
    name: "cn",
    authors: ["The connector-rs authors"],
    description: "Generic userspace <-> kernelspace connector",
    license: "GPL",
    alias: ["net-pf-16-proto-11"],
    params: {
        groups: u32 {
            default: crate::parameters::DEFAULT_GROUPS,
            description: "Number of multicast groups, 1 to 65536; less than 32 means 32 (default 26)",
        },
        open_groups: u64 {
            default: 0,
            description: "Groups that need no privilege to join, as a mask; bit 0 is group 1, which is always open (default 0)",
        },
    },
}

/// The running connector. Started from bottom to top, stopped from top to bottom.
struct Module {
    /// Programs can send from when this exists.
    _socket: Socket,
    _proc_files: ProcFiles,
    _module_notifier: ModuleNotifier,
    _instance: Instance,
}

impl kernel::Module for Module {
    fn init(module: &'static ThisModule) -> Result<Self> {
        let instance = Instance::start(groups()?)?;
        let module_notifier = ModuleNotifier::new()?;
        let proc_files = ProcFiles::new()?;
        let socket = Socket::new(module, instance.connector().groups()).inspect_err(|_| {
            pr_err!("cannot create the netlink socket; is another connector running?\n");
        })?;
        instance.connector().set_socket(socket.handle());
        Ok(Self {
            _socket: socket,
            _proc_files: proc_files,
            _module_notifier: module_notifier,
            _instance: instance,
        })
    }
}

/// What the module parameters say about groups.
fn groups() -> Result<Groups> {
    let count = module_parameters::groups.value();
    let open = module_parameters::open_groups.value();
    Groups::new(count, open).map_err(|refused| {
        match refused {
            Refused::Groups => {
                pr_err!("parameter groups={count} is refused: give 1 to {MAX_GROUPS}\n");
            }
            Refused::OpenGroups => pr_err!(
                "parameter open_groups={open:#x} is refused: it names a group above the last one, see parameter groups\n"
            ),
        }
        EINVAL
    })
}
