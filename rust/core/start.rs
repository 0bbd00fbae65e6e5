// SPDX-License-Identifier: GPL-2.0

//! Starting and stopping the connector.
//!
//! C counterpart: `cn_init()` and `cn_fini()` in `drivers/connector/connector.c`.

#![forbid(unsafe_code)]

use crate::{
    channel::Channel,
    cleanup::Cleanup,
    instance::Instance,
    module_parameters,
    modules::ModuleNotifier,
    netlink::Socket,
    notify::Limits,
    parameters::{Groups, Refused, MAX_GROUPS},
    proc_files::ProcFiles,
    receive::Receiver,
};
use connector_base::Id;
use kernel::prelude::*;

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
    let running = <Running as kernel::Module>::init(kernel::module::this_module::<Module>())?;
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
    _instance: Instance,
}

impl kernel::Module for Running {
    fn init(module: &'static ThisModule) -> Result<Self> {
        let instance = Instance::start(groups()?, limits())?;
        let module_notifier = ModuleNotifier::new::<Cleanup>()?;
        let proc_files = ProcFiles::new()?;
        let channel = module_parameters::notify
            .value()
            .then(|| Channel::new(instance.connector(), channel_id()))
            .transpose()?;
        let groups = instance.connector().groups().count();
        let socket = Socket::new::<Receiver>(module, groups).inspect_err(|_| {
            pr_err!("cannot create the netlink socket; is another connector running?\n");
        })?;
        Ok(Self {
            _socket: socket,
            _channel: channel,
            _proc_files: proc_files,
            _module_notifier: module_notifier,
            _instance: instance,
        })
    }
}

/// The id of the notification channel, from the module parameters.
fn channel_id() -> Id {
    Id::new(
        module_parameters::cn_idx.value(),
        module_parameters::cn_val.value(),
    )
}

/// The limits of requests for notification, from the module parameters.
fn limits() -> Limits {
    Limits {
        total: module_parameters::notify_max.value() as usize,
        per_socket: module_parameters::notify_max_per_socket.value() as usize,
    }
}

/// The groups, from the module parameters.
fn groups() -> Result<Groups> {
    let count = module_parameters::groups.value();
    let open = module_parameters::open_groups.value();
    Groups::new(count, open).map_err(|refused| {
        match refused {
            Refused::Groups => {
                pr_err!("parameter groups={count} is refused: give 1 to {MAX_GROUPS}\n");
            }
            Refused::OpenGroups => pr_err!(
                "parameter open_groups={open:#x} is refused: it names a group above the last one, \
                 see parameter groups\n"
            ),
        }
        EINVAL
    })
}
