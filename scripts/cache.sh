# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The cache: one folder per thing, named by what it is and a digest of all that shaped it. A folder is
# made under another name and renamed when it is complete, so what has its name is whole. The run that
# makes one holds the lock beside it; a run that finds it there does not wait. Sourced after lib.sh.

# Makes the cache, and removes what interrupted runs left behind.
open_cache() {
	local left
	mkdir -p "$CACHE" || die "Cannot make the cache folder $CACHE." "Set XDG_CACHE_HOME to a folder you can write to."
	for left in "$CACHE"/*.partial; do
		[ ! -d "$left" ] || flock --nonblock "${left%.partial}.lock" rm -rf "$left" || true
	done
}

# Fails early when the cache's file system is too full: need_space <MiB> <for what>.
need_space() {
	local free
	free=$(df --output=avail -m "$CACHE" | tail -n 1 | tr -d ' ')
	[ "$free" -ge "$1" ] ||
		die "$2 needs $1 MiB in $CACHE, and only $free MiB are free there." \
			"Make room, or set XDG_CACHE_HOME to a folder on a larger file system."
}

# Ends the script with the newest folder in the cache whose name matches a pattern, if there is one: what is there is good enough
# without asking the network for something newer.
print_cached() {
	local have
	have=$(find "$CACHE" -maxdepth 1 -type d -name "$1" | sort -rV | head -n 1)
	[ -n "$have" ] || return 0
	printf '%s\n' "$have"
	exit
}

# cached <name> <title> <function>: prints the folder; when it is not there, <function> <folder> fills it.
cached() {
	local folder=$CACHE/$1
	[ -d "$folder" ] || (make_cached "$folder" "$2" "$3")
	printf '%s\n' "$folder"
}

# In a shell of its own, whose end gives the lock back; another run may have made the folder meanwhile.
make_cached() {
	hold "$1.lock"
	[ ! -d "$1" ] || return 0
	rm -rf "$1.partial"
	mkdir "$1.partial"
	stage "$2" "$3" "$1.partial"
	mv "$1.partial" "$1"
}
