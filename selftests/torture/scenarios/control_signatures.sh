#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# A control: a client registers a function that is no callback, and a message arrives for it. kCFI must see the
# connector's call.
#
# torture.full: 300
# torture.kernel: realtime
# torture.control: CFI failure

# shellcheck source=selftests/torture/scenario.sh
. /guest/scenario.sh

load cn wrong_signature
cn_echo_user
