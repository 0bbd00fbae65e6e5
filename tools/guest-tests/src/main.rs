// SPDX-License-Identifier: GPL-2.0

//! Tests of the client crate with the loaded connector and the test module `cn_client.ko`. The output is TAP, as that of the
//! kernel's test harness. The tests run on both connectors, and check the features that the loaded one has.
//!
//! `client tests <part of a name>` runs the tests with matching names. With another argument the program is one of its own
//! helpers: see `outsiders`.

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

/// The outcome of a test that does not fail.
pub(crate) enum Outcome {
    Passed,
    Skipped(&'static str),
}

pub(crate) type Tested = Result<Outcome, Box<dyn Error>>;
pub(crate) type Test = (&'static str, fn() -> Tested);

/// Whether the loaded connector is the C connector.
pub(crate) fn on_c() -> bool {
    std::env::var("CN_PROVIDER").is_ok_and(|provider| provider == "c")
}

/// Whether messages to unknown ids get no answer: on the C connector, and on a guest of it.
pub(crate) fn unknown_ids_are_silent() -> bool {
    on_c() || std::env::var("CN_PROVIDER").is_ok_and(|provider| provider == "guest")
}

/// Runs a test; the error is the reason of the failure.
fn run(test: fn() -> Tested) -> Result<Outcome, String> {
    let result = catch_unwind(AssertUnwindSafe(test));
    // Callbacks that a failed test left behind would disturb the next one.
    let cleared = client::clear();
    match result {
        Ok(Ok(outcome)) => cleared
            .map(|()| outcome)
            .map_err(|error| format!("clear: {error}")),
        Ok(Err(error)) => Err(error.to_string()),
        // The message of the panic is on standard error already.
        Err(_) => Err("the test panicked".to_owned()),
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
    // These need more groups than the default, so they run only if they are named.
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
