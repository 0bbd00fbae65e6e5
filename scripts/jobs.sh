# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Runs jobs beside each other, since a guest waits for much of its time. Sourced after lib.sh; what sources it sets
# WORK, a folder of its own, and calls end_jobs when it ends.
#
#   JOB_SLOTS   how many jobs run at a time (2)
#
# A job slot is a lock in the folder JOB_SLOT_LOCKS, which belongs to the first script of a run. The scripts that it starts
# with "start_series" share its job slots.

JOB_SLOTS=${JOB_SLOTS:-2}
[[ $JOB_SLOTS =~ ^[1-9]$ ]] || die "JOB_SLOTS is $JOB_SLOTS; it has to be a number from 1 to 9."
# The names of the jobs that run, by process.
declare -A JOBS=()
# Those that did not get to their end, so that not all of their results are there, as options of "ktap verdict".
BROKEN_JOBS=()

# Waits for a free job slot and starts a job in it: start_in_slot <name> <command...>. In the job, WORK is a folder of its
# own. The job's output is shown when it has ended; with one job slot, at once.
start_in_slot() {
	take_job_slot
	start_job "$@"
	exec {JOB_SLOT}>&-
}

# The same for a job that mostly waits: it takes no job slot, unless there is only one.
start_light_job() {
	if [ "$JOB_SLOTS" -eq 1 ]; then start_in_slot "$@"; else start_job "$@"; fi
}

# The same for a job that has jobs of its own, which take job slots. Its output is shown at once.
start_series() {
	# Not in the environment of what the job starts.
	local at_once=1
	make_job_slots
	start_job "$@"
}

# Waits for a free job slot, runs a command in it, and waits for the command's end.
in_job_slot() {
	take_job_slot
	"$@"
	exec {JOB_SLOT}>&-
}

make_job_slots() {
	export JOB_SLOT_LOCKS=${JOB_SLOT_LOCKS:-$WORK/job_slots}
	mkdir -p "$JOB_SLOT_LOCKS"
}

# Waits for a free job slot. A process holds the slot while it has the descriptor JOB_SLOT open; a job that is started
# meanwhile inherits it.
take_job_slot() {
	local number
	make_job_slots
	while :; do
		for ((number = 1; number <= JOB_SLOTS; number++)); do
			exec {JOB_SLOT}>"$JOB_SLOT_LOCKS/$number"
			! flock --nonblock "$JOB_SLOT" || return 0
			exec {JOB_SLOT}>&-
		done
		show_ended_jobs
		sleep 0.2
	done
}

start_job() {
	local name=$1
	shift
	mkdir -p "$WORK/$name"
	# A process group of its own, which end_jobs can end with all that is in it.
	set -m
	if [ "$JOB_SLOTS" -eq 1 ] || [ -n "${at_once:-}" ]; then
		run_job "$name" "$@" 2>&1 </dev/null &
	else
		run_job "$name" "$@" >"$WORK/$name/output" 2>&1 </dev/null &
	fi
	set +m
	JOBS[$!]=$name
}

run_job() {
	local job_name=$1 job_start=$SECONDS
	set +m
	WORK=$WORK/$job_name
	shift
	"$@"
	# Not in a pipe, which would be another process.
	times >"$WORK/times"
	printf '  %-44s %d s, %d s of a processor\n' "$job_name" $((SECONDS - job_start)) \
		"$(awk -F '[ms ]+' 'NR == 2 { print int($1 * 60 + $2 + $3 * 60 + $4) }' "$WORK/times")"
}

show_ended_jobs() {
	local process
	for process in "${!JOBS[@]}"; do
		kill -0 "$process" 2>/dev/null || show_job "$process"
	done
}

# Shows what a job that has ended said: show_job <process>
show_job() {
	local folder=$WORK/${JOBS[$1]}
	wait "$1" || BROKEN_JOBS+=("--broken=${JOBS[$1]}")
	[ ! -e "$folder/output" ] || cat "$folder/output"
	unset "JOBS[$1]"
}

wait_for_jobs() {
	local process
	while [ "${#JOBS[@]}" -gt 0 ]; do
		process=
		wait -n -p process "${!JOBS[@]}" || true
		[ -n "$process" ] || die "A job has vanished: ${JOBS[*]}."
		show_job "$process"
	done
}

# Ends what still runs; for the trap of an exit.
end_jobs() {
	local process
	for process in "${!JOBS[@]}"; do
		kill -TERM -- "-$process" 2>/dev/null || true
	done
	wait
}
