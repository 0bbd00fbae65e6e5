// SPDX-License-Identifier: GPL-2.0

//! `cnctl proc`

use std::time::{Duration, Instant};

use connector_client::{
    Error, Filter, Options, ProcessEvent, ProcessEvents, ProcessKind, ProcessNews, Task,
};
use serde_json::{json, Value};

use crate::arguments::Proc;
use crate::capture::Capture;
use crate::failure::Failure;
use crate::output::{lost_text, Output};
use crate::signals;

pub(crate) fn run(options: &Proc, out: &mut Output) -> Result<(), Failure> {
    let filter = options
        .kinds
        .iter()
        .copied()
        .reduce(|all, kind| all | kind)
        .unwrap_or(Filter::ALL);
    let mut socket = Options::new().receive_buffer(options.buffer).open()?;
    let capture = Capture::begin(&options.write, &mut socket, out)?;
    let mut events = ProcessEvents::on(socket, filter)?;
    events.socket_mut().stop_on(signals::stop()?);
    if options.live {
        return live(options, &mut events, &capture, out);
    }
    let mut left = options.until.count.unwrap_or(u64::MAX);
    let mut silence = options.until.silence();
    while left > 0 {
        // Flush before sleeping.
        let mut news = events.next_within(Duration::ZERO);
        if let Ok(None) = news {
            out.flush()?;
            news = match silence.left() {
                Some(left) => events.next_within(left),
                None => events.next().transpose(),
            };
        }
        capture.check()?;
        match news {
            Err(Error::Stopped) => break,
            // Without a limit, the wait ends only if it is stopped.
            Ok(None) if options.until.timeout.is_none() => break,
            Ok(None) => return options.until.end(left),
            Err(error) => return Err(error.into()),
            Ok(Some(news)) => {
                if show(&news, options.pid, out)? {
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

fn concerns(event: &ProcessEvent, pid: i32) -> bool {
    let child = match event.kind {
        ProcessKind::Fork { child, .. } => Some(child),
        _ => None,
    };
    [event.kind.task(), child]
        .into_iter()
        .flatten()
        .any(|task| task.tgid == pid)
}

/// Shows an item. True if it is an event that was shown.
fn show(news: &ProcessNews, pid: Option<i32>, out: &mut Output) -> Result<bool, Failure> {
    let (text, object) = match news {
        ProcessNews::Event(event) if pid.is_some_and(|pid| !concerns(event, pid)) => {
            return Ok(false)
        }
        ProcessNews::Event(event) if out.json => {
            return out.object(&event_json(event)).map(|()| true)
        }
        ProcessNews::Event(event) => return out.line(&event_text(event)).map(|()| true),
        ProcessNews::Gap { cpu, missed } => (
            format!("{missed} events of processor {cpu} are missing"),
            json!({ "missing": missed, "cpu": cpu }),
        ),
        ProcessNews::Lost(number) => (lost_text(*number), json!({ "lost": number })),
        ProcessNews::Malformed(error) => (
            format!("malformed: {error}"),
            json!({ "malformed": error.to_string() }),
        ),
        other => (
            format!("{other:?}"),
            json!({ "other": format!("{other:?}") }),
        ),
    };
    out.note(&text, &object).map(|()| false)
}

/// The process, with the thread if it is not the first one.
fn named(task: Task) -> String {
    if task.pid == task.tgid {
        task.tgid.to_string()
    } else {
        format!("{} (thread {})", task.tgid, task.pid)
    }
}

/// A thread. Other threads of the process may continue after the end of the first one.
fn thread(task: Task) -> String {
    if task.pid == task.tgid {
        format!("the first thread of {}", task.tgid)
    } else {
        format!("thread {} of {}", task.pid, task.tgid)
    }
}

/// The exit status, as `wait(2)` reports it.
fn ending(code: u32) -> String {
    match (code & 0x7f, code >> 8 & 0xff) {
        (0, status) => format!("with status {status}"),
        (signal, _) => format!("by signal {signal}"),
    }
}

fn event_text(event: &ProcessEvent) -> String {
    let what = match &event.kind {
        ProcessKind::Fork { parent, child } if child.pid == child.tgid => {
            format!("{} created process {}", named(*parent), named(*child))
        }
        ProcessKind::Fork { parent, child } => {
            format!("{} created thread {}", named(*parent), child.pid)
        }
        ProcessKind::Exec { task } => format!("{} executes a program", named(*task)),
        ProcessKind::Uid {
            task,
            real,
            effective,
        } => format!(
            "{} has user {real}, effective user {effective}",
            named(*task)
        ),
        ProcessKind::Gid {
            task,
            real,
            effective,
        } => format!(
            "{} has group {real}, effective group {effective}",
            named(*task)
        ),
        ProcessKind::Sid { task } => format!("{} started a session", named(*task)),
        ProcessKind::Ptrace {
            task,
            tracer: Some(tracer),
        } => format!("{} is traced by {}", named(*task), named(*tracer)),
        ProcessKind::Ptrace { task, tracer: None } => {
            format!("{} is not traced any more", named(*task))
        }
        ProcessKind::Comm { task, name } => format!("{} has the name {name:?}", named(*task)),
        ProcessKind::Coredump { task, .. } => format!("{} dumped core", named(*task)),
        ProcessKind::Exit { task, code, .. } => {
            format!("{} ended {}", thread(*task), ending(*code))
        }
        other => format!("{other:?}"),
    };
    let (seconds, micros) = (event.time / 1_000_000_000, event.time / 1000 % 1_000_000);
    format!("{seconds:5}.{micros:06} {:8} {what}", event.kind.name())
}

fn event_json(event: &ProcessEvent) -> Value {
    let mut object = json!({
        "time": event.time, "cpu": event.cpu, "seq": event.seq, "event": event.kind.name(),
    });
    let task = |task: &Task| json!({ "pid": task.pid, "tgid": task.tgid });
    let mut add = |key: &str, value: Value| object[key] = value;
    if let Some(whose) = event.kind.task() {
        add("task", task(&whose));
    }
    match &event.kind {
        ProcessKind::Fork { child, .. } => add("child", task(child)),
        ProcessKind::Uid {
            real, effective, ..
        }
        | ProcessKind::Gid {
            real, effective, ..
        } => {
            add("real", (*real).into());
            add("effective", (*effective).into());
        }
        ProcessKind::Ptrace { tracer, .. } => {
            add("tracer", tracer.as_ref().map_or(Value::Null, task))
        }
        ProcessKind::Comm { name, .. } => add("name", name.as_str().into()),
        ProcessKind::Coredump { parent, .. } => add("parent", task(parent)),
        ProcessKind::Exit {
            code,
            signal,
            parent,
            ..
        } => {
            add("code", (*code).into());
            add("signal", (*signal).into());
            add("parent", task(parent));
        }
        _ => {}
    }
    object
}

/// Counts of events, in total and in the current second.
fn live(
    options: &Proc,
    events: &mut ProcessEvents,
    capture: &Capture,
    out: &mut Output,
) -> Result<(), Failure> {
    const KINDS: usize = Filter::NAMES.len();
    let (mut total, mut lost) = ([0u64; KINDS], 0u64);
    let mut left = options.until.count.unwrap_or(u64::MAX);
    while left > 0 {
        let (second, mut new) = (Instant::now() + Duration::from_secs(1), [0u64; KINDS]);
        loop {
            let time = second.saturating_duration_since(Instant::now());
            match events.next_within(time) {
                Err(Error::Stopped) => return Ok(()),
                Err(error) => return Err(error.into()),
                Ok(Some(ProcessNews::Event(event)))
                    if options.pid.is_none_or(|pid| concerns(&event, pid)) =>
                {
                    let index = Filter::NAMES
                        .iter()
                        .position(|(name, _)| *name == event.kind.name());
                    if let Some(count) = index.and_then(|index| new.get_mut(index)) {
                        *count += 1;
                    }
                }
                Ok(Some(ProcessNews::Lost(number))) => lost += number.unwrap_or(1),
                Ok(_) => {}
            }
            if Instant::now() >= second {
                break;
            }
        }
        total
            .iter_mut()
            .zip(new)
            .for_each(|(total, new)| *total += new);
        capture.check()?;
        live_view(&total, &new, lost, out)?;
        left -= 1;
    }
    Ok(())
}

fn live_view(total: &[u64], new: &[u64], lost: u64, out: &mut Output) -> Result<(), Failure> {
    let counts = || {
        Filter::NAMES
            .iter()
            .zip(total)
            .zip(new)
            .filter(|((_, total), _)| **total > 0)
    };
    if out.json {
        let events: serde_json::Map<_, _> = counts()
            .map(|(((name, _), total), new)| {
                ((*name).to_owned(), json!({ "total": total, "new": new }))
            })
            .collect();
        out.object(&json!({ "events": events, "lost": lost }))?;
    } else {
        out.again()?;
        let rows: Vec<_> = counts()
            .map(|(((name, _), total), new)| {
                vec![(*name).to_owned(), total.to_string(), new.to_string()]
            })
            .chain((lost > 0).then(|| vec!["lost".to_owned(), lost.to_string()]))
            .collect();
        out.table(&["EVENT", "TOTAL", "THIS SECOND"], &rows)?;
    }
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_it_ended() {
        assert_eq!(ending(3 << 8), "with status 3");
        assert_eq!(ending(9), "by signal 9");
        assert_eq!(ending(0x80 | 11), "by signal 11");
    }

    #[test]
    fn an_event_as_text_and_json() {
        let task = Task { pid: 8, tgid: 7 };
        let kind = ProcessKind::Exit {
            task,
            code: 256,
            signal: 17,
            parent: Task { pid: 1, tgid: 1 },
        };
        let event = ProcessEvent {
            cpu: 1,
            seq: 5,
            time: 2_000_003_000,
            kind,
        };
        assert_eq!(
            event_text(&event),
            "    2.000003 exit     thread 8 of 7 ended with status 1"
        );
        assert_eq!(thread(Task { pid: 7, tgid: 7 }), "the first thread of 7");
        assert_eq!(event_json(&event)["task"], json!({ "pid": 8, "tgid": 7 }));
    }
}
