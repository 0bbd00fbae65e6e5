/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Message counts and sizes that several rows have in common, from the smallest to the largest.
 */
#ifndef BENCH_SIZES_H
#define BENCH_SIZES_H

#include "bench_order.h"

#define MOST_LISTENERS 64

static const unsigned int listener_counts[] = { 0, 1, 8, MOST_LISTENERS };
static const unsigned int payload_sizes[] = { 16, 512, BENCH_MAX_PAYLOAD };
static const unsigned int batch_sizes[] = { 1, 8, 32, 128 };

#define SIZES(array)	(sizeof(array) / sizeof(*(array)))

#endif
