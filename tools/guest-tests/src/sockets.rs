// SPDX-License-Identifier: GPL-2.0

//! Sending, receiving, groups.

use std::sync::mpsc;
use std::time::Duration;

use connector_client::wire::{Datagram, DecodeError, MESSAGE_HEADER, NETLINK_HEADER};
use connector_client::{Answer, Arrival, Direction, Error, Event, Id, Message, Options, Socket};
use netlink_sys::{protocols::NETLINK_CONNECTOR, SocketAddr};

use crate::client::{command, Client};
use crate::{on_c, unknown_ids_are_silent, Outcome, Test, Tested};

pub(crate) const IDX: u32 = 25;
pub(crate) const ID: Id = Id::new(IDX, 1);
/// A time limit that a loaded machine without hardware virtualisation does not reach.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// The time to wait for a message that must not arrive.
pub(crate) const SILENCE: Duration = Duration::from_millis(50);

pub(crate) const TESTS: &[Test] = &[
    ("socket.message_arrives", message_arrives),
    ("socket.group_is_heard_and_left", group_is_heard_and_left),
    ("socket.several_groups", several_groups),
    ("socket.no_such_group", no_such_group),
    (
        "socket.bundle_is_several_messages",
        bundle_is_several_messages,
    ),
    (
        "socket.datagram_of_several_messages",
        datagram_of_several_messages,
    ),
    ("socket.largest_message", largest_message),
    (
        "socket.larger_than_the_buffer_is_reported",
        larger_than_the_buffer_is_reported,
    ),
    (
        "socket.foreign_datagrams_are_ignored_and_counted",
        foreign_datagrams_are_ignored_and_counted,
    ),
    ("socket.acknowledged", acknowledged),
    (
        "socket.refusal_has_number_and_text",
        refusal_has_number_and_text,
    ),
    ("socket.stop_ends_the_wait", stop_ends_the_wait),
    ("socket.tap_has_both_ways", tap_has_both_ways),
];

/// Receives the next event, which has to be a message.
pub(crate) fn next_message(
    socket: &mut Socket,
) -> Result<Arrival<'static>, Box<dyn std::error::Error>> {
    match socket.events_within(PATIENCE).next() {
        Some(Ok(Event::Message(arrival))) => Ok(arrival),
        other => Err(format!("{other:?} instead of a message").into()),
    }
}

/// Checks that no event arrives.
pub(crate) fn expect_silence(socket: &mut Socket) {
    let event = socket.events_within(SILENCE).next();
    assert!(event.is_none(), "{event:?}");
}

fn message_arrives() -> Tested {
    let mut client = Client::open()?;
    client.command("add 25:1 tools count")?;
    let mut socket = Socket::open()?;
    socket.send(&Message::new(ID, b"hello".as_slice())?)?;
    client.command("wait_calls 25:1 1")?;
    expect_silence(&mut socket);
    Ok(Outcome::Passed)
}

fn group_is_heard_and_left() -> Tested {
    let mut socket = Socket::open()?;
    socket.join(IDX)?;
    command("send id=25:1 seq=5 ack=6 flags=7 msg_len=3 group=25")?;
    let arrival = next_message(&mut socket)?;
    assert_eq!(arrival.group, Some(IDX));
    let message = arrival.message;
    assert_eq!(
        (message.id, message.seq, message.ack, message.flags),
        (ID, 5, 6, 7)
    );
    assert_eq!(message.payload.len(), 3);
    socket.leave(IDX)?;
    // Now no socket listens.
    assert!(command("send id=25:1 group=25").is_err());
    expect_silence(&mut socket);
    Ok(Outcome::Passed)
}

fn several_groups() -> Tested {
    let mut socket = Socket::open()?;
    for group in [1, 25, 32] {
        socket.join(group)?;
    }
    for group in [32, 1, 25] {
        command(&format!("send id=25:1 seq={group} group={group}"))?;
        let arrival = next_message(&mut socket)?;
        assert_eq!((arrival.group, arrival.message.seq), (Some(group), group));
    }
    Ok(Outcome::Passed)
}

fn no_such_group() -> Tested {
    let mut socket = Socket::open()?;
    for group in [0, 33, u32::MAX] {
        let error = socket.join(group).expect_err("it was joined");
        assert!(
            matches!(error, Error::NoSuchGroup { group: reported } if reported == group),
            "{error:?}"
        );
    }
    Ok(Outcome::Passed)
}

fn bundle_is_several_messages() -> Tested {
    let mut socket = Socket::open()?;
    command(&format!(
        "send_mult id=25:1 seq=10 msg_len=11 bundle=3 portid={}",
        socket.port()
    ))?;
    for number in 0..3 {
        let arrival = next_message(&mut socket)?;
        assert_eq!(arrival.group, None);
        assert_eq!(
            (arrival.message.seq, arrival.message.payload.len()),
            (10 + number, 11)
        );
    }
    expect_silence(&mut socket);
    Ok(Outcome::Passed)
}

/// The C connector handles the first netlink message only.
fn datagram_of_several_messages() -> Tested {
    let mut client = Client::open()?;
    client.command("add 25:1 tools count")?;
    client.command("add 25:2 tools count")?;
    let socket = Socket::open()?;
    let mut datagram = Datagram::new();
    datagram.push(&Message::new(ID, b"a".as_slice())?, 1, false);
    datagram.push(&Message::new(Id::new(IDX, 2), b"b".as_slice())?, 2, false);
    socket.send_datagram(&datagram)?;
    client.command("wait_calls 25:1 1")?;
    if !on_c() {
        client.command("wait_calls 25:2 1")?;
    }
    Ok(Outcome::Passed)
}

fn largest_message() -> Tested {
    command("add 25:1 tools echo")?;
    let mut socket = Socket::open()?;
    let payload: Vec<u8> = (0..connector_client::wire::MAX_PAYLOAD)
        .map(|number| number as u8)
        .collect();
    let reply = socket.request(ID, &payload)?.wait(&mut socket, PATIENCE)?;
    assert_eq!(reply.payload, payload);
    Ok(Outcome::Passed)
}

fn larger_than_the_buffer_is_reported() -> Tested {
    let mut socket = Options::new().largest_datagram(100).open()?;
    report_larger_than_the_buffer(&mut socket)?;
    // From now on the socket asks for groups above 32, whether this one exists or not.
    let _ = socket.join(33);
    report_larger_than_the_buffer(&mut socket)
}

fn report_larger_than_the_buffer(socket: &mut Socket) -> Tested {
    command(&format!(
        "send id=25:1 msg_len=1000 portid={}",
        socket.port()
    ))?;
    command(&format!("send id=25:1 msg_len=10 portid={}", socket.port()))?;
    let mut events = socket.events_within(PATIENCE);
    let event = events.next();
    let size = 16 + 20 + 1000;
    assert!(
        matches!(event, Some(Ok(Event::Malformed(DecodeError::Truncated { size: reported, room: 100 }))) if reported == size),
        "{event:?}"
    );
    assert_eq!(next_message(socket)?.message.payload.len(), 10);
    Ok(Outcome::Passed)
}

fn foreign_datagrams_are_ignored_and_counted() -> Tested {
    let mut socket = Socket::open()?;
    let mut stranger = netlink_sys::Socket::new(NETLINK_CONNECTOR)?;
    stranger.bind_auto()?;
    // The datagram looks like one of the kernel, except for its port.
    let mut datagram = Datagram::new();
    datagram.push(&Message::new(ID, b"believe me".as_slice())?, 0, false);
    for _ in 0..3 {
        stranger.send_to(datagram.as_bytes(), &SocketAddr::new(socket.port(), 0), 0)?;
    }
    command(&format!("send id=25:1 seq=9 portid={}", socket.port()))?;
    assert_eq!(next_message(&mut socket)?.message.seq, 9);
    assert_eq!(socket.foreign_datagrams(), 3);
    Ok(Outcome::Passed)
}

fn acknowledged() -> Tested {
    let mut client = Client::open()?;
    client.command("add 25:1 tools count")?;
    let mut socket = Socket::open()?;
    let result = socket.send_acknowledged(&Message::new(ID, b"hello".as_slice())?, PATIENCE);
    if on_c() {
        assert!(
            matches!(result, Err(Error::NotOffered { .. })),
            "{result:?}"
        );
        return Ok(Outcome::Passed);
    }
    result?;
    client.command("wait_calls 25:1 1")?;
    // The answer to a datagram that was made by hand is an event.
    let mut datagram = Datagram::new();
    datagram.push(&Message::new(ID, b"".as_slice())?, 77, true);
    socket.send_datagram(&datagram)?;
    let event = socket
        .events_within(PATIENCE)
        .next()
        .ok_or("no event arrived")??;
    assert_eq!(
        event,
        Event::Answer(Answer {
            seq: 77,
            errno: 0,
            text: None
        })
    );
    Ok(Outcome::Passed)
}

fn refusal_has_number_and_text() -> Tested {
    if on_c() {
        return Ok(Outcome::Skipped("the C connector has no refusals"));
    }
    let mut socket = Socket::open()?;
    let unknown = Message::new(Id::new(IDX, 9), b"".as_slice())?;
    if unknown_ids_are_silent() {
        let silence = socket.send_acknowledged(&unknown, SILENCE);
        assert!(
            matches!(silence, Err(Error::TimedOut { .. })),
            "{silence:?}"
        );
        return Ok(Outcome::Passed);
    }
    match socket.send_acknowledged(&unknown, PATIENCE) {
        Err(Error::Refused(refusal)) => {
            assert_eq!((refusal.id, refusal.errno), (Id::new(IDX, 9), 19));
            assert!(
                refusal.text.as_ref().is_some_and(|text| !text.is_empty()),
                "{refusal:?}"
            );
        }
        other => return Err(format!("{other:?}").into()),
    }
    Ok(Outcome::Passed)
}

fn stop_ends_the_wait() -> Tested {
    let mut socket = Socket::open()?;
    let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    socket.stop_on(theirs);
    // A message that arrived before the stop is still received.
    command(&format!("send id=25:1 seq=9 portid={}", socket.port()))?;
    drop(ours);
    assert_eq!(next_message(&mut socket)?.message.seq, 9);
    assert!(socket.events().next().is_none());
    assert!(matches!(socket.receive(None), Err(Error::Stopped)));
    Ok(Outcome::Passed)
}

/// The tap gets the bytes of the wire, in their order.
fn tap_has_both_ways() -> Tested {
    let mut client = Client::open()?;
    client.command("add 25:1 tools echo")?;
    let mut socket = Socket::open()?;
    let (to, seen) = mpsc::channel();
    socket.tap(move |direction, datagram| {
        // The receiver is gone if the test has failed.
        let _ = to.send((direction, datagram.to_vec()));
    });
    let message = Message::new(ID, b"hello".as_slice())?;
    let reply = socket
        .request(ID, &message.payload)?
        .wait(&mut socket, PATIENCE)?
        .into_owned();
    let sent = seen.recv_timeout(PATIENCE)?;
    let asked = message.with_seq(reply.seq).encode();
    assert_eq!(sent.0, Direction::Sent);
    assert_eq!(sent.1[NETLINK_HEADER..][..asked.len()], asked);
    let replied = reply.encode();
    assert!(
        seen.try_iter()
            .any(|(direction, bytes)| direction == Direction::Received
                && bytes[NETLINK_HEADER..].get(..replied.len()) == Some(&replied[..])),
        "the reply is missing"
    );
    assert_eq!(replied.len(), MESSAGE_HEADER + 5);
    Ok(Outcome::Passed)
}
