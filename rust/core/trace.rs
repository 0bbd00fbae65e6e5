// SPDX-License-Identifier: GPL-2.0

//! Tracepoints: `connector:cn_receive`, `cn_send`, `cn_register` and `cn_unregister`.
//!
//! They cost one instruction that does nothing while they are off.
//!
//! Definitions: `glue/cn_trace.h`.

use connector_base::{
    bindings::{
        cb_id, cn_glue_trace_receive, cn_glue_trace_register, cn_glue_trace_send,
        cn_glue_trace_unregister,
    },
    Id,
};
use kernel::prelude::*;

macro_rules! is_on {
    ($tracepoint:ident) => {{
        #[cfg(CONFIG_TRACEPOINTS)]
        // SAFETY: This is the key of a tracepoint that the glue defines.
        let is_on = unsafe {
            kernel::jump_label::static_branch_unlikely!(
                connector_base::bindings::$tracepoint,
                kernel::bindings::tracepoint,
                key
            )
        };
        #[cfg(not(CONFIG_TRACEPOINTS))]
        let is_on = false;
        is_on
    }};
}

/// Whether messages that come in are traced.
#[inline(always)]
pub(crate) fn traces_receive() -> bool {
    is_on!(__tracepoint_cn_receive)
}

/// Traces a message that came in.
#[cold]
#[inline(never)]
pub(crate) fn receive(id: Id, portid: u32, len: usize, result: Result, why: &CStr) {
    let error = result.map_or_else(Error::to_errno, |()| 0);
    // SAFETY: The arguments live as long as the call.
    unsafe { cn_glue_trace_receive(&raw_id(id), portid, len as u32, error, why.as_char_ptr()) };
}

/// Whether messages to programs are traced.
#[inline(always)]
pub(crate) fn traces_send() -> bool {
    is_on!(__tracepoint_cn_send)
}

/// Traces a message that was sent, or could not be.
#[cold]
#[inline(never)]
pub(crate) fn send(id: Id, portid: u32, group: u32, len: usize, result: Result<c_int>) {
    let error = result.map_or_else(Error::to_errno, |_| 0);
    // SAFETY: The arguments live as long as the call.
    unsafe { cn_glue_trace_send(&raw_id(id), portid, group, len as u32, error) };
}

/// Traces a callback that was registered.
pub(crate) fn register(id: Id, name: &CStr) {
    if is_on!(__tracepoint_cn_register) {
        // SAFETY: The arguments live as long as the call.
        unsafe { cn_glue_trace_register(&raw_id(id), name.as_char_ptr()) };
    }
}

/// Traces a callback that was unregistered.
pub(crate) fn unregister(id: Id, name: &CStr) {
    if is_on!(__tracepoint_cn_unregister) {
        // SAFETY: The arguments live as long as the call.
        unsafe { cn_glue_trace_unregister(&raw_id(id), name.as_char_ptr()) };
    }
}

fn raw_id(id: Id) -> cb_id {
    cb_id {
        idx: id.idx(),
        val: id.val(),
    }
}
