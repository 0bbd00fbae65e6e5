// SPDX-License-Identifier: GPL-2.0

use crate::intact::check::{dying, registry};

/// Operations by chance, with few numbers among the bytes so that ids are met again.
#[test]
fn operations_by_chance() {
    let mut state = 1u64;
    let mut byte = |below: u64| {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        ((state >> 33) % below) as u8
    };
    let rounds = if cfg!(miri) { 20 } else { 3000 };
    for round in 0..rounds {
        let below = [24, 256][round % 2];
        let bytes: Vec<u8> = (0..200).map(|_| byte(below)).collect();
        registry(&bytes);
    }
}

/// The calls of three callbacks return in one order, in which they leave the list of dying entries; that they were
/// unregistered in each other order puts each of them at each position of it.
#[test]
fn dying_entries_leave_from_everywhere() {
    for order in [
        [1, 2, 3],
        [1, 3, 2],
        [2, 1, 3],
        [2, 3, 1],
        [3, 1, 2],
        [3, 2, 1],
    ] {
        dying(order);
    }
}

#[test]
fn seeds() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/seeds/registry");
    let mut count = 0;
    for seed in std::fs::read_dir(folder).unwrap() {
        registry(&std::fs::read(seed.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count > 0);
}
