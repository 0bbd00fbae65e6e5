#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Installs what a third party needs to build a module on the crate: install-dev.sh <kernel build directory>
#   PREFIX    where it will be used (default /usr/local)
#   DESTDIR   put in front of that now, for packages
#
#   PREFIX/lib/connector-rs/RELEASE/libconnector.rmeta   the metadata of the crate and of what it uses
#   PREFIX/lib/connector-rs/RELEASE/libconnector_base.rmeta
#   PREFIX/lib/connector-rs/RELEASE/Module.symvers       the symbols of cn.ko, for modpost
#   PREFIX/lib/connector-rs/RELEASE/connector.mk         the flags, for the Kbuild file of the module
#   PREFIX/lib/connector-rs/RELEASE/build.mk             the kernel build directory and its compilers; without DESTDIR only,
#                                                        since another machine has them elsewhere
#   PREFIX/include/linux/connector_notify.h              for user programs
#   PREFIX/share/connector/connector.mk                  for the Makefile of the module

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/tools.sh
. "$TOP/scripts/tools.sh"

KDIR=$1
PREFIX=${PREFIX:-/usr/local}
"$TOP/scripts/install.sh" check
release=$(cat "$KDIR/include/config/kernel.release")
folder=$PREFIX/lib/connector-rs/$release
target=${DESTDIR:-}$folder

# modpost's list also holds what it read of others; only the lines of our module are ours to give.
own_symbols() {
	awk -F '\t' '$3 ~ /(^|\/)cn(_guest)?$/' "$OUT/core/Module.symvers"
}

# The call of make that names the compilers which built the crate. Those in a root are not on this machine.
command_of_make() {
	find_tools "$KDIR"
	if [ "${#IN_ROOT[@]}" = 0 ]; then
		"$TOP/scripts/kdir.sh" make | sed 's/^[^ ]*/make/'
	else
		printf '%s run %s make RUSTC=/usr/bin/rustc\n' "$TOP/scripts/stock.sh" "$KDIR"
	fi
}

# What tells builds of one release from each other.
identity() {
	cksum <"$KDIR/rust/libkernel.rmeta"
}

# The crate fits one build, so that of another one is of no use then.
say_what_is_replaced() {
	local before
	[ -e "$target/connector.mk" ] && ! grep -qF ",$(identity))" "$target/connector.mk" || return 0
	before=$(sed -n 's/^KDIR ?= //p' "$target/build.mk" 2>/dev/null || true)
	say "  replaces the crate that was installed for another build of Linux $release${before:+, $before}"
}

# For make: what the Makefile of a module need not be given.
build_file() {
	printf '# SPDX-License-Identifier: GPL-2.0\n\nKDIR ?= %s\n' "$KDIR"
	tr ' ' '\n' <<<"$1" | sed -nE 's/^(LLVM|RUSTC)=/\1 ?= /p'
}

install_files() {
	local command escaped
	command=$(KDIR=$KDIR command_of_make)
	escaped=$(printf '%s\n' "$command" | sed 's/[&|\\]/\\&/g')
	install -d "$target" "${DESTDIR:-}$PREFIX/include/linux"
	install -m 644 "$OUT"/core/rust/libconnector{,_base}.rmeta "$target/"
	own_symbols >"$target/Module.symvers"
	sed "s|@folder@|$folder|g; s|@release@|$release|g; s|@command@|$escaped|g; s|@kernel@|$(identity)|; s|@kdir@|$KDIR|" \
		"$TOP/scripts/connector.mk.in" >"$target/connector.mk"
	rm -f "$target/build.mk"
	[ -n "${DESTDIR:-}" ] || build_file "$command" >"$target/build.mk"
	chmod 644 "$target"/{Module.symvers,*.mk}
	install -m 644 "$TOP/include/uapi/linux/connector_notify.h" "${DESTDIR:-}$PREFIX/include/linux/"
	PREFIX=$PREFIX "$TOP/scripts/install.sh" makefile
}

"$TOP/scripts/modules.sh" "$KDIR" core
hold "$OUT/lock"
say_what_is_replaced
stage "install: $folder" install_files
grep -q CONNECTOR "$target/Module.symvers" || die "No symbol of the crate in $target/Module.symvers."
