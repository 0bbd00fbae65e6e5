// SPDX-License-Identifier: GPL-2.0

//! Process events: programs are told of processes that come, change and go.
//!
//! A client of the crate `connector`, wire-compatible with what the kernel has where its connector
//! is built in.
//!
//! | what                                    | where                                          |
//! |-----------------------------------------|------------------------------------------------|
//! | [`hook`]: places in the kernel          | [`source`]: what they tell                     |
//! | [`event`]: what happened, as it is sent | [`operation`]: what programs ask for           |
//! | [`demand`]: what has to be attached     | [`listener`]: a socket that listens            |
//! | [`listeners`]: all of them              | [`instance`]: the one service                  |
//! | [`service`]: requests in, events out    | [`proc_file`]: what can be seen of it          |
//!
//! C counterpart: `drivers/connector/cn_proc.c`.

mod bindings;
mod demand;
mod event;
mod glue;
mod hook;
mod instance;
mod listener;
mod listeners;
mod operation;
mod proc_file;
mod service;
mod source;

use connector::{Access, Options, Registration, SocketWatch};
use hook::{Hook, Hooks};
use instance::Instance;
use kernel::{prelude::*, sync::Arc};
use proc_file::ProcFile;
use service::Service;

module! {
    type: Module,
    name: "cn_proc",
    authors: ["The connector-rs authors"],
    description: "Process events over the connector",
    license: "GPL",
    // Asked for by the core, when a program sends to the id.
    alias: ["cn-id-1-1"],
    imports_ns: ["CONNECTOR"],
    params: {
        probe: bool {
            default: true,
            description: "Whether functions of the kernel are probed; if not, there are fewer events, \
                          and ends are delivered a moment later (default true)",
        },
        listeners_per_user: u32 {
            default: 256,
            description: "How many sockets of one user may listen without CAP_NET_ADMIN; further \
                          requests fail with ENOSPC (default 256)",
        },
    },
}

/// The running service. Started from bottom to top, stopped from top to bottom.
struct Module {
    /// Requests can come from when this exists.
    _registration: Registration<Service>,
    _watch: SocketWatch<Service>,
    _file: ProcFile,
    _instance: Instance,
}

impl kernel::Module for Module {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let limit = module_parameters::listeners_per_user.value();
        let service = Arc::pin_init(Service::new(available()?, limit), GFP_KERNEL)?;
        let instance = Instance::new(service.clone())?;
        let file = ProcFile::new()?;
        let watch = SocketWatch::new(service.clone())?;
        let options = Options::new()
            .access(Access::Public)
            .open_group()
            .description(c"process events");
        let registration = Registration::with_options(service::ID, c"cn_proc", service, options)?;
        Ok(Self {
            _registration: registration,
            _watch: watch,
            _file: file,
            _instance: instance,
        })
    }
}

/// Tries which hooks this kernel has, and says so.
fn available() -> Result<Hooks> {
    glue::allow_probes(module_parameters::probe.value());
    let mut hooks = Hooks::NONE;
    for hook in Hook::ALL {
        if glue::is_available(hook)? {
            hooks.add(hook);
        }
    }
    let late = if hooks.contains(Hook::Exit) && glue::ends_are_late() {
        "; ends are delivered a moment later"
    } else {
        ""
    };
    pr_info!("events: {hooks}{late}\n");
    Ok(hooks)
}

impl kernel::fmt::Display for Hooks {
    fn fmt(&self, to: &mut kernel::fmt::Formatter<'_>) -> kernel::fmt::Result {
        self.describe(to)
    }
}
