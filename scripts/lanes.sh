# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Runs jobs beside each other, since a guest waits for much of its time. Sourced after lib.sh; what sources it sets
# WORK, a folder of its own, and calls end_lanes when it ends.
#
#   LANES   how many jobs run at a time (2)

LANES=${LANES:-2}
[[ $LANES =~ ^[1-9]$ ]] || die "LANES is $LANES; it has to be a number from 1 to 9."
# The names of the jobs that run, by process.
declare -A JOBS=()

# Starts a job when there is a lane for it: lane <name> <command...>. In the job WORK is a folder of its own and RESULTS a
# file in it. What it says is shown when it has ended; with one lane, at once.
lane() {
	local name=$1
	shift
	while [ "${#JOBS[@]}" -ge "$LANES" ]; do
		wait_for_lane
	done
	mkdir -p "$WORK/$name"
	: >"$WORK/$name/results"
	# A process group of its own, which end_lanes can end with all that is in it.
	set -m
	if [ "$LANES" -eq 1 ]; then
		in_lane "$name" "$@" 2>&1 </dev/null &
	else
		in_lane "$name" "$@" >"$WORK/$name/said" 2>&1 </dev/null &
	fi
	set +m
	JOBS[$!]=$name
}

in_lane() {
	local lane_name=$1 lane_start=$SECONDS
	set +m
	WORK=$WORK/$lane_name
	RESULTS=$WORK/results
	shift
	"$@"
	printf '  %-44s %d s\n' "$lane_name" $((SECONDS - lane_start))
}

# Waits for the end of one job, shows what it said, and adds its results to RESULTS.
wait_for_lane() {
	local process=
	wait -n -p process "${!JOBS[@]}" || true
	[ -n "$process" ] || die "A job has vanished: ${JOBS[*]}."
	[ "$LANES" -eq 1 ] || cat "$WORK/${JOBS[$process]}/said"
	cat "$WORK/${JOBS[$process]}/results" >>"$RESULTS"
	unset "JOBS[$process]"
}

wait_for_lanes() {
	while [ "${#JOBS[@]}" -gt 0 ]; do
		wait_for_lane
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
