// SPDX-License-Identifier: GPL-2.0

mod fuzz;
mod hash;
mod parameters;
mod process;
mod request;
mod wire;
