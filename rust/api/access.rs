// SPDX-License-Identifier: GPL-2.0

//! The rights that senders to a handler and listeners to its group need.
//!
//! C counterpart: none; there each callback has to check by itself.

#![forbid(unsafe_code)]

use crate::bindings;
use kernel::{bindings as kernel_bindings, prelude::*};

/// A capability of the kernel, as `capabilities(7)` describes them.
///
/// # Examples
///
/// ```
/// # use connector::Capability;
/// assert_eq!(Capability::NET_ADMIN.number(), 12);
/// assert_eq!(Capability::new(12), Some(Capability::NET_ADMIN));
/// assert_eq!(Capability::new(1000), None);
/// ```
///
/// # Invariants
///
/// The number is that of a capability which the kernel knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Capability(c_int);

macro_rules! capabilities {
    ($($name:ident = $number:ident),* $(,)?) => {
        impl Capability {
            $(
                #[doc = concat!("`", stringify!($number), "`")]
                // INVARIANT: The number is one of the kernel's constants.
                pub const $name: Self = Self(kernel_bindings::$number as c_int);
            )*
        }
    };
}

capabilities! {
    CHOWN = CAP_CHOWN,
    DAC_OVERRIDE = CAP_DAC_OVERRIDE,
    DAC_READ_SEARCH = CAP_DAC_READ_SEARCH,
    FOWNER = CAP_FOWNER,
    FSETID = CAP_FSETID,
    KILL = CAP_KILL,
    SETGID = CAP_SETGID,
    SETUID = CAP_SETUID,
    SETPCAP = CAP_SETPCAP,
    LINUX_IMMUTABLE = CAP_LINUX_IMMUTABLE,
    NET_BIND_SERVICE = CAP_NET_BIND_SERVICE,
    NET_BROADCAST = CAP_NET_BROADCAST,
    NET_ADMIN = CAP_NET_ADMIN,
    NET_RAW = CAP_NET_RAW,
    IPC_LOCK = CAP_IPC_LOCK,
    IPC_OWNER = CAP_IPC_OWNER,
    SYS_MODULE = CAP_SYS_MODULE,
    SYS_RAWIO = CAP_SYS_RAWIO,
    SYS_CHROOT = CAP_SYS_CHROOT,
    SYS_PTRACE = CAP_SYS_PTRACE,
    SYS_PACCT = CAP_SYS_PACCT,
    SYS_ADMIN = CAP_SYS_ADMIN,
    SYS_BOOT = CAP_SYS_BOOT,
    SYS_NICE = CAP_SYS_NICE,
    SYS_RESOURCE = CAP_SYS_RESOURCE,
    SYS_TIME = CAP_SYS_TIME,
    SYS_TTY_CONFIG = CAP_SYS_TTY_CONFIG,
    MKNOD = CAP_MKNOD,
    LEASE = CAP_LEASE,
    AUDIT_WRITE = CAP_AUDIT_WRITE,
    AUDIT_CONTROL = CAP_AUDIT_CONTROL,
    SETFCAP = CAP_SETFCAP,
    MAC_OVERRIDE = CAP_MAC_OVERRIDE,
    MAC_ADMIN = CAP_MAC_ADMIN,
    SYSLOG = CAP_SYSLOG,
    WAKE_ALARM = CAP_WAKE_ALARM,
    BLOCK_SUSPEND = CAP_BLOCK_SUSPEND,
    AUDIT_READ = CAP_AUDIT_READ,
    PERFMON = CAP_PERFMON,
    BPF = CAP_BPF,
    CHECKPOINT_RESTORE = CAP_CHECKPOINT_RESTORE,
}

impl Capability {
    /// The capability with that number; [`None`] if this kernel has none.
    #[inline]
    pub const fn new(number: u32) -> Option<Self> {
        if number <= kernel_bindings::CAP_LAST_CAP {
            // INVARIANT: The numbers up to the last one are all in use.
            Some(Self(number as c_int))
        } else {
            None
        }
    }

    /// Its number.
    #[inline]
    pub const fn number(self) -> u32 {
        self.0 as u32
    }

    #[inline]
    pub(crate) const fn as_raw(self) -> c_int {
        self.0
    }
}

/// The senders from which the core passes messages to a handler.
///
/// A message that is refused does not reach the handler. It is counted, and answered with `-EPERM`
/// if the program asked for an acknowledgment.
///
/// [`Handler::permits`](crate::Handler::permits) may refuse senders that this permits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Access {
    /// Programs with `CAP_NET_ADMIN`; the default.
    #[default]
    Privileged,
    /// Programs with the given capability.
    ///
    /// As with [`Access::Privileged`], both the opener of the socket and the sender must have it in
    /// the initial user namespace: a program gains nothing by a socket that another one has opened.
    Capability(Capability),
    /// All programs.
    Public,
}

impl Access {
    #[inline]
    pub(crate) const fn as_raw(self) -> c_int {
        match self {
            Self::Privileged => Capability::NET_ADMIN.as_raw(),
            Self::Capability(capability) => capability.as_raw(),
            Self::Public => bindings::CN_ANYONE,
        }
    }
}

/// How a handler is registered: the rights of senders and listeners, and a description.
///
/// The defaults are the careful ones: senders and listeners need `CAP_NET_ADMIN`.
///
/// # Examples
///
/// A handler to which all programs may send, and whose messages they may read:
///
/// ```
/// use connector::{Access, Options};
///
/// let options = Options::new()
///     .access(Access::Public)
///     .open_group()
///     .description(c"temperature of the box in millidegrees");
/// # let _ = options;
/// ```
#[derive(Clone, Copy, Default)]
#[must_use = "options do nothing until something is registered with them"]
pub struct Options {
    pub(crate) access: Access,
    pub(crate) open_group: bool,
    pub(crate) description: Option<&'static CStr>,
}

impl Options {
    /// Privileged senders, closed group, no description.
    #[inline]
    pub const fn new() -> Self {
        Self {
            access: Access::Privileged,
            open_group: false,
            description: None,
        }
    }

    /// Sets the rights that senders need.
    #[inline]
    pub const fn access(self, access: Access) -> Self {
        Self { access, ..self }
    }

    /// Permits all programs to join the group of the id, and so to read its messages, as long as
    /// the registration lasts.
    ///
    /// Without this, joining needs `CAP_NET_ADMIN`, unless the administrator has opened the group.
    /// A socket that has joined stays in the group when the registration ends.
    #[inline]
    pub const fn open_group(self) -> Self {
        Self {
            open_group: true,
            ..self
        }
    }

    /// Sets the description of the handler.
    #[inline]
    pub const fn description(self, description: &'static CStr) -> Self {
        Self {
            description: Some(description),
            ..self
        }
    }

    #[inline]
    pub(crate) const fn flags(self) -> u32 {
        if self.open_group {
            bindings::CN_HANDLER_OPEN_GROUP
        } else {
            0
        }
    }
}
