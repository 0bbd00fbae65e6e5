// SPDX-License-Identifier: GPL-2.0

//! Types that the API crate and the core share. Depends on neither.
//!
//! | what                                    | where              |
//! |-----------------------------------------|--------------------|
//! | the address of a callback               | [`id`]             |
//! | the format of datagrams                 | [`wire`]           |
//! | the format of notification requests     | [`notify_request`] |
//! | types and functions in C                | [`bindings`]       |
//! | files in `/proc/net`                    | [`seq_file`]       |
//! | what kernels of other versions lack     | [`kernel_compat`]  |
//!
//! The first three are pure: they compile on the host too.
//!
//! As in the crate `connector`, each function that other modules use is generic or `#[inline]`: no
//! symbol of this crate is exported.

#![deny(missing_docs, unsafe_code)]

pub mod id;
pub mod kernel_compat;
pub mod notify_request;
pub mod seq_file;
pub mod wire;

pub use id::Id;

/// Defines a module with types and functions of C that bindgen has generated, in the file whose
/// path is in an environment variable of the build. For boundary files only.
#[macro_export]
macro_rules! generated {
    ($(#[$doc:meta])* $visibility:vis mod $name:ident = $variable:literal) => {
        $(#[$doc])*
        #[allow(
            clippy::all,
            clippy::as_underscore,
            clippy::cast_lossless,
            clippy::ptr_as_ptr,
            clippy::ref_as_ptr,
            clippy::undocumented_unsafe_blocks,
            dead_code,
            improper_ctypes,
            missing_docs,
            non_camel_case_types,
            non_snake_case,
            non_upper_case_globals,
            unreachable_pub,
            unsafe_code,
            unsafe_op_in_unsafe_fn,
            unused_imports
        )]
        $visibility mod $name {
            include!(env!($variable));
        }
    };
}

generated! {
    /// Types and functions of `<linux/connector.h>` and of the glue.
    ///
    /// For the boundary files of the crates only.
    pub mod bindings = "CONNECTOR_BINDINGS"
}

use bindings::{cb_id, cn_ctl_msg, cn_msg, cn_notify_req, CONNECTOR_MAX_MSG_SIZE};
use kernel::{bindings::nlmsghdr, prelude::*};
use notify_request::{Control, Range};
use wire::{Header, NetlinkHeader};

// Our headers and those of C have the same layout.
macro_rules! assert_same_field {
    ($ours:ident.$field:ident == $theirs:ident.$raw:ident) => {
        static_assert!(
            core::mem::offset_of!($ours, $field) == core::mem::offset_of!($theirs, $raw)
        );
    };
}
static_assert!(size_of::<NetlinkHeader>() == size_of::<nlmsghdr>());
assert_same_field!(NetlinkHeader.len == nlmsghdr.nlmsg_len);
assert_same_field!(NetlinkHeader.kind == nlmsghdr.nlmsg_type);
assert_same_field!(NetlinkHeader.flags == nlmsghdr.nlmsg_flags);
assert_same_field!(NetlinkHeader.seq == nlmsghdr.nlmsg_seq);
assert_same_field!(NetlinkHeader.portid == nlmsghdr.nlmsg_pid);
static_assert!(size_of::<Header>() == size_of::<cn_msg>());
assert_same_field!(Header.id == cn_msg.id);
assert_same_field!(Header.seq == cn_msg.seq);
assert_same_field!(Header.ack == cn_msg.ack);
assert_same_field!(Header.len == cn_msg.len);
assert_same_field!(Header.flags == cn_msg.flags);
static_assert!(size_of::<Id>() == size_of::<cb_id>());
static_assert!(wire::MAX_PAYLOAD == CONNECTOR_MAX_MSG_SIZE as usize);
static_assert!(size_of::<Range>() == size_of::<cn_notify_req>());
static_assert!(size_of::<Control>() == size_of::<cn_ctl_msg>());

/// As C has it.
impl From<Id> for cb_id {
    #[inline]
    fn from(id: Id) -> Self {
        Self {
            idx: id.idx(),
            val: id.val(),
        }
    }
}
