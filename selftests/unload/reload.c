// SPDX-License-Identifier: GPL-2.0
/*
 * Senders flood the id of a module, without any pause, while it is loaded and unloaded. Sockets do
 * not hold a guest: that is loaded and unloaded with the module.
 */
#include <pthread.h>

#include "kselftest_harness.h"
#include "cn_module.h"

/* That of modules/cn_rust_module.rs, which replies. */
#define REPLY_IDX 26
#define REPLY_VAL 1
#define RELOADS 25
#define FLOODS 2
/* Slow kernels need as long for the messages of a round, and longer for the grace periods. */
#define RELOAD_SECONDS 60

FIXTURE(reload)
{
	pthread_t senders[FLOODS];
};

static struct {
	bool done;
	long replies;
} reload;

FIXTURE_SETUP(reload)
{
	CN_NEEDS_NO_CONNECTOR();
	ASSERT_EQ(0, module_load("cn", ""));
}

FIXTURE_TEARDOWN(reload)
{
	EXPECT_EQ(0, module_unload_soon("cn"));
}

static void *flood(void *arg)
{
	struct cn_packet p = { .id = { REPLY_IDX, REPLY_VAL } };
	int fd = cn_open_in_group(0);
	char byte;

	while (!__atomic_load_n(&reload.done, __ATOMIC_SEQ_CST)) {
		cn_send(fd, &p);
		while (recv(fd, &byte, 1, MSG_DONTWAIT) >= 0 || errno == ENOBUFS)
			__atomic_add_fetch(&reload.replies, 1, __ATOMIC_SEQ_CST);
	}
	close(fd);
	return NULL;
}

static bool is_flooded(void)
{
	long before = __atomic_load_n(&reload.replies, __ATOMIC_SEQ_CST);
	int tries;

	for (tries = 0; tries < cn_timeout(); tries++) {
		if (__atomic_load_n(&reload.replies, __ATOMIC_SEQ_CST) > before + FLOODS)
			return true;
		usleep(1000);
	}
	return false;
}

TEST_F_TIMEOUT(reload, under_senders_calls_nothing_that_is_gone, cn_limit(RELOAD_SECONDS))
{
	int i;

	for (i = 0; i < FLOODS; i++)
		ASSERT_EQ(0, pthread_create(&self->senders[i], NULL, flood, NULL));
	for (i = 0; i < RELOADS; i++) {
		ASSERT_EQ(0, module_load("cn_rust_module", ""));
		EXPECT_TRUE(is_flooded());
		ASSERT_EQ(0, module_unload("cn_rust_module"));
		if (provider_is_guest()) {
			/* A sender may be in it, on its way out. */
			ASSERT_EQ(0, module_unload_soon("cn"));
			ASSERT_EQ(0, module_load("cn", ""));
		}
	}
	__atomic_store_n(&reload.done, true, __ATOMIC_SEQ_CST);
	for (i = 0; i < FLOODS; i++)
		pthread_join(self->senders[i], NULL);
	TH_LOG("%ld replies", reload.replies);
}
