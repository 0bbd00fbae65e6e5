// SPDX-License-Identifier: GPL-2.0

//! Loading the module of an id that a program asks for.
//!
//! Only that of process events: programs for those know nothing of modules, since elsewhere they
//! are a part of the kernel. A program decides what id it sends to, so that for others, everyone
//! could have programs of the administrator run, for whatever names.
//!
//! C counterpart: none. There, what has an id is built in, or loaded by something else.

use connector_base::{
    bindings::{cn_glue_request_process_events, CN_IDX_PROC, CN_VAL_PROC},
    Id,
};

/// The id of process events, and of the module's alias `cn-id-1-1`.
const PROCESS_EVENTS: Id = Id::new(CN_IDX_PROC, CN_VAL_PROC);

/// Whether the module of an id is loaded when a program asks for it.
#[inline]
pub(crate) fn is_loaded_on_demand(id: Id) -> bool {
    id.as_u64() == PROCESS_EVENTS.as_u64()
}

/// Has that module loaded.
///
/// It is asked for once in some seconds, by a work item, whoever sends. Senders wait until
/// `modprobe` has ended, but for half a minute at most, and until they are killed.
///
/// Context: process; nothing of the connector held.
#[cold]
#[inline(never)]
pub(crate) fn load() {
    // SAFETY: In process context.
    unsafe { cn_glue_request_process_events() };
}
