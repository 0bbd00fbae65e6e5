// SPDX-License-Identifier: GPL-2.0

//! `cnctl stats`

use std::time::Duration;

use connector_client::Statistics;
use serde_json::{json, Value};

use crate::arguments::Stats;
use crate::failure::Failure;
use crate::output::{report_odd, Output};
use crate::signals;

pub(crate) fn run(options: &Stats, out: &mut Output) -> Result<(), Failure> {
    let mut before = Statistics::read()?;
    report_odd("/proc/net/connector_stats", &before.odd);
    if !options.live {
        return show(&before, None, options.all, out);
    }
    let mut stop = signals::stop()?;
    let mut left = options.count.unwrap_or(u64::MAX);
    while left > 0 {
        if signals::sleep(&mut stop, Duration::from_secs(1))? {
            break;
        }
        let now = Statistics::read()?;
        out.again()?;
        show(&now, Some(&before), options.all, out)?;
        out.flush()?;
        before = now;
        left -= 1;
    }
    Ok(())
}

fn show(
    now: &Statistics,
    before: Option<&Statistics>,
    all: bool,
    out: &mut Output,
) -> Result<(), Failure> {
    // The counters of a reloaded connector start at 0.
    let new = |name: &str, number: u64| {
        let since = |before: u64| number.checked_sub(before).unwrap_or(number);
        before.map(|before| since(before.counter(name).unwrap_or(0)))
    };
    if out.json {
        let counter = |(name, number): &(String, u64)| {
            let value = match new(name, *number) {
                Some(new) => json!({ "total": number, "new": new }),
                None => Value::from(*number),
            };
            (name.clone(), value)
        };
        let counters: serde_json::Map<_, _> = now.counters.iter().map(counter).collect();
        return out.object(&Value::from(counters));
    }
    let rows: Vec<_> = now
        .counters
        .iter()
        .filter(|(_, number)| all || *number > 0)
        .map(|(name, number)| {
            let new = new(name, *number).map(|new| new.to_string());
            [name.clone(), number.to_string()]
                .into_iter()
                .chain(new)
                .collect()
        })
        .collect();
    out.table(
        if before.is_some() {
            &["COUNTER", "TOTAL", "THIS SECOND"]
        } else {
            &["COUNTER", "TOTAL"]
        },
        &rows,
    )
}
