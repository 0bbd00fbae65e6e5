#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# A fuzzer that knows the format: operations of all kinds, every byte received and every counter compared with what
# should be there (fuzz.c). In the long form once more, led by what is reached in the connector, and with what the model knows
# nothing of; what was not reached on the receive path is listed. Freed memory is filled then, so that its bytes would
# show in what is received.
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
	sed -n 's/^receive path: /# /p' "$SAID" | cut -c1-400
fi
finish
