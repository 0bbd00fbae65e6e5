// SPDX-License-Identifier: GPL-2.0

//! `cnctl send`

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use connector_client::wire::MAX_PAYLOAD;
use connector_client::{Message, Request, Socket};
use serde_json::json;

use crate::arguments::{Payload, Send};
use crate::failure::Failure;
use crate::output::{append_payload, payload_json, Output};
use crate::signals;

pub(crate) fn run(options: &Send, out: &mut Output) -> Result<(), Failure> {
    let payload = payload(options)?;
    let length = payload.len();
    let mut socket = Socket::open()?;
    socket.stop_on(signals::stop()?);
    if options.reply {
        return ask(options, payload, &mut socket, out);
    }
    let message = Message::new(options.id, payload)
        .map_err(connector_client::Error::from)?
        .with_flags(options.flags);
    if options.ack {
        socket.send_acknowledged(&message, options.timeout)?;
    } else {
        socket.send(&message)?;
    }
    if out.json {
        return out.object(
            &json!({ "id": options.id.to_string(), "sent": length, "acknowledged": options.ack }),
        );
    }
    let and = if options.ack {
        ", and the kernel has acknowledged it"
    } else {
        ""
    };
    out.line(&format!("sent {length} bytes to {}{and}", options.id))
}

fn ask(
    options: &Send,
    payload: Vec<u8>,
    socket: &mut Socket,
    out: &mut Output,
) -> Result<(), Failure> {
    let mut request = Request::new(options.id, payload)
        .map_err(connector_client::Error::from)?
        .with_flags(options.flags);
    if let Some(group) = options.reply_group {
        socket.join(group)?;
        request = request.from_group();
    }
    let reply = socket.start(request)?.wait(socket, options.timeout)?;
    if out.json {
        let (hex, text) = payload_json(&reply.payload);
        return out.object(&json!({
            "id": reply.id.to_string(), "seq": reply.seq, "ack": reply.ack, "flags": reply.flags,
            "len": reply.payload.len(), "hex": hex, "text": text,
        }));
    }
    let mut line = format!("{} replies {} bytes:", reply.id, reply.payload.len()).into_bytes();
    if options.shown.payload == Payload::None || reply.payload.is_empty() {
        line.pop();
    }
    append_payload(&mut line, &reply.payload, options.shown.payload);
    line.push(b'\n');
    out.bytes(&line)
}

fn payload(options: &Send) -> Result<Vec<u8>, Failure> {
    match (&options.text, &options.hex, &options.file) {
        (Some(text), _, _) => Ok(text.clone().into_bytes()),
        (_, Some(digits), _) => from_hex(digits),
        (_, _, Some(file)) => from_file(file),
        _ => Ok(Vec::new()),
    }
}

fn from_hex(digits: &str) -> Result<Vec<u8>, Failure> {
    let wrong = || {
        Failure::Usage(format!(
            "'{digits}' does not consist of pairs of hexadecimal digits"
        ))
    };
    let compact: Vec<char> = digits
        .chars()
        .filter(|digit| !matches!(digit, ' ' | ':'))
        .collect();
    let value = |digit: char| {
        digit
            .to_digit(16)
            .and_then(|value| u8::try_from(value).ok())
            .ok_or_else(wrong)
    };
    let pairs = compact.chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return Err(wrong());
    }
    pairs
        .map(|pair| Ok(value(pair[0])? << 4 | value(pair[1])?))
        .collect()
}

/// Reads a payload from a file, and at most one byte more than a payload may have.
fn from_file(name: &Path) -> Result<Vec<u8>, Failure> {
    let read = |from: &mut dyn Read| -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        from.take(MAX_PAYLOAD as u64 + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = if name == Path::new("-") {
        read(&mut io::stdin().lock())
    } else {
        File::open(name).and_then(|mut file| read(&mut file))
    };
    let bytes = bytes.map_err(|error| Failure::File {
        name: name.display().to_string(),
        error,
    })?;
    if bytes.len() > MAX_PAYLOAD {
        let name = name.display();
        return Err(Failure::Usage(format!(
            "{name} is longer than the {MAX_PAYLOAD} bytes that the connector accepts"
        )));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_digits() {
        assert_eq!(from_hex("00fF 1:2").unwrap(), [0, 255, 0x12]);
        assert!(from_hex("").unwrap().is_empty());
        for wrong in ["0", "0g", "ä0", "-1"] {
            assert_eq!(from_hex(wrong).unwrap_err().code(), 2, "{wrong}");
        }
    }
}
