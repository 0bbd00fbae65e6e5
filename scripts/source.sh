#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Gets the source of the newest kernel 7.3.x that Debian packages, and prints its folder.
#
# The package comes from a suite that the machine need not have: apt works on lists and a cache of its
# own in a temporary folder, with the machine's mirror and Debian's archive keys, and the machine's
# sources stay as they are.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/cache.sh
. "$TOP/scripts/cache.sh"

PACKAGE=linux-source-7.3
SUITE=trixie-backports
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

# The mirrors that this machine's apt takes Debian itself from.
mirrors() {
	{
		# shellcheck disable=SC2016
		apt-get indextargets --format '$(ORIGIN) $(LABEL) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
			sed -n 's/^Debian Debian //p'
		# Without downloaded lists there are no origins to go by.
		# shellcheck disable=SC2016
		apt-get indextargets --no-release-info --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
			grep -E '^(bookworm|trixie|stable|oldstable) ' | cut -d' ' -f2
	} | awk '!seen[$0]++'
}

private_apt() {
	local program=$1
	shift
	"$program" -q -o Dir::Etc::sourcelist="$WORK/sources.list" -o Dir::Etc::sourceparts=/dev/null \
		-o Dir::Etc::preferencesparts=/dev/null -o Dir::State::lists="$WORK/lists" -o Dir::Cache="$WORK/cache" \
		-o Dir::State::status=/dev/null -o APT::Get::List-Cleanup=0 -o APT::Sandbox::User= \
		-o APT::Update::Error-Mode=any "$@"
}

fetch_lists() {
	local mirror
	mkdir -p "$WORK/lists/partial" "$WORK/cache/archives/partial"
	while read -r mirror; do
		printf 'deb [signed-by=%s] %s %s main\n' "$KEYRING" "$mirror" "$SUITE" >"$WORK/sources.list"
		if private_apt apt-get update; then
			return
		fi
	done < <(mirrors)
	printf '\nNo mirror in the configuration of apt gave the package list of %s.\n' "$SUITE"
	printf 'Either there is no network (then try again, or name a source with KSRC= or a kernel with KDIR=),\n'
	printf 'or the mirrors above do not carry that suite, or %s is too old for its key.\n' "$KEYRING"
	return 1
}

newest_version() {
	private_apt apt-cache madison "$PACKAGE" 2>/dev/null | awk -F' *[|] *' '$2 ~ /^7\.3\./ { print $2 }' |
		sort -rV | head -n 1
}

download() {
	(cd "$WORK" && private_apt apt-get download "$PACKAGE=$VERSION") && mv "$WORK/$PACKAGE"_*.deb "$WORK/source.deb"
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

# What is in the cache is good enough without asking the network for something newer.
print_cached() {
	local have
	have=$(find "$CACHE" -maxdepth 1 -type d -name "source-*-$SELECTION" | sort -rV | head -n 1)
	[ -n "$have" ] || return 0
	printf '%s\n' "$have"
	exit
}

open_cache
# Sources with other parts left out are other sources.
SELECTION=$(declare -f unpack | digest)
print_cached
if ! command -v apt-get >/dev/null || [ ! -e "$KEYRING" ]; then
	die "The kernel source can be fetched on Debian only." \
		"Give a source of Linux 7.3 with KSRC=, or a configured and built kernel with KDIR=."
fi
hold "$CACHE/apt.lock"
print_cached
need_space 2600 'The kernel source and its build'
WORK=$CACHE/apt.partial
rm -rf "$WORK"
mkdir "$WORK"
trap 'rm -rf "$WORK"' EXIT
stage 'kernel source: package list' fetch_lists
VERSION=$(newest_version)
[ -n "$VERSION" ] ||
	die "No version 7.3.x of the package $PACKAGE was found in the suite $SUITE." \
		"Give a source of Linux 7.3 with KSRC=, or a configured and built kernel with KDIR=."
stage 'kernel source: download' download
cached "source-$VERSION-$SELECTION" "kernel source: unpack $VERSION" unpack
