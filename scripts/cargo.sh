# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# cargo for what is built for this machine. Sourced after lib.sh; what keeps crates in the cache sources cache.sh, too.

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

# The crates of others take most of the time of a first build, and no change here makes them old. A new target folder
# begins with those that an earlier build left in the cache: begin_target <name> <folder> <file...>. The files are
# all that decides how they are built, next to cargo and RUSTFLAGS. CRATES is where they are kept.
begin_target() {
	local name=$1 folder=$2
	shift 2
	open_cache
	CRATES=crates-$name-$({ host_cargo -vV; "$(host_program rustc)" -vV; printf '%s\n' "${RUSTFLAGS:-}"; cat "$@"; } | digest)
	hold "$folder.lock"
	[ ! -d "$folder" ] || return 0
	rm -rf "$folder.partial"
	[ ! -d "$CACHE/$CRATES" ] || cp -a "$CACHE/$CRATES" "$folder.partial"
	[ ! -d "$folder.partial" ] || mv "$folder.partial" "$folder"
}

# After the build, leaves those crates there for the next: end_target <folder> <function>. The function gets a copy, which
# CARGO_TARGET_DIR names too, and takes all out of it that was made of the files of this project.
end_target() {
	TARGET_FOLDER=$1 CLEAN_OURS=$2
	cached "$CRATES" "${CRATES%-*} for the cache" keep_crates >/dev/null
}

keep_crates() {
	cp -a "$TARGET_FOLDER/." "$1"
	CARGO_TARGET_DIR=$1 "$CLEAN_OURS" "$1"
}
