# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The documentation as HTML, without a warning. Sourced after lib.sh and tools.sh by scripts that have
# found the tools and hold the build's lock.

# The reference of the crate for Rust modules: html_of_api <folder>
html_of_api() {
	html_of_crate "$1" connector
}

# The reference of all crates with their private items, for contributors: html_of_internals <folder>. Links to private items
# work there.
html_of_internals() {
	local object
	for object in connector cn_core proc_events; do
		html_of_crate "$1" "$object" --document-private-items -Arustdoc::private_intra_doc_links || return
	done
}

# One crate: html_of_crate <folder> <object> [option of rustdoc...]. rustdoc gets the command that compiled the object, with
# its variables.
html_of_crate() {
	local folder=$1 file command
	file=$(find "$OUT/core/rust" -name ".$2.o.cmd")
	[ -e "$file" ] || die "$OUT/core/rust has no $2.o."
	shift 2
	command=$(sed -nE "s|^savedcmd_[^ ]* := (.* )?[^ ]*rustc (--edition.*)|\1'$(dirname "$RUSTC")/rustdoc' \2|p" "$file" |
		sed -E 's/ ;.*//; s/--(emit=|remap-path-[a-z]*=|out-dir )[^ ]*//g')
	(
		# What rust/Kbuild exports to the compiler.
		CONNECTOR_BINDINGS=$(find "$OUT/core/rust/base" -name bindings_generated.rs)
		CN_PROC_BINDINGS=$(find "$OUT/core/rust/proc" -name bindings_generated.rs)
		CN_CORE_VERSION=$(find "$TOP/rust" -name cn_glue.h -exec sed -n 's/^#define CN_CORE_VERSION //p' {} +)
		export CONNECTOR_BINDINGS CN_PROC_BINDINGS CN_CORE_VERSION RUSTC_BOOTSTRAP=1
		# Paths in the command are relative to the folder of the build.
		cd "$OUT/core" || return
		eval "$command -o '$folder' -Dwarnings -Drustdoc::broken_intra_doc_links -Drustdoc::invalid_html_tags $*"
	)
}

# The pages of Documentation/: html_of_pages <folder>. Everything anew, so that no warning hides.
html_of_pages() {
	sphinx-build -W --keep-going -E -a -q -b html -d "$OUT/doctrees" "$TOP/Documentation" "$1"
}
