#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# A fuzzer with a model of the format. It does operations of all kinds, and compares every received
# byte and every counter with the model (fuzz.c). The long form repeats this, led by the coverage of
# the connector, and adds operations outside of the model. It lists the points of the receive path
# that were not reached. Freed memory is filled then, so that its bytes would show in received
# messages.
#
# torture.small: 900
# torture.full: 21600
# torture.append_full: slab_debug=P

# shellcheck source=selftests/torture/scenario.sh
. /guest/scenario.sh

step datagrams_by_format.datagrams fuzz "seed=$SEED" "operations=$(pick 10000 500000)"
fuzzer_figures fuzzer
if [ "$TORTURE" = full ]; then
	step let_fail let_some_fail
	step datagrams_by_format.coverage env CN_MODULE_DIR=/lib/modules/coverage fuzz coverage "seed=$SEED" \
		"operations=$(pick 0 500000)" "unchecked=$(pick 0 20)" unreachable=/guest/unreachable least=95
	sed -n 's/^receive path: /# /p' "$STEP_OUTPUT" | cut -c1-400
fi
finish
