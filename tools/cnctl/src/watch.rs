// SPDX-License-Identifier: GPL-2.0

//! `cnctl watch`

use connector_client::{Change, Error, Options, Registrations, Watch as Channel};
use serde_json::json;

use crate::arguments::Watch;
use crate::capture::Capture;
use crate::failure::Failure;
use crate::output::{lost_text, Output, Style};
use crate::signals;

/// As much as a snapshot of all ids that there can be needs.
const BUFFER: usize = 8 << 20;

pub(crate) fn run(options: &Watch, out: &mut Output) -> Result<(), Failure> {
    let mut socket = Options::new().receive_buffer(BUFFER).open()?;
    let capture = Capture::begin(&options.write, &mut socket, out)?;
    let mut channel = Channel::on(socket, options.group)?;
    channel.socket_mut().stop_on(signals::stop()?);
    for range in &options.ranges {
        let (idx, val) = ([range.idx], [range.val]);
        if options.no_snapshot {
            channel.subscribe(&idx, &val)?;
        } else {
            channel.subscribe_with_snapshot(&idx, &val)?;
        }
    }
    let mut left = options.until.count.unwrap_or(u64::MAX);
    while left > 0 {
        let change = match options.until.timeout {
            Some(silence) => channel.next_within(silence).transpose(),
            None => channel.next(),
        };
        capture.check()?;
        match change {
            None | Some(Err(Error::Stopped)) => break,
            Some(change) => show(change?, out)?,
        }
        out.flush()?;
        left -= 1;
    }
    Ok(())
}

fn show(change: Change, out: &mut Output) -> Result<(), Failure> {
    let (id, what, style) = match change {
        Change::There(id) => (id, "there", Style::Dim),
        Change::Came(id) => (id, "came", Style::Good),
        Change::Went(id) => (id, "went", Style::Bad),
        Change::Lost(number) => return out.note(&lost_text(number), &json!({ "lost": number })),
    };
    // It may have gone already.
    let names = Registrations::read().unwrap_or_default();
    let name = names
        .get(id)
        .filter(|_| !matches!(change, Change::Went(_)))
        .map(|entry| entry.name.as_str());
    if out.json {
        return out.object(&json!({ "id": id.to_string(), "change": what, "name": name }));
    }
    let said = out.styled(style, if what == "there" { "is there" } else { what });
    let name = name.map(|name| format!(" ({name})")).unwrap_or_default();
    out.line(&format!("{id} {said}{name}"))
}
