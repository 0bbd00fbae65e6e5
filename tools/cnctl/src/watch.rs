// SPDX-License-Identifier: GPL-2.0

//! `cnctl watch`

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

use connector_client::{Change, Error, Id, Options, Registrations, Watch as Channel};
use serde_json::json;

use crate::arguments::Watch;
use crate::capture::Capture;
use crate::failure::Failure;
use crate::output::{lost_text, printable, Output, Style};
use crate::signals;

/// The size that a snapshot of all possible callbacks needs.
const BUFFER: usize = 8 << 20;

pub(crate) fn run(options: &Watch, out: &mut Output) -> Result<(), Failure> {
    let mut socket = Options::new().receive_buffer(BUFFER).open()?;
    let capture = Capture::begin(&options.write, &mut socket, out)?;
    let mut channel = Channel::on(socket, options.group.unwrap_or_else(unused_group))?;
    channel.socket_mut().stop_on(signals::stop()?);
    for range in &options.ranges {
        let (idx, val) = ([range.idx], [range.val]);
        if options.no_snapshot {
            channel.subscribe(&idx, &val)?;
        } else {
            channel.subscribe_with_snapshot(&idx, &val)?;
        }
    }
    let mut names = read_names();
    let mut left = options.until.count.unwrap_or(u64::MAX);
    let mut silence = options.until.silence();
    while left > 0 {
        // Flush before sleeping.
        let mut change = channel.next_within(Duration::ZERO).transpose();
        if change.is_none() {
            out.flush()?;
            change = match silence.left() {
                Some(left) => channel.next_within(left).transpose(),
                None => channel.next(),
            };
        }
        capture.check()?;
        match change {
            Some(Err(Error::Stopped)) => break,
            // Without a limit, the wait ends only if it is stopped.
            None if options.until.timeout.is_none() => break,
            None => return options.until.end(left),
            Some(change) => {
                if show(change?, &mut names, out)? {
                    silence.ends();
                    left -= 1;
                } else if silence.is_over() {
                    return options.until.end(left);
                }
            }
        }
    }
    Ok(())
}

/// A group that no socket is in. If two programs shared a group, each would receive the events of the other as well.
fn unused_group() -> u32 {
    /// The netlink protocol of the connector, as the file writes it.
    const PROTOCOL: &str = "11";
    let sockets = fs::read_to_string("/proc/thread-self/net/netlink").unwrap_or_default();
    let groups = sockets
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    let used = groups
        .filter(|fields| fields.get(1) == Some(&PROTOCOL))
        .filter_map(|fields| u32::from_str_radix(fields.get(3)?, 16).ok())
        .fold(0, |used, groups| used | groups);
    // Most lower numbers belong to callbacks.
    (13..=u32::BITS)
        .find(|group| used >> (group - 1) & 1 == 0)
        .unwrap_or(13)
}

type Names = HashMap<Id, String>;

fn read_names() -> Names {
    let registrations = Registrations::read().unwrap_or_default();
    let names = registrations.into_iter();
    names.map(|entry| (entry.id, entry.name)).collect()
}

/// The name of a callback. The file is read only if the name is unknown, because the file may be long.
fn name_of(id: Id, names: &mut Names) -> Option<String> {
    if !names.contains_key(&id) {
        // The callback may be unregistered already.
        *names = read_names();
    }
    names.get(&id).cloned()
}

/// Shows a change. True if it has an id.
fn show(change: Change, names: &mut Names, out: &mut Output) -> Result<bool, Failure> {
    let (id, what, style) = match change {
        Change::Present(id) => (id, "present", Style::Dim),
        Change::Registered(id) => (id, "registered", Style::Good),
        Change::Unregistered(id) => (id, "unregistered", Style::Bad),
        Change::Lost(number) => {
            names.clear();
            out.note(&lost_text(number), &json!({ "lost": number }))?;
            return Ok(false);
        }
        other => {
            out.note(
                &format!("{other:?}"),
                &json!({ "malformed": format!("{other:?}") }),
            )?;
            return Ok(false);
        }
    };
    let name = match change {
        Change::Unregistered(_) => {
            // The next callback with this id is another one.
            names.remove(&id);
            None
        }
        _ => name_of(id, names),
    };
    if out.json {
        out.object(&json!({ "id": id.to_string(), "change": what, "name": name }))?;
        return Ok(true);
    }
    let what = out.styled(style, what);
    let name = name
        .map(|name| format!(" ({})", printable(&name)))
        .unwrap_or_default();
    out.line(&format!("{id} {what}{name}"))?;
    Ok(true)
}
