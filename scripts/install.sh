#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Installs what users of the connector need, and removes it again; for packages, and for systems without one:
#
#   install.sh tool            cnctl, which was built, with its manual pages, completions and the dissector
#   install.sh makefile        the file that Makefiles of modules include
#   install.sh check           says what is wrong with these variables, before anything is built
#   install.sh uninstall       removes all that "make install" has installed (with KDIR, for that kernel)
#
#   PREFIX              where it will be used (default /usr/local)
#   DESTDIR             put in front of that now, for packages
#   ZSH_FUNCTIONS       where zsh looks for completions (PREFIX/share/zsh/site-functions)
#   WIRESHARK_PLUGINS   where Wireshark looks for dissectors (PREFIX/lib/wireshark/plugins)
#   INSTALL_MOD_PATH    put in front of /lib/modules (DESTDIR)

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

PREFIX=${PREFIX:-/usr/local}
DESTDIR=${DESTDIR:-}
ZSH_FUNCTIONS=${ZSH_FUNCTIONS:-$PREFIX/share/zsh/site-functions}
WIRESHARK_PLUGINS=${WIRESHARK_PLUGINS:-$PREFIX/lib/wireshark/plugins}
BUILT=$ARCH_OUT/tools/programs

# Every file of the tool: its mode, where it is, where it goes.
tool_files() {
	local page
	printf '755\t%s\t%s\n' "$BUILT/cnctl" "$PREFIX/bin/cnctl"
	for page in "$BUILT"/man/*.1; do
		printf '644\t%s\t%s\n' "$page" "$PREFIX/share/man/man1/$(basename "$page")"
	done
	printf '644\t%s\t%s\n' "$BUILT/completion/cnctl.bash" "$PREFIX/share/bash-completion/completions/cnctl" \
		"$BUILT/completion/cnctl.zsh" "$ZSH_FUNCTIONS/_cnctl" \
		"$BUILT/completion/cnctl.fish" "$PREFIX/share/fish/vendor_completions.d/cnctl.fish" \
		"$TOP/tools/wireshark/connector.lua" "$WIRESHARK_PLUGINS/connector.lua"
}

install_tool() {
	local mode from to
	[ -e "$BUILT/man" ] || die 'cnctl was not built.' 'Run make tools.'
	tool_files | while IFS=$'\t' read -r mode from to; do
		install -D -m "$mode" "$from" "$DESTDIR$to"
	done
}

install_makefile() {
	mkdir -p "$DESTDIR$PREFIX/share/connector"
	sed "s|@prefix@|$PREFIX|g" "$TOP/scripts/module.mk.in" >"$DESTDIR$PREFIX/share/connector/connector.mk"
	chmod 644 "$DESTDIR$PREFIX/share/connector/connector.mk"
}

# They are written into Makefiles, which take neither a blank nor a path that is about the folder of whoever reads it.
check_variables() {
	local name
	for name in PREFIX DESTDIR INSTALL_MOD_PATH ZSH_FUNCTIONS WIRESHARK_PLUGINS; do
		case ${!name:-/} in
		*[[:space:]]*) die "$name is '${!name}'; it must have no blank." ;;
		/*) ;;
		*) die "$name is ${!name}; it has to begin with a /." "For a folder here: $name=$PWD/${!name}" ;;
		esac
	done
}

# Removes the empty folders in which a file was, without those that a system has: remove_folders <file>
remove_folders() {
	local folder
	folder=$(dirname "$1")
	while [[ $folder == "$DESTDIR$PREFIX"* ]]; do
		[[ ! $folder =~ ^/usr(/local)?(/(bin|include|lib|share))?$ ]] || return 0
		rmdir "$folder" 2>/dev/null || [ ! -e "$folder" ] || return 0
		folder=$(dirname "$folder")
	done
}

# The pages of cnctl are known by their names; none is built only to be removed.
uninstall() {
	local file release modules
	release=$(cat "$1/include/config/kernel.release")
	rm -rf "$DESTDIR$PREFIX/lib/connector-rs/$release"
	rm -f "$DESTDIR$PREFIX"/share/man/man1/cnctl-*.1
	{
		tool_files | cut -f 3
		printf '%s\n' "$PREFIX"/{share/man/man1/cnctl.1,share/connector/connector.mk,include/linux/connector_notify.h} \
			"$PREFIX/lib/connector-rs/$release"
	} | while read -r file; do
		rm -f "$DESTDIR$file"
		remove_folders "$DESTDIR$file"
	done
	modules=${INSTALL_MOD_PATH:-$DESTDIR}/lib/modules/$release
	rm -f "$modules"/updates/rust/{cn,cn_guest,cn_entry,cn_proc}.ko*
	rmdir "$modules/updates/rust" "$modules/updates" "$modules" 2>/dev/null || true
	[ -n "${INSTALL_MOD_PATH:-$DESTDIR}" ] || [ ! -d "$modules" ] || PATH=$PATH:/usr/sbin:/sbin depmod "$release"
}

check_variables

case ${1:-} in
tool) install_tool ;;
makefile) install_makefile ;;
check) need_folder "$DESTDIR$PREFIX" ;;
uninstall) stage "uninstall: $PREFIX" uninstall "$2" ;;
*) die 'usage: install.sh tool|makefile|check|uninstall' ;;
esac
