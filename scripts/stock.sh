#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Modules for the kernels that Debian ships, as they are:
#
#   stock.sh kdir <flavour>               prints a folder to build modules in, and makes what is missing of it
#   stock.sh run <kdir> <command...>      runs a command in the root that has this kernel's compilers
#   stock.sh flavours                     prints the names of the flavours
#
#   KERNEL   the series of versions: 7.3 (the default) or 7.2
#
# Debian's kernels are built with Rust, but their packages lack the metadata that Rust modules need. The headers package has
# what shapes the metadata: the configuration, the list of symbols, and the types of the kernel (BTF). So the metadata is made
# from these, from the source package of the same version, and with the compilers that the configuration names, in a root of
# the suite that has these compilers. The result is refused if it is not that of the package.
#
# The folder also has what guest.sh boots: the kernel's image and its list of built-in modules.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/cache.sh
. "$TOP/scripts/cache.sh"
# shellcheck source=scripts/suite.sh
. "$TOP/scripts/suite.sh"
# shellcheck source=scripts/root.sh
. "$TOP/scripts/root.sh"
# shellcheck source=scripts/tools.sh
. "$TOP/scripts/tools.sh"

# The suite that has the kernel.
SUITE=$(suite_of "$KERNEL")
FLAVOURS=(amd64 cloud-amd64)
# What a build of kernel modules runs, besides the compiler of C that the configuration names.
ROOT_PACKAGES=(bc bindgen bison dwarves flex gcc kmod libc6-dev libelf-dev libssl-dev make openssl python3-minimal rust-src rustc xz-utils)

need_flavour() {
	local flavour
	for flavour in "${FLAVOURS[@]}"; do
		[ "$1" != "$flavour" ] || return 0
	done
	die "There is no flavour '$1' of Debian's kernel that this knows." "There are: ${FLAVOURS[*]}"
}

need_machine() {
	if ! has_apt || [ "$(uname -m)" != x86_64 ]; then
		die 'Kernels of Debian can be fetched on Debian for x86-64 only.' \
			'What was made elsewhere works where its root is at the same path: make stock FLAVOUR=... KDIR=...'
	fi
	"$TOP/scripts/packages.sh" stock
	need_root
}

# What shapes the folder besides the version of the kernel.
key() {
	{
		printf '%s\n' "$SUITE" "${ROOT_PACKAGES[@]}"
		declare -f unpack put_packages make_metadata build check_compilers check_symbols kernel_make make_root
	} | digest
}

# The package that a package without a version in its name stands for: real_name <package>.
real_name() {
	private_apt apt-cache depends "$1" | sed -n "s/^ *Depends: \(${1%%-"$FLAVOUR"}-[0-9].*-$FLAVOUR\)$/\1/p" | head -n 1
}

# Sets RELEASE, what uname -r prints, and VERSION, that of the packages.
find_version() {
	RELEASE=$(real_name "linux-image-$FLAVOUR")
	RELEASE=${RELEASE#linux-image-}
	case $RELEASE in
	"$KERNEL".*) ;;
	*)
		die "The suite $SUITE has no Linux $KERNEL for $FLAVOUR${RELEASE:+, but $RELEASE}." \
			'KERNEL= names the series, and suite_of in scripts/suite.sh its suite.'
		;;
	esac
	VERSION=$(private_apt apt-cache show "linux-headers-$RELEASE" | sed -n 's/^Version: //p' | head -n 1)
}

# The image is in several packages with the release in their names, of which the first one depends on the others.
download() {
	local -a packages
	mapfile -t packages < <(private_apt apt-cache depends "linux-image-$RELEASE" |
		sed -n "s/^ *Depends: \(linux-[a-z]*-$RELEASE\)$/\1/p")
	download_packages "linux-headers-$RELEASE" "linux-image-$RELEASE" "${packages[@]}"
}

unpack() {
	local package file
	for package in "$WORK"/*.deb; do
		dpkg-deb -x "$package" "$PACKAGES"
	done
	for file in .config .kernelvariables Module.symvers vmlinux; do
		[ -e "$HEADERS/$file" ] || { printf 'error: The package linux-headers-%s has no %s.\n' "$RELEASE" "$file" && return 1; }
	done
}

# What a text of the configuration says: config_text <symbol>.
config_text() {
	sed -n "s/^$1=\"\(.*\)\"$/\1/p" "$HEADERS/.config"
}

# Sets ROOT_SUITE, ROOT_NAME and CC_PACKAGE. The root has the compilers that the configuration names, so a kernel that was built
# with others gets another root.
choose_root() {
	ROOT_SUITE=${SUITE%-backports}
	CC_PACKAGE=$(config_text CONFIG_CC_VERSION_TEXT)
	CC_PACKAGE=${CC_PACKAGE%% *}
	CC_PACKAGE=${CC_PACKAGE##*-linux-gnu-}
	ROOT_NAME=root-$ROOT_SUITE-$({
		printf '%s\n' "${ROOT_PACKAGES[@]}"
		config_text CONFIG_CC_VERSION_TEXT
		config_text CONFIG_RUSTC_VERSION_TEXT
		config_text CONFIG_BINDGEN_VERSION_TEXT
		declare -f make_root
	} | digest)
}

fill_root() {
	make_root "$ROOT_SUITE" "$1" "${ROOT_PACKAGES[@]}" "$CC_PACKAGE"
}

# A module has to be built by the very same compilers as its kernel.
check_compilers() {
	local cc symbol program wanted got
	cc=$(config_text CONFIG_CC_VERSION_TEXT)
	while read -r symbol program; do
		wanted=$(config_text "$symbol")
		got=$(in_root "$ROOT" '' "$program" --version </dev/null | sed -n 1p)
		[ "$got" = "$wanted" ] || {
			printf 'error: The kernel was built with "%s", and %s has "%s".\n' "$wanted" "$ROOT_SUITE" "$got"
			printf 'Nothing that is built by another compiler can be loaded. Wait for a kernel that Debian has built anew.\n'
			return 1
		}
	done <<-END
		CONFIG_CC_VERSION_TEXT ${cc%% *}
		CONFIG_RUSTC_VERSION_TEXT rustc
		CONFIG_BINDGEN_VERSION_TEXT bindgen
	END
}

kernel_make() {
	in_root "$ROOT" "$BUILD" make -C "$SOURCE" O="$BUILD" -j"$(jobs)" "$@"
}

# Every symbol of Rust that the kernel exports is in the metadata, and the other way round.
check_symbols() {
	sed -n 's/.*EXPORT_SYMBOL_RUST_GPL(\([^)]*\)).*/\1/p' "$BUILD"/rust/exports_*_generated.h | sort -u >"$WORK/made"
	awk -F '\t' '$3 == "vmlinux" && $2 ~ /^(_R|rust_helper_)/ { print $2 }' "$BUILD/Module.symvers" | sort -u >"$WORK/shipped"
	awk -F '\t' '$3 == "vmlinux" { print $2 }' "$BUILD/Module.symvers" | sort -u >"$WORK/all"
	printf 'symbols of Rust: %d made, %d shipped\n' "$(wc -l <"$WORK/made")" "$(wc -l <"$WORK/shipped")"
	[ -s "$WORK/shipped" ]
	if comm -23 "$WORK/made" "$WORK/all" | grep . || comm -13 "$WORK/made" "$WORK/shipped" | grep .; then
		printf 'error: These symbols are not in both of the metadata and the kernel.\n'
		return 1
	fi
}

# The configuration has to hold as it is; what a missing program would change of it shows here.
make_metadata() {
	cp "$HEADERS"/{.config,.kernelvariables,Module.symvers,vmlinux} "$BUILD/"
	kernel_make olddefconfig
	if ! diff "$HEADERS/.config" "$BUILD/.config"; then
		printf 'error: The configuration of the package does not hold in the root; the differences are above.\n'
		return 1
	fi
	kernel_make modules_prepare headers
	[ "$(cat "$BUILD/include/config/kernel.release")" = "$RELEASE" ] || {
		printf 'error: This is the release %s, and not %s.\n' "$(cat "$BUILD/include/config/kernel.release")" "$RELEASE"
		return 1
	}
	cmp "$HEADERS/Module.symvers" "$BUILD/Module.symvers"
	check_symbols
}

# What guest.sh boots and packs, at the places that a build has it.
put_packages() {
	local modules=$PACKAGES/usr/lib/modules/$RELEASE file
	mkdir -p "$BUILD/arch/x86/boot" "$BUILD/usr"
	for file in "$modules/vmlinuz" "$PACKAGES/boot/vmlinuz-$RELEASE"; do
		[ ! -e "$file" ] || cp "$file" "$BUILD/arch/x86/boot/bzImage"
	done
	[ -e "$BUILD/arch/x86/boot/bzImage" ] || { printf 'error: No package has vmlinuz.\n' && return 1; }
	cp "$modules"/modules.builtin* "$BUILD/"
	in_root "$ROOT" "$BUILD" gcc -O2 -static -o "$BUILD/usr/gen_init_cpio" "$SOURCE/usr/gen_init_cpio.c"
}

build() {
	BUILD=$1
	check_compilers
	make_metadata
	put_packages
	ln -s "../$(basename "$ROOT")" "$BUILD/debian-root"
	# Objects are in the kernel already.
	find "$BUILD/rust" -name '*.o' -delete
	# The folder knows its own path, and is about to get its final name (cache.sh).
	sed -i "s|$BUILD\$|${BUILD%.partial}|" "$BUILD/Makefile"
}

make_kdir() {
	FLAVOUR=$1
	need_machine
	hold "$CACHE/stock.apt.lock"
	print_cached "stock-$FLAVOUR-[0-9]*-$(key)"
	need_space 5000 'The root, the source and the metadata for a kernel of Debian'
	WORK=$CACHE/stock.apt.partial
	rm -rf "$WORK"
	mkdir "$WORK"
	trap 'rm -rf "$WORK"' EXIT
	stage "stock: package list of $SUITE" fetch_lists "$SUITE"
	find_version
	stage "stock: download $RELEASE" download
	PACKAGES=$WORK/packages
	HEADERS=$PACKAGES/usr/src/linux-headers-$RELEASE
	stage "stock: unpack $RELEASE" unpack
	SOURCE=$("$TOP/scripts/source.sh" "$VERSION")
	choose_root
	ROOT=$(cached "$ROOT_NAME" "stock: root of $ROOT_SUITE" fill_root)
	cached "stock-$FLAVOUR-$VERSION-$(key)" "stock: metadata of $RELEASE" build
}

[ $# -ge 1 ] || die 'usage: stock.sh kdir <flavour> | run <kdir> <command...> | flavours'
case $1 in
kdir)
	need_flavour "${2:-}"
	open_cache
	print_cached "stock-$2-[0-9]*-$(key)"
	make_kdir "$2"
	;;
run)
	[ -e "$2/debian-root/usr/bin/make" ] ||
		die "$2 has no root with the compilers of its kernel." "make stock makes both; a folder of the cache must not be moved."
	need_root
	in_root "$(realpath "$2/debian-root")" '' "${@:3}"
	;;
flavours) printf '%s\n' "${FLAVOURS[@]}" ;;
*) die "stock.sh: unknown verb $1" ;;
esac
