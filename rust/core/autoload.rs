// SPDX-License-Identifier: GPL-2.0

//! Loading the module of an id that a program asks for.
//!
//! Only that of process events: programs for those know nothing of modules, since elsewhere they
//! are a part of the kernel. A program decides what id it sends to, so that for others, everyone
//! could have programs of the administrator run, for whatever names.
//!
//! C counterpart: none. There, what has an id is built in, or loaded by something else.

use connector::{
    bindings::{cn_glue_request_process_events, CN_IDX_PROC, CN_VAL_PROC},
    Id,
};

/// The id of process events, and of the module's alias `cn-id-1-1`.
const PROCESS_EVENTS: Id = Id::new(CN_IDX_PROC, CN_VAL_PROC);

/// Has the module of an id loaded, if it is one for which that is done, and returns whether it is
/// worth looking for the id again.
///
/// It is asked for once in some seconds, whoever sends; who comes meanwhile waits for the answer,
/// for some seconds at most.
///
/// Context: process; nothing of the connector held. Sleeps until the module is there, or the sender
/// is killed.
#[cold]
#[inline(never)]
pub(crate) fn load_module_of(id: Id) -> bool {
    if id != PROCESS_EVENTS {
        return false;
    }
    // SAFETY: In process context.
    unsafe { cn_glue_request_process_events() };
    true
}
