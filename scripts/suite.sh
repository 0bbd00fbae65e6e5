# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Packages from a suite of Debian that the machine need not have: apt works on lists and a cache of its own in the folder
# WORK, with the machine's mirror and Debian's archive keys, and the machine's sources stay as they are. Sourced
# after lib.sh; what sources it sets WORK.

KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

# The suite of Debian that has a series of the kernel: suite_of <series>.
suite_of() {
	case $1 in
	7.3) printf 'trixie-backports\n' ;;
	7.2) printf 'sid\n' ;;
	*)
		die "The series $1 (KERNEL=) of Linux is not one that is fetched." "7.3 and 7.2 are." \
			'Of another version, give a source with KSRC=, or a configured and built kernel with KDIR=.'
		;;
	esac
}

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

# What sources this may give options that choose another processor.
APT_OPTIONS=()

# Of the lists, only that of packages.
private_apt() {
	local program=$1
	shift
	"$program" -q -o Dir::Etc::sourcelist="$WORK/sources.list" -o Dir::Etc::sourceparts=/dev/null \
		-o Dir::Etc::preferencesparts=/dev/null -o Dir::State::lists="$WORK/lists" -o Dir::Cache="$WORK/cache" \
		-o Dir::State::status=/dev/null -o APT::Get::List-Cleanup=0 -o APT::Sandbox::User= \
		-o APT::Update::Error-Mode=any -o Acquire::Languages=none \
		-o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false "${APT_OPTIONS[@]}" "$@"
}

# Fetches the list of a suite: fetch_lists <suite> <what to do without it>.
fetch_lists() {
	local mirror
	mkdir -p "$WORK/lists/partial" "$WORK/cache/archives/partial"
	while read -r mirror; do
		printf 'deb [signed-by=%s] %s %s main\n' "$KEYRING" "$mirror" "$1" >"$WORK/sources.list"
		if private_apt apt-get update; then
			return
		fi
	done < <(mirrors)
	printf '\nNo mirror in the configuration of apt gave the package list of %s.\n' "$1"
	printf 'Either there is no network (then try again%s),\n' "${2:+, or $2}"
	printf 'or the mirrors above do not carry that suite, or %s is too old for its key.\n' "$KEYRING"
	return 1
}

# Whether packages can be fetched here at all.
has_apt() {
	command -v apt-get >/dev/null && [ -e "$KEYRING" ]
}

download_packages() {
	(cd "$WORK" && private_apt apt-get download "$@")
}

# Prints a folder of the cache with packages of a suite, which the function "unpack" makes of the files WORK/*.deb:
# cached_packages <name> <suite> <MiB that it takes> <what to do without it> <package...>. Where they cannot be fetched, the
# function "refuse_other_machines" has to say so.
cached_packages() {
	local what=$1 suite=$2 space=$3 otherwise=$4 name
	shift 4
	name=$what-$suite-$({ printf '%s\n' "$@"; declare -f unpack; } | digest)
	if [ ! -d "$CACHE/$name" ]; then
		refuse_other_machines
		need_space "$space" "$what"
		hold "$CACHE/$name.apt.lock"
		WORK=$CACHE/$name.apt.partial
		trap 'rm -rf "$WORK"' EXIT
		rm -rf "$WORK"
		mkdir "$WORK"
		stage "$what: package list of $suite" fetch_lists "$suite" "$otherwise"
		stage "$what: download" download_packages "$@"
	fi
	cached "$name" "$what: unpack" unpack
}
