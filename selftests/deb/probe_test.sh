#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# What scripts/dkms.sh says about kernels that no module can be built for: probe_test.sh. Each case is a system in a folder,
# with programs that only print their versions, and one thing in it
# is changed. Results are KTAP.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../../scripts/lib.sh"
use_ktap "${KDIR:-}"

WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
# shellcheck disable=SC2034
SAID=$WORK/step
KERNEL=7.3.4+deb13-amd64
RUSTC='rustc 1.85.1 (4eb161250 2025-03-15) (built from a source tarball)'
GCC='x86_64-linux-gnu-gcc-14 (Debian 14.2.0-19) 14.2.0'

# Makes a program of standard input: script <name>
script() {
	{ printf '#!%s\n' "$BIN/bash" && cat; } >"$BIN/$1"
	chmod +x "$BIN/$1"
}

# A program that only says its version: says <name> <text>
says() {
	script "$1" <<<"printf '%s\n' '$2'"
}

# A system for which modules can be built.
make_system() {
	local program
	SYSTEM=$WORK/system BIN=$WORK/bin
	rm -rf "$SYSTEM" "$BIN"
	mkdir -p "$BIN" "$SYSTEM/lib/modules/$KERNEL/build/include" "$SYSTEM/usr/src" "$SYSTEM/var/lib/connector" \
		"$SYSTEM/sysroot/lib/rustlib/src/rust/library/core/src"
	for program in bash awk basename cat comm cp cut df diff dirname env grep head ln mkdir mv nproc od realpath rm rmdir sed sha256sum sort tail tr uname; do
		ln -s "$(command -v "$program")" "$BIN/"
	done
	for program in bc bison flex make openssl pahole python3 xz; do
		says "$program" "$program"
	done
	says bindgen 'bindgen 0.71.1'
	says x86_64-linux-gnu-gcc-14 "$GCC"
	script rustc <<-END
		if [ "\$1" = --print ]; then echo "$SYSTEM/sysroot"; else echo "$RUSTC"; fi
	END
	# Finds every header that is not in a list.
	script gcc <<<"! grep -qFf '$WORK/no-headers'"
	# The last argument is the package.
	script dpkg-query <<-END
		while read -r name version; do
			[ "\$name" != "\${!#}" ] || echo "ii  \$version"
		done <'$WORK/installed'
	END
	script apt-cache <<<"cat '$WORK/apt/'\"\$2\""
	: >"$WORK/no-headers"
	printf '%s 7.3.4-1\n' "linux-headers-$KERNEL" linux-source-7.3 >"$WORK/installed"
	rm -rf "$WORK/apt"
	mkdir "$WORK/apt"
	printf '%s\n' ' rustc | 1.97.1+dfsg1-1~bpo13+1 | x' ' rustc | 1.85.1+dfsg1-1+deb13u1 | x' >"$WORK/apt/rustc"
	: >"$SYSTEM/usr/src/linux-source-7.3.tar.xz"
	: >"$SYSTEM/sysroot/lib/rustlib/src/rust/library/core/src/lib.rs"
	: >"$SYSTEM/lib/modules/$KERNEL/build/Module.symvers"
	cat >"$SYSTEM/lib/modules/$KERNEL/build/.config" <<-END
		CONFIG_CC_VERSION_TEXT="$GCC"
		CONFIG_RUSTC_VERSION_TEXT="$RUSTC"
		CONFIG_BINDGEN_VERSION_TEXT="bindgen 0.71.1"
		CONFIG_CONNECTOR=y
		CONFIG_MODULES=y
		CONFIG_RUST=y
	END
}

probe() {
	CONNECTOR_ROOT=$SYSTEM PATH=$BIN "$BIN/bash" "$TOP/scripts/dkms.sh" probe "$KERNEL"
}

# The message, whole, and nothing that was made: expect <status> <text>
expect() {
	local status=0 before after
	before=$(find "$SYSTEM" | sort)
	probe >"$WORK/said" 2>&1 || status=$?
	after=$(find "$SYSTEM" | sort)
	sed "s|$SYSTEM||g" "$WORK/said" | diff -u --label expected --label said <(printf '%s' "${2:+$2
}") -
	[ "$status" = "$1" ] || { printf 'the status is %s, not %s\n' "$status" "$1"; return 1; }
	[ "$before" = "$after" ] || { printf 'files were made\n'; return 1; }
}

# A message about one kernel, which can be built for when something is done: expect_lack <thing> <what to do> [what follows]
expect_lack() {
	expect 77 "connector: no modules are built for Linux $KERNEL. This is why:
  - $1
    $2
  ${3:-After that: dpkg-reconfigure connector-dkms}"
}

expect_final() {
	expect 77 "connector: no modules are built for Linux $KERNEL. This is why:
  - $1
    $2"
}

config_without() {
	sed -i "/^$1=/d" "$SYSTEM/lib/modules/$KERNEL/build/.config"
}

nothing_lacks() {
	expect 0 ''
}

native_needs_no_connector() {
	config_without CONFIG_CONNECTOR
	expect 0 ''
}

no_headers() {
	rm -r "$SYSTEM/lib/modules/$KERNEL/build"
	expect_lack "It has no headers (/lib/modules/$KERNEL/build)." "apt-get install linux-headers-$KERNEL" 'The build begins by itself after that.'
}

no_rust() {
	config_without CONFIG_RUST
	expect_final 'It was built without Rust (CONFIG_RUST), or without modules (CONFIG_MODULES).' \
		'Use another kernel. Those of Debian have both, if not for real time or other special purposes.'
}

old_kernel() {
	mv "$SYSTEM/lib/modules/$KERNEL" "$SYSTEM/lib/modules/6.12.117+deb13-amd64"
	KERNEL=6.12.117+deb13-amd64
	expect_final 'It is older than Linux 7.3.' \
		'Use a kernel from Linux 7.3 on that has Rust. Debian has one in the backports.'
}

no_symbols() {
	rm "$SYSTEM/lib/modules/$KERNEL/build/Module.symvers"
	expect_lack "The headers have no list of symbols (/lib/modules/$KERNEL/build/Module.symvers)." \
		"apt-get install --reinstall linux-headers-$KERNEL"
}

no_rustc() {
	rm "$BIN/rustc"
	expect_lack "rustc is missing; the kernel was built by '$RUSTC'." \
		'apt-get install rustc=1.85.1+dfsg1-1+deb13u1 rust-src libstd-rust-dev'
}

other_rustc() {
	says rustc 'rustc 1.97.1 (0123456789 2026-09-01) (built from a source tarball)'
	mkdir -p "$SYSTEM/lib/modules/$KERNEL/build/rust"
	: >"$SYSTEM/lib/modules/$KERNEL/build/rust/libkernel.rmeta"
	expect_lack "The kernel was built by '$RUSTC', and rustc is 'rustc 1.97.1 (0123456789 2026-09-01) (built from a source tarball)'." \
		'apt-get install --allow-downgrades rustc=1.85.1+dfsg1-1+deb13u1 rust-src libstd-rust-dev'
}

other_bindgen() {
	says bindgen 'bindgen 0.72.1'
	expect_lack "The kernel was built by 'bindgen 0.71.1', and bindgen is 'bindgen 0.72.1'." \
		'apt-get install --allow-downgrades bindgen'
}

no_compiler() {
	rm "$BIN/x86_64-linux-gnu-gcc-14"
	expect_lack "x86_64-linux-gnu-gcc-14 is missing; the kernel was built by '$GCC'." 'apt-get install gcc-14'
}

rebuilt_compiler() {
	says x86_64-linux-gnu-gcc-14 'x86_64-linux-gnu-gcc-14 (Debian 14.2.0-19+deb13u1) 14.2.0'
	expect 0 ''
}

no_program() {
	rm "$BIN/bison"
	expect_lack 'The program bison is missing.' 'apt-get install bison'
}

no_library() {
	echo gelf.h >"$WORK/no-headers"
	expect_lack 'The header <gelf.h> is missing.' 'apt-get install libelf-dev'
}

no_core_library() {
	rm "$SYSTEM/sysroot/lib/rustlib/src/rust/library/core/src/lib.rs"
	expect_lack 'The source of the Rust core library is missing.' 'apt-get install rust-src'
}

no_source() {
	rm "$SYSTEM/usr/src/linux-source-7.3.tar.xz"
	sed -i '/linux-source/d' "$WORK/installed"
	expect_lack 'The headers come without metadata of Rust, and /usr/src/linux-source-7.3.tar.xz, which it is made from, is missing.' \
		'apt-get install linux-source-7.3=7.3.4-1' 'The build begins by itself after that.'
}

other_source() {
	sed -i 's/\(linux-source-7.3\) .*/\1 7.3.5-1/' "$WORK/installed"
	expect_lack 'The source of Linux 7.3 has revision 7.3.5-1, and the headers have 7.3.4-1.' \
		'apt-get install --allow-downgrades linux-source-7.3=7.3.4-1' 'The build begins by itself after that.'
}

# Of no kernel, in an update.
no_headers_at_all() {
	rm -r "$SYSTEM/lib/modules/$KERNEL"
	update >"$WORK/said" 2>&1
	diff -u --label said --label expected "$WORK/said" - <<-END
		connector: no modules are built, since no kernel has headers. Install the packages linux-headers-... of a kernel with Rust and linux-source of the same suite; the build begins by itself after that.
	END
}

shipped_metadata() {
	rm "$SYSTEM/usr/src/linux-source-7.3.tar.xz" "$BIN/bison" "$BIN/pahole"
	mkdir "$SYSTEM/lib/modules/$KERNEL/build/rust"
	: >"$SYSTEM/lib/modules/$KERNEL/build/rust/libkernel.rmeta"
	expect 0 ''
}

full_disk() {
	rm "$BIN/df"
	script df <<<'printf "%s\n" Avail 12'
	expect_lack '/var/lib/connector has 12 MiB free, and the metadata takes 1500 while it is made.' 'Make room there.'
}

# Permissions do not stop root from writing, so a file stands in the way.
read_only() {
	rmdir "$SYSTEM/var/lib/connector"
	: >"$SYSTEM/var/lib/connector"
	expect_lack '/var/lib/connector cannot be written to.' \
		'A system that is read-only takes modules that another system of the same kernel version has built: see /usr/share/doc/connector-dkms.'
}

# What no probe can know, the build of the metadata finds: the message, and nothing but the log.
metadata_fails() {
	local status=0
	script tar <<<''
	script make <<<'echo "scripts/mod/x.c:1: error: the source is odd"; exit 2'
	CONNECTOR_ROOT=$SYSTEM PATH=$BIN "$BIN/bash" "$TOP/scripts/dkms.sh" prepare "$KERNEL" >"$WORK/said" 2>&1 || status=$?
	sed "s|$SYSTEM||g" "$WORK/said" | diff -u --label said --label expected - <(cat <<-END
		connector: making the metadata of Rust for Linux $KERNEL, once; it takes minutes (log: /var/lib/connector/$KERNEL.log)
		connector: no modules are built for Linux $KERNEL. This is why:
		  - The metadata could not be made: scripts/mod/x.c:1: error: the source is odd
		    The log is /var/lib/connector/$KERNEL.log. Often the source has another revision than the kernel: upgrade both.
		  After that: dpkg-reconfigure connector-dkms
	END
	)
	[ "$status" = 77 ]
	find "$SYSTEM/var/lib/connector" -mindepth 1 | diff - <(printf '%s\n' "$SYSTEM/var/lib/connector/$KERNEL.log")
}

# With a DKMS that only agrees.
update() {
	mkdir -p "$WORK/source/scripts"
	cp "$TOP/scripts/dkms.sh" "$WORK/source/scripts/"
	echo 'PACKAGE_VERSION="1"' >"$WORK/source/dkms.conf"
	script dkms <<<"[ \"\$1\" = install ]"
	CONNECTOR_ROOT=$SYSTEM PATH=$BIN "$BIN/bash" "$WORK/source/scripts/dkms.sh" update
}

# What update says when all is installed: expect_update <text>
expect_update() {
	mkdir -p "$SYSTEM/lib/modules/$KERNEL/build/rust"
	: >"$SYSTEM/lib/modules/$KERNEL/build/rust/libkernel.rmeta"
	update >"$WORK/said" 2>&1
	sed "s|$SYSTEM||g" "$WORK/said" | diff -u --label said --label expected - <(printf '%s' "${1:+$1
}")
}

KEY='the kernel loads these modules if it knows the key that DKMS signs them with (/var/lib/dkms/mok.pub).'
ENROL='Enrol it once: mokutil --import /var/lib/dkms/mok.pub; reboot, and confirm with the password that you gave.'

secure_boot() {
	mkdir -p "$SYSTEM/sys/firmware/efi/efivars"
	printf '\6\0\0\0\1' >"$SYSTEM/sys/firmware/efi/efivars/SecureBoot-0"
	script mokutil <<<'echo "it is not enrolled"'
	expect_update "connector: Secure Boot is on: $KEY $ENROL"
	script mokutil <<<'echo "it is already enrolled"'
	expect_update ''
}

lockdown() {
	mkdir -p "$SYSTEM/sys/kernel/security"
	echo 'none [integrity] confidentiality' >"$SYSTEM/sys/kernel/security/lockdown"
	expect_update "connector: The kernel is locked down: $KEY $ENROL"
	echo '[none] integrity confidentiality' >"$SYSTEM/sys/kernel/security/lockdown"
	expect_update ''
}

all_at_once() {
	rm "$BIN/bc" "$BIN/bindgen" "$SYSTEM/usr/src/linux-source-7.3.tar.xz"
	expect 77 "connector: no modules are built for Linux $KERNEL. This is why:
  - bindgen is missing; the kernel was built by 'bindgen 0.71.1'.
    apt-get install bindgen
  - The program bc is missing.
    apt-get install bc
  - The headers come without metadata of Rust, and /usr/src/linux-source-7.3.tar.xz, which it is made from, is missing.
    apt-get install linux-source-7.3=7.3.4-1
  After that: dpkg-reconfigure connector-dkms"
}

CASES=(nothing_lacks native_needs_no_connector no_headers no_rust old_kernel no_symbols no_rustc other_rustc other_bindgen no_compiler
	rebuilt_compiler no_program no_library no_core_library no_source other_source no_headers_at_all shipped_metadata full_disk read_only metadata_fails secure_boot
	lockdown all_at_once)

ktap_print_header
ktap_set_plan "${#CASES[@]}"
for case in "${CASES[@]}"; do
	make_system
	check "$case" "$case"
done
ktap_finished
