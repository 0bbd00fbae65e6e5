# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Runs jobs beside each other, since a guest waits for much of its time. Sourced after lib.sh; what sources it sets
# WORK, a folder of its own, and calls end_lanes when it ends.
#
#   LANES   how many jobs run at a time (2)
#
# A lane is a lock in the folder LANE_LOCKS, which belongs to the first script of a run; the scripts that it starts with
# "series" share its lanes.

LANES=${LANES:-2}
[[ $LANES =~ ^[1-9]$ ]] || die "LANES is $LANES; it has to be a number from 1 to 9."
# The names of the jobs that run, by process.
declare -A JOBS=()

# Starts a job when there is a lane for it: lane <name> <command...>. In the job WORK is a folder of its own and RESULTS a
# file in it. What it says is shown when it has ended; with one lane, at once.
lane() {
	take_lane
	start_job "$@"
	exec {LANE}>&-
}

# The same for a job that waits for so much of its time that it is not counted, unless there is but one lane.
light_lane() {
	if [ "$LANES" -eq 1 ]; then lane "$@"; else start_job "$@"; fi
}

# The same for a job that has jobs of its own, for which it takes lanes. What it says is shown at once.
series() {
	# Not in the environment of what the job starts.
	local at_once=1
	make_lanes
	start_job "$@"
}

# Runs a command when there is a lane for it, and waits for its end.
in_lane() {
	take_lane
	"$@"
	exec {LANE}>&-
}

make_lanes() {
	export LANE_LOCKS=${LANE_LOCKS:-$WORK/lanes}
	mkdir -p "$LANE_LOCKS"
}

# Waits for a lane. Who has the descriptor LANE has the lane: also a job that was started meanwhile.
take_lane() {
	local number
	make_lanes
	while :; do
		for ((number = 1; number <= LANES; number++)); do
			exec {LANE}>"$LANE_LOCKS/$number"
			! flock --nonblock "$LANE" || return 0
			exec {LANE}>&-
		done
		show_ended_jobs
		sleep 0.2
	done
}

start_job() {
	local name=$1
	shift
	mkdir -p "$WORK/$name"
	: >"$WORK/$name/results"
	# A process group of its own, which end_lanes can end with all that is in it.
	set -m
	if [ "$LANES" -eq 1 ] || [ -n "${at_once:-}" ]; then
		run_job "$name" "$@" 2>&1 </dev/null &
	else
		run_job "$name" "$@" >"$WORK/$name/said" 2>&1 </dev/null &
	fi
	set +m
	JOBS[$!]=$name
}

run_job() {
	local job_name=$1 job_start=$SECONDS
	set +m
	WORK=$WORK/$job_name
	RESULTS=$WORK/results
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

# Shows what a job that has ended said, and adds its results to RESULTS: show_job <process>
show_job() {
	local folder=$WORK/${JOBS[$1]}
	wait "$1" || true
	[ ! -e "$folder/said" ] || cat "$folder/said"
	cat "$folder/results" >>"$RESULTS"
	unset "JOBS[$1]"
}

wait_for_lanes() {
	local process
	while [ "${#JOBS[@]}" -gt 0 ]; do
		process=
		wait -n -p process "${!JOBS[@]}" || true
		[ -n "$process" ] || die "A job has vanished: ${JOBS[*]}."
		show_job "$process"
	done
}

# Ends what still runs; for the trap of an exit.
end_lanes() {
	local process
	for process in "${!JOBS[@]}"; do
		kill -TERM -- "-$process" 2>/dev/null || true
	done
	wait
}
