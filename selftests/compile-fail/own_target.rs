// SPDX-License-Identifier: GPL-2.0

//! This crate alone defines targets of messages. Another target could make the core read any
//! memory.
//!
//! error: Sealed` is not satisfied

use connector::Target;

pub struct Everywhere;

impl Target for Everywhere {}
