// SPDX-License-Identifier: GPL-2.0

mod fuzz;
mod parameters;
mod probe;
mod process;
mod request;
mod wire;
