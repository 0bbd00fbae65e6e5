// SPDX-License-Identifier: GPL-2.0

use super::input::Input;
use crate::parameters::{Groups, Refused, MAX_GROUPS};

/// The bytes are the values of the parameters, and a group to join.
pub fn parameters(bytes: &[u8]) {
    let mut input = Input(bytes);
    let (count, open, group) = (input.u32(), input.u64(), input.u32());
    let exists = |group: u32| (1..=count.max(32)).contains(&group);
    // The parameter `open_groups` names group 1 by its lowest bit.
    let named: Vec<u32> = (1..=64)
        .filter(|group| open >> (group - 1) & 1 == 1)
        .collect();
    match Groups::new(count, open, MAX_GROUPS) {
        Err(Refused::Groups) => assert!(count == 0 || count > 1024),
        Err(Refused::OpenGroups) => {
            assert!((1..=1024).contains(&count) && !named.iter().all(|group| exists(*group)));
        }
        Ok(groups) => {
            assert!((1..=1024).contains(&count) && named.iter().all(|group| exists(*group)));
            assert_eq!(groups.count(), count.max(32));
            for group in (0..=70).chain([group]) {
                assert_eq!(groups.is_open(group), group == 1 || named.contains(&group));
            }
        }
    }
}
