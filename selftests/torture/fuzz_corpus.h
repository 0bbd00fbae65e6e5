/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Operations that reached something new: their choices, to be repeated with a few of them changed.
 */
#ifndef FUZZ_CORPUS_H
#define FUZZ_CORPUS_H

#include "fuzz_tape.h"

#define CORPUS_MAX 1024

static struct tape corpus[CORPUS_MAX];
static size_t corpus_size;

static inline void keep_tape(void)
{
	corpus[corpus_size < CORPUS_MAX ? corpus_size++ : next_random() % CORPUS_MAX] = tape;
}

/* Plans the next operation: half of them are new, the others are changed old ones. */
static inline void plan_tape(void)
{
	uint32_t changes;

	planned = 0;
	tape.n = 0;
	if (!corpus_size || next_random() % 2)
		return;
	tape = corpus[next_random() % corpus_size];
	planned = tape.n;
	if (planned && !(next_random() % 4))
		planned = next_random() % planned;
	for (changes = 1 + next_random() % 3; planned && changes; changes--)
		tape.choices[next_random() % planned] = next_random();
	tape.n = 0;
}

#endif
