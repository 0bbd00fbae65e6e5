// SPDX-License-Identifier: GPL-2.0

//! Prints three events of group 21, in which the sample `cn_sensor` sends.

use connector_client::{Error, Event, Socket};

fn main() -> Result<(), Error> {
    let mut socket = Socket::open()?;
    socket.join(21)?;
    for event in socket.events().take(3) {
        match event? {
            Event::Message(arrival) => {
                println!(
                    "{} sends {} bytes",
                    arrival.message.id,
                    arrival.message.payload.len()
                );
            }
            Event::Lost(Some(number)) => println!("{number} datagrams were lost"),
            Event::Lost(None) => println!("some datagrams were lost"),
            other => println!("{other:?}"),
        }
    }
    Ok(())
}
