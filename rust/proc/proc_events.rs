// SPDX-License-Identifier: GPL-2.0

//! Process events: programs are notified of processes that fork, execute, change and exit.
//!
//! A client of the crate `connector`, wire-compatible with the kernel's own process events, where
//! its connector is built in.
//!
//! | file          | contents                                                                |
//! |---------------|-------------------------------------------------------------------------|
//! | [`event`]     | events and requests on the wire, and which events a listener gets       |
//! | [`hook`]      | which hooks listeners need, and which are attached                      |
//! | [`listeners`] | the sockets that have asked for events                                  |
//! | [`service`]   | requests in, events out                                                 |
//! | [`status`]    | `/proc/net/cn_proc`                                                     |
//! | [`glue`]      | the boundary to C, where the hooks are; on top of the others            |
//!
//! C counterpart: `drivers/connector/cn_proc.c`.

// Not `forbid`: the file `glue` allows it.
#![deny(unsafe_code)]

mod event;
mod glue;
mod hook;
mod listeners;
mod service;
mod status;

use connector::{Access, Options, Registration, SocketWatch};
use connector_base::{kernel_compat::parameter, seq_file::ProcFile};
use glue::{files_are_removed, ProcService, RunningService};
use hook::{Hook, Hooks};
use kernel::{fmt, prelude::*, sync::Arc};
use status::Status;

module! {
    type: Module,
    name: "cn_proc",
    authors: ["The connector-rs authors"],
    description: "Process events over the connector",
    license: "GPL",
    // The core requests it, when a program sends to the id.
    alias: ["cn-id-1-1"],
    imports_ns: ["CONNECTOR"],
    params: {
        listeners_per_user: u32 {
            default: 256,
            description: "How many sockets of one user may listen without CAP_NET_ADMIN; further \
                          requests fail with ENOSPC (default 256)",
        },
    },
}

/// The running service. Started from bottom to top, stopped from top to bottom.
struct Module {
    _registration: Registration<ProcService>,
    _watch: SocketWatch<ProcService>,
    _file: ProcFile<Status>,
    _running: RunningService,
}

impl kernel::Module for Module {
    fn init(module: &'static ThisModule) -> Result<Self> {
        let hooks = find_hooks()?;
        let limit = parameter(&module_parameters::listeners_per_user);
        let service = Arc::pin_init(ProcService::new(hooks, limit), GFP_KERNEL)?;
        let running = RunningService::new(service.clone())?;
        let file = ProcFile::new(c"cn_proc", module, files_are_removed())?;
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
            _running: running,
        })
    }
}

/// Finds the hooks that this kernel has, and writes them to its log.
///
/// # Errors
///
/// [`ENOMEM`]: no memory to find out.
fn find_hooks() -> Result<Hooks> {
    let mut hooks = Hooks::NONE;
    for hook in Hook::ALL {
        if glue::is_available(hook)? {
            hooks.add(hook);
        }
    }
    let delayed = if hooks.contains(Hook::Exit) && glue::exits_are_delayed() {
        "; exits are delivered a moment later"
    } else {
        ""
    };
    pr_info!("events: {hooks}{delayed}\n");
    Ok(hooks)
}

impl fmt::Display for Hooks {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.describe(to)
    }
}
