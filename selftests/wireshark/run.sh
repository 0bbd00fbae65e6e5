#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Tests tools/wireshark/connector.lua: makes a capture in a guest (selftests/wireshark/traffic.sh),
# and compares the output of tshark with the actions there. Then tests frames that no program would
# send. run.sh <kernel build directory>
# Writes KTAP.
#
#   SEED   for the random mangled frames; chosen and shown when it is not given
#
# The captures stay in build/wireshark.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../../scripts/lib.sh"
# shellcheck source=scripts/tools.sh
. "$TOP/scripts/tools.sh"

KDIR=$1
HERE=$TOP/selftests/wireshark
WORK=$OUT/wireshark
find_program_cc

# What Wireshark loads as root is none of a user's scripts (from 4.4 on it does not even say so): then it runs as nobody, from
# a folder that everybody can read.
prepare_shark() {
	PUBLIC=$(mktemp -d)
	trap 'rm -rf "$PUBLIC"' EXIT
	chmod 755 "$PUBLIC"
	install -m 644 "$TOP/tools/wireshark/connector.lua" "$PUBLIC"
	AS=(env "HOME=$PUBLIC" "WIRESHARK_CONFIG_DIR=$PUBLIC")
	[ "$(id -u)" != 0 ] || AS+=(setpriv --reuid=65534 --regid=65534 --clear-groups)
}

# tshark with the script, and without this user's settings.
shark_as_it_is() {
	local file=$1
	shift
	"${AS[@]}" tshark -X "lua_script:$PUBLIC/connector.lua" -r - "$@" <"$file" 2>"$WORK/errors" || {
		cat "$WORK/errors"
		return 1
	}
	if [ -s "$WORK/errors" ]; then
		cat "$WORK/errors"
		return 1
	fi
}

# The columns are a preference.
shark() {
	local file=$1
	shift
	shark_as_it_is "$file" -o 'gui.column.format:"No.","%m","Info","%i"' "$@"
}

# The Info column, without spaces around it.
infos() {
	shark "$@" | sed -E 's/^ *[0-9]+ //; s/ +$//'
}

build_programs() {
	local name
	for name in wireshark/capture wireshark/datagrams real/work; do
		"${PROGRAM_CC[@]}" -static -O2 -Wall -Wno-sign-compare -D_GNU_SOURCE -I "$KDIR/usr/include" \
			-o "$WORK/$(basename "$name")" "$TOP/selftests/$name.c"
	done
}

# A guest in which all is said that the script knows of.
capture() {
	build_programs
	"$TOP/scripts/guest.sh" "$KDIR" run "$HERE/traffic.sh" "$WORK"/{capture,datagrams,work} >"$WORK/output" || {
		cat "$WORK/output"
		return 1
	}
	python "$HERE/events.py" split "$WORK/output" "$WORK"
	[ -s "$WORK/work.txt" ]
}

# Linux keeps messages of the connector from nlmon devices. Ours does not (scripts/config/nlmon.h).
has_messages() {
	[ -z "$(shark "$WORK/capture.pcap" -Y cn)" ] || return 0
	case $KDIR in
	"$CACHE"/*) failed messages 'the capture has no message of the connector' ;;
	*) skip messages "the kernel in $KDIR keeps messages of the connector from nlmon devices (Documentation/wireshark.rst)" ;;
	esac
	return 1
}

# Fields of the frames that match, as a file names them: columns <file of expectations> <frames> <filter>.
columns() {
	local field
	local -a names fields=()
	read -r -a names < <(sed -n 's/^# fields: //p' "$1")
	for field in "${names[@]}"; do
		fields+=(-e "$field")
	done
	shark "$2" -Y "$3" -T fields -E 'separator=|' "${fields[@]}"
}

# The messages between programs and the kernel, all fields. Of the messages with times and processors,
# only the kernel's answers to requests for process events.
messages() {
	local request
	# cnctl numbers its requests from a number of its own on.
	request=$(shark "$WORK/capture.pcap" -Y 'cn.proc.op == 1' -T fields -e cn.ack | head -n 1)
	{
		infos "$WORK/capture.pcap" -Y 'cn and not cn.proc.what > 0'
		columns "$HERE/messages.txt" "$WORK/capture.pcap" 'cn and not cn.proc.what' | sed "s/|$request|/|REQUEST|/"
		shark "$WORK/capture.pcap" -Y 'cn.proc.what == 0' -T fields -e cn.seq -e cn.ack -e cn.proc.cpu -e cn.proc.err |
			sed -E "s/^[0-9]+\t/NUMBER\t/; s/\t$((request + 1))\t/\tANSWER\t/; s/\t[01](\t[0-9]+)\$/\tCPU\1/; s/\t/ /g"
		infos "$WORK/capture.pcap" -Y 'cn.notify.snapshot == 1'
	} >"$WORK/messages"
	diff -u <(grep -v '^#' "$HERE/messages.txt") "$WORK/messages"
}

# Each event of each process in order, in a capture.
processes_in() {
	infos "$1" -Y cn.proc.what >"$WORK/events"
	python "$HERE/events.py" order "$WORK/work.txt" "$WORK/events"
}

processes() {
	processes_in "$WORK/capture.pcap"
}

# The files of cnctl, on any kernel: the same as nlmon has of that program, with the direction.
written() {
	{
		infos "$WORK/listen.pcap"
		infos "$WORK/watch.pcap"
		shark "$WORK/watch.pcap" -Y 'frame[0:2] == 00:04' -T fields -e frame.number
		shark "$WORK/proc.pcap" -Y 'frame[0:2] == 00:04' -T fields -e cn.proc.op
	} >"$WORK/written"
	diff -u <(
		sed -n '/^25:1 seq 7 /,/^26:3 unregistered$/p' "$HERE/messages.txt"
		printf '%s\n' 1 1 1 2
	) "$WORK/written"
	processes_in "$WORK/proc.pcap"
}

# The remaining fields.
fields_of_processes() {
	shark "$WORK/capture.pcap" -Y "cn.proc.what == 0x80000000" -T fields \
		-e cn.id -e cn.len -e cn.proc.pid -e cn.proc.tgid -e cn.proc.parent_tgid -e cn.proc.exit_signal -e cn.proc.exit_code \
		-e cn.proc.cpu -e cn.proc.timestamp >"$WORK/exits"
	python "$HERE/events.py" exits "$WORK/work.txt" "$WORK/exits"
}

# Messages of other protocols are not dissected.
others() {
	shark "$WORK/capture.pcap" -Y 'netlink-route' >"$WORK/others"
	[ -s "$WORK/others" ]
	shark "$WORK/capture.pcap" -Y 'cn and netlink.family != 11' >"$WORK/others"
	! [ -s "$WORK/others" ]
}

# Frames by hand, which are mostly wrong; Wireshark adds a complaint of its own to some.
wrong() {
	python "$HERE/frames.py" wrong "$WORK/wrong.pcap"
	{
		infos "$WORK/wrong.pcap" | grep -n '' | sed 's/:/: /'
		shark "$WORK/wrong.pcap" -Y 'cn.malformed or cn.cut or cn.unknown or cn.refused' -T fields \
			-e frame.number -e _ws.expert.message | sed 's/\t/ /; s/Malformed Packet (Exception occurred),//'
	} >"$WORK/wrong"
	diff -u <(grep -v '^#' "$HERE/wrong.txt") "$WORK/wrong"
}

# A channel that is elsewhere is one of the ids until the dissector knows it; and nothing is where it was.
moved() {
	python "$HERE/frames.py" moved "$WORK/moved.pcap"
	{
		infos "$WORK/moved.pcap"
		infos "$WORK/moved.pcap" -o cn.channel:7:8
		infos "$WORK/watch.pcap" -o cn.channel:7:8 | head -n 1
	} >"$WORK/moved"
	diff -u - "$WORK/moved" <<-'END'
		7:8 seq 0 ack 0, 32 bytes
		20:1 seq 0 ack 0, 0 bytes
		request notification of 20-21:1 in group 13
		20:1 registered
		4294967295:4294967295 seq 0 ack 0, 32 bytes
	END
}

# Times, processes and bytes of payloads are others each time.
without_numbers() {
	sed -E 's/[0-9a-f]{12,}…?/N/g; s/0x[0-9a-f]+/N/g; s/[0-9]+(\.[0-9]+)?/N/g; s/[ \t]+/ /g'
}

# The output of tshark in the documentation is that of the captures of this test.
page() {
	local line file command commands=0
	: >"$WORK/shown"
	: >"$WORK/output"
	while IFS= read -r line; do
		case $line in
		'    $ tshark -X lua_script:connector.lua -r '*)
			read -r _ _ _ _ _ file command <<<"$line"
			[ -e "$WORK/$file" ] || { file=; continue; }
			printf '%s\n' "$line" | tee -a "$WORK/shown" >>"$WORK/output"
			# The page quotes as a shell does.
			eval "shark_as_it_is \"\$WORK/\$file\" $command" >>"$WORK/output"
			commands=$((commands + 1))
			;;
		'    '*) [ -z "${file:-}" ] || printf '%s\n' "${line#    }" >>"$WORK/shown" ;;
		*) file= ;;
		esac
	done <"$TOP/Documentation/wireshark.rst"
	[ "$commands" -ge 4 ]
	diff -u <(without_numbers <"$WORK/shown") <(sed '/^$/d' "$WORK/output" | without_numbers)
}

# Whatever the bytes are, the script ends well.
mangled() {
	printf 'SEED=%s\n' "$SEED"
	python "$HERE/frames.py" mangle "$WORK/capture.pcap" "$WORK/mangled.pcap" "$SEED"
	shark "$WORK/mangled.pcap" -V >"$WORK/mangled"
	if grep -n -m 20 -iE 'lua error|dissector bug, protocol cn' "$WORK/mangled"; then
		return 1
	fi
	[ "$(grep -c '^Connector, ' "$WORK/mangled")" -gt 1000 ]
}

skip() {
	skipped "$1" "not on this machine: $2"
}

can_be_tested() {
	if ! command -v tshark >/dev/null; then
		skip dissector 'tshark is not installed'
	elif [ "$(config_of "$KDIR" CONFIG_NLMON)" != y ]; then
		skip dissector "the kernel in $KDIR has no CONFIG_NLMON=y"
	else
		return 0
	fi
	return 1
}

use_ktap "$KDIR"
can_be_tested || exit 0
SEED=${SEED:-$RANDOM}
mkdir -p "$WORK"
hold "$WORK/lock"
prepare_shark
trap 'exit 130' INT TERM HUP
STEP_OUTPUT=$PUBLIC/step STEP_LINES=60
check capture capture
if all_passed; then
	check written written
	check moved moved
	if has_messages; then
		check messages messages
		check processes processes
		check fields_of_processes fields_of_processes
		check others others
		check page page
		check mangled mangled
	fi
fi
check wrong wrong
all_passed
