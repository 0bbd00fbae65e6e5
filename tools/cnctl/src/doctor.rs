// SPDX-License-Identifier: GPL-2.0

//! `cnctl doctor`: shows the features of this kernel and the rights of this user, with advice. It changes nothing.

use connector_client::{Connector, Kernel, Rights};
use serde_json::json;

use crate::failure::Failure;
use crate::output::{Output, Style};

/// The result of one check.
struct Finding {
    what: &'static str,
    good: bool,
    is: String,
    /// Advice, if there is any.
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
        Connector::C
        | Connector::Rust
        | Connector::Guest
        | Connector::Loadable
        | Connector::Hidden => Ok(()),
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

/// Whether the connector is usable, its description, and advice.
fn about_connector(kernel: &Kernel) -> (bool, &'static str, &'static str) {
    const MOUNT: &str = "To know more, mount it: mount -t proc proc /proc.";
    match (kernel.connector, kernel.built_in) {
        (Connector::Rust, false) => (true, "in Rust", ""),
        (Connector::Rust, true) => (true, "in Rust, built in", ""),
        (Connector::Guest, _) => (
            true,
            "in Rust, guest of the one in C, which is built in",
            "",
        ),
        (Connector::C, false) => (true, "in C", ""),
        (Connector::C, true) => (true, "in C, built in", ""),
        (Connector::Loadable, _) => (true, "not loaded; the first socket loads it", ""),
        (Connector::OtherNamespace, _) => (
            false,
            "not in this network namespace",
            "Run it in the initial one: nsenter --target 1 --net.",
        ),
        (Connector::Hidden, false) => (
            false,
            "there; its features are not known, because /proc/net cannot be read",
            MOUNT,
        ),
        (Connector::Hidden, true) => (
            false,
            "there, built in; its features are not known, because /proc/net cannot be read",
            MOUNT,
        ),
        (Connector::Unknown, _) => (false, "not known: /proc/net cannot be read", MOUNT),
        (_, true) => (
            false,
            "built in, but not started",
            "The kernel's log has the reason, for example a wrong parameter of cn.",
        ),
        (_, false) => (
            false,
            "none",
            "Load the module cn: modprobe cn, or insmod cn.ko.",
        ),
    }
}

fn about_kernel(kernel: &Kernel) -> Vec<Finding> {
    let (good, is, change) = about_connector(kernel);
    let mut findings = vec![
        finding("kernel", true, format!("Linux {}", kernel.release), ""),
        finding("connector", good, is, change),
    ];
    if !matches!(
        kernel.connector,
        Connector::C | Connector::Rust | Connector::Guest
    ) {
        return findings;
    }
    let (ours, events) = match (kernel.connector, kernel.built_in) {
        (Connector::C, true) => (
            "The connector in Rust has it. Here the C connector is built in; modules in Rust have it with the module cn_guest.",
            "This kernel was built without CONFIG_PROC_EVENTS.",
        ),
        (Connector::Guest, _) => ("", "This kernel was built without CONFIG_PROC_EVENTS."),
        (Connector::C, false) => (
            "The connector in Rust has it. Here the C connector is loaded.",
            "The connector in Rust has them with the module cn_proc; a built-in C connector has them with CONFIG_PROC_EVENTS.",
        ),
        _ => ("", "Load the module cn_proc: modprobe cn_proc, or insmod cn_proc.ko."),
    };
    let guest = kernel.connector == Connector::Guest;
    let yes_or_no = |yes: bool| if yes { "yes" } else { "no" };
    let of_guest = |yes: bool| match yes_or_no(yes) {
        "yes" if guest => "for the ids of modules in Rust (cnctl stats)",
        other => other,
    };
    findings.extend([
        finding(
            "acknowledgements",
            kernel.acknowledgements,
            of_guest(kernel.acknowledgements),
            ours,
        ),
        finding(
            "statistics",
            kernel.statistics,
            of_guest(kernel.statistics),
            ours,
        ),
        finding(
            "notification channel",
            kernel.notification_channel.is_some(),
            kernel
                .notification_channel
                .map_or("no".to_owned(), |id| match guest {
                    true => format!("id {id}, for the same ids"),
                    false => format!("id {id}"),
                }),
            if kernel.statistics {
                "The module was loaded with notify=0."
            } else {
                ours
            },
        ),
        finding(
            "process events",
            kernel.process_events,
            yes_or_no(kernel.process_events),
            events,
        ),
    ]);
    findings
}

fn about_rights(kernel: &Kernel, rights: Rights) -> Vec<Finding> {
    let initial_or_other = |initial| {
        if initial {
            "the initial one"
        } else {
            "another one"
        }
    };
    let mut findings = vec![
        finding("user", true, rights.user.to_string(), ""),
        finding(
            "user namespace",
            rights.initial_user_namespace,
            initial_or_other(rights.initial_user_namespace),
            "Rights of other user namespaces do not count for the connector.",
        ),
        finding(
            "pid namespace",
            rights.initial_pid_namespace,
            initial_or_other(rights.initial_pid_namespace),
            "Process events have the ids of the initial one, and are for its processes only.",
        ),
        finding(
            "CAP_NET_ADMIN",
            rights.net_admin,
            if rights.net_admin {
                "yes"
            } else {
                "no: open groups only, and no notification"
            },
            "Run cnctl as root, or give the program the right: setcap cap_net_admin+ep cnctl.",
        ),
    ];
    // Parameters of Rust modules are not in /sys, so the value of open_groups is unknown.
    let open = match kernel.connector {
        Connector::Rust => "1, those in cnctl list, and those of the parameter open_groups",
        Connector::C => "all with an odd number",
        Connector::Guest => {
            "all with an odd number; what modules in Rust send to a closed one reaches only programs with the right"
        }
        _ => return findings,
    };
    findings.push(finding("open groups", true, open, ""));
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_in_is_not_to_be_loaded() {
        let mut kernel = Kernel::detect();
        kernel.built_in = true;
        kernel.process_events = false;
        for connector in [
            Connector::C,
            Connector::None,
            Connector::Hidden,
            Connector::OtherNamespace,
        ] {
            kernel.connector = connector;
            for Finding { change, .. } in about_kernel(&kernel) {
                let change = change.unwrap_or_default();
                assert!(
                    !change.contains("modprobe") && !change.contains("Load"),
                    "{change}"
                );
            }
        }
        kernel.connector = Connector::C;
        assert_eq!(about_kernel(&kernel)[1].is, "in C, built in");
    }
}
