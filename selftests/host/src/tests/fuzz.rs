// SPDX-License-Identifier: GPL-2.0

//! The seeds of the fuzz targets, without a fuzzer.

use crate::fuzz;

/// Runs each seed of a target, each of its beginnings, and it with each bit turned.
fn replay(target: &str, check: fn(&[u8])) {
    let folder = format!("{}/fuzz/seeds/{target}", env!("CARGO_MANIFEST_DIR"));
    let mut count = 0;
    for seed in std::fs::read_dir(&folder).unwrap() {
        let mut bytes = std::fs::read(seed.unwrap().path()).unwrap();
        count += 1;
        check(&bytes);
        for len in 0..bytes.len() {
            check(&bytes[..len]);
        }
        for bit in 0..8 * bytes.len() {
            bytes[bit / 8] ^= 1 << (bit % 8);
            check(&bytes);
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }
    assert!(count > 0, "no seeds in {folder}");
}

#[test]
fn wire() {
    replay("wire", fuzz::wire);
}

#[test]
fn datagram() {
    replay("datagram", fuzz::datagram);
}

#[test]
fn request() {
    replay("request", fuzz::request);
}

#[test]
fn operation() {
    replay("operation", fuzz::operation);
}

#[test]
fn parameters() {
    replay("parameters", fuzz::parameters);
}
