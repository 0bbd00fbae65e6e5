#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Makes sure that the programs for a purpose are there: packages.sh kernel|tools|install|results|guest|fuzz|bench|check|docs|patches|wireshark|litmus|stock|deb...
#
# On Debian 12 and 13, missing packages are installed, as root or through sudo. Everywhere else, or
# without those rights, this lists exactly what is missing and fails. Nothing is removed, and apt's
# lists are fetched anew only when something is missing.
#
#   OS_RELEASE   the file that says what this system is, for tests (/etc/os-release)

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/suite.sh
. "$TOP/scripts/suite.sh"
# shellcheck source=scripts/arch.sh
. "$TOP/scripts/arch.sh"

debian_release() {
	# shellcheck source=/dev/null
	(. "${OS_RELEASE:-/etc/os-release}" 2>/dev/null && [ "${ID:-}" = debian ] && printf '%s\n' "${VERSION_ID:-}") || true
}

# Package names of Debian, by purpose and release. The kernel is apart: with KDIR=, none is built.
packages_for() {
	case $1 in
	kernel)
		printf '%s\n' make gcc libc6-dev clang-19 lld-19 llvm-19 libclang1-19 flex bison bc libelf-dev \
			libssl-dev rsync xz-utils kmod debian-archive-keyring ca-certificates
		case $2 in
		12) printf '%s\n' rustc-web rust-web-src rustfmt-web cargo-web ;;
		13) printf '%s\n' rustc rust-src rustfmt cargo bindgen ;;
		esac
		cross_packages "$2"
		;;
	tools)
		printf '%s\n' make gcc libc6-dev
		case $2 in
		12) printf '%s\n' cargo-web ;;
		13) printf '%s\n' cargo ;;
		esac
		cross_packages "$2"
		;;
	install)
		packages_for tools "$2"
		printf '%s\n' kmod
		;;
	results)
		printf '%s\n' python3
		;;
	guest)
		packages_for tools "$2"
		printf '%s\n' kmod busybox-static python3
		emulator_packages "$2"
		;;
	fuzz)
		packages_for tools "$2"
		printf '%s\n' g++ python3
		;;
	bench)
		printf '%s\n' python3 python3-matplotlib
		;;
	check)
		packages_for tools "$2"
		printf '%s\n' python3
		printf '%s\n' shellcheck sparse binutils git pyflakes3
		case $2 in
		12) printf '%s\n' rust-web-clippy rustfmt-web ;;
		13) printf '%s\n' rust-clippy rustfmt ;;
		esac
		;;
	docs)
		packages_for tools "$2"
		printf '%s\n' python3-sphinx
		;;
	patches)
		printf '%s\n' git perl
		;;
	wireshark)
		printf '%s\n' tshark
		;;
	litmus)
		printf '%s\n' xz-utils debian-archive-keyring ca-certificates
		;;
	stock)
		printf '%s\n' mmdebstrap util-linux xz-utils debian-archive-keyring ca-certificates
		;;
	deb)
		packages_for tools "$2"
		printf '%s\n' debhelper dh-dkms dpkg-dev fakeroot git lintian
		;;
	esac
}

missing_packages() {
	local package
	for package in "$@"; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
			printf '%s\n' "$package"
	done
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

may_install() {
	[ "$(id -u)" = 0 ] || { command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; }
}

fetch_package_lists() {
	as_root apt-get update -q
}

# Packages that would push out others are the user's decision.
apt_install() {
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends --no-remove "$@"
}

# If a part of QEMU is from the backports, the rest of it has to be, too. Then all of QEMU comes from there, by
# sources and lists of our own; the machine's stay as they are.
need_backports() {
	[[ " $* " == *' qemu-'* ]] &&
		! apt-get install -s -q --no-install-recommends --no-remove "$@" >/dev/null 2>&1
}

fetch_backports() {
	fetch_lists "$BACKPORTS"
	cp "$WORK/sources.list" "$WORK/parts/backports.list"
	find /etc/apt/sources.list.d -type f -exec cp -t "$WORK/parts" {} +
	cp -n /var/lib/apt/lists/*_* "$WORK/lists"
	printf 'Package: src:qemu src:seabios src:ipxe src:libslirp src:opensbi\nPin: release n=%s\nPin-Priority: 990\n' "$BACKPORTS" \
		>"$WORK/preferences"
}

install_with_backports() {
	apt_install -o Dir::Etc::sourceparts="$WORK/parts" -o Dir::Etc::preferences="$WORK/preferences" \
		-o Dir::State::lists="$WORK/lists" "$@"
}

install_missing() {
	if ! need_backports "$@"; then
		stage 'packages: install' apt_install "$@"
		return
	fi
	# shellcheck source=/dev/null
	BACKPORTS=$(. "${OS_RELEASE:-/etc/os-release}" && printf '%s-backports' "$VERSION_CODENAME")
	WORK=$(mktemp -d)
	trap 'rm -rf "$WORK"' EXIT
	mkdir "$WORK/parts"
	stage "packages: list of $BACKPORTS" fetch_backports
	stage "packages: install, QEMU from $BACKPORTS" install_with_backports "$@"
}

ensure_debian() {
	local release=$1 purpose
	local -a wanted=() missing
	shift
	for purpose in "$@"; do
		mapfile -t -O "${#wanted[@]}" wanted < <(packages_for "$purpose" "$release")
	done
	mapfile -t missing < <(missing_packages "${wanted[@]}" | sort -u)
	[ "${#missing[@]}" -gt 0 ] || return 0
	may_install ||
		die "These packages are missing, and installing them takes root or sudo:" "${missing[*]}" \
			"As root: apt-get update && apt-get install --no-install-recommends ${missing[*]}"
	[ "$(id -u)" = 0 ] || sudo true
	say "  packages to install: ${missing[*]}"
	stage 'packages: lists' fetch_package_lists
	install_missing "${missing[@]}"
}

# Programs by purpose where we know no package names: one per line, with alternatives.
programs_for() {
	case $1 in
	kernel) printf '%s\n' make gcc 'clang-19 clang' 'ld.lld-19 ld.lld' 'llvm-nm-19 llvm-nm' flex bison bc rustc bindgen \
		rsync xz depmod ;;
	tools) printf '%s\n' make gcc cargo ;;
	install) programs_for tools && printf '%s\n' depmod ;;
	results) printf '%s\n' python3 ;;
	guest) programs_for tools && printf '%s\n' depmod busybox "$QEMU_PROGRAM" python3 $USER_EMULATOR ;;
	fuzz) programs_for tools && printf '%s\n' 'g++ c++' python3 ;;
	bench) printf '%s\n' python3 ;;
	check) programs_for tools && printf '%s\n' shellcheck sparse nm git clippy-driver rustfmt 'pyflakes3 pyflakes' python3 ;;
	docs) programs_for tools && printf '%s\n' sphinx-build rustdoc ;;
	patches) printf '%s\n' git perl ;;
	wireshark) printf '%s\n' tshark ;;
	litmus) printf '%s\n' herd7 ;;
	stock) printf '%s\n' mmdebstrap unshare xz ;;
	deb) programs_for tools && printf '%s\n' dh dh_dkms dpkg-buildpackage git lintian ;;
	esac
}

# Those that are not in PATH: missing_programs <purpose...>
missing_programs() {
	local purpose names
	for purpose in "$@"; do
		while read -r names; do
			# shellcheck disable=SC2086
			command -v $names >/dev/null || printf '%s\n' "${names/ / or }"
		done < <(programs_for "$purpose")
	done
}

# A package that is installed is of no use where PATH does not have its programs. What the kernel needs is looked for elsewhere, too.
need_programs_in_path() {
	local purpose
	local -a missing purposes=()
	for purpose in "$@"; do
		case $purpose in
		tools | install | guest | docs) purposes+=("$purpose") ;;
		esac
	done
	mapfile -t missing < <(missing_programs "${purposes[@]}" | sort -u)
	[ "${#missing[@]}" = 0 ] ||
		die "The packages are installed, but these programs are not in PATH: ${missing[*]}" 'Add their folder to PATH; Debian has them in /usr/bin.'
}

# What a purpose needs besides programs.
missing_parts() {
	case $1 in
	kernel) missing_parts_of_kernel ;;
	bench) python3 -c 'import matplotlib' 2>/dev/null || printf 'matplotlib for python3\n' ;;
	esac
}

missing_parts_of_kernel() {
	local header
	for header in gelf.h openssl/opensslv.h; do
		printf '#include <%s>\n' "$header" | gcc -E - >/dev/null 2>&1 || printf 'the header %s\n' "$header"
	done
	[ -e "$(rustc --print sysroot 2>/dev/null)/lib/rustlib/src/rust/library/core/src/lib.rs" ] ||
		printf 'the source of the Rust standard library, for rustc in PATH\n'
}

ensure_elsewhere() {
	local purpose missing
	mapfile -t missing < <(missing_programs "$@")
	for purpose in "$@"; do
		mapfile -t -O "${#missing[@]}" missing < <(missing_parts "$purpose")
	done
	[ "${#missing[@]}" = 0 ] ||
		die 'This is not Debian 12 or 13, so nothing is installed by itself. This is missing:' \
			"${missing[@]}"
}

release=$(debian_release)
PATH=$PATH:/usr/sbin:/sbin
case $release in
12 | 13)
	ensure_debian "$release" "$@"
	need_programs_in_path "$@"
	;;
*) ensure_elsewhere "$@" ;;
esac
