#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# A fuzzer that knows the format: operations of all kinds, every byte received and every counter compared with what
# should be there (fuzz.c). Then once more, led by what is reached in the connector, and with what the model knows nothing
# of; what was not reached on the way of a message is listed. In the long form freed memory is filled, so that its bytes
# would show in what is received.
#
# torture.small: 900
# torture.full: 21600
# torture.append_full: slab_debug=P
# torture.file: selftests/torture/fuzz_unreachable.txt

# shellcheck source=selftests/guest/torture.sh
. /guest/torture.sh

step 1.datagrams fuzz "seed=$SEED" "operations=$(pick 20000 500000)"
fuzzer_figures fuzzer
step let_fail let_some_fail
step 1.coverage env CN_MODULE_DIR=/lib/modules/coverage fuzz coverage "seed=$SEED" \
	"operations=$(pick 4000 500000)" "unchecked=$(pick 1 20)" unreachable=/guest/fuzz_unreachable.txt "least=$(either 90 95)"
sed -n 's/^way: /# /p' /tmp/step | cut -c1-400
finish
