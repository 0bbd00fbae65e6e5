// SPDX-License-Identifier: GPL-2.0

//! Sends a request repeatedly, and waits for each reply: `many_requests IDX:VAL COUNT BYTES yes|no`. The last argument
//! says whether to request acknowledgements. The benchmark compares it with a C program that does the same.

use std::error::Error;
use std::time::Duration;

use connector_client::{Id, Request, Socket};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || {
        arguments
            .next()
            .ok_or("usage: many_requests IDX:VAL COUNT BYTES yes|no")
    };
    let id: Id = next()?.parse()?;
    let count: u32 = next()?.parse()?;
    let payload = vec![0x5a; next()?.parse()?];
    let acknowledged = next()? == "yes";

    let mut request = Request::new(id, &payload)?;
    if !acknowledged {
        request = request.without_acknowledgement();
    }
    let mut request = request.prepare();
    let mut socket = Socket::open()?;
    for _ in 0..count {
        let reply = socket.ask(&mut request, Duration::from_secs(5))?;
        if *reply.payload != *payload {
            return Err("the reply differs from the request".into());
        }
    }
    Ok(())
}
