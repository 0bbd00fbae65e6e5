// SPDX-License-Identifier: GPL-2.0

//! Listeners that do not keep up: what was sent is what was received and what was told to be lost.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use connector_client::{Error, Event, Options, Socket};

use crate::client::{tell, Client};
use crate::sockets::{next_message, ID, IDX, PATIENCE, SILENCE};
use crate::{Outcome, Test, Tested};

pub(crate) const TESTS: &[Test] = &[
    (
        "loss.slow_listener_is_told_exactly",
        slow_listener_is_told_exactly,
    ),
    (
        "loss.listener_that_reads_meanwhile",
        listener_that_reads_meanwhile,
    ),
    (
        "loss.reply_that_is_lost_is_named",
        reply_that_is_lost_is_named,
    ),
    (
        "loss.requests_make_room_for_replies",
        requests_make_room_for_replies,
    ),
];

/// The kernel makes the least it allows of such a buffer: a few messages.
fn slow_socket() -> Result<Socket, Error> {
    let mut socket = Options::new().receive_buffer(1).open()?;
    socket.join(IDX)?;
    Ok(socket)
}

#[derive(Debug, Default)]
struct Count {
    received: u64,
    told: u64,
}

impl Count {
    fn add(&mut self, event: Event<'_>) -> Result<(), String> {
        match event {
            Event::Message(_) => self.received += 1,
            Event::Lost(Some(number)) => self.told += number,
            other => return Err(format!("{other:?}")),
        }
        Ok(())
    }

    fn drain(&mut self, socket: &mut Socket) -> Result<(), Box<dyn std::error::Error>> {
        for event in socket.events_within(SILENCE) {
            self.add(event?)?;
        }
        Ok(())
    }
}

fn slow_listener_is_told_exactly() -> Tested {
    const MESSAGES: u64 = 2000;
    let mut socket = slow_socket()?;
    let mut count = Count::default();
    for _ in 0..10 {
        // It says that nobody listens once the buffer is full.
        let _ = tell(&format!("send id=25:1 group=25 repeat={}", MESSAGES / 10));
        count.drain(&mut socket)?;
    }
    assert!(count.received > 0 && count.told > 0, "{count:?}");
    assert_eq!(count.received + count.told, MESSAGES);
    assert_eq!(socket.lost(), count.told);
    // Then it goes on.
    tell("send id=25:1 seq=9 group=25")?;
    assert_eq!(next_message(&mut socket)?.message.seq, 9);
    Ok(Outcome::Passed)
}

/// Drops happen while the buffer is being read, when the kernel says no more that it was full.
fn listener_that_reads_meanwhile() -> Tested {
    const ROUNDS: u64 = 40;
    const EACH: u64 = 250;
    let mut socket = slow_socket()?;
    let mut count = Count::default();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut client = Client::open().expect("cn_client");
            for _ in 0..ROUNDS {
                let _ = client.tell(&format!("send id=25:1 group=25 repeat={EACH}"));
            }
            done.store(true, Ordering::Release);
        });
        loop {
            let over = done.load(Ordering::Acquire);
            // By datagram, without a copy: the other way to receive.
            match socket.receive(Some(Duration::from_millis(1)))? {
                Some(received) => received
                    .into_iter()
                    .try_for_each(|event| count.add(event))?,
                None if over => break Ok::<(), Box<dyn std::error::Error>>(()),
                None => {}
            }
        }
    })?;
    count.drain(&mut socket)?;
    println!(
        "# {} received, {} told to be lost",
        count.received, count.told
    );
    assert!(count.received > 0 && count.told > 0, "{count:?}");
    assert_eq!(count.received + count.told, ROUNDS * EACH);
    Ok(Outcome::Passed)
}

fn reply_that_is_lost_is_named() -> Tested {
    tell("add 25:1 tools count")?;
    let mut socket = slow_socket()?;
    let ticket = socket.request(ID, b"hello")?;
    let _ = tell("send id=25:1 group=25 repeat=100");
    let reply = format!(
        "send id=25:1 seq={} portid={} gfp=nowait",
        ticket.seq(),
        socket.port()
    );
    assert!(tell(&reply).is_err());
    let result = ticket.wait(&mut socket, Duration::from_millis(200));
    assert!(
        matches!(result, Err(Error::TimedOut { lost: 1.., .. })),
        "{result:?}"
    );
    Ok(Outcome::Passed)
}

/// A callback that replies waits for room in the receive buffer, inside of the call that sends the next request.
fn requests_make_room_for_replies() -> Tested {
    tell("add 25:1 tools echo")?;
    let mut socket = slow_socket()?;
    let mut tickets = Vec::new();
    for _ in 0..100 {
        tickets.push(socket.request(ID, b"hello")?);
    }
    for ticket in tickets {
        ticket.wait(&mut socket, PATIENCE)?;
    }
    Ok(Outcome::Passed)
}
