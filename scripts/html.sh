# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The documentation as HTML, without a warning. Sourced after lib.sh and tools.sh by scripts that have
# found the tools and hold the build's lock.

# The reference of the crate for Rust modules: html_of_crate <folder>. The command that compiled the crate
# is given to rustdoc instead.
html_of_crate() {
	local command
	command=$(sed -nE 's/^savedcmd_[^ ]* := .*(--edition)/\1/p' "$OUT/core/rust/api/.connector.o.cmd" |
		sed -E 's/ ;.*//; s/--(emit=|remap-path-[a-z]*=|out-dir )[^ ]*//g')
	cd "$KDIR" || return
	eval "RUSTC_BOOTSTRAP=1 CONNECTOR_BINDINGS='$OUT/core/rust/api/bindings_generated.rs' '$(dirname "$RUSTC")/rustdoc'" \
		-o "'$1'" -Drustdoc::broken_intra_doc_links -Drustdoc::invalid_html_tags "$command"
}

# The pages of Documentation/: html_of_pages <folder>. Everything anew, so that no warning hides.
html_of_pages() {
	sphinx-build -W --keep-going -E -a -q -b html -d "$OUT/doctrees" "$TOP/Documentation" "$1"
}
