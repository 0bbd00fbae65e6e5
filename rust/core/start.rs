// SPDX-License-Identifier: GPL-2.0

//! Starting and stopping the connector, with its own callback: the notification channel, through
//! which programs ask to be notified of registered and unregistered ids.
//!
//! C counterparts in `drivers/connector/connector.c`: `cn_init()` and `cn_fini()`; `cn_callback()`,
//! until it was removed in 2010.

#![forbid(unsafe_code)]

use crate::{
    carrier::{Socket, MOST_GROUPS},
    connector::{self, Connector, RunningConnector},
    helpers::{has_channel, ModuleNotifier},
    module_parameters,
    netlink::SenderParms,
    notify::Limits,
    parameters::{Groups, Refused},
    proc_files::ProcFiles,
    receive::Receiver,
    table::{Callback, CoreHandler, Internal, Name},
};
use connector_base::{kernel_compat::parameter, wire::Header, Id};
use kernel::{bindings::CAP_NET_ADMIN, prelude::*};

/// The module `cn`, as the kernel starts it.
#[cfg(MODULE)]
pub(crate) type Module = Running;

/// The module `cn`, as the kernel starts it with the drivers, where the connector is built in.
///
/// That is too late for other parts of the kernel that register a callback when they start, so that
/// there is nothing left to do: [`start_built_in`] was called with the subsystems.
#[cfg(not(MODULE))]
pub(crate) struct Module;

#[cfg(not(MODULE))]
impl kernel::Module for Module {
    fn init(_: &'static ThisModule) -> Result<Self> {
        Ok(Self)
    }
}

/// Starts a connector that is built in, which never stops.
///
/// # Errors
///
/// - [`EINVAL`]: a parameter on the kernel's command line is refused.
/// - [`ENOMEM`]: no memory.
#[cfg(not(MODULE))]
pub(crate) fn start_built_in() -> Result {
    let running = <Running as kernel::Module>::init(connector_base::this_module!(Module))?;
    KBox::leak(KBox::new(running, GFP_KERNEL)?);
    Ok(())
}

/// The running connector. Started from bottom to top, stopped from top to bottom.
pub(crate) struct Running {
    /// While this exists, messages can be received and sent.
    _socket: Socket,
    _channel: Option<Channel>,
    _proc_files: ProcFiles,
    _module_notifier: ModuleNotifier,
    _connector: RunningConnector,
}

impl kernel::Module for Running {
    fn init(module: &'static ThisModule) -> Result<Self> {
        let running = RunningConnector::start::<Receiver>(groups()?, limits())?;
        let module_notifier = ModuleNotifier::new::<Connector>()?;
        let proc_files = ProcFiles::new(module)?;
        let channel = has_channel()
            .then(|| Channel::new(running.connector(), channel_id()))
            .transpose()?;
        let groups = running.connector().groups().count();
        let socket = Socket::open::<Receiver>(running.carrier(), module, groups)?;
        Ok(Self {
            _socket: socket,
            _channel: channel,
            _proc_files: proc_files,
            _module_notifier: module_notifier,
            _connector: running,
        })
    }
}

/// The notification channel: a callback like any other, which is registered as long as this exists.
struct Channel {
    id: Id,
    serial: u64,
}

impl Channel {
    /// Registers the channel.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`]: no memory.
    fn new(connector: &Connector, id: Id) -> Result<Self> {
        let handler = CoreHandler::internal(
            &Requests,
            Some(CAP_NET_ADMIN as c_int),
            c"notification of registered and unregistered ids",
        );
        let callback = Callback::Handler(KBox::new(handler, GFP_KERNEL)?);
        let name = Name::new(b"connector".iter().copied());
        let serial = connector.register(id, name, callback)?;
        Ok(Self { id, serial })
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        if let Some(connector) = connector::get() {
            connector.unregister(self.id, Some(self.serial));
            connector.notifier().report_end();
        }
    }
}

/// Receives the messages to the channel.
struct Requests;

impl Internal for Requests {
    fn receive(&self, header: Header, payload: &[u8], sender: SenderParms<'_>) -> Result {
        let connector = connector::get().ok_or(EAGAIN)?;
        let (notifier, groups) = (connector.notifier(), connector.groups().count());
        notifier.receive(connector.registry(), groups, header, payload, sender)
    }
}

/// The id of the notification channel, from the module parameters.
fn channel_id() -> Id {
    Id::new(
        parameter(&module_parameters::cn_idx),
        parameter(&module_parameters::cn_val),
    )
}

/// The limits of requests for notification, from the module parameters.
fn limits() -> Limits {
    Limits {
        total: parameter(&module_parameters::notify_max) as usize,
        per_socket: parameter(&module_parameters::notify_max_per_socket) as usize,
    }
}

/// The groups, from the module parameters.
fn groups() -> Result<Groups> {
    let count = parameter(&module_parameters::groups);
    let open = parameter(&module_parameters::open_groups);
    Groups::new(count, open, MOST_GROUPS).map_err(|refused| {
        match refused {
            Refused::Groups => {
                pr_err!("parameter groups={count} is refused: give 1 to {MOST_GROUPS}\n");
            }
            Refused::OpenGroups => pr_err!(
                "parameter open_groups={open:#x} is refused: it names a group above the last one, \
                 see parameter groups\n"
            ),
        }
        EINVAL
    })
}
