// SPDX-License-Identifier: GPL-2.0

//! Detects the features of the running kernel and the rights of this process. Detection reads files and loads no module. It
//! opens a socket only if the files say too little and the connector is known to be there.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use netlink_sys::protocols::NETLINK_CONNECTOR;
use rustix::thread::{capabilities, CapabilitySet};

use crate::error::{ECONNREFUSED, EPROTONOSUPPORT};
use crate::watch::channel_of;
use crate::{Error, Id, Registrations};

/// The connector of the running kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Connector {
    /// No connector, and `modprobe` finds none.
    None,
    /// No connector yet. Opening a socket loads it.
    Loadable,
    /// A connector, in another network namespace.
    OtherNamespace,
    /// The C connector.
    C,
    /// The connector in Rust, of this project.
    Rust,
    /// The connector in Rust as a guest of the C connector, which is built in. It serves modules in Rust; ids that other
    /// modules have registered are as with the C connector.
    Guest,
    /// A connector. `/proc/net`, which would tell the C connector from the one in Rust, cannot be read.
    Hidden,
    /// Unknown: `/proc/net` cannot be read, and nothing else indicates a connector.
    Unknown,
}

/// The features of the running kernel.
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
    /// The release of the kernel, as `uname -r` prints it.
    pub release: String,
    /// The connector.
    pub connector: Connector,
    /// Whether the connector is built in. Then no other connector can be loaded.
    pub built_in: bool,
    /// Whether the connector acknowledges messages (`NLM_F_ACK`). A guest does so for the ids in [`crate::Statistics`].
    pub acknowledgements: bool,
    /// The id of the notification channel, if there is one.
    pub notification_channel: Option<Id>,
    /// Whether the kernel has process events.
    pub process_events: bool,
    /// Whether the connector has statistics.
    pub statistics: bool,
}

impl Kernel {
    /// Detects the features of the running kernel.
    pub fn detect() -> Self {
        let registrations = Registrations::read();
        let statistics = has_file("connector_stats");
        let connector = match &registrations {
            Err(Error::OtherNamespace) => Connector::OtherNamespace,
            Err(Error::NoConnector) if can_be_loaded() => Connector::Loadable,
            Err(Error::NoConnector) => Connector::None,
            Err(Error::ProcHidden { .. }) => hidden_connector(),
            Ok(_) | Err(_) if statistics && is_loaded("cn_guest") => Connector::Guest,
            Ok(_) | Err(_) if statistics => Connector::Rust,
            Ok(_) | Err(_) => Connector::C,
        };
        let registrations = registrations.unwrap_or_default();
        let there = !matches!(connector, Connector::None | Connector::Loadable);
        Self {
            release: release(),
            connector,
            built_in: is_built_in() || there && connector != Connector::Unknown && !is_module(),
            acknowledgements: statistics,
            notification_channel: channel_of(&registrations).filter(|_| statistics),
            process_events: registrations.get(Id::PROCESS_EVENTS).is_some(),
            statistics,
        }
    }
}

/// The rights of this process.
///
/// ```
/// let rights = connector_client::Rights::of_this_process();
/// println!("user {}, CAP_NET_ADMIN: {}", rights.user, rights.net_admin);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rights {
    /// The effective user id.
    pub user: u32,
    /// Whether the process has `CAP_NET_ADMIN` in the initial user namespace, where it counts.
    pub net_admin: bool,
    /// Whether the process is in the initial user namespace.
    pub initial_user_namespace: bool,
    /// Whether the process is in the initial pid namespace. Process events need both initial namespaces.
    pub initial_pid_namespace: bool,
}

impl Rights {
    /// Reads the rights of this process.
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

/// The inode numbers of the initial namespaces, the same since Linux 3.8.
const FIRST_USER_NAMESPACE: u32 = 0xEFFF_FFFD;
const FIRST_PID_NAMESPACE: u32 = 0xEFFF_FFFC;

/// Whether this process is in that namespace. Without /proc the answer is yes.
fn is_in(kind: &str, namespace: u32) -> bool {
    fs::read_link(format!("/proc/self/ns/{kind}")).map_or(true, |name| {
        name == Path::new(&format!("{kind}:[{namespace}]"))
    })
}

/// The path of a file in /proc/net. Where /proc shows processes only (`subset=pid`), the path leads through a process.
fn path_of(file: &str) -> PathBuf {
    Path::new("/proc/thread-self/net").join(file)
}

pub(crate) fn has_file(file: &str) -> bool {
    path_of(file).exists()
}

/// Whether /proc/net can be read.
pub(crate) fn proc_is_visible() -> bool {
    has_file("netlink")
}

/// Reads a file of the connector in /proc/net.
pub(crate) fn read_file(file: &str) -> Result<Vec<u8>, Error> {
    fs::read(path_of(file)).map_err(|error| {
        if error.kind() == io::ErrorKind::NotFound && proc_is_visible() {
            why_no_file()
        } else {
            hidden(error)
        }
    })
}

/// The error for a /proc/net that cannot be read.
fn hidden(error: io::Error) -> Error {
    Error::ProcHidden {
        mounted: fs::symlink_metadata("/proc/self").is_ok(),
        error,
    }
}

/// The error for a file of the connector that cannot be read: /proc/net is hidden, or lacks the file.
pub(crate) fn why_hidden() -> Error {
    match fs::read(path_of("netlink")) {
        Ok(_) => why_no_file(),
        Err(error) => hidden(error),
    }
}

/// The error for a file of the connector that is missing in a readable /proc/net.
fn why_no_file() -> Error {
    match probe() {
        Probe::Absent => Error::NoConnector,
        _ => Error::OtherNamespace,
    }
}

fn hidden_connector() -> Connector {
    match probe() {
        Probe::Absent if is_known() => Connector::None,
        Probe::Absent if can_be_loaded() => Connector::Loadable,
        Probe::Absent | Probe::Unknown => Connector::Unknown,
        Probe::Elsewhere => Connector::OtherNamespace,
        Probe::Here => Connector::Hidden,
    }
}

/// The result of asking a socket about the connector.
enum Probe {
    Absent,
    Elsewhere,
    Here,
    Unknown,
}

/// Opens a socket and asks it about the connector, if opening cannot load a module.
fn probe() -> Probe {
    if !is_known() {
        return Probe::Absent;
    }
    match netlink_sys::Socket::new(NETLINK_CONNECTOR) {
        Ok(socket) => ask(&socket),
        Err(error) if error.raw_os_error() == Some(EPROTONOSUPPORT) => Probe::Absent,
        Err(_) => Probe::Unknown,
    }
}

/// Asks whether the connector is in the network namespace of a socket. Sending an empty message (`NLMSG_NOOP`) fails if it
/// is not.
fn ask(socket: &netlink_sys::Socket) -> Probe {
    let mut message = [0; 16];
    message[..4].copy_from_slice(&16u32.to_ne_bytes());
    message[4..6].copy_from_slice(&1u16.to_ne_bytes());
    match socket.send(&message, 0) {
        Ok(_) => Probe::Here,
        Err(error) if error.raw_os_error() == Some(ECONNREFUSED) => Probe::Elsewhere,
        Err(_) => Probe::Unknown,
    }
}

/// Whether a socket is in another network namespace than the connector.
pub(crate) fn is_elsewhere(socket: &netlink_sys::Socket) -> bool {
    matches!(ask(socket), Probe::Elsewhere)
}

/// Whether a file shows that the kernel has the connector. Not all kernels show a built-in one. On most systems process 1 is
/// in the network namespace of the connector.
fn is_known() -> bool {
    is_module() || is_built_in() || Path::new("/proc/1/net/connector").exists()
}

fn is_module() -> bool {
    is_loaded("cn")
}

fn is_loaded(module: &str) -> bool {
    Path::new("/sys/module").join(module).exists()
        || fs::read("/proc/modules")
            .is_ok_and(|list| has_line(&list, format!("{module} ").as_bytes()))
}

/// Reads a file of the running kernel in /lib/modules.
fn modules_file(file: &str) -> Vec<u8> {
    fs::read(Path::new("/lib/modules").join(release()).join(file)).unwrap_or_default()
}

fn has_line(text: &[u8], beginning: &[u8]) -> bool {
    text.split(|&byte| byte == b'\n')
        .any(|line| line.starts_with(beginning))
}

fn release() -> String {
    let name = rustix::system::uname();
    name.release().to_string_lossy().into_owned()
}

/// Whether the kernel's list of built-in modules has the connector.
fn is_built_in() -> bool {
    let list = modules_file("modules.builtin");
    list.split(|&byte| byte == b'\n')
        .any(|line| line.ends_with(b"/cn.ko"))
}

/// Whether modprobe knows the alias by which the kernel loads the connector.
fn can_be_loaded() -> bool {
    has_line(&modules_file("modules.alias"), b"alias net-pf-16-proto-11 ")
}
