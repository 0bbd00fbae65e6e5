// SPDX-License-Identifier: GPL-2.0

//! What programs ask for.
//!
//! Pure: depends on nothing but `core` and `zerocopy`, so that it compiles on the host too.
//!
//! C counterpart: `enum proc_cn_mcast_op` and `struct proc_input` in
//! `include/uapi/linux/cn_proc.h`.

use crate::event::Kinds;
use zerocopy::FromBytes as _;

/// What a program asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Operation {
    /// To get events of these kinds, and no others.
    Listen(Kinds),
    /// To get no more events.
    Ignore,
}

/// Why a request is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Refused {
    /// It has neither of the lengths that there are. Nobody knows whether it was meant as one, so
    /// it is not acknowledged either.
    Length,
    /// There is no such operation.
    Operation,
}

const LISTEN: u32 = 1;
const IGNORE: u32 = 2;

impl Operation {
    /// Reads a request: an operation, and in the longer form the kinds of events, of which none
    /// means all.
    pub(crate) fn read(payload: &[u8]) -> Result<Self, Refused> {
        let (operation, bits) = match payload.len() {
            4 => (u32::read_from_bytes(payload).ok(), Some(0)),
            8 => (
                u32::read_from_prefix(payload).ok().map(|(first, _)| first),
                u32::read_from_suffix(payload).ok().map(|(_, last)| last),
            ),
            _ => return Err(Refused::Length),
        };
        let kinds = match Kinds::from_bits(bits.unwrap_or(0)) {
            Kinds::NONE => Kinds::ALL,
            some => some,
        };
        match operation {
            Some(LISTEN) => Ok(Self::Listen(kinds)),
            Some(IGNORE) => Ok(Self::Ignore),
            _ => Err(Refused::Operation),
        }
    }
}
