#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# The life of the packages on a Debian 13 with Debian's own kernels: run.sh
#
# In a root of that suite, with the packages of kernels from its backports, as their users install them: packages are installed,
# headers and sources of kernels come and go, a module of a third party is built, packages are upgraded and purged. Nothing
# is loaded, since the kernel that runs is another one; make stock does that with the same source. Results are KTAP.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../../scripts/lib.sh"
# shellcheck source=scripts/cache.sh
. "$TOP/scripts/cache.sh"
# shellcheck source=scripts/suite.sh
. "$TOP/scripts/suite.sh"
# shellcheck source=scripts/root.sh
. "$TOP/scripts/root.sh"

SUITE=trixie
# What connector-dkms depends on, so that it is not what is tested here, and what Debian's headers depend on.
ROOT_PACKAGES=(bc bindgen bison debconf dkms dwarves file flex gcc-14-for-host kmod libelf-dev libssl-dev linux-base make openssl
	python3 rust-src rustc xz-utils)
NEXT_VERSION=0.1.0+next

# Of the backports, as the root's own mirror has them. Packages that tests install are in the cache of its apt.
fill_root() {
	local root=$1
	make_root "$SUITE" "$root" "${ROOT_PACKAGES[@]}"
	# shellcheck disable=SC2016
	as_root env ROOT="$root" SUITE="$SUITE" bash -euc '
		cp --remove-destination /etc/resolv.conf "$ROOT/etc/"
		rm -f "$ROOT"/etc/dpkg/dpkg.cfg.d/*mmdebstrap
		sed -n "s/ $SUITE / $SUITE-backports /p" "$ROOT"/etc/apt/sources.list.d/*.list "$ROOT/etc/apt/sources.list" 2>/dev/null |
			sort -u >"$ROOT/etc/apt/sources.list.d/backports.list"
		printf "APT::Keep-Downloaded-Packages \"1\";\nAPT::Install-Recommends \"0\";\n" >"$ROOT/etc/apt/apt.conf.d/90test"
	'
	inside "$root" '' fetch_kernels
}

fetch_kernels() {
	apt-get update
	apt-get install -y --download-only -t "$SUITE-backports" linux-headers-amd64 linux-headers-cloud-amd64 linux-source
	apt-get install -y --download-only "$(old_headers)"
}

# Headers of a kernel without Rust that can be loaded.
old_headers() {
	apt-cache pkgnames linux-headers-6.12 | grep -E -- '-amd64$' | grep -vE 'cloud|rt' | sort -V | tail -n 1
}

# Runs a function of this script in a root: inside <root> <folder for what changes, or ''> <function> [argument...]. What is
# mounted is gone at its end.
inside() {
	local root=$1 changes=$2
	shift 2
	# shellcheck disable=SC2016
	as_root env ROOT="$root" CHANGES="$changes" PACKAGES="$BUILD" SUITE="$SUITE" FUNCTIONS="$(declare -f)" unshare --mount bash -euc '
		if [ -n "$CHANGES" ]; then
			mkdir -p "$CHANGES"/{upper,work,root}
			mount -t overlay -o "lowerdir=$ROOT,upperdir=$CHANGES/upper,workdir=$CHANGES/work" overlay "$CHANGES/root"
			ROOT=$CHANGES/root
		fi
		mkdir -p "$ROOT/packages"
		[ ! -d "$PACKAGES" ] || mount --bind "$PACKAGES" "$ROOT/packages"
		mount --rbind /proc "$ROOT/proc"
		mount --rbind /dev "$ROOT/dev"
		exec chroot "$ROOT" /usr/bin/env -i HOME=/root LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin SUITE="$SUITE" \
			DEBIAN_FRONTEND=noninteractive FUNCTIONS="$FUNCTIONS" \
			bash -c '\''set -eu; cd /root; eval "$FUNCTIONS"; set -euo pipefail; "$@"'\'' bash "$@"
	' bash "$@"
}

# The functions below run in the root, and what they print is shown if they fail.

apt_install() {
	apt-get install -y "$@" 2>&1 | tee /tmp/said
	# Nothing is left half installed.
	[ -z "$(dpkg --audit)" ]
}

backports() {
	apt_install -t "$SUITE-backports" "$@"
}

# Fails if there is a line of standard input, and shows it.
none() {
	! grep .
}

# One message about a kernel, which has a line: says_once <kernel> <line>
says_once() {
	[ "$(grep -c "no modules are built for Linux $1" /tmp/said)" = 1 ]
	grep -F -- "$2" /tmp/said
}

# The newest kernel of a flavour, of those with headers: kernel <flavour>
kernel() {
	local folder
	for folder in /lib/modules/7.*"+deb13-$1"; do
		[ ! -e "$folder/build/include" ] || basename "$folder"
	done | sort -V | tail -n 1
}

# Nothing of ours is there for a kernel.
has_nothing() {
	find "/lib/modules/$1" -path '*/updates/*' | none
	[ ! -e "/var/lib/connector/$1" ]
	dkms status -m connector -k "$1" | { grep -E ': (built|installed)' || true; } | none
}

# A module is there that was built for a kernel, from one version only: has_modules <kernel> <version>
has_modules() {
	local module status
	status=$(dkms status -m connector -k "$1")
	printf '%s\n' "$status"
	[[ $status = "connector/$2, $1, "*': installed' ]]
	# Without the kernel's own package, DKMS makes no list for modprobe.
	module=$(find "/lib/modules/$1/updates/dkms" -name 'cn_guest.ko*')
	[[ "$(modinfo -F vermagic "$module")" = "$1 "* ]]
	modinfo -F signer "$module" | grep .
	[ "$(modinfo -F alias "$module")" = cn-core ]
	# modprobe loads it first.
	[ "$(modinfo -F depends "$module")" = cn_entry ]
	find "/lib/modules/$1/updates/dkms" -name 'cn_entry.ko*' | grep .
}

without_kernels() {
	apt_install /packages/{connector-dkms,libconnector-rust-dev,cnctl}_"$1"_*.deb
	grep -F 'no kernel has headers' /tmp/said
	dkms status -m connector | grep -x "connector/$1: added"
}

headers_without_source() {
	backports linux-headers-amd64
	says_once "$(kernel amd64)" "apt-get install linux-source-$(kernel amd64 | grep -oE '^[0-9]+\.[0-9]+')="
	has_nothing "$(kernel amd64)"
}

# The newest source may be of a newer revision; of the headers, too.
source_arrives() {
	backports linux-source
	has_modules "$(kernel amd64)" "$1"
	rm -rf /tmp/module
}

module_of_a_third_party() {
	rm -rf /tmp/module
	mkdir /tmp/module
	cp /usr/share/doc/libconnector-rust-dev/examples/{cn_echo.rs,Makefile} /tmp/module/
	make -C /tmp/module KERNEL="$(kernel amd64)"
	[[ "$(modinfo -F vermagic /tmp/module/cn_echo.ko)" = "$(kernel amd64) "* ]]
	make -C /tmp/module KERNEL="$(kernel amd64)" modules_install
	grep -E '/cn_echo\.ko.*: .*/cn_guest\.ko' "/lib/modules/$(kernel amd64)/modules.dep"
	make -C /tmp/module KERNEL="$(kernel amd64)" clean
	[ ! -e /tmp/module/cn_echo.ko ]
	rm "/lib/modules/$(kernel amd64)/updates/cn_echo.ko"*
	depmod "$(kernel amd64)"
}

# Its files and its commands, as the page shows them; and the other way that it names, with a Kbuild file.
module_of_the_tutorial() {
	rm -rf /tmp/module
	mkdir /tmp/module
	cd /tmp/module
	env FILES=/packages/tutorial/files KERNEL="$(kernel amd64)" bash -eux /packages/tutorial/build.sh
	cd echo
	[ -x cn_echo_user ]
	[[ "$(modinfo -F vermagic cn_echo.ko)" = "$(kernel amd64) "* ]]
	make KERNEL="$(kernel amd64)" clean
	# shellcheck disable=SC2016
	printf '%s\n' 'PREFIX ?= /usr/local' 'include $(PREFIX)/lib/connector-rs/$(KERNELRELEASE)/connector.mk' 'obj-m += cn_echo.o' >Kbuild
	PREFIX=/usr make -C "/usr/lib/connector-rs/$(kernel amd64)/build" M="$PWD" modules
	[ -e cn_echo.ko ]
}

take_tutorial_apart() {
	rm -rf "$BUILD/tutorial"
	mkdir -p "$BUILD/tutorial/files"
	python "$TOP/selftests/pages/page.py" "$TOP/Documentation/tutorial.rst" "$BUILD/tutorial" stock
}

no_crate_for_a_kernel() {
	mkdir -p /tmp/none
	cp /usr/share/doc/libconnector-rust-dev/examples/{cn_echo.rs,Makefile} /tmp/none/
	if make -C /tmp/none KERNEL=1.2.3 2>/tmp/said; then return 1; fi
	grep -F 'There are no headers of Linux 1.2.3' /tmp/said
	rm -r /tmp/none
}

files_of_the_tool() {
	cnctl --version | grep -F "${1%%+*}"
	[ -e /usr/share/man/man1/cnctl.1.gz ]
	bash -c '. /usr/share/bash-completion/completions/cnctl && complete -p cnctl'
	[ -e /usr/share/zsh/vendor-completions/_cnctl ]
	[ -e /usr/share/fish/vendor_completions.d/cnctl.fish ]
	[ -e /usr/lib/x86_64-linux-gnu/wireshark/plugins/connector.lua ]
}

# The metadata is not made again: the time it was made is that of its folder.
reinstall() {
	local before
	before=$(stat -c %y "/var/lib/connector/$(kernel amd64)/build/stamp")
	apt_install --reinstall "/packages/connector-dkms_$1_all.deb"
	has_modules "$(kernel amd64)" "$1"
	[ "$(stat -c %y "/var/lib/connector/$(kernel amd64)/build/stamp")" = "$before" ]
}

reconfigure() {
	dpkg-reconfigure connector-dkms
	has_modules "$(kernel amd64)" "$1"
}

upgrade() {
	apt_install /packages/{connector-dkms,libconnector-rust-dev,cnctl}_"$2"_*.deb
	has_modules "$(kernel amd64)" "$2"
	[ ! -e "/usr/src/connector-$1" ]
	[ ! -e "/var/lib/dkms/connector/$1" ]
}

# With the source that is there already.
another_kernel() {
	backports linux-headers-cloud-amd64
	has_modules "$(kernel cloud-amd64)" "$1"
	has_modules "$(kernel amd64)" "$1"
}

# These headers bring their kernel with them, and that an initramfs and more, which stay.
kernel_without_rust() {
	local package
	package=$(old_headers)
	foreign_files >/tmp/files
	apt_install "$package"
	foreign_files | comm -13 /tmp/files - | sort -u -o /var/log/files-before - /var/log/files-before
	says_once "${package#linux-headers-}" 'It is older than Linux 7.3.'
	has_nothing "${package#linux-headers-}"
	has_modules "$(kernel amd64)" "$1"
}

headers_go() {
	local gone
	gone=$(kernel cloud-amd64)
	apt-get purge -y linux-headers-cloud-amd64 "linux-headers-$gone"
	[ ! -e "/var/lib/connector/$gone" ]
	has_modules "$(kernel amd64)" "$1"
}

# Files that no package owns, without those that change with every package. Names of /lib are those of /usr/lib.
foreign_files() {
	{
		cat /var/lib/dpkg/info/*.list | sed -E 's,^/(bin|sbin|lib|lib64)(/|$),/usr/\1\2,' | sort -u >/tmp/owned
		find / -xdev \( -path /proc -o -path /dev -o -path /sys -o -path /tmp -o -path /root -o -path /packages -o -path /run \
			-o -path /var/lib/dpkg -o -path /var/lib/apt -o -path /var/cache -o -path /var/log \) -prune -o -print |
			sort -u | comm -23 - /tmp/owned
	} | grep -vE '^/usr/lib/modules/[^/]*/modules\.|^/var/lib/dkms/mok\.|^/etc/(ld\.so\.cache|alternatives)' || true
}

remember_files() {
	foreign_files >/var/log/files-before
}

purge() {
	apt-get purge -y connector-dkms libconnector-rust-dev cnctl
	foreign_files | diff /var/log/files-before -
	[ ! -e /usr/lib/connector-rs ] && [ ! -e /var/lib/connector ]
	find /usr/src -maxdepth 1 -name 'connector*' | none
}

# And those that run here.

# One test: life <name> [argument...]
life() {
	check "$1" inside "$ROOT" "$LIVE" "$@"
}

[ "$(uname -m)" = x86_64 ] || die 'The packages are tested with kernels for x86-64 only.'
has_apt || die 'The packages are tested on Debian only.'
"$TOP/scripts/packages.sh" deb stock results
need_root
open_cache
need_space 8000 'The test of the packages'
BUILD=$TOP/build/deb
VERSION=$(sed -n '1s/.*(\([^)]*\)).*/\1/p' "$TOP/debian/changelog")
use_ktap "${KDIR:-}"
"$TOP/scripts/deb.sh" >/dev/null
"$TOP/scripts/deb.sh" "$NEXT_VERSION" >/dev/null
take_tutorial_apart
ROOT=$(cached "root-deb-$SUITE-$({ printf '%s\n' "${ROOT_PACKAGES[@]}"; declare -f fill_root fetch_kernels old_headers make_root; } | digest)" \
	"test of the packages: root of $SUITE" fill_root)
hold "$BUILD.test.lock"
LIVE=$TOP/build/deb-root
SAID=$(mktemp)
trap 'rm -f "$SAID"; as_root rm -rf "$LIVE"' EXIT
as_root rm -rf "$LIVE"
inside "$ROOT" "$LIVE" remember_files ||
	die 'No overlay could be made of the root and build/.' 'The file system of this folder has to be one that can be written to in an overlay, such as ext4.'

ktap_print_header
ktap_set_plan 15
check probe "$TOP/selftests/deb/probe_test.sh"
life without_kernels "$VERSION"
life headers_without_source
life source_arrives "$VERSION"
life module_of_a_third_party
life module_of_the_tutorial
life no_crate_for_a_kernel
life files_of_the_tool "$VERSION"
life reinstall "$VERSION"
life reconfigure "$VERSION"
life upgrade "$VERSION" "$NEXT_VERSION"
life another_kernel "$NEXT_VERSION"
life kernel_without_rust "$NEXT_VERSION"
life headers_go "$NEXT_VERSION"
life purge
ktap_finished
