// SPDX-License-Identifier: GPL-2.0

//! `cnctl list`

use connector_client::{Error, Registrations, Statistics};
use serde_json::json;

use crate::arguments::List;
use crate::failure::Failure;
use crate::output::{report_odd, Output};

/// The name of a capability that modules use in general, or its number.
pub(crate) fn capability_name(number: u32) -> String {
    match number {
        12 => "CAP_NET_ADMIN".to_owned(),
        16 => "CAP_SYS_MODULE".to_owned(),
        21 => "CAP_SYS_ADMIN".to_owned(),
        _ => format!("capability {number}"),
    }
}

pub(crate) fn run(options: &List, out: &mut Output) -> Result<(), Failure> {
    let wanted = |idx: u32| options.idx.is_none_or(|only| only == idx);
    match Statistics::read() {
        Ok(statistics) => with_counters(&statistics, wanted, out),
        Err(Error::NotOffered { .. }) => names_only(wanted, out),
        Err(error) => Err(error.into()),
    }
}

fn with_counters(
    statistics: &Statistics,
    wanted: impl Fn(u32) -> bool,
    out: &mut Output,
) -> Result<(), Failure> {
    report_odd("/proc/net/connector_stats", &statistics.odd);
    let mut rows = Vec::new();
    for callback in statistics
        .callbacks
        .iter()
        .filter(|callback| wanted(callback.id.idx))
    {
        if out.json {
            out.object(&json!({
                "id": callback.id.to_string(),
                "name": callback.name,
                "capability": callback.capability,
                "open_group": callback.open_group,
                "delivered": callback.delivered,
                "failed": callback.failed,
                "refused": callback.refused,
                "description": callback.description,
            }))?;
            continue;
        }
        rows.push(vec![
            callback.id.to_string(),
            callback.name.clone(),
            callback
                .capability
                .map_or("all".to_owned(), capability_name),
            if callback.open_group {
                "all"
            } else {
                "CAP_NET_ADMIN"
            }
            .to_owned(),
            callback.delivered.to_string(),
            callback.failed.to_string(),
            callback.refused.to_string(),
            callback.description.clone().unwrap_or_default(),
        ]);
    }
    if out.json {
        return Ok(());
    }
    let title = [
        "ID",
        "NAME",
        "SENDERS",
        "LISTENERS",
        "DELIVERED",
        "FAILED",
        "REFUSED",
        "DESCRIPTION",
    ];
    out.table(&title, &rows)
}

/// The list of the C connector, which has ids and names only.
fn names_only(wanted: impl Fn(u32) -> bool, out: &mut Output) -> Result<(), Failure> {
    let mut rows = Vec::new();
    let registrations = Registrations::read()?;
    report_odd("/proc/net/connector", registrations.odd());
    for entry in registrations
        .into_iter()
        .filter(|entry| wanted(entry.id.idx))
    {
        if out.json {
            out.object(&json!({ "id": entry.id.to_string(), "name": entry.name }))?;
        } else {
            rows.push(vec![entry.id.to_string(), entry.name]);
        }
    }
    if out.json {
        return Ok(());
    }
    out.table(&["ID", "NAME"], &rows)
}
