// SPDX-License-Identifier: GPL-2.0

//! Module parameters: the accepted values, and their meaning.
//!
//! Pure: depends on nothing but `core`, so that it compiles on the host too.

#![forbid(unsafe_code)]

/// The number of groups that user programs may join unless the parameter `groups` says otherwise.
///
/// The C connector requests this number; netlink makes at least [`MIN_GROUPS`] of it.
pub(crate) const DEFAULT_GROUPS: u32 = 26;

/// The largest value of the parameter `groups`.
///
/// Each member socket has a bit for each group, and netlink passes all of them, with its table
/// locked, whenever a socket joins or leaves a group.
pub(crate) const MAX_GROUPS: u32 = 1024;

/// The least number of groups that a netlink protocol has.
const MIN_GROUPS: u32 = 32;

/// The group of process events, which is open to everyone.
const PROCESS_EVENTS: u32 = 1;

/// Why a parameter is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Refused {
    /// `groups` is 0 or larger than the carrier can have.
    Groups,
    /// `open_groups` names a group that does not exist.
    OpenGroups,
}

/// The groups, and the rights that joining them needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Groups {
    count: u32,
    open: u64,
}

impl Groups {
    /// Checks the values of the parameters `groups`, which can be up to `most`, and `open_groups`.
    pub(crate) fn new(count: u32, open: u64, most: u32) -> Result<Self, Refused> {
        if !(1..=most).contains(&count) {
            return Err(Refused::Groups);
        }
        let count = count.max(MIN_GROUPS);
        // Bit 0 stands for group 1.
        let largest_open = u64::BITS - open.leading_zeros();
        if largest_open > count {
            return Err(Refused::OpenGroups);
        }
        Ok(Self { count, open })
    }

    /// How many groups there are; they are numbered from 1.
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// Whether programs without `CAP_NET_ADMIN` may join `group`.
    pub(crate) fn is_open(&self, group: u32) -> bool {
        let bit = group
            .checked_sub(1)
            .and_then(|bit| 1u64.checked_shl(bit))
            .unwrap_or(0);
        group == PROCESS_EVENTS || self.open & bit != 0
    }
}
