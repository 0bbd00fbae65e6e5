// SPDX-License-Identifier: GPL-2.0

//! The socket for asynchronous tasks.

use std::future::Future;
use std::os::unix::net::UnixStream;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use async_io::block_on;
use connector_client::{AsyncSocket, Error, Event, Message, Options, Socket};

use crate::client::command;
use crate::sockets::{ID, IDX, PATIENCE};
use crate::{Outcome, Test, Tested};

pub(crate) const TESTS: &[Test] = &[
    ("async.events_come", events_come),
    ("async.wakes_up_a_waiting_task", wakes_up_a_waiting_task),
    (
        "async.stop_wakes_up_an_idle_task",
        stop_wakes_up_an_idle_task,
    ),
    ("async.stop_may_be_another_one", stop_may_be_another_one),
    ("async.sending_keeps_no_thread", sending_keeps_no_thread),
    ("async.sending_is_ended_by_stop", sending_is_ended_by_stop),
    (
        "async.sending_makes_room_for_replies",
        sending_makes_room_for_replies,
    ),
];

fn seq_of(event: Event<'_>) -> Result<u32, String> {
    match event {
        Event::Message(arrival) => Ok(arrival.message.seq),
        other => Err(format!("{other:?}")),
    }
}

fn events_come() -> Tested {
    command("add 25:1 tools echo")?;
    let mut socket = Socket::open()?;
    socket.join(IDX)?;
    let mut socket = AsyncSocket::new(socket)?;
    for seq in 1..=100 {
        command(&format!("send id=25:1 seq={seq} group=25"))?;
    }
    for seq in 1..=100 {
        assert_eq!(seq_of(block_on(socket.next())?)?, seq);
    }
    block_on(socket.send(&Message::new(ID, b"hello".as_slice())?.with_seq(7)))?;
    assert_eq!(seq_of(block_on(socket.next())?)?, 7);
    Ok(Outcome::Passed)
}

fn wakes_up_a_waiting_task() -> Tested {
    let mut socket = Socket::open()?;
    socket.join(IDX)?;
    let mut socket = AsyncSocket::new(socket)?;
    let sender = thread::spawn(|| {
        for seq in 1..=5 {
            thread::sleep(Duration::from_millis(50));
            command(&format!("send id=25:1 seq={seq} group=25"))?;
        }
        Ok::<(), std::io::Error>(())
    });
    for seq in 1..=5 {
        let next = pin!(socket.next());
        assert_eq!(seq_of(block_on(next)?)?, seq);
    }
    sender.join().map_err(|_| "the sender panicked")??;
    Ok(Outcome::Passed)
}

/// Runs a future that waits, and makes its stop descriptor readable meanwhile. If the stop does not wake the future, a late
/// message does, so that the test fails instead of hanging.
fn stopped<T: std::fmt::Debug>(
    waiting: impl Future<Output = Result<T, Error>>,
    ours: UnixStream,
) -> Result<(), Box<dyn std::error::Error>> {
    let stopper = thread::spawn(move || {
        thread::sleep(Duration::from_millis(100));
        drop(ours);
        thread::sleep(PATIENCE / 4);
        let _ = command("send id=25:1 seq=9 group=25");
    });
    let start = Instant::now();
    let result = block_on(waiting);
    let time = start.elapsed();
    assert!(matches!(result, Err(Error::Stopped)), "{result:?}");
    assert!(time < PATIENCE / 4, "{time:?}");
    drop(stopper);
    Ok(())
}

fn stop_wakes_up_an_idle_task() -> Tested {
    let mut socket = Socket::open()?;
    socket.join(IDX)?;
    let (ours, theirs) = UnixStream::pair()?;
    socket.stop_on(theirs);
    let mut socket = AsyncSocket::new(socket)?;
    stopped(socket.next(), ours)?;
    // The stop lasts.
    assert!(matches!(block_on(socket.next()), Err(Error::Stopped)));
    Ok(Outcome::Passed)
}

/// The stop descriptor is replaced after a task has waited.
fn stop_may_be_another_one() -> Tested {
    let mut socket = Socket::open()?;
    socket.join(IDX)?;
    let (first, theirs) = UnixStream::pair()?;
    socket.stop_on(theirs);
    let mut socket = AsyncSocket::new(socket)?;
    let mut context = Context::from_waker(Waker::noop());
    assert!(pin!(socket.next()).poll(&mut context).is_pending());
    let (ours, theirs) = UnixStream::pair()?;
    socket.get_mut().stop_on(theirs);
    drop(first);
    stopped(socket.next(), ours)?;
    Ok(Outcome::Passed)
}

/// The callback takes a second, and runs inside the system call that sends.
fn sending_keeps_no_thread() -> Tested {
    command("add 25:1 tools sleep:1000")?;
    let mut socket = AsyncSocket::new(Socket::open()?)?;
    let message = Message::new(ID, b"hello".as_slice())?;
    let start = Instant::now();
    let mut sending = pin!(socket.send(&message));
    let first = sending
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()));
    assert!(
        start.elapsed() < Duration::from_millis(500),
        "the task waited"
    );
    assert!(matches!(first, Poll::Pending), "{first:?}");
    block_on(sending)?;
    assert!(start.elapsed() >= Duration::from_millis(900));
    Ok(Outcome::Passed)
}

fn sending_is_ended_by_stop() -> Tested {
    command("add 25:1 tools sleep:3000")?;
    let mut socket = Socket::open()?;
    let (ours, theirs) = UnixStream::pair()?;
    socket.stop_on(theirs);
    let mut socket = AsyncSocket::new(socket)?;
    let message = Message::new(ID, b"hello".as_slice())?;
    let start = Instant::now();
    stopped(socket.send(&message), ours)?;
    assert!(start.elapsed() < Duration::from_millis(2500));
    Ok(Outcome::Passed)
}

/// The replies exceed the receive buffer, and only the task that sends can read.
fn sending_makes_room_for_replies() -> Tested {
    command("add 25:1 tools echo")?;
    let mut socket = AsyncSocket::new(Options::new().receive_buffer(1).open()?)?;
    for seq in 1..=100 {
        let message = Message::new(ID, b"hello".as_slice())?.with_seq(seq);
        block_on(socket.send(&message))?;
    }
    for seq in 1..=100 {
        assert_eq!(seq_of(block_on(socket.next())?)?, seq);
    }
    Ok(Outcome::Passed)
}
