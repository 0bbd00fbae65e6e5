#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Builds a kernel that has the connector built in, and prints its build folder:
# kernel.sh rust|c|modular
#
#   rust     a copy of the source with this connector in it (scripts/in-tree.sh). It stays in build/, so that after a
#            change of the connector only that is built again
#   c        the source as it is, with its own connector; in the cache
#   modular  as rust, with the connector as a module: nothing but that module is built. Then the same once more from a copy
#            with the patch series of scripts/patches.sh, and the module in C from that
#
# KSRC names a source to use instead of Debian's.

export KERNEL_CONFIG=builtin
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../../scripts/lib.sh"
# shellcheck source=scripts/tools.sh
. "$TOP/scripts/tools.sh"
# shellcheck source=scripts/kernel-make.sh
. "$TOP/scripts/kernel-make.sh"

TREE=$OUT/tree
FRAGMENT=$OUT/$1.config

# What was built of another source is no use.
copy_for_builds() {
	is_copy_of "$SOURCE" "$TREE" || rm -rf "$OUT/kernel" "$OUT/modular"
	keep_copy "$SOURCE" "$TREE"
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

# The kernel's crates are needed to compile the module, and its symbols only to look whether there are all.
build_module() {
	rm -f "$BUILD/drivers/connector/cn.ko"
	configure
	kernel_make prepare
	kernel_make KBUILD_MODPOST_WARN=1 drivers/connector/cn.ko
	check_symbols "$BUILD/drivers/connector/cn.ko"
}

# Without a kernel, modpost only warns of symbols that nobody has. The one for modules is of the same source.
check_symbols() {
	local missing
	missing=$(nm -u "$@" | awk '$1 == "U" { print $2 }' | sort -u |
		grep -vxFf <(awk '{ print $2 }' "$reference/Module.symvers") || true)
	if [ -n "$missing" ]; then
		printf '\nThese symbols are not in the kernel:\n%s\n' "$missing"
		return 1
	fi
}

# In a tree of its own, under the same name as before so that nothing else is built again.
build_patched_module() {
	"$TOP/scripts/in-tree.sh" undo "$KSRC"
	KSRC=$SOURCE "$TOP/scripts/patches.sh"
	# Ours is no repository that the copy belongs to.
	find "$TOP/build/patches" -name '*.patch' ! -name '0000-*' | sort |
		(cd "$KSRC" && GIT_CEILING_DIRECTORIES=$OUT xargs -d '\n' git apply)
	build_module
}

build_c_module() {
	sed -i 's/^CONFIG_CONNECTOR_RUST=y/# CONFIG_CONNECTOR_RUST is not set/' "$FRAGMENT"
	build_module
	! nm "$BUILD/drivers/connector/cn.ko" | grep cn_core_
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
KSRC=$SOURCE translate "$FRAGMENT" >"$FRAGMENT.translated"
mv "$FRAGMENT.translated" "$FRAGMENT"
case $which in
c)
	# A KDIR of the user is that for modules.
	KDIR='' KSRC=$SOURCE exec "$TOP/scripts/kdir.sh"
	;;
rust)
	printf 'CONFIG_CONNECTOR_RUST=y\n' >>"$FRAGMENT"
	;;
modular)
	sed -i '/^CONFIG_CONNECTOR=/s/=y/=m/; /^CONFIG_PROC_EVENTS=/d' "$FRAGMENT"
	printf 'CONFIG_CONNECTOR_RUST=y\n' >>"$FRAGMENT"
	;;
*)
	die "kernel.sh: unknown kernel $which"
	;;
esac
find_tools "$reference"
case $which in
rust)
	stage 'in-tree: copy of the kernel source' copy_for_builds
	stage 'in-tree: the connector in the copy' "$TOP/scripts/in-tree.sh" put "$TREE"
	KSRC=$TREE
	BUILD=$OUT/kernel
	stage 'in-tree: kernel with the connector built in' build_kernel
	;;
modular)
	BUILD=$OUT/modular
	KSRC=$OUT/tree-modular
	stage 'in-tree: another copy of the source' copy_source "$SOURCE" "$KSRC"
	stage 'in-tree: the connector in the copy' "$TOP/scripts/in-tree.sh" put "$KSRC"
	stage 'in-tree: the connector as a module' build_module
	stage 'in-tree: the same by the patch series' build_patched_module
	stage 'in-tree: the connector in C' build_c_module
	;;
esac
printf '%s\n' "$BUILD"
