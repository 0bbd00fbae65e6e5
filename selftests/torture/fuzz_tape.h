/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The choices of the fuzzer. The choices determine an operation, so that an interesting operation
 * can be repeated with some of them changed (fuzz_corpus.h).
 */
#ifndef FUZZ_TAPE_H
#define FUZZ_TAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TAPE_MAX 256

/* The choices of one operation. */
struct tape {
	uint32_t n;
	uint32_t choices[TAPE_MAX];
};

static uint64_t random_state;
/* Of the current operation; the first `planned` of them are taken from it, not made. */
static struct tape tape;
static uint32_t planned;

/* splitmix64 */
static inline uint64_t next_random(void)
{
	uint64_t z = random_state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* Any number. */
static inline uint32_t pick_any(void)
{
	uint32_t choice = tape.n < planned ? tape.choices[tape.n] : (uint32_t)next_random();

	if (tape.n < TAPE_MAX)
		tape.choices[tape.n++] = choice;
	return choice;
}

/* A number from 0 to n - 1. */
static inline uint32_t pick(uint32_t n)
{
	return pick_any() % n;
}

/* True with a probability of one in the given number. */
static inline bool once_in(uint32_t n)
{
	return !pick(n);
}

#define PICK_FROM(array) ((array)[pick(sizeof(array) / sizeof((array)[0]))])

#endif
