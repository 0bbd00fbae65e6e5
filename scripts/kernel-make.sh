# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Configuring and building a kernel: of KSRC, in BUILD, by FRAGMENT, with TOOLS. Sourced after lib.sh.

# The kernel contains no user name, host name or date.
kernel_make() {
	make -C "$KSRC" O="$BUILD" "${TOOLS[@]}" KBUILD_BUILD_USER=connector KBUILD_BUILD_HOST=connector \
		KBUILD_BUILD_TIMESTAMP=1970-01-01 -j"$(jobs)" "$@"
}

# A fragment in the names that the options have in the version of KSRC: translate <fragment>.
translate() {
	local names
	names=$TOP/scripts/config/linux-$(series_of "$KSRC").sed
	if [ -e "$names" ]; then sed -f "$names" "$1"; else cat "$1"; fi
}

# A line of the fragment that did not hold would be a test that does not test.
check_config() {
	local missing
	missing=$(grep '^CONFIG_' "$FRAGMENT" | grep -vxFf "$BUILD/.config" || true)
	if [ -n "$missing" ]; then
		printf '\nThese settings of %s were refused by this kernel:\n%s\n' "$FRAGMENT" "$missing"
		return 1
	fi
}

# What the first fragment says, except where the second one says something else: merge_fragments <first> <second>. Symbols
# that the second one sets to n are left out, which means off.
merge_fragments() {
	awk -F= '/^CONFIG_/ { if (FNR == NR) { second[$1] = $0; next } if (!($1 in second)) print }
		END { for (name in second) if (second[name] !~ /=n$/) print second[name] | "sort" }' "$2" "$1"
}
