#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Boots a kernel in QEMU with an initial RAM disk made from what was built, and runs a job in it.
#
#   guest.sh <kernel build directory> run <job script> [file...]    result as exit code
#   guest.sh <kernel build directory> shell <job script> [file...]  on the user's terminal
#   guest.sh <kernel build directory> command /dev/null [file...]   the job is the variable CMD
#   guest.sh arguments shell|command|run [file...]  says what is wrong with these and with variables, before anything is built
#
# QEMU_ACCEL, QEMU_SMP, QEMU_MEM, ICOUNT=1, TIMEOUT (seconds) and APPEND (kernel parameters) shape the run;
# DYNAMIC names programs that are to be in /bin with their shared libraries, TREE a folder that is to be /debian;
# CONSOLE names a file for a copy of the console, MONITOR a socket for QEMU's monitor.
# The job is a busybox sh script; the extra files land in /guest. Standard output is what the guest
# wrote to its second port (GUEST_PORT in arch.sh). The first one is the kernel's console; it goes to a file and must
# not contain a warning. The guest reports how its job ended; no report is a failure.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/accelerator.sh
. "$TOP/scripts/accelerator.sh"
# shellcheck source=scripts/tools.sh
. "$TOP/scripts/tools.sh"

# What a kernel prints when something is wrong with it.
WARNINGS='BUG:|WARNING:|UBSAN:|KASAN|kernel BUG at|Oops|RIP:|Call [Tt]race:|Internal error: |possible circular locking'
WARNINGS+='|inconsistent lock state|sleeping function called|suspicious RCU usage|ODEBUG:|ref_tracker:'
WARNINGS+='|unreferenced object 0x|blocked for more than|soft lockup|rcu: INFO|refcount_t:'
WARNINGS+='|list_add corruption|list_del corruption|panicked|Kernel panic|BUG [^ ]+ \(|lockdep is turned off'
WARNINGS+='|turning off the locking correctness validator|new suspected memory leaks|Cannot allocate a kmemleak_object|Memory pool empty'

# Every run has a folder of its own; the five newest stay for reading. Guests that start at once do this one by one.
make_run_folder() {
	local folders_lock
	need_folder "$OUT/guest"
	exec {folders_lock}>"$OUT/guest/lock"
	flock "$folders_lock"
	find "$OUT/guest" -mindepth 1 -maxdepth 1 -type d -printf '%T@ %p\n' | sort -rn |
		tail -n +5 | cut -d' ' -f2- | while read -r old; do
		# A run that is still going on holds its lock.
		flock --nonblock "$old/lock" rm -rf "$old" || true
	done
	RUN=$(mktemp -d "$OUT/guest/$(date +%H%M%S).XXXXXX")
	exec {run_lock}>"$RUN/lock"
	flock "$run_lock"
	ln -sfn "$(basename "$RUN")" "$OUT/guest/last"
	exec {folders_lock}>&-
}

# A line for gen_init_cpio: put <path in the guest> <file here> <mode>.
put() {
	printf 'file %s %s %s 0 0\n' "$1" "$2" "$3" >>"$RUN/files"
}

# A program of the distribution, with the shared libraries that it needs, if it needs any.
put_dynamic() {
	local library
	put "$1" "$2" 755
	{ ldd "$2" 2>/dev/null | grep -oE '/[^ ]+' || true; } | while read -r library; do
		mkdir -p "$RUN/tree$(dirname "$library")"
		cp -L "$library" "$RUN/tree$library"
		put_folders "$(dirname "$library")"
		put "$library" "$RUN/tree$library" 755
	done
}

# A folder and those it is in.
put_folders() {
	[ "$1" != / ] || return 0
	put_folders "$(dirname "$1")"
	grep -qxF "dir $1 755 0 0" "$RUN/files" || printf 'dir %s 755 0 0\n' "$1" >>"$RUN/files"
}

# A folder with all that is in it; no name has a space.
put_tree() {
	printf 'dir %s 755 0 0\n' "$1" >>"$RUN/files"
	find "$2" -mindepth 1 \( -type d -printf "dir $1/%P 755 0 0\n" \) -o \( -type f -printf "file $1/%P %p %m 0 0\n" \) \
		-o \( -type l -printf "slink $1/%P %l 777 0 0\n" \) >>"$RUN/files"
}

put_modules() {
	local folder=$1 file
	shift
	printf 'dir %s 755 0 0\n' "$folder" >>"$RUN/files"
	for file in "$@"; do
		[ ! -e "$file" ] || put "$folder/${file##*/}" "$file" 644
	done
}

# What /lib/modules/<release> is on a distribution, once for each connector, for modprobe and the autoload
# by socket(2); the guest links one to that name: put_modprobe_tree <provider> <module...>.
put_modprobe_tree() {
	local provider=$1 release tree file
	shift
	release=$(cat "$KDIR/include/config/kernel.release")
	tree=$RUN/tree/$provider
	mkdir -p "$tree/lib/modules/$release/kernel"
	for file in "$@"; do
		[ ! -e "$file" ] || cp "$file" "$tree/lib/modules/$release/kernel/"
	done
	touch "$tree/lib/modules/$release/modules.order" "$tree/lib/modules/$release/modules.builtin"
	# What is built in, modprobe does not load, and some kernels have the connector built in.
	[ "$(config_of "$KDIR" CONFIG_CONNECTOR)" != y ] || cp "$KDIR"/modules.builtin* "$tree/lib/modules/$release/"
	PATH=$PATH:/usr/sbin:/sbin depmod -b "$tree" "$release" 2>>"$RUN/depmod.log"
	tree=$tree/lib/modules/$release
	printf 'dir /lib/modules/modprobe-%s 755 0 0\n' "$provider" >>"$RUN/files"
	put_modules "/lib/modules/modprobe-$provider/kernel" "$tree"/kernel/*.ko
	for file in "$tree"/modules.*; do
		put "/lib/modules/modprobe-$provider/${file##*/}" "$file" 644
	done
}

find_busybox() {
	if is_foreign; then "$TOP/scripts/foreign.sh" busybox; else command -v busybox; fi
}

list_files() {
	local folder file tools sample
	: >"$RUN/files"
	for folder in bin sbin dev proc sys tmp root etc lib lib/modules guest selftests bench torture examples; do
		printf 'dir /%s 755 0 0\n' "$folder" >>"$RUN/files"
	done
	printf 'nod /dev/console 600 0 0 c 5 1\n' >>"$RUN/files"
	put /bin/busybox "$(find_busybox)" 755
	printf 'slink /bin/sh busybox 777 0 0\nslink /sbin/modprobe ../bin/busybox 777 0 0\n' >>"$RUN/files"
	put /init "$TOP/selftests/guest/init" 755
	for file in "$TOP"/selftests/guest/*.sh "$TOP/scripts/ktap/ktap.sh" "$KTAP_HELPERS" "$@"; do
		[ ! -e "$file" ] || put "/guest/${file##*/}" "$file" 755
	done
	# The kernel's own sample, of its build or made for it.
	sample=$KDIR/samples/connector
	[ -e "$sample/ucon" ] || sample=$OUT/kernel-sample
	put_modules /lib/modules/c "$KDIR/drivers/connector/cn.ko" "$sample/cn_test.ko" "$KDIR/drivers/w1/wire.ko"
	put_modules /lib/modules/rust "$OUT"/core/rust/cn.ko "$OUT"/core/rust/cn_proc.ko
	put_modules /lib/modules/guest "$OUT"/core/rust/cn_{guest,entry}.ko
	put_modules /lib/modules/kunit "$OUT"/kunit/rust/{cn,cn_guest,cn_entry}.ko
	put_modules /lib/modules/coverage "$OUT/coverage/rust/cn.ko" "$OUT/coverage/points"
	put_modules /lib/modules/test "$OUT"/samples/*.ko "$OUT"/samples/*/*.ko "$OUT"/selftests/modules/*.ko
	put_modules /lib/modules/samples "$OUT"/samples/*.ko "$OUT"/samples/*/*.ko
	put_modules /lib/modules/torture "$OUT"/selftests/torture/modules/*.ko
	put_modules /lib/modules/bench "$OUT"/selftests/bench/modules/*.ko
	put_modprobe_tree c "$KDIR/drivers/connector/cn.ko" "$sample/cn_test.ko" "$KDIR/drivers/w1/wire.ko"
	put_modprobe_tree rust "$OUT"/core/rust/{cn,cn_proc}.ko "$sample/cn_test.ko" "$KDIR/drivers/w1/wire.ko" "$OUT"/samples/*.ko
	put_modprobe_tree guest "$OUT"/core/rust/cn_{guest,entry}.ko "$OUT"/samples/*.ko
	for file in ${DYNAMIC:-}; do
		put_dynamic "/bin/${file##*/}" "$file"
	done
	[ -z "${TREE:-}" ] || put_tree /debian "$TREE"
	[ ! -e "$sample/ucon" ] || put_dynamic /bin/ucon "$sample/ucon"
	for file in "$PROGRAMS"/samples/*; do
		[ ! -f "$file" ] || put "/bin/${file##*/}" "$file" 755
	done
	tools=$("$TOP/scripts/client.sh" folder)
	[ ! -e "$tools/cnctl" ] || put /bin/cnctl "$tools/cnctl" 755
	for file in "$tools"/examples/*; do
		[ ! -f "$file" ] || put "/examples/${file##*/}" "$file" 755
	done
	put /selftests/settings "$TOP/selftests/settings" 644
	for file in "$PROGRAMS"/selftests/*; do
		[ ! -f "$file" ] || put "/selftests/${file##*/}" "$file" 755
	done
	for file in "$PROGRAMS"/selftests/bench/*; do
		[ ! -f "$file" ] || put "/bench/${file##*/}" "$file" 755
	done
	for file in "$PROGRAMS"/selftests/torture/*; do
		[ ! -f "$file" ] || put "/torture/${file##*/}" "$file" 755
	done
}

make_initramfs() {
	if [ "$verb" = command ]; then
		printf '%s\n' "$CMD" >"$RUN/job"
	else
		cp "$JOB" "$RUN/job"
	fi
	list_files "$@"
	put /guest/job "$RUN/job" 755
	"$KDIR/usr/gen_init_cpio" -t 0 "$RUN/files" >"$RUN/initramfs.cpio"
}

# How many times as long limits of time are on this kernel: cn_limit() in programs, CLIENT_WAIT in the module cn_client.
slowness() {
	if [ "$(config_of "$KDIR" CONFIG_KASAN)" = y ]; then
		printf '8\n'
	elif [ "$(config_of "$KDIR" CONFIG_PROVE_LOCKING)" = y ]; then
		printf '4\n'
	else
		printf '1\n'
	fi
}

# A kernel with KASAN needs more memory, and is ten times slower. Watching for leaks slows it down once more, so
# that is for the runs that are about it.
adapt_to_kernel() {
	[ "$(config_of "$KDIR" CONFIG_KASAN)" = y ] || return 0
	QEMU_MEM=${QEMU_MEM:-1G}
	[[ ${APPEND:-} == *kmemleak=* ]] || APPEND="kmemleak=off ${APPEND:-}"
	APPEND="workqueue.watchdog_thresh=300 smp.csd_lock_timeout=300000 $APPEND"
}

qemu_command() {
	local accel smp=${QEMU_SMP:-2}
	command -v "$QEMU_PROGRAM" >/dev/null ||
		die "$QEMU_PROGRAM is not in PATH." "Install QEMU for $ARCH (${QEMU_PACKAGES[13]} in Debian), or add its folder to PATH."
	adapt_to_kernel
	accel=$(accelerator "$KDIR")
	QEMU=("$QEMU_PROGRAM" -nodefaults -no-user-config -display none -no-reboot "${QEMU_MACHINE[@]}"
		-accel "$accel" -m "${QEMU_MEM:-512M}")
	[ "$accel" != kvm ] || QEMU+=(-cpu host)
	if [ "${ICOUNT:-0}" = 1 ]; then
		# Guest time is then the number of instructions executed; several processors take turns.
		smp=${QEMU_SMP:-1}
		# A reader of the monitor needs the guest to sleep in real time.
		QEMU+=(-icount "shift=0,sleep=$([ -n "${MONITOR:-}" ] && echo on || echo off)")
		# The kernel cannot know that this clock is exact; else it would have timers at ticks only.
		APPEND="$GUEST_EXACT ${APPEND:-}"
	fi
	# The guest's programs write to a terminal, whatever that is here.
	if [ ! -t 1 ] || [ -n "${NO_COLOR:-}" ]; then APPEND="NO_COLOR=1 LS_COLORS=none ${APPEND:-}"; fi
	# Whether the timer works is tried for a hundredth of a second, in which a busy machine may run nothing of the guest.
	# Without ACPI the kernel reads the MP table, where the BIOS lists one processor per socket.
	QEMU+=(-smp "$smp,sockets=$smp,cores=1,threads=1" -kernel "$KDIR/$KERNEL_IMAGE" -initrd "$RUN/initramfs.cpio"
		-append "console=$GUEST_CONSOLE GUEST_PORT=$GUEST_PORT loglevel=8 $GUEST_TIMER panic_on_warn=1 oops=panic panic=-1 watchdog_thresh=60 CN_SLOWNESS=$(slowness) ${APPEND:-}"
		-serial "file:$RUN/console.log")
	[ -z "${MONITOR:-}" ] || QEMU+=(-monitor "unix:$MONITOR,server=on,wait=off")
}

# Runs QEMU with a time limit, as a child that our end takes along.
boot_job() {
	local status=0
	QEMU+=(-chardev "stdio,id=user,signal=off" "${QEMU_PORT[@]}")
	timeout --kill-after=5 "${TIMEOUT:-1500}" "${QEMU[@]}" </dev/null >"$RUN/pipe" 2>"$RUN/qemu.log" &
	CHILD=$!
	# In the background, because a signal interrupts waiting only.
	show_output <"$RUN/pipe" &
	wait "$CHILD" || status=$?
	CHILD=
	wait $!
	[ "$status" -ne 124 ] || say "guest: stopped after ${TIMEOUT:-1500} s without a verdict"
	[ "$status" -eq 0 ] || cat "$RUN/qemu.log" >&2
}

show_output() {
	stdbuf -oL tr -d '\r' | stdbuf -oL tee "$RUN/user.log" | grep --line-buffered -v '^guest: job ended with ' || true
}

boot_shell() {
	local terminal size
	terminal=$(stty -g)
	size=$(stty size)
	[ "$size" != '0 0' ] || size='24 80'
	APPEND="GUEST_ROWS=${size% *} GUEST_COLS=${size#* }"
	qemu_command
	QEMU+=(-chardev "stdio,id=user,signal=off,mux=on" "${QEMU_PORT[@]}")
	"${QEMU[@]}" || true
	stty "$terminal"
}

end_child() {
	local status=$?
	[ "$status" -lt 1 ] || [ "$status" -gt 2 ] || (need_folder "$RUN") || true
	[ -z "${CHILD:-}" ] || kill "$CHILD" 2>/dev/null || true
	[ -z "${CONSOLE:-}" ] || cp "$RUN/console.log" "$CONSOLE" 2>/dev/null || true
	rm -rf "$RUN/pipe" "$RUN/tree" "$RUN/initramfs.cpio"
}

# The exit code of the guest's job, or a failure that says why there is none.
judge() {
	local verdict warnings
	verdict=$(sed -n 's/^guest: job ended with //p' "$RUN/user.log" | tail -n 1)
	warnings=$(grep -nE "$WARNINGS" "$RUN/console.log" || true)
	if [ -n "$warnings" ]; then
		say "guest: the kernel complained (the whole console is in $RUN/console.log):"
		printf '%s\n' "$warnings" | head -n 10 >&2
		exit 99
	fi
	if [ -z "$verdict" ]; then
		say "guest: ended without a verdict; the end of its console ($RUN/console.log):"
		tail -n 15 "$RUN/console.log" >&2
		exit 98
	fi
	exit "$verdict"
}

# Variables of make that shape a guest, or what is measured in it, each with an expression for its values and with words for them.
check_variables() {
	local name pattern words
	while read -r name pattern words; do
		[ -z "${!name:-}" ] || [[ ${!name} =~ ^($pattern)$ ]] || die "$name is ${!name}; it can be $words."
	done <<-'END'
		TIMEOUT [1-9][0-9]* a number of seconds
		QEMU_SMP [1-9][0-9]{0,2} a number of processors, 1 to 999
		QEMU_MEM [1-9][0-9]*[MG] an amount of memory, such as 512M or 2G
		QEMU_ACCEL tcg|kvm tcg or kvm
		ICOUNT 0|1 1, or 0 (the default)
		BENCH quick|full quick (the default) or full
		BENCH_ROUNDS [1-9][0-9]* a number
		PROVIDER rust|c|baseline rust (the default), c or baseline
	END
	[ "${QEMU_ACCEL:-}" != kvm ] || [ "${ICOUNT:-0}" = 0 ] || die 'With ICOUNT=1, instructions are counted, and KVM counts none.' 'Leave out QEMU_ACCEL=kvm.'
	[ "${QEMU_ACCEL:-}" != kvm ] || [ -w /dev/kvm ] || die 'QEMU_ACCEL is kvm, and this user cannot open /dev/kvm.' 'QEMU_ACCEL=tcg needs no device.'
}

# What a user gives to make: check_arguments <verb> [file...]
check_arguments() {
	local verb=$1 file
	shift
	check_variables
	case $verb in
	command) [ -n "${CMD:-}" ] || die 'What is to run in the guest?' "usage: make guest CMD='...' [FILES='...']" ;;
	shell) [ -t 0 ] || die 'A shell in the guest needs a terminal.' "For a command use: make guest CMD='...'" ;;
	esac
	for file in "$@"; do
		[ -f "$file" ] || die "There is no file $file (FILES=), which is to go to /guest."
	done
}

if [ "${1:-}" = arguments ]; then
	shift
	check_arguments "$@"
	exit
fi
[ $# -ge 3 ] || die 'usage: guest.sh <kernel build directory> run|shell|command <job script> [file...]'
KDIR=$1
PROGRAMS=$(programs_of "$KDIR")
# Jobs of the guest write results with the kernel's functions.
use_ktap "$KDIR"
verb=$2
JOB=$3
shift 3
# Scenarios pass files that may be missing; a user does not.
[ "$verb" = run ] || check_arguments "$verb" "$@"
make_run_folder
trap end_child EXIT
trap 'exit 130' INT TERM HUP
# A build that another run has begun shall not change what is packed.
(
	hold "$OUT/lock"
	hold "$PROGRAMS.lock"
	make_initramfs "$@"
)
case $verb in
run | command)
	mkfifo "$RUN/pipe"
	qemu_command
	boot_job
	judge
	;;
shell)
	boot_shell
	;;
*)
	die "guest.sh: unknown verb $verb"
	;;
esac
