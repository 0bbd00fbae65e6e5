// SPDX-License-Identifier: GPL-2.0

use crate::parameters::{Groups, Refused, DEFAULT_GROUPS, MAX_GROUPS};

#[test]
fn few_groups_become_32() {
    for count in [1, DEFAULT_GROUPS, 31, 32] {
        assert_eq!(Groups::new(count, 0, MAX_GROUPS).unwrap().count(), 32);
    }
    assert_eq!(Groups::new(33, 0, MAX_GROUPS).unwrap().count(), 33);
    assert_eq!(
        Groups::new(MAX_GROUPS, 0, MAX_GROUPS).unwrap().count(),
        MAX_GROUPS
    );
}

#[test]
fn impossible_numbers_of_groups_are_refused() {
    for count in [0, MAX_GROUPS + 1, u32::MAX] {
        assert_eq!(
            Groups::new(count, 0, MAX_GROUPS).unwrap_err(),
            Refused::Groups
        );
    }
}

#[test]
fn group_1_is_always_open() {
    let groups = Groups::new(DEFAULT_GROUPS, 0, MAX_GROUPS).unwrap();
    let open: Vec<u32> = (0..=70)
        .chain([u32::MAX])
        .filter(|g| groups.is_open(*g))
        .collect();
    assert_eq!(open, [1]);
}

#[test]
fn mask_opens_groups_counted_from_1() {
    let groups = Groups::new(64, 1 << 2 | 1 << 31 | 1 << 63, MAX_GROUPS).unwrap();
    let open: Vec<u32> = (0..=200).filter(|g| groups.is_open(*g)).collect();
    assert_eq!(open, [1, 3, 32, 64]);
}

#[test]
fn mask_may_not_name_groups_that_do_not_exist() {
    assert!(Groups::new(DEFAULT_GROUPS, 1 << 31, MAX_GROUPS).is_ok());
    assert_eq!(
        Groups::new(DEFAULT_GROUPS, 1 << 32, MAX_GROUPS).unwrap_err(),
        Refused::OpenGroups
    );
    assert!(Groups::new(33, 1 << 32, MAX_GROUPS).is_ok());
    assert_eq!(
        Groups::new(63, 1 << 63, MAX_GROUPS).unwrap_err(),
        Refused::OpenGroups
    );
    assert!(Groups::new(64, u64::MAX, MAX_GROUPS).is_ok());
}
