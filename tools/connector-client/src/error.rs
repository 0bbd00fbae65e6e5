// SPDX-License-Identifier: GPL-2.0

//! Errors, each with a sentence of advice.

use std::fmt;
use std::io;
use std::time::Duration;

use crate::wire::DecodeError;
use crate::{Id, PayloadTooLong};

/// An error. Its text is a sentence; [`Error::advice`] suggests a remedy.
///
/// ```
/// use connector_client::Error;
///
/// let error = Error::NoSuchGroup { group: 4000 };
/// assert_eq!(error.to_string(), "the connector has no group 4000");
/// assert!(error.advice().is_some());
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The kernel has no connector, and opening a socket did not load one.
    NoConnector,
    /// The connector is in the initial network namespace, and this process is in another one.
    OtherNamespace,
    /// This process may not join a group.
    NoRightToJoin {
        /// The group.
        group: u32,
        /// Whether this process is in another user namespace than the initial one. Its rights there do not count.
        other_user_namespace: bool,
    },
    /// This process may not do something, whatever its rights are.
    NoRight {
        /// The operation.
        to: &'static str,
    },
    /// There is no such group.
    NoSuchGroup {
        /// The group.
        group: u32,
    },
    /// The kernel answered with an error.
    Refused(Refusal),
    /// The awaited message did not arrive in time.
    TimedOut {
        /// The awaited message.
        waiting_for: &'static str,
        /// The time limit.
        after: Duration,
        /// The number of datagrams lost during the wait. The awaited message may be one of them.
        lost: u64,
    },
    /// The file descriptor of [`Socket::stop_on`](crate::Socket::stop_on) became readable.
    Stopped,
    /// The kernel does not have a feature.
    NotOffered {
        /// The feature.
        what: &'static str,
    },
    /// A payload is too long.
    PayloadTooLong(PayloadTooLong),
    /// A datagram is malformed.
    Malformed(DecodeError),
    /// `/proc/net` cannot be read, so the features of the connector are not known.
    ProcHidden {
        /// Whether `/proc` is mounted.
        mounted: bool,
        /// The error of the attempt to read.
        error: io::Error,
    },
    /// A system call failed.
    System {
        /// The operation.
        doing: &'static str,
        /// Its error.
        error: io::Error,
    },
}

/// The kernel's answer to a message that it, or the callback, refuses.
///
/// ```
/// use connector_client::{Id, Refusal};
///
/// let refusal = Refusal { id: Id::new(20, 1), errno: 19, text: None };
/// assert_eq!(refusal.to_string(), "20:1 refused the message: No such device");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The id to which the message was sent.
    pub id: Id,
    /// The error number, positive.
    pub errno: i32,
    /// The kernel's text about the error.
    pub text: Option<String>,
}

/// The sentence of an error number. The standard library appends the number, which is removed here.
pub(crate) fn sentence(errno: i32) -> String {
    let text = io::Error::from_raw_os_error(errno).to_string();
    match text.split_once(" (os error") {
        Some((sentence, _)) => sentence.to_owned(),
        None => text,
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} refused the message: {}",
            self.id,
            sentence(self.errno)
        )?;
        match &self.text {
            Some(text) => write!(f, " ({text})"),
            None => Ok(()),
        }
    }
}

// The error numbers of the connector in <errno.h>. They are the same on all architectures.
pub(crate) const EPERM: i32 = 1;
pub(crate) const EAGAIN: i32 = 11;
pub(crate) const ENODEV: i32 = 19;
pub(crate) const EINVAL: i32 = 22;
pub(crate) const ENOSPC: i32 = 28;
pub(crate) const EMSGSIZE: i32 = 90;
pub(crate) const EPROTONOSUPPORT: i32 = 93;
pub(crate) const ENOBUFS: i32 = 105;
pub(crate) const ECONNREFUSED: i32 = 111;

impl Error {
    /// A system call failed for a reason that no other variant describes.
    pub(crate) fn system(doing: &'static str, error: impl Into<io::Error>) -> Self {
        Self::System {
            doing,
            error: error.into(),
        }
    }

    /// The error number, if there is one.
    ///
    /// ```
    /// use connector_client::{Error, Id, Refusal};
    ///
    /// let refusal = Refusal { id: Id::new(20, 1), errno: 19, text: None };
    /// assert_eq!(Error::Refused(refusal).errno(), Some(19));
    /// ```
    pub fn errno(&self) -> Option<i32> {
        match self {
            Self::Refused(refusal) => Some(refusal.errno),
            Self::System { error, .. } | Self::ProcHidden { error, .. } => error.raw_os_error(),
            Self::NoConnector => Some(EPROTONOSUPPORT),
            Self::OtherNamespace => Some(ECONNREFUSED),
            Self::NoRightToJoin { .. } | Self::NoRight { .. } => Some(EPERM),
            Self::NoSuchGroup { .. } => Some(EINVAL),
            _ => None,
        }
    }

    /// A sentence that suggests a remedy.
    pub fn advice(&self) -> Option<&'static str> {
        Some(match self {
            Self::NoConnector => "Load the module: modprobe cn (or, built by hand: insmod cn.ko).",
            Self::OtherNamespace => "Run the program in the initial network namespace: nsenter --target 1 --net.",
            Self::NoRight { .. } => "Run the program outside of the container: nsenter --target 1 --user --pid.",
            Self::NoRightToJoin { other_user_namespace: true, .. } => {
                "Run the program with CAP_NET_ADMIN in the initial user namespace; that of others does not count."
            }
            Self::NoRightToJoin { .. } => "Run the program as root, or with CAP_NET_ADMIN in the initial user namespace.",
            Self::NoSuchGroup { .. } => "The parameter groups of the module cn says how many there are (32 by default).",
            Self::Refused(refusal) => match refusal.errno {
                EPERM => "The sender needs a right, in general CAP_NET_ADMIN in the initial user namespace: run the program as root.",
                ENODEV => "No callback is registered under that id: load its module. /proc/net/connector lists all callbacks.",
                EMSGSIZE => "The connector accepts payloads of 16364 bytes at most.",
                ENOSPC => "A limit is reached: of requests for notification, or of sockets of this user that listen to process events.",
                EINVAL => "The connector or the callback considers the message malformed.",
                _ => return None,
            },
            Self::TimedOut { lost: 1.., .. } => "Messages were lost: try again with a larger receive buffer.",
            Self::TimedOut { waiting_for: "an acknowledgement", .. } => {
                "The C connector has no acknowledgements; a guest of it has some for ids in /proc/net/connector_stats only."
            }
            Self::TimedOut { waiting_for: "an answer about process events", .. } => {
                "Perhaps there are no process events: load the module cn_proc. They are for the initial user and pid namespaces only."
            }
            Self::TimedOut { .. } => {
                "Perhaps the callback does not reply, or is not registered: /proc/net/connector lists all callbacks."
            }
            Self::NotOffered { what: "process events" } => {
                "Load the module cn_proc; a built-in C connector has them with CONFIG_PROC_EVENTS."
            }
            Self::NotOffered { .. } => "The connector in Rust has it; the C connector does not.",
            Self::ProcHidden { .. } => "Mount it: mount -t proc proc /proc. Sending, listening and process events work without.",
            Self::System { error, .. } => match error.raw_os_error() {
                Some(EPERM) => "Run the program as root, or with CAP_NET_ADMIN in the initial user namespace.",
                _ => return None,
            },
            _ => return None,
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoConnector => {
                f.write_str("the kernel has no connector: the module cn is not loaded")
            }
            Self::OtherNamespace => f.write_str("the connector is not in this network namespace"),
            Self::NoRightToJoin {
                group,
                other_user_namespace,
            } => {
                write!(f, "joining group {group} is not permitted")?;
                if *other_user_namespace {
                    f.write_str(" in another user namespace")?;
                }
                Ok(())
            }
            Self::NoRight { to } => {
                write!(f, "{to} is for the initial user and pid namespaces only")
            }
            Self::NoSuchGroup { group } => write!(f, "the connector has no group {group}"),
            Self::Refused(refusal) => refusal.fmt(f),
            Self::TimedOut {
                waiting_for, after, ..
            } => {
                write!(
                    f,
                    "waited {} ms for {waiting_for}, and none arrived",
                    after.as_millis()
                )
            }
            Self::Stopped => f.write_str("stopped while waiting"),
            Self::NotOffered { what } => write!(f, "this kernel does not offer {what}"),
            Self::PayloadTooLong(error) => error.fmt(f),
            Self::Malformed(error) => write!(f, "a datagram is malformed: {error}"),
            Self::ProcHidden { mounted: false, .. } => {
                f.write_str("/proc/net cannot be read: /proc is not mounted")
            }
            Self::ProcHidden { error, .. } => match error.raw_os_error() {
                Some(errno) => write!(f, "/proc/net cannot be read: {}", sentence(errno)),
                None => write!(f, "/proc/net cannot be read: {error}"),
            },
            Self::System { doing, error } => match error.raw_os_error() {
                Some(errno) => write!(f, "cannot {doing}: {}", sentence(errno)),
                None => write!(f, "cannot {doing}: {error}"),
            },
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Malformed(error) => Some(error),
            Self::PayloadTooLong(error) => Some(error),
            Self::System { error, .. } | Self::ProcHidden { error, .. } => Some(error),
            _ => None,
        }
    }
}

impl From<DecodeError> for Error {
    fn from(error: DecodeError) -> Self {
        Self::Malformed(error)
    }
}

impl From<PayloadTooLong> for Error {
    fn from(error: PayloadTooLong) -> Self {
        Self::PayloadTooLong(error)
    }
}
