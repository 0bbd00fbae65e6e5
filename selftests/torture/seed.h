/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Random choices that are the same again with the same SEED. Which thread comes first is not among them.
 */
#ifndef SEED_H
#define SEED_H

#include <stdlib.h>

/* What the thread of this number begins with (for rand_r). */
static inline unsigned int seed_of(unsigned int number)
{
	const char *seed = getenv("SEED");

	return (seed ? strtoul(seed, NULL, 10) * 1000 : 0) + number;
}

#endif
