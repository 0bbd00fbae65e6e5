#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# What Debian has for another processor (ARCH=), unpacked in the cache:
#
#   foreign.sh busybox   prints the path of the static busybox for the guest
#   foreign.sh std       prints the folder of a Rust library for rustc --sysroot; empty: this machine's rustc has one
#
# Both are of Debian 13, which has all of these processors. The library has to be of the version of rustc.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/cache.sh
. "$TOP/scripts/cache.sh"
# shellcheck source=scripts/suite.sh
. "$TOP/scripts/suite.sh"
# shellcheck source=scripts/arch.sh
. "$TOP/scripts/arch.sh"
# shellcheck source=scripts/cargo.sh
. "$TOP/scripts/cargo.sh"

SUITE=trixie
APT_OPTIONS=(-o "APT::Architecture=$DEBIAN_ARCH" -o "APT::Architectures=$DEBIAN_ARCH")

unpack() {
	local package
	for package in "$WORK"/*.deb; do
		dpkg-deb --fsys-tarfile "$package" | tar -x -C "$1" --exclude=./usr/share
		dpkg-deb -f "$package" Package Version | paste -sd' ' | sed 's/[A-Z][a-z]*: //g' >>"$1/versions"
	done
}

refuse_other_machines() {
	has_apt || die "$NEEDED for $ARCH can be fetched on Debian only."
}

find_busybox() {
	local folder file
	NEEDED=busybox
	folder=$(cached_packages "busybox-$ARCH" "$SUITE" 20 '' busybox-static)
	for file in "$folder/usr/bin/busybox" "$folder/bin/busybox"; do
		if [ -e "$file" ]; then
			printf '%s\n' "$file"
			return
		fi
	done
	die "The package busybox-static for $ARCH has no busybox."
}

# What the package of the library is called follows that of rustc, and so does its version.
find_std() {
	local rustc root package release folder
	rustc=$(host_program rustc)
	root=$("$rustc" --print sysroot)
	[ ! -d "$root/lib/rustlib/$RUST_TARGET/lib" ] || return 0
	NEEDED='the library of Rust'
	package=$(dpkg-query -S "$rustc" 2>/dev/null | sed -n '1s/:.*//p')
	case $package in
	rustc) package=libstd-rust-dev ;;
	rustc-web) package=libstd-rust-web-dev ;;
	*) die "$rustc has no library for $RUST_TARGET." "rustup target add $RUST_TARGET" ;;
	esac
	folder=$(cached_packages "rust-std-$ARCH" "$SUITE" 300 '' "$package")
	release=$("$rustc" -vV | sed -n 's/^release: //p')
	grep -qF "$package $release+" "$folder/versions" ||
		die "Debian's library of Rust for $ARCH is not of the version of rustc, which is $release." "$(cat "$folder/versions")"
	printf '%s/usr\n' "$folder"
}

case ${1:-} in
busybox) find_busybox ;;
std) find_std ;;
*) die 'usage: foreign.sh busybox|std' ;;
esac
