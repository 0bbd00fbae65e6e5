// SPDX-License-Identifier: GPL-2.0

//! Slow listeners: each sent message is either received or reported as lost.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use connector_client::{Error, Event, Options, Socket};

use crate::client::{command, Client};
use crate::sockets::{next_message, ID, IDX, PATIENCE, SILENCE};
use crate::{Outcome, Test, Tested};

pub(crate) const TESTS: &[Test] = &[
    (
        "loss.slow_listener_gets_the_exact_loss",
        slow_listener_gets_the_exact_loss,
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

/// A socket with the smallest receive buffer that the kernel allows, for a few messages.
fn slow_socket() -> Result<Socket, Error> {
    let mut socket = Options::new().receive_buffer(1).open()?;
    socket.join(IDX)?;
    Ok(socket)
}

#[derive(Debug, Default)]
struct Count {
    received: u64,
    lost: u64,
}

impl Count {
    fn add(&mut self, event: Event<'_>) -> Result<(), String> {
        match event {
            Event::Message(_) => self.received += 1,
            Event::Lost(Some(number)) => self.lost += number,
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

fn slow_listener_gets_the_exact_loss() -> Tested {
    const MESSAGES: u64 = 2000;
    let mut socket = slow_socket()?;
    let mut count = Count::default();
    for _ in 0..10 {
        // The command fails once the buffer is full.
        let _ = command(&format!("send id=25:1 group=25 repeat={}", MESSAGES / 10));
        count.drain(&mut socket)?;
    }
    assert!(count.received > 0 && count.lost > 0, "{count:?}");
    assert_eq!(count.received + count.lost, MESSAGES);
    assert_eq!(socket.lost(), count.lost);
    // Later messages are received.
    command("send id=25:1 seq=9 group=25")?;
    assert_eq!(next_message(&mut socket)?.message.seq, 9);
    Ok(Outcome::Passed)
}

/// Drops happen while the buffer is being read. The kernel does not report these with a further `ENOBUFS`.
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
                let _ = client.command(&format!("send id=25:1 group=25 repeat={EACH}"));
            }
            done.store(true, Ordering::Release);
        });
        loop {
            let over = done.load(Ordering::Acquire);
            // Receive by datagram, without a copy. The other tests receive events.
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
        "# {} received, {} reported as lost",
        count.received, count.lost
    );
    assert!(count.received > 0 && count.lost > 0, "{count:?}");
    assert_eq!(count.received + count.lost, ROUNDS * EACH);
    Ok(Outcome::Passed)
}

fn reply_that_is_lost_is_named() -> Tested {
    command("add 25:1 tools count")?;
    let mut socket = slow_socket()?;
    let ticket = socket.request(ID, b"hello")?;
    let _ = command("send id=25:1 group=25 repeat=100");
    let reply = format!(
        "send id=25:1 seq={} portid={} gfp=nowait",
        ticket.seq(),
        socket.port()
    );
    assert!(command(&reply).is_err());
    let result = ticket.wait(&mut socket, Duration::from_millis(200));
    assert!(
        matches!(result, Err(Error::TimedOut { lost: 1.., .. })),
        "{result:?}"
    );
    Ok(Outcome::Passed)
}

/// A callback that replies waits for room in the receive buffer, inside the system call that sends the next request.
fn requests_make_room_for_replies() -> Tested {
    command("add 25:1 tools echo")?;
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
