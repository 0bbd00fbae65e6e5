#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Tests the connector in a kernel tree: built in, beside a kernel with the C connector built in, and as a module.
# in-tree/run.sh
#   T   only selftest programs whose name matches this regular expression

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../../scripts/lib.sh"
# shellcheck source=scripts/cache.sh
. "$TOP/scripts/cache.sh"
# shellcheck source=scripts/tools.sh
. "$TOP/scripts/tools.sh"
# shellcheck source=scripts/accelerator.sh
. "$TOP/scripts/accelerator.sh"

WORK=$(mktemp -d)
RESULTS=$WORK/ktap
# The C connector runs no other tests here.
DIFFERENCES=selftests/proc_differences.txt
cd "$TOP"
trap 'rm -rf "$WORK"' EXIT
trap 'exit 130' INT TERM HUP

# Prints the build folder: kernel rust|c|modular.
kernel() {
	"$TOP/selftests/in-tree/kernel.sh" "$1"
}

# What writes the results of a guest: job <name> <command...>.
job() {
	local name=$1
	shift
	KERNEL_CONFIG=${GUEST_CONFIG:-builtin} "$@" | read_results "$name" --differences="$DIFFERENCES"
}

# A guest's job, with its results: guest <kernel> <name> <job> [file...].
guest() {
	local kdir=$1 name=$2
	shift 2
	job "$name" guest_results "$kdir" "$@"
}

# The kernel's own program, as it is; it may have warnings.
build_kernel_selftest() {
	mkdir -p "$BUILT/kernel-selftests"
	gcc -static -O2 -isystem "$RUST/usr/include" -I "$SOURCE/tools/testing/selftests" \
		-o "$BUILT/kernel-selftests/proc_filter" "$SOURCE/tools/testing/selftests/connector/proc_filter.c"
}

# The initcalls of a kernel in order: the level, and the function.
initcalls() {
	sort "$1/System.map" | sed -n 's/^.* __initcall__.*__[0-9]*_[0-9]*_\(.*\)\([0-9]s\?\)$/\2 \1/p'
}

# The same as with the C connector, in the same order.
start_order_is_the_same() {
	diff <(initcalls "$C" | sed 's/ cn_init$/ cn_core_start/') <(initcalls "$RUST")
}

# By make in-tree and by the patch series, and with the symbol off the one in C.
builds_as_a_module() {
	local kdir
	kdir=$(kernel modular) && [ -e "$kdir/drivers/connector/cn.ko" ]
}

# What in-tree.sh looks at, from the source and apart from it.
small_tree() {
	rm -rf "$WORK/tree"
	mkdir -p "$WORK/tree/drivers" "$WORK/tree/rust/kernel" "$WORK/tree/tools/testing/selftests"
	cp "$SOURCE/Makefile" "$WORK/tree/"
	cp -r "$SOURCE/drivers/connector" "$WORK/tree/drivers/"
	cp -r "$SOURCE/tools/testing/selftests/connector" "$WORK/tree/tools/testing/selftests/"
	FOLDER=$WORK/tree/drivers/connector
}

in_tree() {
	"$TOP/scripts/in-tree.sh" "$1" "$WORK/tree" 2>&1
}

refused() {
	local pattern=$1
	shift
	"$@" >"$WORK/refusal" && return 1
	grep "$pattern" "$WORK/refusal"
}

is_as_it_was() {
	diff -r "$SOURCE/drivers/connector" "$FOLDER" &&
		diff -r "$SOURCE/tools/testing/selftests/connector" "$WORK/tree/tools/testing/selftests/connector"
}

can_be_undone() {
	small_tree && in_tree put && in_tree put && grep -q CONNECTOR_RUST "$FOLDER/Kconfig.rust" &&
		cmp "$SOURCE/drivers/connector/cn_proc.c" "$FOLDER/cn_proc.c" && in_tree undo && is_as_it_was &&
		in_tree undo && is_as_it_was
}

# A file that was put there and is missing does not matter, one that was changed does.
keeps_changes() {
	small_tree && in_tree put && echo '// changed' >>"$FOLDER/core/send.rs" && rm "$FOLDER/core/netlink.rs" &&
		refused 'core/send.rs' in_tree put && refused 'core/send.rs' in_tree undo &&
		rm "$FOLDER/core/send.rs" && in_tree put && in_tree undo && is_as_it_was
}

# What was put there once and is not of the connector any more goes when it is put there again.
removes_what_is_gone() {
	small_tree && in_tree put && echo old >"$FOLDER/core/old.rs" &&
		(cd "$FOLDER" && sha256sum core/old.rs >>.connector-in-tree) && in_tree put && [ ! -e "$FOLDER/core/old.rs" ] &&
		in_tree undo && is_as_it_was
}

refuses_other_trees() {
	small_tree && sed -i 's/^PATCHLEVEL = .*/PATCHLEVEL = 1/' "$WORK/tree/Makefile" && refused 'is Linux 7.1' in_tree put &&
		small_tree && echo 'obj-y += other.o' >"$FOLDER/Kbuild" && refused 'has a Kbuild already' in_tree put &&
		small_tree && sed -i 's/^endif.*//' "$FOLDER/Kconfig" && refused 'is not that of Linux' in_tree put &&
		small_tree && rm "$FOLDER/Kconfig" && refused 'is not a kernel source' in_tree put
}

# A newer version than those that were tested is taken, with a message; of these there is none.
tries_newer_trees() {
	small_tree && in_tree put >"$WORK/said" && ! grep 'Trying it' "$WORK/said" &&
		small_tree && sed -i 's/^PATCHLEVEL = .*/PATCHLEVEL = 99/' "$WORK/tree/Makefile" && in_tree put >"$WORK/said" &&
		grep 'is Linux 7.99; this was tested with .* Trying it' "$WORK/said"
}

# The one that listens to process events runs on three providers: the kernel's own in C, on the connector in C ("c") and on this
# one ("c-on-rust"), both built in; and cn_proc.ko ("rust").
EVENT_PROGRAMS=(proc_test)

# Programs that need no connector that can be unloaded.
select_programs() {
	choose_tests "$RUST" "${T:-}" | grep -vE '^(load|unload|proc)_test( |$)' >"$WORK/programs" || true
	printf '%s\n' PROVIDERS=rust SKIP_KERNEL_SAMPLE= SKIP_SAMPLES= SKIP_CNCTL=1 >"$WORK/selection"
}

# Programs that know nothing of these tests: programs <kernel> <name of the provider>.
programs() {
	job "programs-$2" selftests/real/run.sh run "$1" "$2"
}

built_in() {
	local provider=$1 kdir=$2
	printf 'PROVIDER=%s\nEVENTS=%s\nPROGRAMS="%s"\n' "$provider" "$3" "${EVENT_PROGRAMS[*]}" >"$WORK/in-tree.conf"
	APPEND="initcall_debug log_buf_len=1M cn.cn_val=7" guest "$kdir" "in-tree-$provider" \
		"$TOP/selftests/in-tree/job.sh" "$WORK/in-tree.conf" "$BUILT/kernel-selftests/proc_filter"
	programs "$kdir" "$3"
}

# The same on cn_proc.ko, where both are modules.
process_events_of_the_module() {
	local kdir
	kdir=$(KERNEL_CONFIG=plain "$TOP/scripts/kdir.sh")
	KERNEL_CONFIG=plain "$TOP/scripts/modules.sh" "$kdir" all
	printf '%s\n' "${EVENT_PROGRAMS[@]}" >"$WORK/programs"
	printf '%s\n' PROVIDERS=rust SKIP_KERNEL_SAMPLE=1 SKIP_SAMPLES=1 SKIP_CNCTL=1 >"$WORK/selection"
	GUEST_CONFIG=plain guest "$kdir" process-events "$TOP/selftests/guest/tests.sh" "$WORK/programs" "$WORK/selection"
	GUEST_CONFIG=plain programs "$kdir" rust
}

# The selftests as kselftests of a tree, where both connectors are modules.
kselftests_pass() {
	KERNEL_CONFIG=plain "$TOP/selftests/in-tree/kselftest.sh" "$(KERNEL_CONFIG=plain "$TOP/scripts/kdir.sh")" "$1"
}

BUILT=$SERIES_OUT/builtin
"$TOP/scripts/packages.sh" kernel guest patches
RUST=$(kernel rust)
C=$(kernel c)
look_for_kvm "$C"
SOURCE=$(cat "$BUILT/tree-of")
KERNEL_CONFIG=builtin "$TOP/scripts/modules.sh" "$RUST" built-in
build_kernel_selftest

use_ktap "$RUST"
STEP_OUTPUT=$WORK/output

# On the host.
in_a_tree() {
	check can_be_undone can_be_undone
	check keeps_changes keeps_changes
	check removes_what_is_gone removes_what_is_gone
	check refuses_other_trees refuses_other_trees
	check tries_newer_trees tries_newer_trees
	check start_order_is_the_same start_order_is_the_same
	check builds_as_a_module builds_as_a_module
	check kselftests_on_c kselftests_pass c
	check kselftests_on_rust kselftests_pass rust
}

printf '\nThe connector in a kernel tree\n'
in_a_tree | read_results in_tree
# First, since it builds the programs that the kernel with the connector in C needs, too.
process_events_of_the_module
built_in c "$C" c
built_in rust "$RUST" c-on-rust
select_programs
if [ -s "$WORK/programs" ]; then
	guest "$RUST" in-tree-selftests "$TOP/selftests/guest/tests.sh" "$WORK/programs" "$WORK/selection"
fi

mkdir -p build/results
cp "$RESULTS"/*.ktap build/results/
ktap verdict --whole --differences="$DIFFERENCES" "$RESULTS"/*.ktap
