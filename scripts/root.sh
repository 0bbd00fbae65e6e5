# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Roots of other suites of Debian: folders with a whole system, which mmdebstrap makes of the machine's mirror. A command in
# a root has the root's compilers, and this project, its cache and the folder for temporary files at the paths that they have
# outside. Sourced after lib.sh, cache.sh and suite.sh.

# Mounts are made in a namespace that ends with the command, so an interrupted run leaves none. All of this takes root, or
# sudo; the command itself is run as the user.
as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# Fails early where a root can be neither made nor used.
need_root() {
	local why
	if [ "$(id -u)" != 0 ] && ! sudo -n true 2>/dev/null && ! { [ -t 0 ] && sudo true; }; then
		die 'Building for a kernel of Debian takes root or sudo: it mounts folders and enters another root.' \
			'As root: make stock'
	fi
	why=$(as_root unshare --mount true 2>&1) ||
		die "This machine does not let root mount folders ($why)." 'In a container: give it the capability CAP_SYS_ADMIN.'
}

# Makes a root of a suite with packages: make_root <suite> <folder> <package...>. The folder may exist, and is empty.
make_root() {
	local suite=$1 folder=$2 include work
	shift 2
	include=$(IFS=, && printf '%s' "$*")
	work=$(mktemp -d)
	# As for other downloads here: with the archive's keys, and what the machine's apt is told about its network.
	mirrors | while read -r mirror; do
		printf 'deb [signed-by=%s] %s %s main\n' "$KEYRING" "$mirror" "$suite"
	done >"$work/sources.list"
	apt-config dump Acquire | grep -v '^Acquire::IndexTargets' >"$work/apt.conf"
	if ! as_root unshare --mount mmdebstrap --mode=root --variant=apt --include="$include" --aptopt="$work/apt.conf" \
		--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' "$suite" "$folder" "$work/sources.list"; then
		printf '\nNo root of %s was made. Without a network: try again with one. Else the reason is above.\n' "$suite"
		as_root rm -rf "$folder" "$work"
		return 1
	fi
	rm -rf "$work"
}

# Runs in the namespace of its mounts: enter <root> <user:group> <folder that may be written to, or ''> <command...>.
# The cache is shared by all runs, so a build that goes wrong must not write into it.
enter() {
	local root=$1 user=$2 writable=$3 folder
	shift 3
	for folder in /tmp "${TMPDIR:-/tmp}" "$TOP" "$CACHE"; do
		mkdir -p "$root$folder"
		mount --bind "$folder" "$root$folder"
	done
	mount -o remount,bind,ro "$root$CACHE"
	[ -z "$writable" ] || mount --bind "$writable" "$root$writable"
	mount --rbind /proc "$root/proc"
	mount --rbind /dev "$root/dev"
	# shellcheck disable=SC2016
	exec chroot --userspec="$user" "$root" /usr/bin/env -i HOME=/ LC_ALL=C PATH=/usr/sbin:/usr/bin "TMPDIR=${TMPDIR:-/tmp}" \
		sh -c 'cd "$1" && shift && exec "$@"' sh "$PWD" "$@"
}

# Runs a command in a root: in_root <root> <folder that may be written to, or ''> <command...>.
in_root() {
	local root=$1
	shift
	as_root env TOP="$TOP" CACHE="$CACHE" TMPDIR="${TMPDIR:-/tmp}" unshare --mount \
		bash -euc "$(declare -f enter); enter \"\$@\"" bash "$root" "$(id -u):$(id -g)" "$@"
}
