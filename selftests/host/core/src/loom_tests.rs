// SPDX-License-Identifier: GPL-2.0

use crate::intact::models;

#[test]
fn unregistering_waits() {
    models::unregistering_waits();
}

#[test]
fn release_comes_once() {
    models::release_comes_once();
}

#[test]
fn unregistering_inside() {
    models::unregistering_inside();
}

#[test]
fn table_grows() {
    models::table_grows();
}

#[test]
fn registering() {
    models::registering();
}

#[test]
fn last_call_reclaims() {
    models::last_call_reclaims();
}

#[test]
fn unregistering_crosswise() {
    models::unregistering_crosswise();
}

/// An injected bug has to be found, for the right reason. In a process of its own, since loom does not survive
/// all that it finds.
pub(crate) fn finds(name: &str, model: fn(), says: &str) {
    const CHILD: &str = "CONNECTOR_INJECTED_BUG";

    if std::env::var_os(CHILD).is_some() {
        return model();
    }
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture"])
        .env(CHILD, "1")
        .env("RUST_BACKTRACE", "0")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stderr);
    assert!(
        !child.status.success(),
        "the model does not find the injected bug"
    );
    let first = said
        .lines()
        .find(|line| !line.is_empty() && !line.starts_with("thread "));
    println!("found: {}", first.unwrap_or_default());
    assert!(said.contains(says), "instead of '{says}' it says:\n{said}");
    assert!(!said.contains("exceeded"), "loom gave up:\n{said}");
}
