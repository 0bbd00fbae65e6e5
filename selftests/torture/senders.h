/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Threads that send while modules are loaded and unloaded.
 */
#ifndef SENDERS_H
#define SENDERS_H

#include <pthread.h>
#include <stdlib.h>

#define SENDERS_MOST 64

/* The threads end when this is set. */
static int done;

/*
 * Loads and unloads the given number of times while threads send. Returns the number of failures.
 */
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
