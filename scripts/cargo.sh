# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# cargo for what is built for this machine. Sourced after lib.sh.

# cargo and the compiler beside it, so that one from elsewhere in PATH cannot mix in. The distribution's,
# if there is one. CARGO_TARGET_DIR says where to build.
host_cargo() {
	local program=/usr/bin/cargo
	[ -x "$program" ] || program=cargo
	env -u RUSTC PATH="$(dirname "$(command -v "$program")"):$PATH" "$program" "$@"
}

# What rustc calls this machine.
host_target() {
	host_cargo -vV | sed -n 's/^host: //p'
}

# A program that belongs to that cargo.
host_program() {
	local program=/usr/bin/$1
	[ -x "$program" ] || program=$1
	printf '%s\n' "$program"
}
