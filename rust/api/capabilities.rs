// SPDX-License-Identifier: GPL-2.0

//! What the connector can do on the running kernel.
//!
//! C counterpart: none; the C connector is the same on all kernels.

#![forbid(unsafe_code)]

use crate::{
    bindings::{CN_ALL_GROUPS, CN_ALL_IDS, CN_GROUP_CHANGES, CN_NATIVE},
    raw,
};

/// What the connector can do on the running kernel; see [`capabilities()`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Capabilities {
    features: u32,
    groups: u32,
}

impl Capabilities {
    #[inline]
    const fn has(self, feature: u32) -> bool {
        self.features & feature != 0
    }

    /// Whether the connector has the netlink protocol to itself (`cn.ko`, or built into the
    /// kernel). If not, it is a guest of the C connector that is built into the kernel
    /// (`cn_guest.ko`).
    #[inline]
    pub const fn is_native(self) -> bool {
        self.has(CN_NATIVE)
    }

    /// Whether it knows the ids of all clients. If not, it does not know those that C modules
    /// register: watchers are not notified of them, and messages to ids that nobody has
    /// registered get no answer, even where the sender set `NLM_F_ACK`.
    #[inline]
    pub const fn knows_all_ids(self) -> bool {
        self.has(CN_ALL_IDS)
    }

    /// Whether every group can be opened to all programs. If not, programs without `CAP_NET_ADMIN`
    /// cannot join a group with an even number, and can join one with an odd number. They receive
    /// nothing from it while it is closed.
    #[inline]
    pub const fn opens_all_groups(self) -> bool {
        self.has(CN_ALL_GROUPS)
    }

    /// Whether watchers of sockets are notified of groups that are joined and left, and of all
    /// sockets that are closed. If not, they are notified of closed sockets from which this
    /// connector had received a message.
    #[inline]
    pub const fn notifies_of_groups(self) -> bool {
        self.has(CN_GROUP_CHANGES)
    }

    /// How many groups there are; they are numbered from 1. A message to the group of an id with a
    /// larger `idx` has no listeners.
    #[inline]
    pub const fn groups(self) -> u32 {
        self.groups
    }
}

/// What the connector can do on the running kernel. It stays the same as long as the module is
/// loaded.
///
/// A module that needs more than a guest can do fails to load:
///
/// ```
/// # use kernel::prelude::*;
/// # fn check() -> Result {
/// if !connector::capabilities().notifies_of_groups() {
///     return Err(ENODEV);
/// }
/// # Ok(())
/// # }
/// ```
///
/// Context: any.
#[inline]
pub fn capabilities() -> Capabilities {
    let (features, groups) = raw::features();
    Capabilities { features, groups }
}
