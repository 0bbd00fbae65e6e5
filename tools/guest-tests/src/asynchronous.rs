// SPDX-License-Identifier: GPL-2.0

//! The socket for tasks.

use std::pin::pin;
use std::thread;
use std::time::Duration;

use async_io::block_on;
use connector_client::{AsyncSocket, Event, Message, Socket};

use crate::client::tell;
use crate::sockets::{ID, IDX};
use crate::{Outcome, Test, Tested};

pub(crate) const TESTS: &[Test] = &[
    ("async.events_come", events_come),
    ("async.wakes_up_a_waiting_task", wakes_up_a_waiting_task),
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
    socket.send(&Message::new(ID, b"hello".as_slice())?.with_seq(7))?;
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
