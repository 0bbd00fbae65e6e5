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

/// As much as a snapshot of all ids that there can be needs.
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
        // What was written is seen before we sleep.
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
            // Without a limit, it was told to stop.
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

/// A group that no socket is in. Two watchers in one would have the kernel tell each of them twice.
fn unused_group() -> u32 {
    /// The netlink protocol of the connector, as the file shows it.
    const PROTOCOL: &str = "11";
    let sockets = fs::read_to_string("/proc/thread-self/net/netlink").unwrap_or_default();
    let groups = sockets
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    let used = groups
        .filter(|fields| fields.get(1) == Some(&PROTOCOL))
        .filter_map(|fields| u32::from_str_radix(fields.get(3)?, 16).ok())
        .fold(0, |used, groups| used | groups);
    // The lower ones belong to callbacks, more often than not.
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

/// The name of what came. Most are known from the beginning, and the file is long where there are many.
fn name_of(id: Id, names: &mut Names) -> Option<String> {
    if !names.contains_key(&id) {
        // It may have gone already.
        *names = read_names();
    }
    names.get(&id).cloned()
}

/// True if an id was shown.
fn show(change: Change, names: &mut Names, out: &mut Output) -> Result<bool, Failure> {
    let (id, what, style) = match change {
        Change::There(id) => (id, "there", Style::Dim),
        Change::Came(id) => (id, "came", Style::Good),
        Change::Went(id) => (id, "went", Style::Bad),
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
        Change::Went(_) => {
            // Whoever comes by this id is somebody else.
            names.remove(&id);
            None
        }
        _ => name_of(id, names),
    };
    if out.json {
        out.object(&json!({ "id": id.to_string(), "change": what, "name": name }))?;
        return Ok(true);
    }
    let said = out.styled(style, if what == "there" { "is there" } else { what });
    let name = name
        .map(|name| format!(" ({})", printable(&name)))
        .unwrap_or_default();
    out.line(&format!("{id} {said}{name}"))?;
    Ok(true)
}
