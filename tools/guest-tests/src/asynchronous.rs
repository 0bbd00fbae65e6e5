// SPDX-License-Identifier: GPL-2.0

//! The socket for tasks.

use std::future::Future;
use std::os::unix::net::UnixStream;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use async_io::block_on;
use connector_client::{AsyncSocket, Error, Event, Message, Options, Socket};

use crate::client::tell;
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
    tell("add 25:1 tools echo")?;
    let mut socket = Socket::open()?;
    socket.join(IDX)?;
    let mut socket = AsyncSocket::new(socket)?;
    for seq in 1..=100 {
        tell(&format!("send id=25:1 seq={seq} group=25"))?;
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
            tell(&format!("send id=25:1 seq={seq} group=25"))?;
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

/// Runs a future that waits, and ends what it stops on meanwhile. A future that does not wake up would hang: so somebody
/// sends to it in the end, and it has an event then.
fn stopped<T: std::fmt::Debug>(
    waiting: impl Future<Output = Result<T, Error>>,
    ours: UnixStream,
) -> Result<(), Box<dyn std::error::Error>> {
    let stopper = thread::spawn(move || {
        thread::sleep(Duration::from_millis(100));
        drop(ours);
        thread::sleep(PATIENCE / 4);
        let _ = tell("send id=25:1 seq=9 group=25");
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
    // It stays ended.
    assert!(matches!(block_on(socket.next()), Err(Error::Stopped)));
    Ok(Outcome::Passed)
}

/// That was given when a task has waited already, and replaces an earlier one.
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

/// The callback takes its time, and runs inside of the system call that sends.
fn sending_keeps_no_thread() -> Tested {
    tell("add 25:1 tools sleep:1000")?;
    let mut socket = AsyncSocket::new(Socket::open()?)?;
    let message = Message::new(ID, b"hello".as_slice())?;
    let start = Instant::now();
    let mut sending = pin!(socket.send(&message));
    let first = sending
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()));
    assert!(
        start.elapsed() < Duration::from_millis(500),
        "it has waited"
    );
    assert!(matches!(first, Poll::Pending), "{first:?}");
    block_on(sending)?;
    assert!(start.elapsed() >= Duration::from_millis(900));
    Ok(Outcome::Passed)
}

fn sending_is_ended_by_stop() -> Tested {
    tell("add 25:1 tools sleep:3000")?;
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

/// The callback replies more than fits, and nobody but the task that sends reads.
fn sending_makes_room_for_replies() -> Tested {
    tell("add 25:1 tools echo")?;
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
