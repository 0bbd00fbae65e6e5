// SPDX-License-Identifier: GPL-2.0

//! Sends two requests to the sample `cn_echo`, and prints the replies.

use std::time::Duration;

use connector_client::{Error, Id, Socket};

fn main() -> Result<(), Error> {
    let mut socket = Socket::open()?;
    // Both requests are pending at the same time.
    let first = socket.request(Id::new(20, 1), b"one")?;
    let second = socket.request(Id::new(20, 1), b"two")?;
    for ticket in [second, first] {
        let reply = ticket.wait(&mut socket, Duration::from_secs(5))?;
        println!("{}", String::from_utf8_lossy(&reply.payload));
    }
    Ok(())
}
