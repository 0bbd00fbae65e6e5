#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# What a machine can say about the quality of a change: check.sh <kernel build directory>
# All checks run; each has one line, and those that fail show why.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/tools.sh
. "$TOP/scripts/tools.sh"
# shellcheck source=scripts/html.sh
. "$TOP/scripts/html.sh"

FAILED=0

# Debian's sparse does not know a word that Linux 7.3 wants of it; for our glue the older one will do.
# The macros of modules with parameters are beyond it, so test modules are not shown to it.
SPARSE='sparse -D__typeof_unqual__=__typeof__'

# One check: item <title> <function>. Its output is shown when it fails.
item() {
	local log start=$SECONDS status
	log=$LOGS/check-$2.log
	mkdir -p "$LOGS"
	set +e
	(set -e; "$2") >"$log" 2>&1 </dev/null
	status=$?
	set -e
	if [ "$status" -eq 0 ]; then
		printf '  %-44s ok, %d s\n' "$1" $((SECONDS - start))
	else
		printf '  %-44s FAILED, %d s\n' "$1" $((SECONDS - start))
		tail -n 40 "$log" | sed 's/^/    | /'
		FAILED=$((FAILED + 1))
	fi
}

# Files of the project, by pattern; also those not yet committed.
files() {
	git -C "$TOP" ls-files --cached --others --exclude-standard -- "$@" | while read -r file; do
		[ ! -e "$TOP/$file" ] || printf '%s\n' "$file"
	done
}

rust_format() {
	local rustfmt
	rustfmt=$(dirname "$RUSTC")/rustfmt
	cd "$TOP"
	files '*.rs' | xargs -r "$rustfmt" --check --color never --edition 2021 \
		--config-path "$KSRC/.rustfmt.toml"
}

# kbuild with all warnings, in a folder of its own, so that each object is compiled.
strict_build() {
	local source=$1 out=$2
	shift 2
	mkdir -p "$out"
	make -C "$KDIR" M="$source" MO="$out" "${TOOLS[@]}" -j"$(jobs)" W=1 CLIPPY=1 "$@" modules
}

no_warnings() {
	if grep -nE '^warning|: warning:|: error:|^error' "$1"; then
		return 1
	fi
}

strict_core() {
	strict_build "$TOP" "$OUT/check/core" C=2 CHECK="$SPARSE" 2>&1 | tee "$OUT/check/core.log"
	no_warnings "$OUT/check/core.log"
}

# The same for the form that is a guest of a built-in connector, which has files of its own. Without sparse, for which
# the macros of its modules are too much (see SPARSE).
strict_guest() {
	KDIR=$(KDIR='' KERNEL_CONFIG=builtin "$TOP/scripts/kdir.sh")
	find_tools "$KDIR"
	strict_build "$TOP" "$OUT/check/guest" 2>&1 | tee "$OUT/check/guest.log"
	no_warnings "$OUT/check/guest.log"
	"$TOP/scripts/panics.sh" "$OUT"/check/guest/rust/cn_{guest,entry}.ko
	entry_exports "$OUT/check/guest/Module.symvers"
}

# What cn_entry exports does not change, since the one in memory serves newer guests; its types are asserted in cn_entry.c.
entry_exports() {
	awk -F '\t' '$3 ~ /(^|\/)cn_entry$/ { print $2 }' "$1" | sort |
		diff -u --label frozen <(printf '%s\n' cn_entry_attach cn_entry_close cn_entry_open cn_entry_socket) --label exported -
}

strict_users() {
	local part
	for part in samples selftests/modules selftests/bench/modules selftests/torture/modules; do
		strict_build "$TOP/$part" "$OUT/check/$part" \
			KBUILD_EXTRA_SYMBOLS="$OUT/check/core/Module.symvers" \
			CONNECTOR_RMETA_DIR="$OUT/check/core/rust" 2>&1 | tee "$OUT/check/users.log"
		no_warnings "$OUT/check/users.log"
	done
}

rust_documentation() {
	html_of_api "$OUT/check/html/api"
	html_of_internals "$OUT/check/html/internals"
}

# The example in README.md is a sample, whole.
readme_example() {
	cd "$TOP"
	# shellcheck disable=SC2016
	sed -n '/^```rust$/,/^```$/{/^```/!p}' README.md | diff -u --label README.md - samples/cn_echo.rs
}

named_tests() {
	python "$TOP/selftests/pages/named_tests.py" "$TOP"
}

documentation_pages() {
	html_of_pages "$OUT/check/html"
}

rust_examples() {
	"$TOP/selftests/pages/examples.sh" "$KDIR"
}

client_and_tool() {
	"$TOP/scripts/client.sh" lint
}

shell_scripts() {
	cd "$TOP"
	# Those that begin with bash run here, the others in the guest.
	files '*.sh' .ci/run selftests/guest/init | while read -r file; do
		if grep -qE -m 2 '^#!.*bash|shell=bash' "$file"; then printf '%s\n' "$file" >&3; else printf '%s\n' "$file"; fi
	done 3>"$OUT/check/bash" >"$OUT/check/dash"
	xargs shellcheck -x <"$OUT/check/bash"
	xargs shellcheck -x -s dash <"$OUT/check/dash"
}

# What the verbs of make ask for, and say, where something is missing.
set_up() {
	KDIR=$KDIR "$TOP/selftests/setup/setup_test.sh"
}

# What reads and reports results: what a compiler would find, and tests.
python_files() {
	local pyflakes=pyflakes3 folder
	command -v "$pyflakes" >/dev/null || pyflakes=pyflakes
	cd "$TOP"
	files '*.py' | xargs "$pyflakes"
	for folder in scripts/ktap selftests/bench/report selftests/torture selftests/pages; do
		python -m unittest discover -s "$folder" -p '*_test.py'
	done
}

# A panic in the kernel is a crash of the machine: nothing that user space sends may reach one.
no_panic_symbols() {
	"$TOP/scripts/panics.sh" "$OUT"/core/rust/*.ko "$OUT"/samples/*.ko
}

# The compiler refuses unsafe code, except in boundary files. Of those there are few, and users of the crate need none.
unsafe_stays_inside() {
	local root boundaries status=0
	cd "$TOP"
	for root in rust/base/connector_base.rs rust/api/connector.rs rust/core/cn_core.rs rust/proc/proc_events.rs; do
		grep -qE '^#!\[deny\(.*unsafe_code.*\)\]' "$root" || { printf '%s does not deny unsafe code\n' "$root"; status=1; }
	done
	# Of the two carriers, one is in a build.
	mapfile -t boundaries < <(grep -rlE 'allow\(unsafe_code\)' rust --include='*.rs' --exclude=guest.rs)
	if [ "${#boundaries[@]}" -gt 14 ]; then
		printf '%d boundary files in a build, at most 14:\n' "${#boundaries[@]}"
		printf '  %s\n' "${boundaries[@]}"
		status=1
	fi
	files 'samples/*.rs' 'selftests/modules/*.rs' 'selftests/*/modules/*.rs' | while read -r file; do
		if sed 's,//.*,,' "$file" | grep -nw unsafe; then
			printf '%s: users of the crate write no unsafe\n' "$file"
			exit 1
		fi
	done || status=1
	return "$status"
}

# Lists that people write are well formed, and coverage points that the fuzzer's names exist.
written_lists() {
	cd "$TOP"
	mapfile -t lists < <(files 'selftests/*.txt' ':!selftests/wireshark')
	ktap lists "${lists[@]}"
	python selftests/torture/coverage_points.py check selftests/torture/unreachable.txt rust/*/*.rs rust/core/*/*.rs
}

# Whatever the Makefile hands to the scripts, and whatever pages give to its verbs, make help explains.
explained_variables() {
	local name names listed status=0
	cd "$TOP"
	names=$(
		sed -n 's/^VARIABLES := //p' Makefile
		files '*.rst' '*.md' | xargs grep -ohE "make ($(sed -n 's/^\([a-z_-]*\):.*## .*/\1/p' Makefile | paste -sd '|')) [^\`]*" |
			grep -oE '\b[A-Z_]+=' | tr -d = | grep -v '^CONFIG_' | sort -u
	)
	listed=$(make help | sed '1,/^Variables$/d' | awk '{ print $1 }' | tr , '\n')
	for name in $names; do
		grep -qx -- "$name" <<<"$listed" && continue
		printf 'make help does not list %s\n' "$name"
		status=1
	done
	return "$status"
}

license_lines() {
	local file status=0
	cd "$TOP"
	while read -r file; do
		case $file in
		COPYING | *.md | *.rst | *.lock | */seeds/*) continue ;;
		# Their formats have no comments.
		debian/changelog | debian/copyright | debian/source/format) continue ;;
		esac
		if ! head -n 4 "$file" | grep -q 'SPDX-License-Identifier: '; then
			printf '%s: no SPDX line at the top\n' "$file"
			status=1
		fi
	done < <(files)
	return "$status"
}

# The patch series for a kernel tree: complete, and fine by the kernel's own checkpatch.
patch_series() {
	"$TOP/scripts/patches.sh"
}

# The files of the guest are in no patch.
guest_style() {
	cd "$TOP"
	perl "$KSRC/scripts/checkpatch.pl" --root="$KSRC" --show-types --no-summary --file rust/glue/cn_{entry,guest}.c rust/core/carrier/guest.rs
}

GIVEN_KDIR=${KDIR:-}
KDIR=$1
KSRC=$(source_of "$KDIR")
"$TOP/scripts/modules.sh" "$KDIR" all
find_tools "$KDIR"
hold "$OUT/lock"
rm -rf "$OUT/check"
mkdir -p "$OUT/check"

item 'format of Rust files' rust_format
item 'core: clippy, W=1, sparse' strict_core
if [ -z "$GIVEN_KDIR" ]; then
	item 'as a guest: clippy, W=1, panic symbols' strict_guest
else
	printf '  %-44s skipped: KDIR= names another kernel\n' 'as a guest: clippy, W=1, panic symbols'
fi
item 'samples, test modules: clippy, W=1' strict_users
item 'documentation of the crates' rust_documentation
item 'examples in it compile' rust_examples
item 'documentation pages' documentation_pages
item 'example in README.md is a sample' readme_example
item 'tests that the promises name exist' named_tests
item 'crate and tool: clippy, rustdoc' client_and_tool
item 'shell scripts' shell_scripts
item 'what make asks for and says' set_up
item 'Python: pyflakes, tests of the readers' python_files
item 'no panic symbol' no_panic_symbols
item 'unsafe only in boundary files' unsafe_stays_inside
item 'lists of differences, bugs, limits' written_lists
item 'variables in make help' explained_variables
item 'a licence line in every file' license_lines
item 'patches for a kernel tree: checkpatch' patch_series
item 'files of the guest: checkpatch' guest_style

[ "$FAILED" -eq 0 ] || die "$FAILED checks failed; the logs are in $LOGS"
