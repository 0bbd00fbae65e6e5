/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Random choices that are the same again with the same SEED. The order of threads is not among
 * them.
 */
#ifndef SEED_H
#define SEED_H

#include <stdlib.h>

/* The initial state of the thread with this number (for rand_r). */
static inline unsigned int seed_of(unsigned int number)
{
	const char *seed = getenv("SEED");

	return (seed ? strtoul(seed, NULL, 10) * 1000 : 0) + number;
}

#endif
