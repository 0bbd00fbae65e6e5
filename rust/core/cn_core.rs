// SPDX-License-Identifier: GPL-2.0

//! The connector: netlink messages between programs and the callbacks of kernel modules.
//!
//! A drop-in replacement of the kernel's C module of the same name: the same netlink protocol, the
//! same functions for other modules, the same file in `/proc/net`.
//!
//! | where | what |
//! |---|---|
//! | [`netlink`], [`receive`], [`send`] | datagrams from programs, and messages to them |
//! | [`carrier`] | the socket, or the built-in connector |
//! | [`table`], [`calls`] | the callbacks, and calls of them |
//! | [`notify`] | notification of ids and sockets, for programs and modules |
//! | [`c_abi`], `c_functions` | the functions for modules in Rust, by their crate, and in C |
//! | [`connector`], [`modules`] | the one connector, and modules that are unloaded |
//! | [`start`], [`parameters`] | its start and its end |
//! | [`stats`], [`proc_files`] | what can be seen of it |
//! | [`helpers`], [`sync`], [`list`] | what the others are made of |
//!
//! C counterpart: `drivers/connector/`.

#![deny(unsafe_code)]
// A guest does not need everything: C modules use the built-in connector, for example.
#![cfg_attr(CN_GUEST, allow(dead_code, unused_imports))]

mod c_abi;
#[cfg(not(CN_GUEST))]
mod c_functions;
mod calls;
#[cfg_attr(CN_GUEST, path = "carrier/guest.rs")]
#[cfg_attr(not(CN_GUEST), path = "carrier/own.rs")]
mod carrier;
mod connector;
mod helpers;
#[cfg(CONFIG_CONNECTOR_KUNIT_TEST)]
mod kunit;
mod list;
mod modules;
mod netlink;
mod notify;
mod parameters;
mod proc_files;
mod receive;
mod send;
mod start;
mod stats;
mod sync;
mod table;

use kernel::prelude::*;

/// The module, whose name depends on the carrier. The glue has one more parameter, `notify`.
macro_rules! connector_module {
    ($name:tt, $aliases:tt) => {
module! {
    type: start::Module,
    name: $name,
    authors: ["The connector-rs authors"],
    description: "Generic userspace <-> kernelspace connector",
    license: "GPL",
    alias: $aliases,
    params: {
        groups: u32 {
            default: crate::parameters::DEFAULT_GROUPS,
            description: "Number of groups, 1 to 1024; less than 32 means 32 (default 26)",
        },
        open_groups: u64 {
            default: 0,
            description: "Mask of groups that everyone may join; group 1 always is (default 0)",
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
    };
}

#[cfg(CN_GUEST)]
connector_module!("cn_guest", ["cn-core"]);
#[cfg(not(CN_GUEST))]
connector_module!("cn", ["net-pf-16-proto-11", "cn-core"]);
