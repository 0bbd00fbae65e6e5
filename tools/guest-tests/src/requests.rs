// SPDX-License-Identifier: GPL-2.0

//! Requests and their replies.

use std::thread;
use std::time::{Duration, Instant};

use connector_client::{Error, Event, Id, Options, Request, Socket};

use crate::client::command;
use crate::sockets::{expect_silence, next_message, ID, IDX, PATIENCE};
use crate::{unknown_ids_are_silent, Outcome, Test, Tested};

pub(crate) const TESTS: &[Test] = &[
    ("request.reply_is_found", reply_is_found),
    ("request.without_acknowledgement", without_acknowledgement),
    ("request.asked_again_and_again", asked_again_and_again),
    (
        "request.prepared_with_others_under_way",
        prepared_with_others_under_way,
    ),
    (
        "request.prepared_for_an_unknown_id",
        prepared_for_an_unknown_id,
    ),
    (
        "request.thousand_in_flight_in_any_order",
        thousand_in_flight_in_any_order,
    ),
    (
        "request.events_meanwhile_are_kept",
        events_meanwhile_are_kept,
    ),
    (
        "request.multicast_with_the_same_seq_is_no_reply",
        multicast_with_the_same_seq_is_no_reply,
    ),
    ("request.reply_in_a_group", reply_in_a_group),
    ("request.unknown_id", unknown_id),
    ("request.no_reply_in_time", no_reply_in_time),
    ("request.late_reply_is_an_event", late_reply_is_an_event),
];

/// Tests that need a connector with more than 32 groups.
pub(crate) const HIGH_GROUP_TESTS: &[Test] = &[(
    "request.event_of_a_high_group_is_no_reply",
    event_of_a_high_group_is_no_reply,
)];

fn reply_is_found() -> Tested {
    command("add 25:1 tools echo")?;
    let mut socket = Socket::open()?;
    let reply = socket.request(ID, b"hello")?.wait(&mut socket, PATIENCE)?;
    assert_eq!(reply.payload.as_ref(), b"hello");
    assert_eq!((reply.id, reply.seq, reply.ack), (ID, 1, 1));
    // The acknowledgement is not an event.
    expect_silence(&mut socket);
    Ok(Outcome::Passed)
}

fn without_acknowledgement() -> Tested {
    command("add 25:1 tools echo")?;
    let mut socket = Socket::open()?;
    for _ in 0..10 {
        let request = Request::new(ID, b"hello".as_slice())?.without_acknowledgement();
        let reply = socket.start(request)?.wait(&mut socket, PATIENCE)?;
        assert_eq!(reply.payload.as_ref(), b"hello");
    }
    expect_silence(&mut socket);
    Ok(Outcome::Passed)
}

/// A prepared request has a new number each time, with and without an acknowledgement. Events arrive in between.
fn asked_again_and_again() -> Tested {
    command("add 25:1 tools echo")?;
    let mut socket = Socket::open()?;
    socket.join(IDX)?;
    let acknowledged = Request::new(ID, b"hello".as_slice())?;
    let not = acknowledged.clone().without_acknowledgement();
    for mut request in [acknowledged.prepare(), not.prepare()] {
        let mut numbers = Vec::new();
        for _ in 0..300 {
            command("send id=25:1 seq=0 group=25")?;
            let reply = socket.ask(&mut request, PATIENCE)?;
            assert_eq!(reply.payload.as_ref(), b"hello");
            numbers.push(reply.seq);
        }
        assert!(
            numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]),
            "{numbers:?}"
        );
        for _ in 0..300 {
            assert_eq!(next_message(&mut socket)?.message.seq, 0);
        }
    }
    expect_silence(&mut socket);
    Ok(Outcome::Passed)
}

/// All requests get their replies, whichever is waited for first.
fn prepared_with_others_under_way() -> Tested {
    command("add 25:1 tools echo")?;
    let mut socket = Socket::open()?;
    let mut prepared = Request::new(ID, b"prepared".as_slice())?.prepare();
    let first = socket.request(ID, b"first")?;
    let second = socket.start_prepared(&mut prepared)?;
    let third = socket.start_prepared(&mut prepared)?;
    let reply = socket.ask(&mut prepared, PATIENCE)?;
    assert_eq!(reply.payload.as_ref(), b"prepared");
    for (ticket, payload) in [
        (third, b"prepared".as_slice()),
        (first, b"first"),
        (second, b"prepared"),
    ] {
        assert_eq!(
            ticket.wait(&mut socket, PATIENCE)?.payload.as_ref(),
            payload
        );
    }
    expect_silence(&mut socket);
    Ok(Outcome::Passed)
}

fn prepared_for_an_unknown_id() -> Tested {
    let mut socket = Socket::open()?;
    let mut prepared = Request::new(Id::new(IDX, 9), b"".as_slice())?.prepare();
    for _ in 0..2 {
        match socket.ask(&mut prepared, Duration::from_millis(100)) {
            Err(Error::TimedOut { .. }) if unknown_ids_are_silent() => {}
            Err(Error::Refused(refusal)) if !unknown_ids_are_silent() => {
                assert_eq!(refusal.errno, 19)
            }
            other => return Err(format!("{other:?}").into()),
        }
    }
    expect_silence(&mut socket);
    Ok(Outcome::Passed)
}

/// All requests are sent before the first wait. The waits are in another order than the requests.
fn thousand_in_flight_in_any_order() -> Tested {
    const REQUESTS: u32 = 1000;
    command("add 25:1 tools echo")?;
    let mut socket = Options::new().receive_buffer(16 << 20).open()?;
    let mut tickets = Vec::new();
    for number in 0..REQUESTS {
        tickets.push(Some(socket.request(ID, &number.to_ne_bytes())?));
    }
    for step in 0..REQUESTS {
        // 377 and 1000 have no common divisor, so each ticket is visited once.
        let wanted = (step * 377 + 501) % REQUESTS;
        let ticket = tickets[wanted as usize].take().ok_or("visited twice")?;
        let reply = ticket.wait(&mut socket, PATIENCE)?;
        assert_eq!(reply.payload.as_ref(), wanted.to_ne_bytes());
    }
    expect_silence(&mut socket);
    assert_eq!(socket.lost(), 0);
    Ok(Outcome::Passed)
}

fn events_meanwhile_are_kept() -> Tested {
    command("add 25:1 tools echo")?;
    let mut socket = Socket::open()?;
    socket.join(IDX)?;
    command("send id=25:1 seq=100 group=25")?;
    let ticket = socket.request(ID, b"hello")?;
    command("send id=25:1 seq=101 group=25")?;
    ticket.wait(&mut socket, PATIENCE)?;
    assert_eq!(next_message(&mut socket)?.message.seq, 100);
    assert_eq!(next_message(&mut socket)?.message.seq, 101);
    Ok(Outcome::Passed)
}

fn multicast_with_the_same_seq_is_no_reply() -> Tested {
    command("add 25:1 tools count")?;
    let mut socket = Socket::open()?;
    socket.join(IDX)?;
    let ticket = socket.request(ID, b"hello")?;
    command(&format!("send id=25:1 seq={} group=25", ticket.seq()))?;
    let result = ticket.wait(&mut socket, Duration::from_millis(100));
    assert!(matches!(result, Err(Error::TimedOut { .. })), "{result:?}");
    assert_eq!(next_message(&mut socket)?.message.seq, 1);
    Ok(Outcome::Passed)
}

/// Groups above 32 have no bit in the sender's address. An event of the id's own group with the number of the request arrives
/// before the reply, for each method that waits.
fn event_of_a_high_group_is_no_reply() -> Tested {
    const HIGH: Id = Id::new(40, 1);
    let mut socket = Socket::open()?;
    socket.join(HIGH.idx)?;
    command("add 40:1 tools count")?;
    let port = socket.port();
    let send_both = move |seq: u32| {
        command(&format!("send id=40:1 seq={seq} msg_len=1 group=40"))?;
        command(&format!("send id=40:1 seq={seq} msg_len=4 portid={port}"))
    };
    let ticket = socket.request(HIGH, b"")?;
    send_both(ticket.seq())?;
    assert_eq!(ticket.wait(&mut socket, PATIENCE)?.payload.len(), 4);
    let first = socket.request(HIGH, b"")?;
    let second = socket.request(HIGH, b"")?;
    send_both(first.seq())?;
    send_both(second.seq())?;
    assert_eq!(second.wait(&mut socket, PATIENCE)?.payload.len(), 4);
    assert_eq!(first.wait(&mut socket, PATIENCE)?.payload.len(), 4);
    // `ask` sends and waits in one step, so both messages are sent while it waits.
    let mut prepared = Request::new(HIGH, b"".as_slice())?.prepare();
    let sender = thread::spawn(move || {
        thread::sleep(Duration::from_millis(200));
        send_both(4)
    });
    assert_eq!(socket.ask(&mut prepared, PATIENCE)?.payload.len(), 4);
    sender.join().map_err(|_| "the sender panicked")??;
    for _ in 0..4 {
        let event = next_message(&mut socket)?;
        assert_eq!((event.group, event.message.payload.len()), (Some(40), 1));
    }
    // Messages to a group with a bit, and to no group, have the right group, too.
    socket.join(IDX)?;
    command("send id=25:1 seq=9 group=25")?;
    command(&format!("send id=25:1 seq=9 portid={port}"))?;
    assert_eq!(next_message(&mut socket)?.group, Some(IDX));
    assert_eq!(next_message(&mut socket)?.group, None);
    expect_silence(&mut socket);
    Ok(Outcome::Passed)
}

fn reply_in_a_group() -> Tested {
    command("add 25:1 tools count")?;
    let mut socket = Socket::open()?;
    socket.join(IDX)?;
    let ticket = socket.start(Request::new(ID, b"".as_slice())?.from_group())?;
    command(&format!(
        "send id=25:1 seq={} msg_len=4 group=25",
        ticket.seq()
    ))?;
    assert_eq!(ticket.wait(&mut socket, PATIENCE)?.payload.len(), 4);
    Ok(Outcome::Passed)
}

/// The connector in Rust answers at once. With the C connector the wait times out.
fn unknown_id() -> Tested {
    let mut socket = Socket::open()?;
    let start = Instant::now();
    let silent = unknown_ids_are_silent();
    let patience = if silent {
        Duration::from_millis(100)
    } else {
        PATIENCE
    };
    let result = socket
        .request(Id::new(IDX, 9), b"")?
        .wait(&mut socket, patience);
    match result {
        Err(Error::TimedOut { .. }) if silent => assert!(start.elapsed() >= patience),
        Err(Error::Refused(refusal)) if !silent => {
            assert_eq!(refusal.errno, 19);
            assert!(start.elapsed() < patience);
        }
        other => return Err(format!("{other:?}").into()),
    }
    Ok(Outcome::Passed)
}

fn no_reply_in_time() -> Tested {
    command("add 25:1 tools count")?;
    let mut socket = Socket::open()?;
    let start = Instant::now();
    let result = socket
        .request(ID, b"")?
        .wait(&mut socket, Duration::from_millis(200));
    assert!(
        matches!(result, Err(Error::TimedOut { lost: 0, .. })),
        "{result:?}"
    );
    assert!(start.elapsed() >= Duration::from_millis(200));
    Ok(Outcome::Passed)
}

fn late_reply_is_an_event() -> Tested {
    command("add 25:1 tools count")?;
    let mut socket = Socket::open()?;
    let ticket = socket.request(ID, b"")?;
    let seq = ticket.seq();
    assert!(ticket.wait(&mut socket, Duration::from_millis(50)).is_err());
    command(&format!("send id=25:1 seq={seq} portid={}", socket.port()))?;
    match socket.events_within(PATIENCE).next() {
        Some(Ok(Event::Message(arrival))) => assert_eq!(arrival.message.seq, seq),
        other => return Err(format!("{other:?}").into()),
    }
    Ok(Outcome::Passed)
}
