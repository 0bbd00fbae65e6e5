#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Programs of Debian's packages, as they are, on process events in a guest: forkstat, and the Python library pyroute2.
#
#   run.sh run <kernel build directory> <provider>    tries those that can be had; writes KTAP
#   run.sh find forkstat|pyroute2                     prints the folder of one, in the cache
#
# forkstat is that of the machine's Debian. pyroute2 supports process events since 0.7.4 and Debian
# has that since 13. So on all machines it is that of Debian 13, with its Python. apt verifies the
# signatures.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../../scripts/lib.sh"
# shellcheck source=scripts/cache.sh
. "$TOP/scripts/cache.sh"
# shellcheck source=scripts/suite.sh
. "$TOP/scripts/suite.sh"

SUITE=trixie
# pyroute2, Python, and the files that both load, without optional ones.
PACKAGES=(python3-pyroute2 python3.13-minimal libpython3.13-minimal libpython3.13-stdlib
	libc6 libexpat1 libffi8 libsqlite3-0 zlib1g)

fetch_forkstat() {
	(cd "$1" && apt-get download -q forkstat && dpkg-deb -x forkstat_*.deb . && dpkg-deb -f forkstat_*.deb Package Version >version)
}

find_forkstat() {
	local version
	version=$(apt-cache policy forkstat 2>/dev/null | sed -n 's/^ *Candidate: \([0-9].*\)/\1/p') || true
	# Without lists, earlier downloads are sufficient.
	[ -n "$version" ] || version=$(find "$CACHE" -maxdepth 1 -type d -name 'forkstat-[0-9]*[0-9]' -printf '%f\n' |
		sort -V | tail -n 1 | sed 's/^forkstat-//')
	[ -n "$version" ] || die 'apt knows no package forkstat; it is in Debian 12 and 13, and apt-get update fetches the lists.'
	cached "forkstat-$version" "forkstat $version: download" fetch_forkstat
}

# The guest need not unpack files that no program opens, nor compile files that can be compiled
# here.
unpack() {
	local folder=$1 package
	for package in "$WORK"/*.deb; do
		dpkg-deb --fsys-tarfile "$package" | tar -x -C "$folder" --exclude=./usr/share --exclude=./etc --exclude='*/gconv' \
			--exclude='./usr/lib/python3.13/test' --exclude='./usr/lib/python3.13/pydoc_data' --exclude='_test*.so' --exclude='_codecs_*.so'
		dpkg-deb -f "$package" Package Version | paste -sd' ' | sed 's/[A-Z][a-z]*: //g' >>"$folder/versions"
	done
	ln -s usr/lib "$folder/lib"
	ln -s usr/lib64 "$folder/lib64"
	# Compiled files are valid for any time of the source, which is 0 in the guest.
	"$folder/usr/lib64/ld-linux-x86-64.so.2" --library-path "$folder/usr/lib/x86_64-linux-gnu" "$folder/usr/bin/python3.13" \
		-I -S -m compileall -q --invalidation-mode unchecked-hash -s "$folder" -p / \
		"$folder/usr/lib/python3.13" "$folder/usr/lib/python3/dist-packages/pyroute2"
}

refuse_other_machines() {
	has_apt || die 'pyroute2 can be fetched on Debian only.'
}

find_pyroute2() {
	cached_packages pyroute2 "$SUITE" 150 '' "${PACKAGES[@]}"
}

# Finds a program, or reports why it is missing: find_program <program>; sets FOLDER.
find_program() {
	if ! FOLDER=$("$0" find "$1" 2>"$WORK/why"); then
		printf '# provider: %s\n' "$PROVIDER"
		skipped "programs.$1" "not on this machine: $(sed -n 's/^error: //p' "$WORK/why" | paste -sd' ')"
		return 1
	fi
	PROGRAMS+=("$1")
	cat "$WORK/why" >&2
}

run() {
	local KDIR=$1
	PROVIDER=$2
	use_ktap "$KDIR"
	PROGRAMS=()
	WORK=$(mktemp -d)
	trap 'rm -rf "$WORK"' EXIT
	trap 'exit 130' INT TERM HUP
	if find_program forkstat; then export DYNAMIC=$FOLDER/usr/bin/forkstat; fi
	if find_program pyroute2; then export TREE=$FOLDER; fi
	[ "${#PROGRAMS[@]}" -gt 0 ] || return 0
	gcc -static -O2 -Wall -Werror -o "$WORK/work" "$TOP/selftests/real/work.c"
	printf 'EVENTS=%s\nPROGRAMS="%s"\n' "$PROVIDER" "${PROGRAMS[*]}" >"$WORK/programs.conf"
	guest_results "$KDIR" "$TOP/selftests/real/job.sh" "$WORK/programs.conf" "$WORK/work" \
		"$TOP/selftests/real/listen.py"
}

open_cache
case ${1:-} in
find)
	case ${2:-} in
	forkstat | pyroute2) "find_$2" ;;
	*) die "run.sh: unknown program ${2:-}" ;;
	esac
	;;
run)
	[ $# -eq 3 ] || die 'usage: run.sh run <kernel build directory> <provider>'
	run "$2" "$3"
	;;
*) die 'usage: run.sh run <kernel build directory> <provider> | find forkstat|pyroute2' ;;
esac
