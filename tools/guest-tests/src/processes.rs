// SPDX-License-Identifier: GPL-2.0

//! Process events.

use std::process::Command;
use std::time::Duration;

use connector_client::{Error, Filter, Kernel, Options, ProcessEvents, ProcessKind, ProcessNews};

use crate::sockets::PATIENCE;
use crate::{Outcome, Test, Tested};

pub(crate) const TESTS: &[Test] = &[
    ("process.life_of_a_program", life_of_a_program),
    ("process.filter", filter),
    ("process.gaps_show_what_was_lost", gaps_show_what_was_lost),
];

/// The names of the events of one process until it ends.
fn events_of(
    events: &mut ProcessEvents,
    tgid: i32,
) -> Result<Vec<&'static str>, Box<dyn std::error::Error>> {
    let mut reported = Vec::new();
    loop {
        match events.next_within(PATIENCE)?.ok_or("no event arrived")? {
            ProcessNews::Event(event) => {
                let concerned = match &event.kind {
                    ProcessKind::Fork { child, .. } => Some(child.tgid),
                    kind => kind.task().map(|task| task.tgid),
                };
                if concerned != Some(tgid) {
                    continue;
                }
                reported.push(event.kind.name());
                if let ProcessKind::Exit { code, .. } = event.kind {
                    assert_eq!(code, 3 << 8);
                    return Ok(reported);
                }
            }
            news => return Err(format!("{news:?}").into()),
        }
    }
}

fn run_program() -> std::io::Result<i32> {
    let mut child = Command::new("/bin/sh").args(["-c", "exit 3"]).spawn()?;
    let tgid = child.id() as i32;
    child.wait()?;
    Ok(tgid)
}

fn missing() -> Result<bool, Error> {
    if Kernel::detect().process_events {
        return Ok(false);
    }
    let error = ProcessEvents::open(Filter::ALL).err();
    assert!(matches!(error, Some(Error::NotOffered { .. })), "{error:?}");
    Ok(true)
}

fn life_of_a_program() -> Tested {
    if missing()? {
        return Ok(Outcome::Passed);
    }
    let mut events = ProcessEvents::open(Filter::ALL)?;
    let tgid = run_program()?;
    let reported = events_of(&mut events, tgid)?;
    assert!(
        reported.starts_with(&["fork"])
            && reported.contains(&"exec")
            && reported.ends_with(&["exit"]),
        "{reported:?}"
    );
    Ok(Outcome::Passed)
}

fn filter() -> Tested {
    if missing()? {
        return Ok(Outcome::Passed);
    }
    let mut events = ProcessEvents::open(Filter::EXEC | Filter::NONZERO_EXIT)?;
    let tgid = run_program()?;
    assert_eq!(events_of(&mut events, tgid)?, ["exec", "exit"]);
    Ok(Outcome::Passed)
}

/// Runs a number of programs, one after the other, on the first processor.
fn run_programs(number: u32) -> std::io::Result<()> {
    let all = format!("for i in $(seq {number}); do busybox true; done");
    Command::new("taskset")
        .args(["1", "sh", "-c", &all])
        .status()
        .map(|_| ())
}

/// A gap is reported between two received events of a processor. The buffer has room for the events of one program, and not for
/// those of many.
fn gaps_show_what_was_lost() -> Tested {
    if missing()? {
        return Ok(Outcome::Passed);
    }
    let socket = Options::new().receive_buffer(16 << 10).open()?;
    let mut events = ProcessEvents::on(socket, Filter::ALL)?;
    let (mut missed, mut reported) = (0, 0);
    for number in [1, 50, 1] {
        run_programs(number)?;
        while let Some(news) = events.next_within(Duration::from_millis(500))? {
            match news {
                ProcessNews::Gap { missed: number, .. } => missed += u64::from(number),
                ProcessNews::Lost(number) => reported += number.ok_or("the number is unknown")?,
                _ => {}
            }
        }
    }
    let lost = events.socket_mut().lost();
    assert_eq!(reported, lost);
    assert!(missed > 0 && missed <= lost, "{missed} missed, {lost} lost");
    Ok(Outcome::Passed)
}
