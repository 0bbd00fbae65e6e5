#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Builds what is in tools/: the client crate, cnctl, and the tests of the crate that run in the guest.
#
#   client.sh build      static programs, in the folder below; the crate's examples are in examples/
#   client.sh measured   those of them that "make bench" measures, which takes a fraction of the time
#   client.sh extras     manual pages and completions of cnctl, beside it
#   client.sh folder     prints that folder
#   client.sh test       the tests that need no kernel
#   client.sh docs F     the reference of the crate as HTML, in folder F
#   client.sh lint       rustfmt, clippy and rustdoc, without a warning
#
#   TOOLS_PROFILE   quick (the default, for tests): not optimized across crates, which takes a quarter of the time; or
#                   release: what "make tools" gives to others, and "make bench" measures

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/cache.sh
. "$TOP/scripts/cache.sh"
# shellcheck source=scripts/cargo.sh
. "$TOP/scripts/cargo.sh"
# shellcheck source=scripts/tools.sh
. "$TOP/scripts/tools.sh"

PROFILE=${TOOLS_PROFILE:-quick}
case $PROFILE in
release) BUILD=$ARCH_OUT/tools ;;
quick) BUILD=$ARCH_OUT/tools-quick ;;
*) die "TOOLS_PROFILE is $PROFILE; it can be quick or release." ;;
esac
TARGET=$(host_target)
! is_foreign || TARGET=$RUST_TARGET
BUILT=$BUILD/programs

cargo_here() {
	local verb=$1
	shift
	CARGO_TARGET_DIR=$BUILD host_cargo "$verb" --locked --manifest-path "$TOP/tools/Cargo.toml" "$@"
}

# Downloads the dependencies that this machine has not yet.
fetch() {
	cargo_here fetch --target "$TARGET" && return
	printf '\nThe crates that tools/Cargo.lock names come from the registry of crates. If the network is missing, try again with it.\n'
	return 1
}

# With a target named, these are not for what runs while building.
add_cross_flags() {
	local std
	std=$("$TOP/scripts/foreign.sh" std)
	RUSTFLAGS+=" -C linker=$(cross_clang) -C link-arg=--target=$TRIPLE -C link-arg=-fuse-ld=lld"
	RUSTFLAGS+=${std:+" --sysroot=$std"}
}

# With a target named, programs that run while building are linked as usual. Examples are distinguished from what
# cargo leaves beside them by their names: build <which, for cargo...>
build() {
	local built=$BUILD/$TARGET/$PROFILE example
	export RUSTFLAGS='-C target-feature=+crt-static'
	! is_foreign || add_cross_flags
	begin_target "tools-$PROFILE" "$BUILD" "$TOP"/tools/Cargo.* "$TOP"/tools/*/Cargo.toml
	fetch
	cargo_here build --profile "$PROFILE" --target "$TARGET" --all-features "$@"
	end_target "$BUILD" clean_ours
	mkdir -p "$BUILT/examples"
	rm -f "$BUILT"/examples/*
	copy_programs "$BUILT" "$built"/{cnctl,client}
	for example in "$TOP"/tools/*/examples/*.rs; do
		copy_programs "$BUILT/examples" "$built/examples/$(basename -s .rs "$example")"
	done
}

# Those that were built: copy_programs <folder> <program...>
copy_programs() {
	local folder=$1 program
	shift
	for program in "$@"; do
		[ ! -e "$program" ] || cp "$program" "$folder"
	done
}

# In that folder of cargo.
clean_ours() {
	rm -rf "$1"/{debug,doc,programs}
	host_cargo clean --manifest-path "$TOP/tools/Cargo.toml" --profile "$PROFILE" --target "$TARGET" \
		-p connector-client -p cnctl -p guest-tests
}

extras() {
	local shell cnctl=(${USER_EMULATOR:+"$USER_EMULATOR"} "$BUILT/cnctl")
	mkdir -p "$BUILT/man" "$BUILT/completion"
	"${cnctl[@]}" man "$BUILT/man"
	for shell in bash zsh fish; do
		"${cnctl[@]}" completion "$shell" >"$BUILT/completion/cnctl.$shell"
	done
	say "  $BUILT has cnctl, man/ and completion/"
}

lint() {
	find "$TOP"/tools -name "*.rs" -print0 | xargs -0 "$(host_program rustfmt)" --check --color never --edition 2021
	cargo_here clippy --all-targets --all-features -- -D warnings
	reference
}

reference() {
	RUSTDOCFLAGS='-D warnings' cargo_here doc --no-deps --all-features "$@"
}

docs() {
	local folder=$1
	fetch
	rm -rf "$BUILD/doc"
	reference -p connector-client
	rm -rf "$folder"
	cp -r "$BUILD/doc" "$folder"
}

case ${1:-} in
build) stage "tools: crate, cnctl ($PROFILE)" build --bins --examples ;;
measured) stage "tools: what is measured ($PROFILE)" build --bin cnctl --example many_requests ;;
extras) extras ;;
folder) printf '%s\n' "$BUILT" ;;
docs) docs "$2" ;;
test) cargo_here test --all-features ;;
lint) lint ;;
*) die 'usage: client.sh build|measured|extras|folder|docs|test|lint' ;;
esac
