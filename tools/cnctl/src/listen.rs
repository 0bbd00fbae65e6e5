// SPDX-License-Identifier: GPL-2.0

//! `cnctl listen`

use std::io::Write;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use connector_client::{Arrival, Error, Event, Options};
use serde_json::{json, Value};

use crate::arguments::{Listen, Stamp};
use crate::capture::Capture;
use crate::failure::Failure;
use crate::output::{append_payload, lost_text, payload_json, Output};
use crate::signals;

pub(crate) fn run(options: &Listen, out: &mut Output) -> Result<(), Failure> {
    let mut socket = Options::new().receive_buffer(options.buffer).open()?;
    let capture = Capture::begin(&options.write, &mut socket, out)?;
    for &group in &options.groups {
        socket.join(group)?;
    }
    socket.stop_on(signals::stop()?);
    let mut show = Show {
        options,
        start: Instant::now(),
        line: Vec::new(),
    };
    let mut left = options.until.count.unwrap_or(u64::MAX);
    let mut silence = options.until.silence();
    // Flush before sleeping, and not after each line.
    let mut idle = false;
    while left > 0 {
        match socket.receive(if idle {
            silence.left()
        } else {
            Some(Duration::ZERO)
        }) {
            Err(Error::Stopped) => break,
            Err(error) => return Err(error.into()),
            Ok(None) if idle => return options.until.end(left),
            Ok(None) => {
                out.flush()?;
                idle = true;
            }
            Ok(Some(received)) => {
                idle = false;
                capture.check()?;
                let before = left;
                for event in received {
                    if left > 0 && show.event(&event, out)? {
                        left -= 1;
                    }
                }
                if left < before {
                    silence.ends();
                } else if silence.is_over() {
                    return options.until.end(left);
                }
            }
        }
    }
    Ok(())
}

struct Show<'a> {
    options: &'a Listen,
    start: Instant,
    /// The buffer for a line.
    line: Vec<u8>,
}

impl Show<'_> {
    /// Shows an event. True if it is a message that was shown.
    fn event(&mut self, event: &Event<'_>, out: &mut Output) -> Result<bool, Failure> {
        match event {
            Event::Message(arrival)
                if self
                    .options
                    .id
                    .is_some_and(|only| only != arrival.message.id) =>
            {
                Ok(false)
            }
            Event::Message(arrival) => self.message(arrival, out).map(|()| true),
            Event::Lost(number) => out
                .note(&lost_text(*number), &json!({ "lost": number }))
                .map(|()| false),
            Event::Malformed(error) => out
                .note(
                    &format!("malformed: {error}"),
                    &json!({ "malformed": error.to_string() }),
                )
                .map(|()| false),
            // No acknowledgement was requested.
            _ => Ok(false),
        }
    }

    fn message(&mut self, arrival: &Arrival<'_>, out: &mut Output) -> Result<(), Failure> {
        let message = &arrival.message;
        if out.json {
            let (hex, text) = payload_json(&message.payload);
            let time = match self.options.time {
                Stamp::Since => self.start.elapsed().as_secs_f64().into(),
                Stamp::Clock => since_epoch().as_secs_f64().into(),
                Stamp::None => Value::Null,
            };
            return out.object(&json!({
                "time": time, "id": message.id.to_string(), "seq": message.seq, "ack": message.ack,
                "flags": message.flags, "group": arrival.group, "len": message.payload.len(),
                "hex": hex, "text": text,
            }));
        }
        self.line.clear();
        match self.options.time {
            Stamp::Since => {
                let time = self.start.elapsed();
                write!(
                    self.line,
                    "{:4}.{:06} ",
                    time.as_secs(),
                    time.subsec_micros()
                )?;
            }
            Stamp::Clock => self.line.extend(clock(since_epoch()).bytes()),
            Stamp::None => {}
        }
        let length = message.payload.len();
        write!(
            self.line,
            "{} seq {} ack {} len {length}",
            message.id, message.seq, message.ack
        )?;
        append_payload(&mut self.line, &message.payload, self.options.shown.payload);
        self.line.push(b'\n');
        out.bytes(&self.line)
    }
}

fn since_epoch() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

/// The time of the day, with a space after it.
fn clock(time: Duration) -> String {
    let seconds = time.as_secs() % 86400;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!(
        "{hours:02}:{minutes:02}:{seconds:02}.{:06} ",
        time.subsec_micros()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_of_the_day() {
        assert_eq!(clock(Duration::new(86400 + 3723, 5000)), "01:02:03.000005 ");
    }
}
