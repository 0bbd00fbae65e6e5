// SPDX-License-Identifier: GPL-2.0
/*
 * The notification channel as the parameters of the module make it, and with
 * modules that go. Starts with no connector loaded and leaves none.
 */
#include "kselftest_harness.h"
#include "cn_client.h"
#include "cn_module.h"
#include "cn_notify.h"

#define IDX 25

static struct cn_received got;

static void unload_all(struct __test_metadata *_metadata)
{
	client_close();
	if (module_is_loaded("cn_client"))
		EXPECT_EQ(0, module_unload("cn_client"));
	if (module_is_loaded("cn"))
		EXPECT_EQ(0, module_unload_soon("cn"));
}

/* The error of a request to the channel under another id. */
static int ask_at(int fd, uint32_t idx, uint32_t val, uint32_t group)
{
	uint8_t payload[64];
	struct cn_packet p = {
		.id = { idx, val },
		.nl_flags = NLM_F_ACK,
		.data = payload,
	};
	int ret;

	p.data_len = notify_build(payload, group, RANGES({ IDX, 1 }), RANGES({ 1, 1 }));
	ret = cn_send(fd, &p);
	return ret < 0 ? ret : notify_answer(fd);
}

/* -- Values that are refused ---------------------------------------------- */

FIXTURE(refused)
{
	int klog;
};

FIXTURE_VARIANT(refused)
{
	const char *params;
	const char *name;
};

FIXTURE_VARIANT_ADD(refused, cn_idx_a_word) { "cn_idx=any", "cn_idx" };
FIXTURE_VARIANT_ADD(refused, cn_idx_negative) { "cn_idx=-1", "cn_idx" };
FIXTURE_VARIANT_ADD(refused, cn_idx_too_large) { "cn_idx=4294967296", "cn_idx" };
FIXTURE_VARIANT_ADD(refused, cn_idx_empty) { "cn_idx=", "cn_idx" };
FIXTURE_VARIANT_ADD(refused, cn_val_a_word) { "cn_val=any", "cn_val" };
FIXTURE_VARIANT_ADD(refused, cn_val_negative) { "cn_val=-1", "cn_val" };
FIXTURE_VARIANT_ADD(refused, cn_val_too_large) { "cn_val=4294967296", "cn_val" };
FIXTURE_VARIANT_ADD(refused, notify_a_word) { "notify=maybe", "notify" };
FIXTURE_VARIANT_ADD(refused, notify_2) { "notify=2", "notify" };
FIXTURE_VARIANT_ADD(refused, max_a_word) { "notify_max=all", "notify_max" };
FIXTURE_VARIANT_ADD(refused, max_negative) { "notify_max=-1", "notify_max" };
FIXTURE_VARIANT_ADD(refused, max_too_large) { "notify_max=4294967296", "notify_max" };
FIXTURE_VARIANT_ADD(refused, max_per_socket_a_word) {
	"notify_max_per_socket=all", "notify_max_per_socket"
};
FIXTURE_VARIANT_ADD(refused, max_per_socket_negative) {
	"notify_max_per_socket=-1", "notify_max_per_socket"
};

FIXTURE_SETUP(refused)
{
	SKIP_ON_C();
	CN_NEEDS_NO_CONNECTOR();
	self->klog = klog_mark();
	ASSERT_LE(0, self->klog);
}

FIXTURE_TEARDOWN(refused)
{
	close(self->klog);
	unload_all(_metadata);
}

TEST_F(refused, value_is_named_in_the_log)
{
	expect_refused(_metadata, self->klog, variant->params, variant->name);
}

/* -- Values that are taken ------------------------------------------------ */

FIXTURE(channel)
{
	int fd;
	int listener;
};

FIXTURE_SETUP(channel)
{
	SKIP_ON_C();
	CN_NEEDS_NO_CONNECTOR();
	self->fd = self->listener = -1;
}

FIXTURE_TEARDOWN(channel)
{
	close(self->fd);
	close(self->listener);
	unload_all(_metadata);
}

static bool load(FIXTURE_DATA(channel) *self, const char *params)
{
	if (module_load_with_client(params))
		return false;
	self->fd = cn_open_in_group(0);
	self->listener = cn_open_in_group(EVENTS);
	return self->fd >= 0 && self->listener >= 0;
}

#define EXPECT_PROC_FILE(expected) do { \
	char *text_ = read_file("/proc/net/connector"); \
	ASSERT_NE(NULL, text_); \
	EXPECT_STREQ(provider_is_guest() ? "Name            ID\ncn_proc         1:1\n" expected : \
					   "Name            ID\n" expected, text_); \
	free(text_); \
} while (0)

TEST_F(channel, is_there_by_default)
{
	ASSERT_TRUE(load(self, ""));
	EXPECT_PROC_FILE("connector       4294967295:4294967295\n");
	EXPECT_EQ(0, ask_at(self->fd, CN_IDX_NOTIFY, CN_VAL_NOTIFY, EVENTS));
}

TEST_F(channel, can_be_moved)
{
	ASSERT_TRUE(load(self, "cn_idx=7 cn_val=8"));
	EXPECT_PROC_FILE("connector       7:8\n");
	EXPECT_TRUE(cn_id_is_unknown(self->fd, &got, CN_IDX_NOTIFY, CN_VAL_NOTIFY));
	ASSERT_EQ(0, ask_at(self->fd, 7, 8, EVENTS));
	ASSERT_EQ(0, client("add %u:1 name count", IDX));
	EXPECT_TRUE(event_arrives(self->listener, EVENTS, IDX, 1, REGISTERED));
	/* The slot of the removed request is free. */
	EXPECT_EQ(-EINVAL, client("add 7:8 name count"));
	EXPECT_EQ(0, client("add 4294967295:4294967295 name count"));
}

TEST_F(channel, can_be_moved_by_one_number)
{
	ASSERT_TRUE(load(self, "cn_val=0"));
	EXPECT_PROC_FILE("connector       4294967295:0\n");
	EXPECT_EQ(0, ask_at(self->fd, CN_IDX_NOTIFY, 0, EVENTS));
}

TEST_F(channel, can_be_moved_to_the_lowest_id)
{
	ASSERT_TRUE(load(self, "cn_idx=0 cn_val=0"));
	EXPECT_PROC_FILE("connector       0:0\n");
	EXPECT_EQ(0, ask_at(self->fd, 0, 0, EVENTS));
}

TEST_F(channel, largest_number_is_the_default)
{
	ASSERT_TRUE(load(self, "cn_idx=0xffffffff cn_val=4294967295"));
	EXPECT_EQ(0, ask_at(self->fd, CN_IDX_NOTIFY, CN_VAL_NOTIFY, EVENTS));
}

TEST_F(channel, can_be_switched_off)
{
	ASSERT_TRUE(load(self, "notify=0"));
	EXPECT_PROC_FILE("");
	EXPECT_TRUE(cn_id_is_unknown(self->fd, &got, CN_IDX_NOTIFY, CN_VAL_NOTIFY));
	/* The id is like any other then, and the connector works. */
	EXPECT_EQ(0, client("add 4294967295:4294967295 name count"));
	EXPECT_EQ(0, ask_at(self->fd, CN_IDX_NOTIFY, CN_VAL_NOTIFY, EVENTS));
	EXPECT_EQ(1, callback_value(0xffffffff, 0xffffffff, "calls"));
	EXPECT_TRUE(cn_is_silent(self->listener));
}

TEST_F(channel, can_be_switched_on)
{
	ASSERT_TRUE(load(self, "notify=1"));
	EXPECT_EQ(0, ask_at(self->fd, CN_IDX_NOTIFY, CN_VAL_NOTIFY, EVENTS));
}

TEST_F(channel, limit_per_socket)
{
	int i, second;

	ASSERT_TRUE(load(self, "notify_max_per_socket=3"));
	second = cn_open_in_group(0);
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, notify_one(self->fd, EVENTS, IDX, i));
	EXPECT_EQ(-ENOSPC, notify_one(self->fd, EVENTS, IDX, 3));
	EXPECT_EQ(0, notify_one(second, EVENTS, IDX, 3));
	close(second);
}

TEST_F(channel, limit_in_all)
{
	int i, second;

	ASSERT_TRUE(load(self, "notify_max=3"));
	second = cn_open_in_group(0);
	ASSERT_EQ(0, notify_one(second, EVENTS, IDX, 10));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, notify_one(self->fd, EVENTS, IDX, i));
	EXPECT_EQ(-ENOSPC, notify_one(self->fd, EVENTS, IDX, 3));
	EXPECT_EQ(-ENOSPC, notify_one(second, EVENTS, IDX, 3));
	close(second);
	EXPECT_EQ(0, notify_one(self->fd, EVENTS, IDX, 3));
	EXPECT_EQ(-ENOSPC, notify_one(self->fd, EVENTS, IDX, 4));
}

TEST_F(channel, larger_limits)
{
	const unsigned int most = cn_repeat(1500);
	char params[64];
	unsigned int i;

	snprintf(params, sizeof(params), "notify_max=2500 notify_max_per_socket=%u", most);
	ASSERT_TRUE(load(self, params));
	for (i = 0; i < most; i++)
		ASSERT_EQ(0, notify_one(self->fd, EVENTS, IDX, i));
	EXPECT_EQ(-ENOSPC, notify_one(self->fd, EVENTS, IDX, most));
}

TEST_F(channel, groups_above_32)
{
	int high;

	SKIP_ON_GUEST();
	ASSERT_TRUE(load(self, "groups=100"));
	high = cn_open_in_group(100);
	ASSERT_LE(0, high);
	ASSERT_EQ(0, notify_one(self->fd, 100, IDX, 1));
	ASSERT_EQ(0, client("add %u:1 name count", IDX));
	EXPECT_TRUE(event_arrives(high, 100, IDX, 1, REGISTERED));
	/* The bits of a machine word exist; behind them nothing does. */
	EXPECT_EQ(-EINVAL, notify_one(self->fd, 129, IDX, 1));
	close(high);
}

/* -- Modules that go ------------------------------------------------------ */

TEST_F(channel, reports_ids_of_an_unloaded_module)
{
	ASSERT_TRUE(load(self, ""));
	ASSERT_EQ(0, notify_one(self->fd, EVENTS, IDX, 1));
	ASSERT_EQ(0, client("add %u:1 name count", IDX));
	client_close();
	ASSERT_EQ(0, module_unload("cn_client"));
	EXPECT_TRUE(event_arrives(self->listener, EVENTS, IDX, 1, REGISTERED));
	EXPECT_TRUE(event_arrives(self->listener, EVENTS, IDX, 1, UNREGISTERED));
	EXPECT_TRUE(cn_is_silent(self->listener));
}

TEST_F(channel, reports_ids_that_a_module_forgot)
{
	ASSERT_TRUE(load(self, ""));
	ASSERT_EQ(0, notify_ask(self->fd, EVENTS, RANGES({ IDX, 1 }), RANGES({ 1, 2 })));
	ASSERT_EQ(0, client("add %u:1 name count", IDX));
	ASSERT_EQ(0, client("add %u:2 name count", IDX));
	ASSERT_EQ(0, client("forget"));
	client_close();
	ASSERT_EQ(0, module_unload("cn_client"));
	EXPECT_TRUE(event_arrives(self->listener, EVENTS, IDX, 1, REGISTERED));
	EXPECT_TRUE(event_arrives(self->listener, EVENTS, IDX, 2, REGISTERED));
	EXPECT_TRUE(event_arrives(self->listener, EVENTS, IDX, 1, UNREGISTERED));
	EXPECT_TRUE(event_arrives(self->listener, EVENTS, IDX, 2, UNREGISTERED));
	EXPECT_TRUE(cn_is_silent(self->listener));
}

/* The kernel's own sample, which knows nothing of all this. */
TEST_F(channel, reports_the_clients_of_the_kernel)
{
	ASSERT_TRUE(load(self, ""));
	ASSERT_EQ(0, notify_ask(self->fd, EVENTS, RANGES({ 14, 1 }), RANGES({ 0x456, 1 })));
	ASSERT_EQ(0, module_load("cn_test", ""));
	EXPECT_TRUE(event_arrives(self->listener, EVENTS, 14, 0x456, REGISTERED));
	EXPECT_EQ(0, module_unload("cn_test"));
	EXPECT_TRUE(event_arrives(self->listener, EVENTS, 14, 0x456, UNREGISTERED));
}

/* An open socket holds the module, unless that is a guest; requests do not hold it longer. */
/* Sockets hold the connector, but not a guest. */
TEST_F(channel, does_not_end_unnoticed)
{
	const char *name = "";

	ASSERT_TRUE(load(self, ""));
	ASSERT_EQ(0, ask_at(self->fd, CN_IDX_NOTIFY, CN_VAL_NOTIFY, EVENTS));
	if (!provider_is_guest()) {
		EXPECT_EQ(-EWOULDBLOCK, module_unload("cn"));
		return;
	}
	ASSERT_EQ(0, connector_unload(&name)) TH_LOG("module %s", name);
	EXPECT_EQ(-ENOBUFS, cn_receive(self->listener, &got));
	ASSERT_TRUE(load(self, ""));
	EXPECT_EQ(0, ask_at(self->fd, CN_IDX_NOTIFY, CN_VAL_NOTIFY, EVENTS));
}

TEST_F(channel, requests_do_not_hold_the_module)
{
	int i;

	ASSERT_TRUE(load(self, ""));
	for (i = 0; i < MAX_PER_SOCKET; i++)
		ASSERT_EQ(0, notify_one(self->fd, EVENTS, IDX, i));
	client_close();
	ASSERT_EQ(0, module_unload("cn_client"));
	close(self->listener);
	if (!provider_is_guest())
		EXPECT_EQ(-EWOULDBLOCK, module_unload("cn"));
	close(self->fd);
	self->fd = self->listener = -1;
	EXPECT_EQ(0, module_unload_soon("cn"));
}

/* A module that is loaded anew knows of no old request. */
TEST_F(channel, starts_anew)
{
	ASSERT_TRUE(load(self, ""));
	ASSERT_EQ(0, notify_one(self->fd, EVENTS, IDX, 1));
	close(self->fd);
	close(self->listener);
	unload_all(_metadata);
	ASSERT_TRUE(load(self, ""));
	EXPECT_EQ(-ENOENT, notify_one(self->fd, 0, IDX, 1));
	ASSERT_EQ(0, client("add %u:1 name count", IDX));
	EXPECT_TRUE(cn_is_silent(self->listener));
}
