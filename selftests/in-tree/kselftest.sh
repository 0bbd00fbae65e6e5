#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs the selftests as the kselftests of a kernel tree, in the guest, with the connector as a module:
# in-tree/kselftest.sh <kernel build directory> c|rust
#
# The tree is a copy of the kernel's source with the connector in it. The guest gets the output of "make install" of the kselftests.
# The output of the guest is shown as it is. The result is that of run_kselftest.sh.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../../scripts/lib.sh"
# shellcheck source=scripts/tools.sh
. "$TOP/scripts/tools.sh"

TREE=$OUT/kselftest/tree
INSTALLED=$OUT/kselftest/$2
KSRC=$(source_of "$1")

# The test modules are for the kernel with the C connector; ours is built outside of the tree, so the build gets its folders.
install_tests() {
	local -a connector=()
	[ "$1" = c ] || connector=("CONNECTOR_RMETA_DIR=$OUT/core/rust" "KBUILD_EXTRA_SYMBOLS=$OUT/core/Module.symvers"
		"CONNECTOR_GLUE_DIR=$TREE/drivers/connector/glue")
	rm -rf "$INSTALLED"
	make -C "$TREE/tools/testing/selftests" TARGETS=connector clean
	make -C "$TREE/tools/testing/selftests" TARGETS=connector FORCE_TARGETS=1 KDIR="$KDIR" "${TOOLS[@]}" -j"$(jobs)" \
		KHDR_INCLUDES="-isystem $KDIR/usr/include" USERLDFLAGS=-static "${connector[@]}" INSTALL_PATH="$INSTALLED" install
}

[ $# -eq 2 ] || die 'usage: kselftest.sh <kernel build directory> c|rust'
KDIR=$1
"$TOP/scripts/modules.sh" "$KDIR" core
hold "$OUT/kselftest.lock"
find_tools "$KDIR"
stage 'kselftest: copy of the kernel source' keep_copy "$KSRC" "$TREE"
stage 'kselftest: the connector in the copy' "$TOP/scripts/in-tree.sh" put "$TREE"
stage "kselftest: install ($2)" install_tests "$2"
printf 'PROVIDER=%s\n' "$2" >"$INSTALLED/provider"
TREE=$INSTALLED "$TOP/scripts/guest.sh" "$KDIR" run "$TOP/selftests/in-tree/kselftest_job.sh"
