// SPDX-License-Identifier: GPL-2.0

//! Where messages can go, this crate knows; whoever else said so could make the core read anything.
//!
//! error: Sealed` is not satisfied

use connector::Target;

pub struct Everywhere;

impl Target for Everywhere {}
