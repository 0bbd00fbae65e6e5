#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Builds against a kernel: modules.sh <kernel build directory> core|samples|tests|demo|bench|all|guest|guest-samples|torture|
# torture-full|install [make argument...]
#
# With a kernel that has the C connector built in, ours is built as its guest, and "guest" is what is tested there; "guest-samples"
# is the part of it that the samples need. With one that has this connector built in, "built-in" builds what uses it, the samples and
# the test modules. "probe" builds a module that needs no connector.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/tools.sh
. "$TOP/scripts/tools.sh"

kbuild() {
	local source=$1 out=$2
	shift 2
	mkdir -p "$out"
	"${IN_ROOT[@]}" make -C "$KDIR" M="$source" MO="$out" "${TOOLS[@]}" -j"$(jobs)" "$@"
}

# A second kbuild run: modules that use the core as a third party would.
kbuild_user() {
	kbuild "$TOP/$1" "$OUT/$1" "${CORE[@]}" "${@:2}"
}

# With a kernel that can record coverage, the connector is instrumented; the connector's users are not.
build_core() {
	stage 'modules: core' kbuild "$TOP" "$OUT/core" KCOV_INSTRUMENT="$(config_of "$KDIR" CONFIG_KCOV)" "${ARGS[@]}" modules
}

install_core() {
	stage 'modules: install' kbuild "$TOP" "$OUT/core" "${ARGS[@]}" modules_install
}

build_samples() {
	stage 'modules: samples' kbuild_user samples "${ARGS[@]}" modules
	programs samples
}

# The same sources once more, with the unit tests in them; what is shipped has none.
build_unit_tests() {
	stage 'modules: unit tests' kbuild "$TOP" "$OUT/kunit" "${ARGS[@]}" CONFIG_CONNECTOR_KUNIT_TEST=y modules
}

build_test_modules() {
	stage 'modules: tests' kbuild_user selftests/modules "${ARGS[@]}" modules
	selftests
}

build_tests() {
	build_unit_tests
	build_test_modules
}

# The kernel's own sample with its program, where the kernel was built without them. The program is static, since the
# guest has not the libraries of the root with the compilers. For another processor, the kernel's configuration finds that its
# compiler cannot link programs, since it does not try the linker that the build uses.
build_kernel_sample() {
	[ ! -e "$KDIR/samples/connector/ucon" ] || return 0
	stage "modules: the kernel's sample" kbuild "$KSRC/samples/connector" "$OUT/kernel-sample" CONFIG_SAMPLE_CONNECTOR=m CONFIG_CC_CAN_LINK=y \
		userccflags="-isystem $(user_headers)" userldflags=-static modules
}

# The core once more, for the fuzzer's coverage: what memory checks add to it would be coverage points never reached.
# Some compilers ask whether that is meant, since the kernel's own crates do have them. With line numbers, and with functions
# of the library not inlined, for the list of coverage points.
build_coverage() {
	local flags='-Cdebuginfo=line-tables-only -Cdebug-assertions=n -Coverflow-checks=n -Cllvm-args=-inline-threshold=0'
	[ "$(config_of "$KDIR" CONFIG_KCOV)" = y ] || return 0
	# Read to its end: a program that writes into a closed pipe fails.
	if "$RUSTC" -C help | grep unsafe-allow-abi-mismatch >/dev/null; then
		flags+=' -Cunsafe-allow-abi-mismatch=sanitizer'
	fi
	stage 'modules: coverage' kbuild "$TOP" "$OUT/coverage" KCOV_INSTRUMENT=y KASAN_SANITIZE=n UBSAN_SANITIZE=n \
		"KRUSTFLAGS=$flags" KCFLAGS=-g1 "${ARGS[@]}" modules
	stage 'modules: coverage points' list_coverage_points
}

list_coverage_points() {
	LLVM=${LLVM:-} python "$TOP/selftests/torture/coverage_points.py" "$OUT/coverage/rust/cn.ko" >"$OUT/coverage/points"
}

build_torture() {
	stage 'modules: torture' kbuild_user selftests/torture/modules "${ARGS[@]}" modules
	programs selftests/torture
}

build_bench() {
	stage 'modules: bench' kbuild_user selftests/bench/modules "${ARGS[@]}" modules
	programs selftests/bench
}

# The kselftests, static since they are packed into the memory of each guest.
selftests() (
	out=$PROGRAMS/selftests
	mkdir -p "$out"
	hold "$PROGRAMS.lock"
	for program in "$out"/*; do
		[ ! -f "$program" ] || [ "${program##*/}" = client ] || [ -e "$TOP/selftests/${program##*/}.c" ] || rm "$program"
	done
	stage 'programs: selftests' make -C "$TOP/selftests" -j"$(jobs)" "${PROGRAM_TOOLS[@]}" SELFTESTS="$KSRC/tools/testing/selftests" \
		OUTPUT="$out" KHDR_INCLUDES="-isystem $(user_headers)" USERLDFLAGS='-static -s'
)

# User programs: every .c file of a folder, static.
programs() (
	out=$PROGRAMS/$1
	mkdir -p "$out"
	hold "$PROGRAMS.lock"
	stage "programs: $1" make -f "$TOP/selftests/programs.mk" -C "$TOP/$1" -j"$(jobs)" "${PROGRAM_TOOLS[@]}" \
		OUT="$out" KSRC="$KSRC" HEADERS="$(user_headers)"
)

# What is in tools/, static too. It is the same for every kernel.
build_tools() {
	local built
	"$TOP/scripts/client.sh" build
	built=$("$TOP/scripts/client.sh" folder)
	mkdir -p "$PROGRAMS/selftests"
	cp "$built/client" "$PROGRAMS/selftests/client"
}

# Where the kernel's headers for user programs are; installed from the source when its build did not.
user_headers() {
	if [ -e "$KDIR/usr/include/linux/connector.h" ]; then
		printf '%s\n' "$KDIR/usr/include"
	else
		[ -e "$OUT/headers/include/linux/connector.h" ] ||
			make -C "$KDIR" "${ARCH_TOOLS[@]}" INSTALL_HDR_PATH="$OUT/headers" headers_install >&2
		printf '%s\n' "$OUT/headers/include"
	fi
}

# Objects of another kernel or compiler are no use: begin anew when either changed.
forget_other_kernels() {
	local now
	now=$(printf '%s\n' "$KDIR" "${TOOLS[@]}"; cat "$KDIR/include/config/auto.conf")
	mkdir -p "$OUT"
	if [ "$now" != "$(cat "$OUT/built-for" 2>/dev/null)" ]; then
		rm -rf "$OUT/core" "$OUT/kunit" "$OUT/coverage" "$OUT/samples" "$OUT/selftests" "$OUT/headers" "$OUT/probe" "$OUT/kernel-sample"
		printf '%s\n' "$now" >"$OUT/built-for"
	fi
}

# kbuild refuses to build elsewhere what was built in place.
refuse_build_in_place() {
	local folder
	for folder in "$TOP" "$TOP/samples" "$TOP/selftests/modules" "$TOP/selftests/bench/modules" \
		"$TOP/selftests/torture/modules"; do
		[ ! -e "$folder/modules.order" ] ||
			die "$folder was built in place (make -C ... M=...)." "Run make clean first."
	done
}

KDIR=$1
KSRC=$(source_of "$KDIR")
PROGRAMS=$(programs_of "$KDIR")
what=$2
shift 2
ARGS=("$@")
# Where the core is that others are built on: its symbols, and the metadata of the crate.
CORE=("KBUILD_EXTRA_SYMBOLS=$OUT/core/Module.symvers" "CONNECTOR_RMETA_DIR=$OUT/core/rust")

hold "$OUT/lock"
refuse_build_in_place
find_tools "$KDIR"
find_program_cc
forget_other_kernels
case $what in
built-in)
	# The kernel's own symbols have those of the core among them.
	CORE=("CONNECTOR_RMETA_DIR=$KDIR/drivers/connector")
	build_samples
	build_test_modules
	build_tools
	exit
	;;
probe)
	stage 'modules: probe' kbuild "$TOP/selftests/stock/modules" "$OUT/probe" "${ARGS[@]}" modules
	exit
	;;
esac
build_core
case $what in
core) ;;
install) install_core ;;
samples) build_samples ;;
guest-samples)
	build_samples
	build_kernel_sample
	;;
tests) build_tests ;;
demo)
	build_samples
	build_tools
	;;
bench)
	build_bench
	"$TOP/scripts/client.sh" measured
	;;
all)
	build_samples
	build_tests
	! is_foreign || build_kernel_sample
	build_bench
	build_tools
	;;
guest)
	build_samples
	[ "$(config_of "$KDIR" CONFIG_KUNIT)" != y ] || build_unit_tests
	build_test_modules
	build_kernel_sample
	build_tools
	;;
torture)
	build_samples
	build_test_modules
	build_torture
	;;
torture-full)
	build_samples
	build_tests
	build_coverage
	build_torture
	;;
*) die "modules.sh: unknown target $what" ;;
esac
