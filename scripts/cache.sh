# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The cache: one folder per thing, named by what it is and a digest of all that shaped it. A folder is
# made under another name and renamed when it is complete, so what has its name is whole. Sourced after
# lib.sh by scripts that hold the cache's lock.

# Holds the cache for this script, and removes what interrupted runs left behind.
open_cache() {
	mkdir -p "$CACHE" || die "Cannot make the cache folder $CACHE." "Set XDG_CACHE_HOME to a folder you can write to."
	hold "$CACHE/lock"
	rm -rf "$CACHE"/*.partial
}

# Fails early when the cache's file system is too full: need_space <MiB> <for what>.
need_space() {
	local free
	free=$(df --output=avail -m "$CACHE" | tail -n 1 | tr -d ' ')
	[ "$free" -ge "$1" ] ||
		die "$2 needs $1 MiB in $CACHE, and only $free MiB are free there." \
			"Make room, or set XDG_CACHE_HOME to a folder on a larger file system."
}

# cached <name> <title> <function>: prints the folder; when it is not there, <function> <folder> fills it.
cached() {
	local folder=$CACHE/$1
	if [ ! -d "$folder" ]; then
		mkdir "$folder.partial"
		stage "$2" "$3" "$folder.partial"
		mv "$folder.partial" "$folder"
	fi
	printf '%s\n' "$folder"
}
