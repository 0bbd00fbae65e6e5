#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Builds a kernel that has the connector built in, and prints its build folder:
# in-tree-kernel.sh rust|c|modular
#
#   rust     a copy of the source with this connector in it (scripts/in-tree.sh). It stays in build/, so that after a
#            change of the connector only that is built again
#   c        the source as it is, with its own connector; in the cache
#   modular  as rust, with the connector as a module: nothing but that module is built
#
# KSRC names a source to use instead of Debian's.

export KERNEL_CONFIG=builtin
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/tools.sh
. "$TOP/scripts/tools.sh"
# shellcheck source=scripts/kernel-make.sh
. "$TOP/scripts/kernel-make.sh"

TREE=$OUT/tree
FRAGMENT=$OUT/$1.config

# Hard links: no build writes to the source, and in-tree.sh replaces what it changes.
copy_source() {
	if [ "$(cat "$OUT/tree-of" 2>/dev/null)" != "$SOURCE" ]; then
		rm -rf "$TREE" "$OUT/kernel" "$OUT/modular"
		cp -al "$SOURCE" "$TREE" 2>/dev/null || {
			rm -rf "$TREE"
			cp -a "$SOURCE" "$TREE"
		}
		printf '%s\n' "$SOURCE" >"$OUT/tree-of"
	fi
}

# Configures again only when that would say something else.
configure() {
	mkdir -p "$BUILD"
	if ! cmp -s "$FRAGMENT" "$BUILD/fragment" || ! [ -e "$BUILD/.config" ]; then
		KCONFIG_ALLCONFIG=$FRAGMENT kernel_make allnoconfig
		check_config
		cp "$FRAGMENT" "$BUILD/fragment"
	fi
}

build_kernel() {
	configure
	kernel_make
}

# The kernel's crates are needed to compile the module, and its symbols are not.
build_module() {
	configure
	kernel_make prepare
	kernel_make KBUILD_MODPOST_WARN=1 drivers/connector/cn.ko
}

which=$1
# The compilers are those of the kernel for modules, which may have to be made.
reference=$(KERNEL_CONFIG=plain "$TOP/scripts/kdir.sh")
SOURCE=$(realpath "${KSRC:-$("$TOP/scripts/source.sh")}")
[ ! -e "$SOURCE/drivers/connector/.connector-in-tree" ] ||
	die "The source in $SOURCE has this connector in it already." \
		"Give one as Linux has it with KSRC=; the connector is put into a copy of that."
mkdir -p "$OUT"
[ "$which" = c ] || hold "$OUT/lock"
merge_fragments "$TOP/scripts/config/plain.config" "$TOP/scripts/config/builtin.config" >"$FRAGMENT"
case $which in
c)
	exec "$TOP/scripts/kernel.sh" "$SOURCE" "$FRAGMENT"
	;;
rust)
	printf 'CONFIG_CONNECTOR_RUST=y\n' >>"$FRAGMENT"
	;;
modular)
	sed -i '/^CONFIG_CONNECTOR=/s/=y/=m/; /^CONFIG_PROC_EVENTS=/d' "$FRAGMENT"
	printf 'CONFIG_CONNECTOR_RUST=y\n' >>"$FRAGMENT"
	;;
*)
	die "in-tree-kernel.sh: unknown kernel $which"
	;;
esac
find_tools "$reference"
stage 'in-tree: copy of the kernel source' copy_source
stage 'in-tree: the connector in the copy' "$TOP/scripts/in-tree.sh" put "$TREE"
KSRC=$TREE
case $which in
rust)
	BUILD=$OUT/kernel
	stage 'in-tree: kernel with the connector built in' build_kernel
	;;
modular)
	BUILD=$OUT/modular
	stage 'in-tree: the connector as a module' build_module
	;;
esac
printf '%s\n' "$BUILD"
