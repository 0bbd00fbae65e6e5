// SPDX-License-Identifier: GPL-2.0

//! The file `/proc/net/cn_proc`: the hooks, the counters, and each listener.
//!
//! Each line is looked up by itself, and no lock is held from one to the next. A reader delays
//! requests and events by one look-up at most. Only the pass over the members of the group, for
//! which it waits first, is longer; a work item does that for all readers.
//!
//! C counterpart: none; there is no such file.

#![forbid(unsafe_code)]

use crate::{
    glue::{self, ProcService},
    hook::Hooks,
};
use connector_base::seq_file::{Lines, Output};
use core::fmt::{self, Write as _};
use kernel::prelude::*;
use zerocopy_derive::FromZeros;

/// The lines: a head, which has the number 0, then the listeners in the order of the numbers of
/// their sockets.
pub(crate) struct Status;

/// The pass over the members of the group with which a reader began.
#[derive(FromZeros)]
pub(crate) struct Pass(u64);

impl Lines for Status {
    type State = Pass;

    fn seek(pass: &mut Pass, from: u64) -> Result<Option<u64>> {
        let Some(service) = glue::service() else {
            return Ok(None);
        };
        if from != 0 {
            return Ok(service.listeners().first_from(from));
        }
        pass.0 = service.find_members()?;
        Ok(Some(0))
    }

    fn show(pass: &mut Pass, line: u64, output: &mut Output<'_>) {
        let Some(service) = glue::service() else {
            return;
        };
        // The output never fails.
        let _ = match line {
            0 => write_head(output, service),
            socket => write_listener(output, service, socket, pass),
        };
    }
}

fn write_head(output: &mut Output<'_>, service: &ProcService) -> fmt::Result {
    let summary = service.summary();
    write_hooks(output, "available", summary.overview.available)?;
    write_hooks(output, "attached", summary.overview.attached)?;
    writeln!(output, "sent {}", summary.sent)?;
    writeln!(output, "no_memory {}", summary.no_memory)?;
    writeln!(output, "missed {}", summary.missed)?;
    writeln!(output, "refused {}", summary.overview.refused)
}

fn write_hooks(output: &mut Output<'_>, title: &str, hooks: Hooks) -> fmt::Result {
    output.write_str(title)?;
    for hook in hooks.iter() {
        write!(output, " {}", hook.name())?;
    }
    output.write_str("\n")
}

/// Writes a listener, if it is still one.
fn write_listener(
    output: &mut Output<'_>,
    service: &ProcService,
    socket: u64,
    pass: &Pass,
) -> fmt::Result {
    let Some((listener, no_memory)) = service.listeners().get(socket) else {
        return Ok(());
    };
    let is_member = listener.seen >= pass.0;
    writeln!(
        output,
        "listener port {} socket {} events {:#x} member {} sent {} no_memory {} dropped {}",
        listener.portid,
        socket,
        listener.kinds.bits(),
        if is_member { "yes" } else { "no" },
        listener.sent,
        no_memory,
        listener.dropped,
    )
}
