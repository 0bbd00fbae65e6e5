// SPDX-License-Identifier: GPL-2.0

//! The connector: netlink messages between programs and the callbacks of kernel modules.
//!
//! A drop-in replacement of the kernel's C module of the same name: the same netlink protocol, the
//! same functions for other modules, the same file in `/proc/net`.
//!
//! | the route of a message                  | what it meets                                  |
//! |-----------------------------------------|------------------------------------------------|
//! | [`socket`]: bytes from a program        | [`received`]: the datagram                     |
//! | [`receive`]: message by message         | `connector_base::wire`: the format                  |
//! | [`registry`]: whose it is               | [`table`]: the callbacks, [`calls`]: in use    |
//! | [`c_abi`]: from and to other modules    | [`send`], [`buffer`]: on the way to programs   |
//! | [`channel`]: requests for notification  | [`notifier`]: events about ids are delivered   |
//! | [`watch_list`]: of ids and of sockets   | [`autoload`]: the module of an id is loaded    |
//!
//! C counterpart: `drivers/connector/`.

mod access;
mod active;
mod atomic;
mod autoload;
mod buffer;
#[cfg(not(MODULE))]
mod built_in;
mod c_abi;
mod calls;
mod certain;
mod channel;
mod counters;
mod cursor;
mod entry;
mod entry_list;
mod event_log;
mod frame;
mod hash;
mod id_watchers;
mod instance;
#[cfg(CONFIG_CONNECTOR_KUNIT_TEST)]
mod kunit;
mod leaving;
mod list;
mod module_notifier;
mod notifier;
mod open_groups;
mod parameters;
mod proc_files;
mod race_delay;
mod rcu;
mod receive;
mod received;
mod registry;
mod requests;
mod send;
mod socket;
mod socket_watchers;
mod table;
mod trace;
mod watch_list;
mod zeroed;

use channel::Channel;
use connector_base::Id;
use instance::Instance;
use kernel::prelude::*;
use module_notifier::ModuleNotifier;
use parameters::{Groups, Refused, MAX_GROUPS};
use proc_files::ProcFiles;
use requests::Limits;
use socket::Socket;

/// What the kernel starts as the module `cn`.
#[cfg(MODULE)]
type Module = Running;

/// What the kernel starts as the module `cn`.
#[cfg(not(MODULE))]
type Module = built_in::Module;

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
            description: "Number of groups, 1 to 65536; less than 32 means 32 (default 26)",
        },
        open_groups: u64 {
            default: 0,
            description: "Mask of groups that everyone may join; group 1 always is (default 0)",
        },
        notify: bool {
            default: true,
            description: "Whether there is a notification channel (default true)",
        },
        cn_idx: u32 {
            default: 0xffffffff,
            description: "Index of the notification channel's id (default 4294967295)",
        },
        cn_val: u32 {
            default: 0xffffffff,
            description: "Value of the notification channel's id (default 4294967295)",
        },
        notify_max: u32 {
            default: 1024,
            description: "Most requests for notification in all (default 1024)",
        },
        notify_max_per_socket: u32 {
            default: 64,
            description: "Most requests for notification of one socket (default 64)",
        },
    },
}

/// The running connector. Started from bottom to top, stopped from top to bottom.
struct Running {
    /// Messages can come and be sent from when this exists.
    _socket: Socket,
    _channel: Option<Channel>,
    _proc_files: ProcFiles,
    _module_notifier: ModuleNotifier,
    _instance: Instance,
}

impl kernel::Module for Running {
    fn init(module: &'static ThisModule) -> Result<Self> {
        let instance = Instance::start(groups()?, limits())?;
        let module_notifier = ModuleNotifier::new()?;
        let proc_files = ProcFiles::new()?;
        let channel = module_parameters::notify
            .value()
            .then(|| Channel::new(instance.connector(), channel_id()))
            .transpose()?;
        let socket = Socket::new(module, instance.connector().groups()).inspect_err(|_| {
            pr_err!("cannot create the netlink socket; is another connector running?\n");
        })?;
        Ok(Self {
            _socket: socket,
            _channel: channel,
            _proc_files: proc_files,
            _module_notifier: module_notifier,
            _instance: instance,
        })
    }
}

/// What the module parameters say about the id of the notification channel.
fn channel_id() -> Id {
    Id::new(
        module_parameters::cn_idx.value(),
        module_parameters::cn_val.value(),
    )
}

/// What the module parameters say about requests for notification.
fn limits() -> Limits {
    Limits {
        total: module_parameters::notify_max.value() as usize,
        per_socket: module_parameters::notify_max_per_socket.value() as usize,
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
                "parameter open_groups={open:#x} is refused: it names a group above the last one, \
                 see parameter groups\n"
            ),
        }
        EINVAL
    })
}
