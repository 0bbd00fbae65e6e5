#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Builds the Debian packages, in build/deb: deb.sh [version]
#
# The version is that of debian/changelog, which has to be the one of cnctl (tools/Cargo.toml); another one is for tests of
# upgrades. dpkg-buildpackage works on a copy of the files that git knows, so that it leaves nothing beside the sources.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

BUILD=$TOP/build/deb

# Also files not yet committed, without those that were removed.
copy_source() {
	mkdir -p "$COPY"
	git -C "$TOP" ls-files -z --cached --others --exclude-standard |
		while IFS= read -r -d '' file; do
			[ ! -e "$TOP/$file" ] || printf '%s\0' "$file"
		done | tar -C "$TOP" --null --files-from=- -cf - | tar -C "$COPY" -xf -
	sed -i "1s/([^)]*)/($VERSION)/" "$COPY/debian/changelog"
	mkdir -p "$COPY/build/tools/programs"
	cp -r "$TOP"/build/tools/programs/{cnctl,man,completion} "$COPY/build/tools/programs/"
}

build() {
	cd "$COPY"
	dpkg-buildpackage --build=binary --no-sign
}

# Those that were just built, not those of other versions.
packages() {
	printf '%s\n' "$BUILD"/*_"$VERSION"_*.deb
}

# The pages have no directive that needs the tree (scripts/plain_page.py).
check_packages() {
	! find "$COPY"/debian/*/usr/share/doc -name '*.rst*' -exec zgrep -H '^\.\. literalinclude::' {} + || return 1
	packages | xargs lintian --fail-on error,warning --info
}

written=$(sed -n '1s/.*(\([^)]*\)).*/\1/p' "$TOP/debian/changelog")
ours=$(sed -n 's/^version = "\(.*\)"/\1/p' "$TOP/tools/Cargo.toml" | head -n 1)
[ "$written" = "$ours" ] ||
	die "debian/changelog is about version $written, and tools/Cargo.toml about $ours." 'Change the older one.'
VERSION=${1:-$written}
COPY=$BUILD/connector-rs-$VERSION

"$TOP/scripts/packages.sh" deb
export TOOLS_PROFILE=release
"$TOP/scripts/client.sh" build
"$TOP/scripts/client.sh" extras
hold "$BUILD.lock"
rm -rf "$COPY" "$BUILD"/*_"$VERSION"_*
stage 'packages: copy of the source' copy_source
stage "packages: build $VERSION" build
stage 'packages: lintian' check_packages
rm -rf "$COPY"
packages
