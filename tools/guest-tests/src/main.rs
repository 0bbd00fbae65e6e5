// SPDX-License-Identifier: GPL-2.0

//! Tests of the client crate against the connector that is loaded, with the test module `cn_client.ko` on the other
//! side. They say TAP lines, as the programs of the kernel's test harness do; what is asked of both connectors runs on
//! both.
//!
//! `client tests <part of their names>` runs some of them. With another argument the program is one of its own helpers:
//! see `outsiders`.

mod asynchronous;
mod client;
mod detect;
mod loss;
mod outsiders;
mod processes;
mod requests;
mod sockets;
mod watches;

use std::error::Error;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::process::ExitCode;

/// How a test ends when it does not fail.
pub(crate) enum Outcome {
    Passed,
    Skipped(&'static str),
}

pub(crate) type Tested = Result<Outcome, Box<dyn Error>>;
pub(crate) type Test = (&'static str, fn() -> Tested);

/// Whether it is the C connector that is loaded.
pub(crate) fn on_c() -> bool {
    std::env::var("CN_PROVIDER").is_ok_and(|provider| provider == "c")
}

/// The verdict of a test, with what it said if it failed.
fn run(test: fn() -> Tested) -> Result<Outcome, String> {
    let result = catch_unwind(AssertUnwindSafe(test));
    // Callbacks of a test that failed would be in the way of the next one.
    let cleared = client::clear();
    match result {
        Ok(Ok(outcome)) => cleared
            .map(|()| outcome)
            .map_err(|error| format!("clear: {error}")),
        Ok(Err(error)) => Err(error.to_string()),
        // The message of the panic is on standard error already.
        Err(_) => Err("it panicked".to_owned()),
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let wanted = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => "",
        ["tests", wanted] => wanted,
        [helper, ..] => return outsiders::run(helper),
    };
    let mut tests: Vec<Test> = [
        sockets::TESTS,
        requests::TESTS,
        loss::TESTS,
        watches::TESTS,
        processes::TESTS,
        detect::TESTS,
        outsiders::TESTS,
        asynchronous::TESTS,
    ]
    .concat();
    // Most connectors have no groups for these.
    if !wanted.is_empty() {
        tests.extend(requests::HIGH_GROUP_TESTS);
    }
    tests.retain(|(name, _)| name.contains(wanted));
    let mut failed = 0;
    println!("TAP version 13\n1..{}", tests.len());
    for (number, (name, test)) in (1..).zip(&tests) {
        match run(*test) {
            Ok(Outcome::Passed) => println!("ok {number} {name}"),
            Ok(Outcome::Skipped(why)) => println!("ok {number} {name} # SKIP {why}"),
            Err(why) => {
                println!("# {why}\nnot ok {number} {name}");
                failed += 1;
            }
        }
    }
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
