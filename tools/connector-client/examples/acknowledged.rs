// SPDX-License-Identifier: GPL-2.0

//! Sends a message to an id that is not registered, and prints the kernel's answer. The C connector does not answer.

use std::time::Duration;

use connector_client::{Error, Id, Message, Socket};

fn main() -> Result<(), Error> {
    let mut socket = Socket::open()?;
    let message = Message::new(Id::new(99, 9), b"Is anybody there?".as_slice())?;
    match socket.send_acknowledged(&message, Duration::from_secs(5)) {
        Ok(()) => println!("a callback accepted the message"),
        Err(error @ Error::Refused(_)) => {
            println!("{error}");
            println!("{}", error.advice().unwrap_or_default());
        }
        Err(error @ Error::NotOffered { .. }) => println!("{error}"),
        Err(error) => return Err(error),
    }
    Ok(())
}
