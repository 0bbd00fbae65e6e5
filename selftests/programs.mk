# SPDX-License-Identifier: GPL-2.0
#
# Makes a static program of every .c file in the current folder; called by scripts/modules.sh.
#   OUT      folder for the programs
#   KSRC     kernel source, for the harness header
#   HEADERS  the kernel's headers for user programs
# Our own header for user programs is in ../include/uapi.

CC ?= gcc
CFLAGS ?= -O2 -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers
TOP := $(dir $(abspath $(firstword $(MAKEFILE_LIST))))..
CPPFLAGS += -D_GNU_SOURCE -I $(TOP)/include/uapi -isystem $(HEADERS) -isystem $(KSRC)/tools/testing/selftests
# Packed into the memory of each guest.
LDFLAGS += -static -s

programs := $(patsubst %.c,$(OUT)/%,$(wildcard *.c))

all: $(programs)

$(OUT)/%: %.c $(wildcard *.h $(TOP)/selftests/*.h)
	$(CC) $(CPPFLAGS) $(CFLAGS) -o $@ $< $(LDFLAGS) -pthread

.PHONY: all
