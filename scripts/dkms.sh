#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# What the package connector-dkms does for each kernel; a part of the source that DKMS builds. "kernel" is what uname -r prints.
#
#   dkms.sh probe <kernel>     says in one message everything that a build for this kernel lacks; fails if there is something
#   dkms.sh prepare <kernel>   the same, then makes the folder to build in, if it is not there; DKMS runs this before a build
#   dkms.sh keep <kernel>      after a build, in its folder: keeps what authors of modules need
#   dkms.sh drop <kernel>      removes that again
#   dkms.sh update             builds and installs for each kernel with headers, as far as it can; forgets kernels that are gone
#
# Modules in Rust are built with the metadata of the kernel's own crates, which headers packages of Debian lack. It is made from
# the kernel's source, by the compilers that built the kernel, and kept, since that takes minutes:
#
#   /var/lib/connector/KERNEL/build           a folder for make -C: that of the headers, with metadata
#   /var/lib/connector/KERNEL/libconnector*.rmeta, Module.symvers, *.mk   the crate, as built for this kernel
#
#   CONNECTOR_ROOT   put in front of the folders of the system, for tests

set -euo pipefail
shopt -s inherit_errexit nullglob
export LC_ALL=C

SELF=$(realpath "$0")
SOURCE=$(dirname "$(dirname "$SELF")")
ROOT=${CONNECTOR_ROOT:-}
STATE=$ROOT/var/lib/connector
PACKAGE=connector-dkms
# The first kernel that has what the source uses.
OLDEST=7.3
# What unpacking a source and making the metadata takes, in MiB; 200 of them stay.
SPACE=1500

say() {
	printf '%s\n' "$*" >&2
}

# The value of a symbol of the kernel's configuration, without quotes: config <symbol>
config() {
	sed -n "s/^$1=//p" "$HEADERS/.config" | tr -d '"'
}

# The number at the end of the text that a compiler prints about itself.
number_in() {
	grep -oE '[0-9]+(\.[0-9]+)+' <<<"$1" | tail -n 1 || true
}

# Sets what all verbs but update need to know of a kernel.
choose() {
	KERNEL=$1
	HEADERS=$ROOT/lib/modules/$KERNEL/build
	MINE=$STATE/$KERNEL
	WORK=$STATE/$KERNEL.partial
	SERIES=$(grep -oE '^[0-9]+\.[0-9]+' <<<"$KERNEL" || true)
	TARBALL=$ROOT/usr/src/linux-source-$SERIES.tar.xz
}

# Headers and sources that arrive start the build by the package's trigger.
BUILDS_ITSELF='The build begins by itself after that.'

# Lists a thing that is missing, and what to do: lack <thing> <what to do>
LACKS=()
lack() {
	LACKS+=("  - $1" "    $2")
}

report_lacks() {
	[ "${#LACKS[@]}" != 0 ] || return 0
	say "connector: no modules are built for Linux $KERNEL. This is why:"
	printf '%s\n' "${LACKS[@]}" >&2
	[ "${1:-}" = final ] || say "  $AFTER"
	return 1
}

# The version of an installed package, or nothing.
version_of() {
	dpkg-query -W -f '${db:Status-Abbrev} ${Version}' "$1" 2>/dev/null | sed -n 's/^.i  *//p'
}

# A package in the version whose upstream number is wanted, if apt knows one: in_version <package> <number>
in_version() {
	local version
	version=$(apt-cache madison "$1" 2>/dev/null | awk -F' *[|] *' -v wanted="$2" 'index($2, wanted) == 1 { print $2; exit }') || true
	printf '%s\n' "$1${version:+=$version}"
}

# A compiler has to be the one that built the kernel: check_compiler <symbol> <program> <package...>
check_compiler() {
	local wanted got program=$2 package packages=''
	wanted=$(config "$1")
	[ -n "$wanted" ] || return 0
	got=$("$program" --version 2>/dev/null </dev/null | head -n 1) || true
	[ "$got" != "$wanted" ] || return 0
	# rustc reads no metadata of another build of itself. Of others, only the number counts: what a distribution writes
	# beside it changes with each of its builds.
	[ "$program" = rustc ] || [ "$(number_in "$got")" != "$(number_in "$wanted")" ] || return 0
	for package in "${@:3}"; do
		packages+=" $(in_version "$package" "$(number_in "$wanted")")"
	done
	if [ -z "$got" ]; then
		lack "$program is missing; the kernel was built by '$wanted'." "apt-get install$packages"
	else
		lack "The kernel was built by '$wanted', and $program is '$got'." "apt-get install --allow-downgrades$packages"
	fi
}

check_compilers() {
	local cc
	check_compiler CONFIG_RUSTC_VERSION_TEXT rustc rustc rust-src libstd-rust-dev
	check_compiler CONFIG_BINDGEN_VERSION_TEXT bindgen bindgen
	cc=$(config CONFIG_CC_VERSION_TEXT)
	case ${cc%% *} in
	*gcc*) cc=${cc%% *} ;;
	*) cc=clang ;;
	esac
	check_compiler CONFIG_CC_VERSION_TEXT "$cc" "${cc##*-linux-gnu-}"
}

check_program() {
	command -v "$1" >/dev/null || lack "The program $1 is missing." "apt-get install $2"
}

check_header() {
	gcc -E - <<<"#include <$1>" >/dev/null 2>&1 || lack "The header <$1> is missing." "apt-get install $2"
}

# What making the metadata takes besides the compilers.
check_metadata_tools() {
	local sysroot
	check_program make make
	check_program bc bc
	check_program bison bison
	check_program flex flex
	check_program openssl openssl
	check_program pahole pahole
	check_program python3 python3
	check_program xz xz-utils
	! command -v gcc >/dev/null || check_header gelf.h libelf-dev
	! command -v gcc >/dev/null || check_header openssl/opensslv.h libssl-dev
	sysroot=$(rustc --print sysroot 2>/dev/null) || return 0
	[ -e "$sysroot/lib/rustlib/src/rust/library/core/src/lib.rs" ] ||
		lack 'The source of the Rust core library is missing.' "apt-get install $(in_version rust-src "$(number_in "$(rustc --version)")")"
}

# The revision of the source has to be that of the kernel, as the distribution counts it.
check_source() {
	local source headers others=${#LACKS[@]}
	headers=$(version_of "linux-headers-$KERNEL")
	source=$(version_of "linux-source-$SERIES")
	if [ ! -e "$TARBALL" ]; then
		lack "The headers come without metadata of Rust, and $TARBALL, which it is made from, is missing." \
			"apt-get install linux-source-$SERIES${headers:+=$headers}"
	elif [ -n "$headers" ] && [ -n "$source" ] && [ "$headers" != "$source" ]; then
		lack "The source of Linux $SERIES has revision $source, and the headers have $headers." \
			"apt-get install --allow-downgrades linux-source-$SERIES=$headers"
	fi
	[ "$others" != 0 ] || [ "${#LACKS[@]}" = 0 ] || AFTER=$BUILDS_ITSELF
}

check_writable() {
	local folder free
	for folder in "$STATE" "$ROOT/lib/modules/$KERNEL"; do
		mkdir -p "$folder" 2>/dev/null && [ -w "$folder" ] && continue
		lack "$folder cannot be written to." \
			'A system that is read-only takes modules that another system of the same kernel version has built: see /usr/share/doc/connector-dkms.'
		return
	done
	free=$(df --output=avail -m "$STATE" | tail -n 1 | tr -d ' ')
	[ "$free" -ge "$SPACE" ] || has_metadata || lack "$STATE has $free MiB free, and the metadata takes $SPACE while it is made." 'Make room there.'
}

# What the metadata in our folder was made for: a change of the kernel's headers makes it useless.
stamp() {
	cat "$HEADERS/.config" "$HEADERS/Module.symvers" 2>/dev/null | sha256sum | cut -d' ' -f1
}

ships_metadata() {
	[ -e "$HEADERS/rust/libkernel.rmeta" ]
}

has_metadata() {
	ships_metadata || [ "$(cat "$MINE/build/stamp" 2>/dev/null)" = "$(stamp)" ]
}

probe() {
	LACKS=()
	AFTER="After that: dpkg-reconfigure $PACKAGE"
	if [ ! -e "$HEADERS/include" ] || [ ! -e "$HEADERS/.config" ]; then
		lack "It has no headers ($HEADERS)." "apt-get install linux-headers-$KERNEL"
		AFTER=$BUILDS_ITSELF
		report_lacks
		return
	fi
	if [ "$(printf '%s\n' "$OLDEST" "$SERIES" | sort -V | head -n 1)" != "$OLDEST" ]; then
		lack "It is older than Linux $OLDEST." "Use a kernel from Linux $OLDEST on that has Rust. Debian has one in the backports."
		report_lacks final
		return
	fi
	if [ "$(config CONFIG_RUST)" != y ] || [ "$(config CONFIG_MODULES)" != y ]; then
		lack 'It was built without Rust (CONFIG_RUST), or without modules (CONFIG_MODULES).' \
			'Use another kernel. Those of Debian have both, if not for real time or other special purposes.'
		report_lacks final
		return
	fi
	[ -e "$HEADERS/Module.symvers" ] || lack "The headers have no list of symbols ($HEADERS/Module.symvers)." \
		"apt-get install --reinstall linux-headers-$KERNEL"
	check_compilers
	check_writable
	if ! has_metadata; then
		check_metadata_tools
		check_source
	fi
	report_lacks
}

# Two thirds of the source are never read for this.
unpack_source() {
	local other skip=(--exclude='*/Documentation/*/*' --exclude='*/drivers/gpu/drm/*/*.[ch]' --exclude='*/sound/*.c'
		--exclude='*/drivers/net/*/*.c' --exclude='*/drivers/media/*.c' --exclude='*/tools/perf/*')
	for other in alpha arc arm csky hexagon loongarch m68k microblaze mips nios2 openrisc parisc powerpc riscv s390 sh sparc xtensa; do
		# Of the running machine's own, everything is needed.
		[[ $(uname -m) == "$other"* ]] || skip+=(--exclude="*/arch/$other/*.[chS]" --exclude="*/arch/$other/*.dts*")
	done
	mkdir "$WORK/source"
	tar -xJf "$TARBALL" -C "$WORK/source" --strip-components=1 "${skip[@]}"
}

kernel_make() {
	make -C "$WORK/source" O="$WORK/made" -j"$(nproc)" "${TOOLS[@]}" "$@"
}

# Not the text of the compiler of C, in which a distribution counts its builds.
settings() {
	grep -E '^(CONFIG_|# CONFIG_)' "$1" | grep -v '^CONFIG_CC_VERSION_TEXT='
}

metadata() {
	make_metadata
	assemble
}

# The metadata fits if configuration, release and symbols are those of the kernel.
make_metadata() {
	local made=$WORK/made
	unpack_source
	mkdir "$made"
	for file in .config .kernelvariables Module.symvers vmlinux; do
		[ ! -e "$HEADERS/$file" ] || cp "$HEADERS/$file" "$made/"
	done
	kernel_make olddefconfig
	if ! diff <(settings "$HEADERS/.config") <(settings "$made/.config"); then
		printf 'error: The source does not have the configuration of the headers; the differences are above.\n'
		return 1
	fi
	kernel_make modules_prepare
	if [ "$(cat "$made/include/config/kernel.release")" != "$KERNEL" ]; then
		printf 'error: The source is that of Linux %s.\n' "$(cat "$made/include/config/kernel.release")"
		return 1
	fi
	sed -n 's/.*EXPORT_SYMBOL_RUST_GPL(\([^)]*\)).*/\1/p' "$made"/rust/exports_*_generated.h | sort -u >"$WORK/symbols"
	[ -s "$WORK/symbols" ]
	if awk -F '\t' '{ print $2 }' "$HEADERS/Module.symvers" | sort -u | comm -23 "$WORK/symbols" - | grep .; then
		printf 'error: The kernel has none of the symbols above, which the metadata refers to.\n'
		return 1
	fi
}

# A folder like that of the headers, with links for what is there, and the metadata.
assemble() {
	local file folder=$WORK/build made=$WORK/made real
	real=$(realpath "$HEADERS")
	mkdir -p "$folder/scripts" "$folder/rust/kernel"
	for file in "$real"/* "$real"/.[a-z]*; do
		case ${file##*/} in
		Makefile | scripts | rust) ;;
		*) ln -s "$file" "$folder/" ;;
		esac
	done
	for file in "$real"/scripts/*; do
		ln -s "$file" "$folder/scripts/"
	done
	cp --remove-destination "$made/scripts/target.json" "$folder/scripts/"
	cp "$made"/rust/*.rmeta "$made"/rust/*.so "$folder/rust/"
	cp "$made"/rust/kernel/generated_*.rs "$folder/rust/kernel/"
	# The folder of the headers says there that it is the one to build in.
	sed "s|^\( *KBUILD_OUTPUT *=\).*|\1 $MINE/build|" "$real/Makefile" >"$folder/Makefile"
	stamp >"$folder/stamp"
}

prepare_metadata() {
	rm -rf "$WORK"
	mkdir -p "$WORK"
	say "connector: making the metadata of Rust for Linux $KERNEL, once; it takes minutes (log: $STATE/$KERNEL.log)"
	# By a shell of its own, which ends at its first error: where a failure is tested, this one would go on.
	if "$BASH" "$SELF" metadata "$KERNEL" >"$STATE/$KERNEL.log" 2>&1 </dev/null; then
		rm -rf "$MINE/build" "$WORK"/{source,made,symbols}
		mkdir -p "$MINE"
		mv "$WORK/build" "$MINE/build"
		rm -rf "$WORK"
		return
	fi
	rm -rf "$WORK"
	LACKS=()
	lack "The metadata could not be made: $(grep -E 'error: |No space left|[*][*][*] ' "$STATE/$KERNEL.log" | head -n 1)" \
		"The log is $STATE/$KERNEL.log. Often the source has another revision than the kernel: upgrade both."
	report_lacks
}

# The compilers are those of the distribution: one in front of them in PATH built no kernel. As in dkms.conf.
use_system_tools() {
	[ -n "$ROOT" ] || export PATH=/usr/sbin:/usr/bin:/sbin:/bin
	TOOLS=(RUSTC=/usr/bin/rustc HOSTRUSTC=/usr/bin/rustc BINDGEN=/usr/bin/bindgen)
}

prepare() {
	probe || return
	if ships_metadata; then
		mkdir -p "$MINE"
		[ -L "$MINE/build" ] || rm -rf "$MINE/build"
		ln -sfn "$(realpath "$HEADERS")" "$MINE/build"
	elif ! has_metadata; then
		prepare_metadata
	fi
}

# Runs in the folder of the build. modpost's list also has what it read of others.
keep() {
	mkdir -p "$MINE"
	cp rust/libconnector.rmeta rust/libconnector_base.rmeta "$MINE/"
	awk -F '\t' '$3 ~ /(^|\/)cn(_guest)?$/' Module.symvers >"$MINE/Module.symvers"
	sed "s|@folder@|$MINE|g; s|@release@|$KERNEL|g; s|@command@|make RUSTC=/usr/bin/rustc|g;
		s|@kernel@|$(cksum <"$MINE/build/rust/libkernel.rmeta")|; s|@kdir@|$MINE/build|" scripts/connector.mk.in >"$MINE/connector.mk"
	# One in front of it in PATH has built neither the kernel nor the crate.
	echo 'RUSTC ?= /usr/bin/rustc' >"$MINE/build.mk"
	grep -q CONNECTOR "$MINE/Module.symvers"
}

drop() {
	rm -f "$MINE"/libconnector*.rmeta "$MINE/Module.symvers" "$MINE"/{connector,build}.mk
}

forget_gone() {
	local folder kernel
	for folder in "$STATE"/*/; do
		kernel=$(basename "$folder")
		[ -e "$ROOT/lib/modules/${kernel%.partial}/build/include" ] && [ "$kernel" = "${kernel%.partial}" ] && continue
		rm -rf "$folder" "$STATE/$kernel.log"
	done
}

is_installed() {
	dkms status -m connector -v "$VERSION" -k "$KERNEL" 2>/dev/null | grep -q ': installed'
}

is_built() {
	dkms status -m connector -v "$VERSION" -k "$KERNEL" 2>/dev/null | grep -q ': \(built\|installed\)'
}

# The kernel of a Secure Boot refuses modules that are signed with a key that it does not know.
note_secure_boot() {
	local variable on='' key=$ROOT/var/lib/dkms/mok.pub
	for variable in "$ROOT"/sys/firmware/efi/efivars/SecureBoot-*; do
		[ "$(od -An -tu1 "$variable" | awk 'END { print $NF }')" != 1 ] || on='Secure Boot is on'
	done
	if [ -z "$on" ] && grep -qsE '\[(integrity|confidentiality)\]' "$ROOT/sys/kernel/security/lockdown"; then
		on='The kernel is locked down'
	fi
	[ -n "$on" ] || return 0
	! mokutil --test-key "$key" 2>/dev/null | grep -q 'already enrolled' || return 0
	say "connector: $on: the kernel loads these modules if it knows the key that DKMS signs them with ($key)." \
		"Enrol it once: mokutil --import $key; reboot, and confirm with the password that you gave."
}

# A kernel that is left out has said why. It is no reason for the package manager to stop.
update() {
	local build some=''
	VERSION=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' "$SOURCE/dkms.conf")
	[ ! -e "$ROOT/etc/dkms/no-autoinstall" ] || return 0
	mkdir -p "$STATE"
	forget_gone
	for build in "$ROOT"/lib/modules/*/build; do
		[ -e "$build/include" ] || continue
		some=y
		choose "$(basename "$(dirname "$build")")"
		! { has_metadata && [ -e "$MINE/connector.mk" ] && is_installed; } || continue
		prepare || continue
		! is_built || dkms unbuild -m connector -v "$VERSION" -k "$KERNEL" || true
		if dkms install -m connector -v "$VERSION" -k "$KERNEL"; then
			note_secure_boot
		else
			say "connector: the build for Linux $KERNEL failed; nothing of it is installed. The log is named above."
		fi
	done
	[ -n "$some" ] || say 'connector: no modules are built, since no kernel has headers.' \
		'Install the packages linux-headers-... of a kernel with Rust and linux-source of the same suite; the build begins by itself after that.'
	rmdir --ignore-fail-on-non-empty "$STATE"
}

use_system_tools
case ${1:-} in
probe | prepare)
	[ $# = 2 ] || { say "usage: dkms.sh $1 <kernel>"; exit 2; }
	choose "$2"
	# DKMS takes 77 for a kernel that is left out, and goes on with others.
	"$1" || exit 77
	;;
keep | drop | metadata)
	choose "$2"
	"$1"
	;;
update) update ;;
*)
	say 'usage: dkms.sh probe|prepare|keep|drop <kernel>, or dkms.sh update'
	exit 2
	;;
esac
