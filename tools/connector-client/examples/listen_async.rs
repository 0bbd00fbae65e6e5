// SPDX-License-Identifier: GPL-2.0

//! Prints three events of group 21, as a stream. Any executor works; this one is the smallest.

use async_io::block_on;
use connector_client::{AsyncSocket, Error, Event, Socket};

fn main() -> Result<(), Error> {
    block_on(async {
        let mut socket = Socket::open()?;
        socket.join(21)?;
        let mut socket = AsyncSocket::new(socket)?;
        for _ in 0..3 {
            if let Event::Message(arrival) = socket.next().await? {
                println!(
                    "{} sends {} bytes",
                    arrival.message.id,
                    arrival.message.payload.len()
                );
            }
        }
        Ok(())
    })
}
