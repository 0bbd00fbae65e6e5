#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Gets the source of the newest kernel of a series that Debian packages, and prints its folder: source.sh [version]
# With a version of the package, that one.
#   KERNEL   the series: 7.3 (the default) or 7.2

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/cache.sh
. "$TOP/scripts/cache.sh"
# shellcheck source=scripts/arch.sh
. "$TOP/scripts/arch.sh"
# shellcheck source=scripts/suite.sh
. "$TOP/scripts/suite.sh"

PACKAGE=linux-source-$KERNEL
SUITE=$(suite_of "$KERNEL")

newest_version() {
	private_apt apt-cache madison "$PACKAGE" 2>/dev/null |
		awk -F' *[|] *' -v series="$KERNEL." -v version="$WANTED" \
			'index($2, series) == 1 && (version == "" || $2 == version) { print $2 }' | sort -rV | head -n 1
}

download() {
	download_packages "$PACKAGE=$VERSION" && mv "$WORK/$PACKAGE"_*.deb "$WORK/source.deb"
}

# Parts that a kernel for this machine never reads are two thirds of the source: leave them packed.
unpack() {
	local folder=$1 other
	local -a skip=(--exclude='*/Documentation/*/*' --exclude='*/drivers/gpu/drm/*/*.[ch]' --exclude='*/sound/*.c'
		--exclude='*/drivers/net/*/*.c' --exclude='*/drivers/media/*.c' --exclude='*/tools/perf/*')
	for other in alpha arc arm arm64 csky hexagon loongarch m68k microblaze mips nios2 openrisc parisc powerpc \
		riscv s390 sh sparc xtensa; do
		skip+=(--exclude="*/arch/$other/*.[chS]" --exclude="*/arch/$other/*.dts*")
	done
	dpkg-deb --fsys-tarfile "$WORK/source.deb" | tar -xO --wildcards "./usr/src/$PACKAGE.tar.xz" |
		tar -xJ -C "$folder" --strip-components=1 "${skip[@]}"
}

# With the parts of another processor than the usual one.
unpack_for_arch() {
	unpack "$1"
	dpkg-deb --fsys-tarfile "$WORK/source.deb" | tar -xO --wildcards "./usr/src/$PACKAGE.tar.xz" |
		tar -xJ -C "$1" --strip-components=1 --exclude='*.dts*' "$PACKAGE/arch/$SOURCE_ARCH"
}

WANTED=${1:-}
UNPACK=unpack
open_cache
# Sources with other parts left out are other sources.
SELECTION=$(declare -f unpack | digest)
if is_foreign; then
	UNPACK=unpack_for_arch
	SELECTION=$ARCH-$(declare -f unpack unpack_for_arch | digest)
fi
print_cached "source-${WANTED:-$KERNEL.*}-$SELECTION"
if ! has_apt; then
	die "The kernel source can be fetched on Debian only." \
		"Give a source of Linux $KERNEL with KSRC=, or a configured and built kernel with KDIR=."
fi
hold "$CACHE/apt.lock"
print_cached "source-${WANTED:-$KERNEL.*}-$SELECTION"
need_space 2600 'The kernel source and its build'
WORK=$CACHE/apt.partial
rm -rf "$WORK"
mkdir "$WORK"
trap 'rm -rf "$WORK"' EXIT
stage 'kernel source: package list' fetch_lists "$SUITE" 'name a source with KSRC= or a kernel with KDIR='
VERSION=$(newest_version)
[ -n "$VERSION" ] ||
	die "No version ${WANTED:-$KERNEL.x} of the package $PACKAGE was found in the suite $SUITE." \
		"Give a source of Linux $KERNEL with KSRC=, or a configured and built kernel with KDIR=."
stage 'kernel source: download' download
cached "source-$VERSION-$SELECTION" "kernel source: unpack $VERSION" "$UNPACK"
