// SPDX-License-Identifier: GPL-2.0

mod fuzz;
mod parameters;
mod probe;
mod request;
mod wire;
