/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Threads that send while modules come and go.
 */
#ifndef SENDERS_H
#define SENDERS_H

#include <pthread.h>
#include <stdlib.h>

#define SENDERS_MOST 64

/* The threads end when this is set. */
static int done;

/* Loads and unloads so many times while so many threads send; how many times that went wrong. */
static inline int with_senders(int loads, int n, void *(*send)(void *), int (*reload)(int loads))
{
	pthread_t senders[SENDERS_MOST];
	int i, errors;

	done = 0;
	for (i = 0; i < n; i++)
		if (pthread_create(&senders[i], NULL, send, (void *)(long)(i + 1)))
			exit(1);
	errors = reload(loads);
	__atomic_store_n(&done, 1, __ATOMIC_SEQ_CST);
	for (i = 0; i < n; i++)
		pthread_join(senders[i], NULL);
	return errors;
}

#endif
