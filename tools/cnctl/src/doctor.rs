// SPDX-License-Identifier: GPL-2.0

//! `cnctl doctor`: what this kernel offers, what this user may do, and what to change. Nothing is changed by looking.

use connector_client::{Connector, Kernel, Rights};
use serde_json::json;

use crate::failure::Failure;
use crate::output::{Output, Style};

/// One thing that was looked at.
struct Finding {
    what: &'static str,
    good: bool,
    is: String,
    /// What to change, if something can be.
    change: Option<&'static str>,
}

fn finding(what: &'static str, good: bool, is: impl Into<String>, change: &'static str) -> Finding {
    Finding {
        what,
        good,
        is: is.into(),
        change: (!good).then_some(change),
    }
}

pub(crate) fn run(out: &mut Output) -> Result<(), Failure> {
    let (kernel, rights) = (Kernel::detect(), Rights::of_this_process());
    for finding in about_kernel(&kernel)
        .into_iter()
        .chain(about_rights(&kernel, rights))
    {
        show(&finding, out)?;
    }
    match kernel.connector {
        Connector::C | Connector::Rust | Connector::Loadable => Ok(()),
        _ => {
            out.flush()?;
            Err(Failure::NotUsable)
        }
    }
}

fn show(finding: &Finding, out: &mut Output) -> Result<(), Failure> {
    let Finding {
        what,
        good,
        is,
        change,
    } = finding;
    if out.json {
        return out.object(&json!({ "what": what, "good": good, "is": is, "change": change }));
    }
    let mark = if *good {
        out.styled(Style::Good, "ok")
    } else {
        out.styled(Style::Bad, "--")
    };
    out.line(&format!("{mark} {what:22} {is}"))?;
    match change {
        Some(change) => out.line(&format!("   {:22} {change}", "")),
        None => Ok(()),
    }
}

fn about_kernel(kernel: &Kernel) -> Vec<Finding> {
    let (good, is, change) = match kernel.connector {
        Connector::Rust => (true, "in Rust", ""),
        Connector::C => (true, "in C", ""),
        Connector::Loadable => (true, "not loaded; the first socket loads it", ""),
        Connector::OtherNamespace => (
            false,
            "not in this network namespace",
            "Run in the first one: nsenter --target 1 --net.",
        ),
        _ => (
            false,
            "none",
            "Load the module cn: modprobe cn, or insmod cn.ko.",
        ),
    };
    let mut findings = vec![
        finding("kernel", true, format!("Linux {}", kernel.release), ""),
        finding("connector", good, is, change),
    ];
    if !matches!(kernel.connector, Connector::C | Connector::Rust) {
        return findings;
    }
    let ours = "The connector in Rust has it; here the C connector is loaded.";
    let yes_or_no = |yes: bool| if yes { "yes" } else { "no" };
    findings.extend([
        finding("acknowledgements", kernel.acknowledgements, yes_or_no(kernel.acknowledgements), ours),
        finding("statistics", kernel.statistics, yes_or_no(kernel.statistics), ours),
        finding(
            "notification channel",
            kernel.notification_channel.is_some(),
            kernel.notification_channel.map_or("no".to_owned(), |id| format!("id {id}")),
            if kernel.statistics { "The module cn was loaded with notify=0." } else { ours },
        ),
        finding(
            "process events",
            kernel.process_events,
            yes_or_no(kernel.process_events),
            "They are offered by the module cn_proc, or by a built-in C connector with CONFIG_PROC_EVENTS.",
        ),
    ]);
    findings
}

fn about_rights(kernel: &Kernel, rights: Rights) -> Vec<Finding> {
    let first_or_other = |first| {
        if first {
            "the first one"
        } else {
            "another one"
        }
    };
    let mut findings = vec![
        finding("user", true, rights.user.to_string(), ""),
        finding(
            "user namespace",
            rights.initial_user_namespace,
            first_or_other(rights.initial_user_namespace),
            "Rights of other user namespaces do not count for the connector.",
        ),
        finding(
            "pid namespace",
            rights.initial_pid_namespace,
            first_or_other(rights.initial_pid_namespace),
            "Process events are for the first one alone, whose numbers they have.",
        ),
        finding(
            "CAP_NET_ADMIN",
            rights.net_admin,
            if rights.net_admin {
                "yes"
            } else {
                "no: no groups but open ones, no notification"
            },
            "Run as root, or give it to the program: setcap cap_net_admin+ep cnctl.",
        ),
    ];
    // Modules in Rust show their parameters nowhere, so that the mask is not known here.
    let open = match kernel.connector {
        Connector::Rust => "1, those that cnctl list shows, and those of the parameter open_groups",
        Connector::C => "those with an odd number",
        _ => return findings,
    };
    findings.push(finding("open groups", true, open, ""));
    findings
}
