// SPDX-License-Identifier: GPL-2.0

mod fuzz;
mod parameters;
mod hash;
mod process;
mod request;
mod wire;
