// SPDX-License-Identifier: GPL-2.0

//! What the running kernel offers, and what this process may do. Found out by looking at files: nothing is loaded, and
//! no socket is opened.

use std::fs;
use std::path::Path;

use rustix::thread::{capabilities, CapabilitySet};

use crate::watch::channel_of;
use crate::{Error, Id, Registrations};

/// Which connector there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Connector {
    /// None, and `modprobe` would find none.
    None,
    /// None yet; the first socket loads it.
    Loadable,
    /// There is one, in another network namespace than this process is in.
    OtherNamespace,
    /// The C connector.
    C,
    /// The one of this project.
    Rust,
}

/// What the running kernel offers.
///
/// ```
/// use connector_client::{Connector, Kernel};
///
/// let kernel = Kernel::detect();
/// if kernel.connector == Connector::None {
///     assert!(!kernel.process_events && kernel.notification_channel.is_none());
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Kernel {
    /// Its release, as `uname -r` says it.
    pub release: String,
    /// Which connector there is.
    pub connector: Connector,
    /// Whether the connector answers to those who ask for it.
    pub acknowledgements: bool,
    /// The id of the notification channel.
    pub notification_channel: Option<Id>,
    /// Whether there are process events.
    pub process_events: bool,
    /// Whether the connector counts.
    pub statistics: bool,
}

impl Kernel {
    /// Looks at the running kernel.
    pub fn detect() -> Self {
        let registrations = Registrations::read();
        let statistics = Path::new("/proc/net/connector_stats").exists();
        let release = fs::read_to_string("/proc/sys/kernel/osrelease")
            .unwrap_or_default()
            .trim()
            .to_owned();
        let connector = match &registrations {
            Err(Error::OtherNamespace) => Connector::OtherNamespace,
            Err(Error::NoConnector) if can_be_loaded(&release) => Connector::Loadable,
            Err(Error::NoConnector) => Connector::None,
            // There is one, whether or not its file can be read.
            _ if statistics => Connector::Rust,
            _ => Connector::C,
        };
        let registrations = registrations.unwrap_or_default();
        Self {
            release,
            connector,
            acknowledgements: statistics,
            notification_channel: channel_of(&registrations).filter(|_| statistics),
            process_events: registrations.get(Id::PROCESS_EVENTS).is_some(),
            statistics,
        }
    }
}

/// What this process may do.
///
/// ```
/// let rights = connector_client::Rights::of_this_process();
/// println!("user {}, CAP_NET_ADMIN: {}", rights.user, rights.net_admin);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rights {
    /// The effective user.
    pub user: u32,
    /// Whether it has `CAP_NET_ADMIN` in the initial user namespace, where it counts.
    pub net_admin: bool,
    /// Whether it is in the initial user namespace.
    pub initial_user_namespace: bool,
    /// Whether it is in the initial pid namespace. Process events are for those alone that are in both.
    pub initial_pid_namespace: bool,
}

impl Rights {
    /// Those of this process.
    pub fn of_this_process() -> Self {
        let has =
            capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::NET_ADMIN));
        let initial = is_in("user", FIRST_USER_NAMESPACE);
        Self {
            user: rustix::process::geteuid().as_raw(),
            net_admin: has && initial,
            initial_user_namespace: initial,
            initial_pid_namespace: is_in("pid", FIRST_PID_NAMESPACE),
        }
    }
}

/// The numbers of the first namespaces, the same since Linux 3.8.
const FIRST_USER_NAMESPACE: u32 = 0xEFFF_FFFD;
const FIRST_PID_NAMESPACE: u32 = 0xEFFF_FFFC;

/// Whether this process is in that namespace. Without /proc, believe the best.
fn is_in(kind: &str, namespace: u32) -> bool {
    fs::read_link(format!("/proc/self/ns/{kind}")).map_or(true, |name| {
        name == Path::new(&format!("{kind}:[{namespace}]"))
    })
}

/// Why there is no file of the connector in /proc/net.
pub(crate) fn why_no_file() -> Error {
    // Not all kernels show a module that is built in; process 1 is where the connector is, on most systems.
    let namespace = |process: &str| fs::read_link(format!("/proc/{process}/ns/net")).ok();
    let elsewhere =
        matches!((namespace("self"), namespace("1")), (Some(ours), Some(first)) if ours != first);
    if Path::new("/sys/module/cn").exists()
        || elsewhere && fs::exists("/proc/1/net/connector").unwrap_or(false)
    {
        Error::OtherNamespace
    } else {
        Error::NoConnector
    }
}

/// Whether modprobe knows the alias by which the kernel asks for the connector.
fn can_be_loaded(release: &str) -> bool {
    let aliases = fs::read(format!("/lib/modules/{release}/modules.alias")).unwrap_or_default();
    aliases
        .split(|&byte| byte == b'\n')
        .any(|line| line.starts_with(b"alias net-pf-16-proto-11 "))
}
