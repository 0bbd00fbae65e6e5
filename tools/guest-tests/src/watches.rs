// SPDX-License-Identifier: GPL-2.0

//! The notification channel.

use connector_client::{Change, Error, Id, Range, Watch};

use crate::client::command;
use crate::sockets::{PATIENCE, SILENCE};
use crate::{on_c, Outcome, Test, Tested};

pub(crate) const TESTS: &[Test] = &[
    ("watch.snapshot_then_changes", snapshot_then_changes),
    ("watch.ranges_and_unsubscribe", ranges_and_unsubscribe),
    ("watch.others_in_the_group", others_in_the_group),
    ("watch.errors", errors),
    ("watch.large_snapshot", large_snapshot),
];

const GROUP: u32 = 13;
const SKIPPED: Tested = Ok(Outcome::Skipped(
    "the C connector has no notification channel",
));

fn next(watch: &mut Watch) -> Result<Change, Box<dyn std::error::Error>> {
    Ok(watch.next_within(PATIENCE)?.ok_or("no event arrived")?)
}

fn snapshot_then_changes() -> Tested {
    if on_c() {
        let error = Watch::open(GROUP).expect_err("the C connector has a channel");
        assert!(matches!(error, Error::NotOffered { .. }), "{error:?}");
        return Ok(Outcome::Passed);
    }
    let (one, two) = (Id::new(25, 1), Id::new(25, 2));
    command("add 25:1 tools count")?;
    let mut watch = Watch::open(GROUP)?;
    watch.subscribe_with_snapshot(&[Range::from(25..=25)], &[Range::ALL])?;
    command("add 25:2 tools count")?;
    command("del 25:1")?;
    assert_eq!(next(&mut watch)?, Change::Present(one));
    assert_eq!(next(&mut watch)?, Change::Registered(two));
    assert_eq!(next(&mut watch)?, Change::Unregistered(one));
    assert_eq!(watch.next_within(SILENCE)?, None);
    Ok(Outcome::Passed)
}

fn ranges_and_unsubscribe() -> Tested {
    if on_c() {
        return SKIPPED;
    }
    let ranges = (
        [Range::from(25..=26)],
        [Range::from(5..=7), Range::from(100..=u32::MAX)],
    );
    let mut watch = Watch::open(GROUP)?;
    watch.subscribe(&ranges.0, &ranges.1)?;
    for id in ["25:4", "25:5", "26:7", "26:8", "27:5", "25:4294967295"] {
        command(&format!("add {id} tools count"))?;
    }
    for id in [Id::new(25, 5), Id::new(26, 7), Id::new(25, u32::MAX)] {
        assert_eq!(next(&mut watch)?, Change::Registered(id));
    }
    watch.unsubscribe(&ranges.0, &ranges.1)?;
    command("clear")?;
    assert_eq!(watch.next_within(SILENCE)?, None);
    Ok(Outcome::Passed)
}

/// Two watches that share a group receive each other's events, and do not report them.
fn others_in_the_group() -> Tested {
    if on_c() {
        return SKIPPED;
    }
    let (mut one, mut two) = (Watch::open(GROUP)?, Watch::open(GROUP)?);
    one.subscribe(&[Range::from(25..=25)], &[Range::ALL])?;
    two.subscribe(&[Range::from(26..=26)], &[Range::ALL])?;
    command("add 25:1 tools count")?;
    command("add 26:1 tools count")?;
    assert_eq!(next(&mut one)?, Change::Registered(Id::new(25, 1)));
    assert_eq!(next(&mut two)?, Change::Registered(Id::new(26, 1)));
    assert_eq!(one.next_within(SILENCE)?, None);
    assert_eq!(two.next_within(SILENCE)?, None);
    Ok(Outcome::Passed)
}

fn errors() -> Tested {
    if on_c() {
        return SKIPPED;
    }
    let mut watch = Watch::open(GROUP)?;
    let errno = |result: Result<(), Error>| match result {
        Err(Error::Refused(refusal)) => refusal.errno,
        other => panic!("{other:?}"),
    };
    assert_eq!(errno(watch.unsubscribe(&[Range::ALL], &[Range::ALL])), 2);
    for number in 0..64 {
        watch.subscribe(&[Range::from(number..=number)], &[Range::ALL])?;
    }
    assert_eq!(errno(watch.subscribe(&[Range::ALL], &[Range::ALL])), 28);
    Ok(Outcome::Passed)
}

fn large_snapshot() -> Tested {
    if on_c() {
        return SKIPPED;
    }
    const IDS: u32 = 1000;
    command(&format!("add_many 26:1 {IDS}"))?;
    let mut watch = Watch::open(GROUP)?;
    watch.subscribe_with_snapshot(&[Range::from(26..=26)], &[Range::ALL])?;
    for val in 1..=IDS {
        assert_eq!(next(&mut watch)?, Change::Present(Id::new(26, val)));
    }
    assert_eq!(watch.next_within(SILENCE)?, None);
    Ok(Outcome::Passed)
}
