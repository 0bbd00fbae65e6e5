// SPDX-License-Identifier: GPL-2.0
/*
 * Loading and unloading the connector, and the references that prevent unloading. Starts with no
 * connector loaded and leaves none.
 */
#include <pthread.h>

#include "kselftest_harness.h"
#include "cn_client.h"
#include "cn_module.h"
#include "cn_privilege.h"

#define IDX 25

/* So that a socket does not load the connector by itself. */
static void hide_modprobe(void)
{
	must(!rename("/sbin/modprobe", "/sbin/modprobe.hidden") || errno == ENOENT,
	     "hide modprobe");
}

FIXTURE(load)
{
};

FIXTURE_SETUP(load)
{
	CN_NEEDS_NO_CONNECTOR();
}

/* In the parent: some tests give up their rights. */
FIXTURE_TEARDOWN_PARENT(load)
{
	must(!rename("/sbin/modprobe.hidden", "/sbin/modprobe") || errno == ENOENT,
	     "show modprobe");
	if (module_is_loaded("cn_client"))
		EXPECT_EQ(0, module_unload("cn_client"));
	if (module_is_loaded("cn"))
		EXPECT_EQ(0, module_unload_soon("cn"));
}

TEST_F(load, and_unload)
{
	EXPECT_EQ(0, module_load("cn", ""));
	EXPECT_TRUE(module_is_loaded("cn"));
	EXPECT_EQ(0, module_unload("cn"));
	EXPECT_FALSE(module_is_loaded("cn"));
}

TEST_F(load, twice_is_EEXIST)
{
	ASSERT_EQ(0, module_load("cn", ""));
	EXPECT_EQ(-EEXIST, module_load("cn", ""));
	EXPECT_EQ(0, access("/proc/net/connector", R_OK));
}

TEST_F(load, makes_the_proc_file_and_unload_removes_it)
{
	char *text;

	EXPECT_EQ(provider_is_guest() ? 0 : -1, access("/proc/net/connector", F_OK));
	ASSERT_EQ(0, module_load("cn", ""));
	text = read_file("/proc/net/connector");
	ASSERT_NE(NULL, text);
	EXPECT_STREQ(proc_file_without_clients(), text);
	free(text);
	ASSERT_EQ(0, module_unload("cn"));
	EXPECT_EQ(provider_is_guest() ? 0 : -1, access("/proc/net/connector", F_OK));
	EXPECT_EQ(-1, access("/proc/net/connector_stats", F_OK));
}

TEST_F_TIMEOUT(load, many_times, cn_limit(120))
{
	int i;

	for (i = 0; i < cn_repeat(100); i++) {
		ASSERT_EQ(0, module_load("cn", ""));
		ASSERT_EQ(0, module_unload("cn"));
	}
}

TEST_F(load, starts_anew_each_time)
{
	struct cn_packet p = { .id = { 0xffffffff, 0xffffffff } };
	int fd;

	SKIP_ON_C();
	ASSERT_EQ(0, module_load("cn", ""));
	fd = cn_open_in_group(0);
	ASSERT_LE(0, fd);
	ASSERT_LT(0, cn_send(fd, &p));
	close(fd);
	EXPECT_EQ(1, read_counter("/proc/net/connector_stats", "received"));
	ASSERT_EQ(0, module_unload_soon("cn"));
	ASSERT_EQ(0, module_load("cn", ""));
	EXPECT_EQ(0, read_counter("/proc/net/connector_stats", "received"));
}

/* -- Sockets hold it ----------------------------------------------------- */

TEST_F(load, open_socket_holds_it)
{
	int fd;

	SKIP_ON_GUEST();
	ASSERT_EQ(0, module_load("cn", ""));
	fd = cn_open();
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EWOULDBLOCK, module_unload("cn"));
	EXPECT_TRUE(module_is_loaded("cn"));
	/* The attempt has not hurt it. */
	EXPECT_EQ(0, cn_bind(fd, 0, 1));
	close(fd);
	EXPECT_EQ(0, module_unload_soon("cn"));
}

TEST_F(load, open_socket_in_another_namespace_holds_it)
{
	int fd;

	SKIP_ON_GUEST();
	ASSERT_EQ(0, module_load("cn", ""));
	must(!unshare(CLONE_NEWNET), "unshare");
	fd = cn_open();
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EWOULDBLOCK, module_unload("cn"));
	close(fd);
	EXPECT_EQ(0, module_unload_soon("cn"));
}

TEST_F(load, unread_messages_do_not_outlive_it)
{
	int fd;

	ASSERT_EQ(0, module_load_with_client(""));
	fd = cn_open_in_group(IDX);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, client("send id=%u:1 group=%u repeat=100", IDX, IDX));
	close(fd);
	client_close();
	EXPECT_EQ(0, module_unload("cn_client"));
	EXPECT_EQ(0, module_unload_soon("cn"));
}

static void *open_and_close(void *arg)
{
	bool *done = arg;
	struct cn_packet p = { .id = { 0xffffffff, 0xffffffff } };

	while (!__atomic_load_n(done, __ATOMIC_SEQ_CST)) {
		int fd = cn_open();

		if (fd < 0)
			continue;
		cn_bind(fd, 0, 1);
		cn_send(fd, &p);
		close(fd);
		/* Leaves a gap, without which an unload would never get through. */
		usleep(10 * 1000);
	}
	return NULL;
}

/*
 * Programs open and close sockets while the module is loaded and unloaded. (The C connector opens
 * its socket before it creates its table: a message in between is an oops.)
 */
TEST_F(load, while_programs_open_send_and_close)
{
	const int wanted = cn_repeat(30);
	bool done = false;
	pthread_t threads[2];
	int i, ret, refused = 0, unloaded = 0;

	SKIP_ON_C();
	hide_modprobe();
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, open_and_close, &done));
	for (i = 0; i < 3000 && (unloaded < wanted || !(refused || provider_is_guest())); i++) {
		if (!module_is_loaded("cn"))
			ASSERT_EQ(0, module_load("cn", ""));
		ret = module_unload("cn");
		EXPECT_TRUE(ret == 0 || ret == -EWOULDBLOCK);
		unloaded += !ret;
		refused += !!ret;
		usleep(500);
	}
	__atomic_store_n(&done, true, __ATOMIC_SEQ_CST);
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	EXPECT_LE(wanted, unloaded);
	/* Otherwise the two have not met. */
	EXPECT_TRUE(refused || provider_is_guest());
}

/* -- Clients hold it ----------------------------------------------------- */

TEST_F(load, client_module_holds_it)
{
	ASSERT_EQ(0, module_load_with_client(""));
	EXPECT_EQ(-EWOULDBLOCK, module_unload("cn"));
	EXPECT_EQ(0, module_unload("cn_client"));
	EXPECT_EQ(0, module_unload("cn"));
}

TEST_F(load, client_needs_it)
{
	EXPECT_EQ(-ENOENT, module_load("cn_client", ""));
}

TEST_F(load, client_is_loaded_and_unloaded)
{
	char *text;
	int i;

	ASSERT_EQ(0, module_load("cn", ""));
	for (i = 0; i < cn_repeat(20); i++) {
		ASSERT_EQ(0, module_load("cn_client", ""));
		ASSERT_EQ(0, client("add_many %u:1 50", IDX));
		client_close();
		ASSERT_EQ(0, module_unload("cn_client"));
		text = read_file("/proc/net/connector");
		ASSERT_NE(NULL, text);
		ASSERT_STREQ(proc_file_without_clients(), text);
		free(text);
	}
}

/* -- Messages at the wrong time ------------------------------------------ */

TEST_F(load, no_socket_without_it)
{
	SKIP_ON_GUEST();
	hide_modprobe();
	EXPECT_EQ(-EPROTONOSUPPORT, cn_open());
}

TEST_F(load, unprivileged_user_cannot)
{
	become_user();
	EXPECT_EQ(-EPERM, module_load("cn", ""));
}
