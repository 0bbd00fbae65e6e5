// SPDX-License-Identifier: GPL-2.0
/*
 * A module that registers and watches while it exits or fails to start, from every context
 * (modules/cn_rust_leaving.rs). Nothing of it is left. A leftover would be called, and a call of
 * freed code crashes this kernel.
 */
#include "kselftest_harness.h"
#include "cn_client.h"
#include "cn_module.h"
#include "cn_watchdog.h"

#define LEAVING_IDX 42
#define ACTOR 1
#define TRIGGER_VAL 50
#define LATE 133
/*
 * The duration of the actions, so that the module can exit meanwhile. It is not longer on slow
 * kernels, where all of them take longer.
 */
#define ACT_MS 700
/* The limit until the actions start. */
#define ACT_WITHIN_MS 5000

/* The numbers of cn_rust_leaving.rs. */
enum context { HANDLER, RETIRED_HANDLER, WATCHER, SOCKET_WATCHER, DROP_OF_HANDLER, DROP_OF_WATCHER,
	     DROP_OF_SOCKET_WATCHER };
enum act { REGISTERS, WATCHES, WATCHES_SOCKETS };

/* With all that is registered in it. */
static int unload_client(void)
{
	client("clear");
	client_close();
	return unload_within("cn_client");
}

FIXTURE(leaving)
{
	int klog;
	pid_t trigger;
};

FIXTURE_VARIANT(leaving)
{
	enum context context;
	enum act act;
};

#define VARIANT(name, from, does) \
	FIXTURE_VARIANT_ADD(leaving, name) { .context = from, .act = does }

VARIANT(handler_registers, HANDLER, REGISTERS);
VARIANT(handler_watches, HANDLER, WATCHES);
VARIANT(handler_watches_sockets, HANDLER, WATCHES_SOCKETS);
VARIANT(retired_handler_registers, RETIRED_HANDLER, REGISTERS);
VARIANT(retired_handler_watches, RETIRED_HANDLER, WATCHES);
VARIANT(retired_handler_watches_sockets, RETIRED_HANDLER, WATCHES_SOCKETS);
VARIANT(watcher_registers, WATCHER, REGISTERS);
VARIANT(watcher_watches, WATCHER, WATCHES);
VARIANT(watcher_watches_sockets, WATCHER, WATCHES_SOCKETS);
VARIANT(socket_watcher_registers, SOCKET_WATCHER, REGISTERS);
VARIANT(socket_watcher_watches, SOCKET_WATCHER, WATCHES);
VARIANT(socket_watcher_watches_sockets, SOCKET_WATCHER, WATCHES_SOCKETS);
VARIANT(drop_of_handler_registers, DROP_OF_HANDLER, REGISTERS);
VARIANT(drop_of_handler_watches, DROP_OF_HANDLER, WATCHES);
VARIANT(drop_of_handler_watches_sockets, DROP_OF_HANDLER, WATCHES_SOCKETS);
VARIANT(drop_of_watcher_registers, DROP_OF_WATCHER, REGISTERS);
VARIANT(drop_of_watcher_watches, DROP_OF_WATCHER, WATCHES);
VARIANT(drop_of_watcher_watches_sockets, DROP_OF_WATCHER, WATCHES_SOCKETS);
VARIANT(drop_of_socket_watcher_registers, DROP_OF_SOCKET_WATCHER, REGISTERS);
VARIANT(drop_of_socket_watcher_watches, DROP_OF_SOCKET_WATCHER, WATCHES);
VARIANT(drop_of_socket_watcher_watches_sockets, DROP_OF_SOCKET_WATCHER, WATCHES_SOCKETS);

FIXTURE_SETUP(leaving)
{
	CN_NEEDS_NO_CONNECTOR();
	ASSERT_EQ(0, module_load_with_client(""));
	self->klog = klog_mark();
	ASSERT_LE(0, self->klog);
	self->trigger = -1;
}

FIXTURE_TEARDOWN(leaving)
{
	close(self->klog);
	EXPECT_EQ(0, unload_client());
	/* With a leftover, the connector would call freed code. */
	if (!is_shown(" 42:"))
		EXPECT_EQ(0, unload_within("cn"));
}

static int send_once(uint32_t val)
{
	struct cn_packet p = { .id = { LEAVING_IDX, val } };
	int fd = cn_open_in_group(0);
	int ret = fd < 0 ? fd : cn_send(fd, &p);

	close(fd);
	return ret < 0 ? ret : 0;
}

/* Makes the module act. */
static int trigger(const void *arg)
{
	switch (*(const enum context *)arg) {
	case HANDLER:
	case RETIRED_HANDLER:
		return send_once(ACTOR);
	case WATCHER:
		client_close();
		return client("add %u:%u trigger count", LEAVING_IDX, TRIGGER_VAL);
	case SOCKET_WATCHER:
		return use_a_socket(NULL);
	default:
		return 0;
	}
}

static bool acts(int klog)
{
	long long end = watchdog_ms() + cn_limit(ACT_WITHIN_MS);

	while (watchdog_ms() < end) {
		if (KLOG_HAS(klog, "cn_rust_leaving: ", "acts"))
			return true;
		usleep(1000);
	}
	return false;
}

/* Causes the events that would call a leftover. */
static int provoke(const void *arg)
{
	int ret = send_once(LATE);

	client_close();
	ret = ret ? ret : client("add %u:60 x count", LEAVING_IDX);
	ret = ret ? ret : client("del %u:60", LEAVING_IDX);
	return ret ? ret : use_a_socket(NULL);
}

#define EXPECT_NOTHING_IS_LEFT() do { \
	client("clear"); \
	/* An id that is shown would be called. */ \
	ASSERT_FALSE(is_shown(" 42:")); \
	EXPECT_EQ(0, run_within(SOON_MS, provoke, NULL)); \
} while (0)

TEST_F(leaving, leaves_nothing)
{
	char params[80];

	snprintf(params, sizeof(params), "context=%d act=%d milliseconds=%d", variant->context,
		 variant->act, ACT_MS);
	ASSERT_EQ(0, load_within("cn_rust_leaving", params));
	if (variant->context < DROP_OF_HANDLER) {
		self->trigger = begin_process(trigger, &variant->context);
		ASSERT_TRUE(acts(self->klog));
	}
	ASSERT_EQ(0, unload_within("cn_rust_leaving"));
	if (self->trigger >= 0)
		EXPECT_EQ(0, end_process(self->trigger, SOON_MS));
	EXPECT_NOTHING_IS_LEFT();
}

struct start {
	char params[80];
};

static int load_failing(const void *arg)
{
	const struct start *start = arg;

	return module_load("cn_rust_leaving", start->params);
}

static bool is_ready(void)
{
	char *text = read_file("/proc/modules");
	long long end = watchdog_ms() + cn_limit(ACT_WITHIN_MS);
	bool ready = false;

	while (!ready && watchdog_ms() < end) {
		free(text);
		text = read_file("/proc/modules");
		ready = text && strstr(text, "cn_rust_leaving ");
		usleep(1000);
	}
	free(text);
	/* It registers first, and then waits for hundreds of milliseconds. */
	usleep(cn_limit(50) * 1000);
	return ready;
}

TEST_F(leaving, leaves_nothing_when_it_fails_to_start)
{
	struct start start;
	pid_t loader;

	snprintf(start.params, sizeof(start.params), "context=%d act=%d milliseconds=%d fail=%d",
		 variant->context, variant->act, cn_limit(400), cn_limit(300));
	loader = begin_process(load_failing, &start);
	ASSERT_TRUE(is_ready());
	if (variant->context < DROP_OF_HANDLER)
		self->trigger = begin_process(trigger, &variant->context);
	ASSERT_EQ(-EAGAIN, end_process(loader, SOON_MS));
	if (self->trigger >= 0)
		EXPECT_EQ(0, end_process(self->trigger, SOON_MS));
	EXPECT_FALSE(module_is_loaded("cn_rust_leaving"));
	EXPECT_NOTHING_IS_LEFT();
}

/* -- An id that somebody else fails to register ---------------------------------------------- */

#define FAILURES 10000

FIXTURE(failing)
{
	pid_t unloader;
};

FIXTURE_SETUP(failing)
{
	CN_NEEDS_NO_CONNECTOR();
	ASSERT_EQ(0, module_load_with_client(""));
}

FIXTURE_TEARDOWN(failing)
{
	EXPECT_EQ(0, unload_client());
	EXPECT_EQ(0, unload_within("cn"));
}

/* The module is refused because it leaves. The id is free for others all the time. */
TEST_F(failing, registration_takes_no_id)
{
	char params[80];
	int ret = 0, klog = klog_mark();
	long count = 0;

	ASSERT_LE(0, klog);
	snprintf(params, sizeof(params), "context=%d act=%d times=%d", DROP_OF_HANDLER, REGISTERS,
		 cn_repeat(FAILURES));
	ASSERT_EQ(0, load_within("cn_rust_leaving", params));
	self->unloader = begin_process(unload_named, "cn_rust_leaving");
	ASSERT_TRUE(acts(klog));
	for (; !ret && is_running(self->unloader); count++) {
		ret = client("add %u:%u x count", LEAVING_IDX, LATE);
		ret = ret ? ret : client("del %u:%u", LEAVING_IDX, LATE);
	}
	EXPECT_EQ(0, ret);
	EXPECT_EQ(0, end_process(self->unloader, SOON_MS));
	EXPECT_LT(10, count);
	EXPECT_TRUE(KLOG_HAS(klog, "cn_rust_leaving: ", "was refused: "));
	TH_LOG("%ld registrations", count);
	close(klog);
}
