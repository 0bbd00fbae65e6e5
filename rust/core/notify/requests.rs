// SPDX-License-Identifier: GPL-2.0

//! The requests for notification of programs.
//!
//! A request belongs to the socket that made it, and ends with it.

#![forbid(unsafe_code)]

use super::event_log::Event;
use crate::{
    helpers::zeroed,
    list::{List, Reserved},
    parameters::MAX_GROUPS,
};
use connector_base::{
    notify_request::{matches, Request},
    Id,
};
use kernel::{bindings::sock, new_spinlock, prelude::*, sync::SpinLock};

/// How many groups are looked up at a time.
const GROUP_BATCH: usize = 64;

/// A set of groups, without an allocation.
struct GroupSet([u64; MAX_GROUPS.div_ceil(u64::BITS) as usize]);

impl GroupSet {
    const EMPTY: Self = Self([0; MAX_GROUPS.div_ceil(u64::BITS) as usize]);

    /// The index of the word of a group, and its bit there. Bit 0 stands for group 1.
    fn position(group: u32) -> (usize, u64) {
        let bit = group.wrapping_sub(1);
        ((bit / u64::BITS) as usize, 1u64.wrapping_shl(bit))
    }

    /// Adds a group. There is none above [`MAX_GROUPS`].
    fn add(&mut self, group: u32) {
        let (index, bit) = Self::position(group);
        if let Some(word) = self.0.get_mut(index) {
            *word |= bit;
        }
    }

    fn contains(&self, group: u32) -> bool {
        let (index, bit) = Self::position(group);
        self.0.get(index).is_some_and(|word| word & bit != 0)
    }

    fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        (1..=MAX_GROUPS).filter(|group| self.contains(*group))
    }
}

/// The socket that a request belongs to, for comparison only.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct RequestOwner(usize);

impl RequestOwner {
    pub(crate) fn new(socket: *const sock) -> Self {
        Self(socket.addr())
    }
}

/// How many requests there may be.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    /// Of all sockets together.
    pub(crate) total: usize,
    /// Of one socket.
    pub(crate) per_socket: usize,
}

/// A request as it is kept.
pub(crate) struct StoredRequest {
    /// The number of the request; none is used twice.
    serial: u64,
    owner: RequestOwner,
    /// The number of the last event that is not for it.
    pub(crate) since: u64,
    group: u32,
    idx_count: usize,
    ranges: KVVec<[u32; 2]>,
}

impl StoredRequest {
    /// Copies a request. May sleep.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`]: no memory.
    pub(crate) fn new(owner: RequestOwner, request: &Request<'_>) -> Result<Self> {
        let mut ranges = zeroed::<[u32; 2]>(request.count)?;
        for (to, from) in ranges.iter_mut().zip(request.ranges()) {
            *to = from.into();
        }
        Ok(Self {
            serial: 0,
            owner,
            since: 0,
            group: request.group,
            idx_count: request.idx_count,
            ranges,
        })
    }

    /// Whether an id is in its ranges.
    pub(crate) fn matches(&self, id: Id) -> bool {
        self.ranges
            .split_at_checked(self.idx_count)
            .is_some_and(|(idx, val)| matches(id, idx, val))
    }

    fn is_for(&self, event: &Event) -> bool {
        self.since < event.number && self.matches(event.id)
    }

    fn has_ranges_of(&self, other: &Self) -> bool {
        self.idx_count == other.idx_count && *self.ranges == *other.ranges
    }
}

/// The data that the lock protects.
struct Stored {
    /// Last made first.
    list: List<StoredRequest>,
    /// The number of the last one.
    last: u64,
}

/// A request that was not added, to be dropped where the task may sleep: the ranges of a large one
/// may have come from `vmalloc()`.
pub(crate) struct NotAdded {
    is_known: bool,
    _request: StoredRequest,
    _reserved: Reserved<StoredRequest>,
}

impl NotAdded {
    /// Frees the request, which an equal one makes unnecessary. May sleep.
    ///
    /// # Errors
    ///
    /// [`ENOSPC`]: there is none; the request was refused, because there are too many.
    pub(crate) fn into_result(self) -> Result {
        if self.is_known {
            Ok(())
        } else {
            Err(ENOSPC)
        }
    }
}

/// All requests.
#[pin_data]
pub(crate) struct Requests {
    limits: Limits,
    #[pin]
    stored: SpinLock<Stored>,
}

impl Requests {
    pub(crate) fn new(limits: Limits) -> impl PinInit<Self> {
        pin_init!(Self {
            limits,
            stored <- new_spinlock!(Stored { list: List::new(), last: 0 }, "cn_requests"),
        })
    }

    /// Memory for [`Self::add`]. May sleep.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`]: no memory.
    pub(crate) fn reserve() -> Result<Reserved<StoredRequest>> {
        List::reserve()
    }

    /// Adds a request, unless the socket has made an equal one or there are too many. Neither
    /// sleeps nor frees memory.
    pub(crate) fn add(
        &self,
        mut new: StoredRequest,
        reserved: Reserved<StoredRequest>,
    ) -> Result<(), NotAdded> {
        let mut stored = self.stored.lock();
        let (mut total, mut own, mut is_known) = (0usize, 0usize, false);
        for one in stored.list.iter() {
            total = total.saturating_add(1);
            if one.owner == new.owner {
                own = own.saturating_add(1);
                is_known |= one.group == new.group && one.has_ranges_of(&new);
            }
        }
        let has_room = total < self.limits.total && own < self.limits.per_socket;
        if is_known || !has_room {
            return Err(NotAdded {
                is_known,
                _request: new,
                _reserved: reserved,
            });
        }
        stored.last = stored.last.wrapping_add(1);
        new.serial = stored.last;
        stored.list.push_reserved(reserved, new);
        Ok(())
    }

    /// Removes the requests of a socket that have the ranges of `like`, whatever their group, and
    /// returns how many there were. Does not sleep.
    pub(crate) fn remove(&self, like: &StoredRequest) -> usize {
        self.extract(|one| one.owner == like.owner && one.has_ranges_of(like))
    }

    /// Removes all requests of a socket, and returns how many there were. Does not sleep.
    pub(crate) fn remove_all(&self, owner: RequestOwner) -> usize {
        self.extract(|one| one.owner == owner)
    }

    fn extract(&self, predicate: impl Fn(&StoredRequest) -> bool) -> usize {
        // The lock ends before what was removed is freed.
        let removed = self.stored.lock().list.extract(predicate);
        removed
            .iter()
            .fold(0usize, |count, _| count.saturating_add(1))
    }

    /// Calls `action` with each group of the requests, once, however many requests name it. Nothing
    /// is locked then. Does not sleep unless `action` does.
    pub(crate) fn for_each_group(&self, action: impl FnMut(u32)) {
        let mut groups = GroupSet::EMPTY;
        let stored = self.stored.lock();
        stored.list.iter().for_each(|one| groups.add(one.group));
        drop(stored);
        groups.iter().for_each(action);
    }

    /// Calls `action` with the group of each request that matches an event; last made first. A
    /// group that several of them name comes as often. Nothing is locked then.
    pub(crate) fn for_each_match(&self, event: &Event, action: impl Fn(u32)) {
        let mut groups = [0u32; GROUP_BATCH];
        let mut before = u64::MAX;
        loop {
            let mut count = 0usize;
            let stored = self.stored.lock();
            let limit = before;
            let meant = stored
                .list
                .iter()
                .filter(|one| one.serial < limit && one.is_for(event));
            for (to, request) in groups.iter_mut().zip(meant) {
                *to = request.group;
                before = request.serial;
                count = count.saturating_add(1);
            }
            drop(stored);
            groups.iter().take(count).for_each(|group| action(*group));
            if count < GROUP_BATCH {
                return;
            }
        }
    }
}

#[cfg(CONFIG_CONNECTOR_KUNIT_TEST)]
#[kernel::prelude::kunit_tests(cn_requests)]
mod tests {
    use super::*;
    use core::ptr::without_provenance;
    use zerocopy::IntoBytes;

    const OWNERS: usize = 100;

    /// Each socket requests events in each of these groups.
    fn add_all(requests: &Requests, groups: &[u32]) -> Result {
        for owner in 1..=OWNERS {
            for group in groups {
                let payload = [0, 0, *group, 0];
                let request = Request::read(payload.as_bytes()).ok_or(EINVAL)?;
                let owner = RequestOwner::new(without_provenance(owner));
                let new = StoredRequest::new(owner, &request)?;
                let added = requests.add(new, Requests::reserve()?);
                added.or_else(|refused| refused.into_result())?;
            }
        }
        Ok(())
    }

    #[test]
    fn a_loss_is_reported_once_to_a_group_of_many_requests() -> Result {
        let limits = Limits {
            total: 1000,
            per_socket: 1000,
        };
        let requests = KBox::pin_init(Requests::new(limits), GFP_KERNEL)?;
        add_all(&requests, &[1024, 1, 65, 64])?;
        let mut reported = [0; 6];
        let mut places = reported.iter_mut();
        requests.for_each_group(|group| {
            if let Some(to) = places.next() {
                *to = group;
            }
        });
        assert_eq!(reported, [1, 64, 65, 1024, 0, 0]);
        Ok(())
    }
}
