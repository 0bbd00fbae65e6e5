// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/net/connector_stats: received, sent, and lost messages, the latter by reason.
 */
#include <sys/stat.h>

#include "kselftest_harness.h"
#include "cn_client.h"
#include "cn_privilege.h"

#define IDX 25
#define STATS "/proc/net/connector_stats"

/* All counters, in the order of the file. */
static const char * const names[] = {
	"received", "delivered", "answered",
	"drop_short", "drop_length", "drop_payload", "drop_too_long",
	"drop_message_length", "drop_unknown_id", "drop_refused",
	"drop_no_memory",
	"sent", "send_unknown_id", "send_no_listener", "send_no_memory",
	"send_undelivered", "notified", "notify_lost",
};

#define NAMES (sizeof(names) / sizeof(names[0]))

FIXTURE(stats)
{
	int fd;
	int member;
	long long before[NAMES];
};

FIXTURE_SETUP(stats)
{
	size_t i;

	SKIP_ON_C();
	CN_NEEDS_CLIENT();
	ASSERT_EQ(0, client("add %u:1 stats count", IDX));
	self->fd = cn_open_in_group(0);
	ASSERT_LE(0, self->fd);
	self->member = cn_open_in_group(IDX);
	ASSERT_LE(0, self->member);
	for (i = 0; i < NAMES; i++) {
		self->before[i] = read_counter(STATS, names[i]);
		ASSERT_LE(0, self->before[i]);
	}
}

FIXTURE_TEARDOWN(stats)
{
	close(self->fd);
	close(self->member);
	EXPECT_EQ(0, client("clear"));
}

/* Compares the change of every counter with "name=change ..." */
static bool changed_by(FIXTURE_DATA(stats) *self, const char *expected)
{
	bool same = true;
	size_t i;

	for (i = 0; i < NAMES; i++) {
		long long change = read_counter(STATS, names[i]) - self->before[i];
		long long wanted = 0;
		const char *at;
		char word[64];

		snprintf(word, sizeof(word), " %s=", names[i]);
		at = strstr(expected, word);
		if (at)
			wanted = strtoll(at + strlen(word), NULL, 10);
		if (change != wanted) {
			ksft_print_msg("%s: %lld instead of %lld\n", names[i], change, wanted);
			same = false;
		}
	}
	return same;
}

/*
 * Sends a packet that is an error, and compares. See cn_begin() for the message before it, which is
 * received and delivered.
 */
static bool is_counted(FIXTURE_DATA(stats) *self, const struct cn_packet *p, const char *drop)
{
	static uint8_t buf[CN_BUFFER];
	size_t len = cn_begin(buf, IDX, 1);
	char expected[128];

	snprintf(expected, sizeof(expected), " received=%d delivered=%d%s", len ? 2 : 1, len ? 1 : 0,
		 drop);
	len += cn_build(buf + len, p);
	return cn_send_raw(self->fd, buf, len) == (int)len && changed_by(self, expected);
}

TEST_F(stats, file_is_readable_by_all)
{
	struct stat st;

	ASSERT_EQ(0, stat(STATS, &st));
	EXPECT_EQ(S_IFREG | 0444, st.st_mode);
	become_user();
	EXPECT_LE(0, read_counter(STATS, "received"));
}

TEST_F(stats, file_is_names_and_numbers)
{
	char *text = read_file(STATS), name[64];
	const char *line = text;
	unsigned long long value;
	size_t i;
	int len;

	ASSERT_NE(NULL, text);
	for (i = 0; i < NAMES; i++) {
		ASSERT_EQ(2, sscanf(line, "%63s %llu%n", name, &value, &len));
		EXPECT_STREQ(names[i], name);
		ASSERT_EQ('\n', line[len]);
		line += len + 1;
	}
	/* Then a line for each callback. */
	EXPECT_EQ(0, strncmp(line, "id ", 3));
	free(text);
}

TEST_F(stats, each_callback_has_a_line)
{
	struct cn_packet p = { .id = { IDX, 1 } };
	const char *line;
	char *text;

	ASSERT_LT(0, cn_send(self->fd, &p));
	text = read_file(STATS);
	ASSERT_NE(NULL, text);
	EXPECT_NE(NULL, find_line(text, "id 25:1 delivered 1 failed 0 refused 0 "
				  "capability -1 group closed name stats\n"));
	/* Other tests have sent requests to the channel. */
	line = find_line(text, "id 4294967295:4294967295 delivered ");
	ASSERT_NE(NULL, line);
	line = strstr(line, " refused ");
	ASSERT_NE(NULL, line);
	line += strcspn(line + 1, " ") + 1;
	line += strcspn(line + 1, " ") + 1;
	EXPECT_EQ(line, find_line(line, " capability 12 group closed name connector "
				  "description notification of registered and unregistered ids\n"));
	free(text);
}

TEST_F(stats, delivered_outlives_the_callback)
{
	struct cn_packet p = { .id = { IDX, 1 } };

	ASSERT_LT(0, cn_send(self->fd, &p));
	ASSERT_EQ(0, client("del %u:1", IDX));
	EXPECT_TRUE(changed_by(self, " received=1 delivered=1"));
}

TEST_F(stats, delivered)
{
	struct cn_packet p = { .id = { IDX, 1 } };

	for (p.seq = 0; p.seq < 5; p.seq++)
		ASSERT_LT(0, cn_send(self->fd, &p));
	EXPECT_TRUE(changed_by(self, " received=5 delivered=5"));
}

TEST_F(stats, answered)
{
	struct cn_packet p = { .id = { IDX, 1 }, .nl_flags = NLM_F_ACK };
	uint8_t buf[128];
	size_t len = NLMSG_ALIGN(cn_build(buf, &p));

	p.id.val = 2;
	len += cn_build(buf + len, &p);
	ASSERT_EQ((int)len, cn_send_raw(self->fd, buf, len));
	EXPECT_TRUE(changed_by(self, " received=2 delivered=1 answered=2 drop_unknown_id=1"));
}

TEST_F(stats, drop_short)
{
	ASSERT_EQ(1, cn_send_raw(self->fd, "x", 1));
	ASSERT_EQ(15, cn_send_raw(self->fd, "0123456789abcde", 15));
	EXPECT_TRUE(changed_by(self, " received=2 drop_short=2"));
}

TEST_F(stats, drop_length)
{
	struct cn_packet p = { .id = { IDX, 1 }, .nl_len = 15 };
	uint8_t buf[128];
	size_t begin = cn_begin(buf, IDX, 1);
	size_t len = begin + cn_build(buf + begin, &p);

	ASSERT_EQ((int)len, cn_send_raw(self->fd, buf, len));
	p.nl_len = 1000;
	cn_build(buf + begin, &p);
	ASSERT_EQ((int)len, cn_send_raw(self->fd, buf, len));
	EXPECT_TRUE(changed_by(self, begin ? " received=4 delivered=2 drop_length=2" :
					     " received=2 drop_length=2"));
}

TEST_F(stats, drop_payload)
{
	struct cn_packet p = { .id = { IDX, 1 }, .nl_len = CN_HEADERS - 1 };

	EXPECT_TRUE(is_counted(self, &p, " drop_payload=1"));
}

TEST_F(stats, drop_too_long)
{
	struct cn_packet p = { .id = { IDX, 1 }, .data_len = 16365 };

	EXPECT_TRUE(is_counted(self, &p, " drop_too_long=1"));
}

TEST_F(stats, drop_message_length)
{
	struct cn_packet p = { .id = { IDX, 1 }, .use_msg_len = true, .msg_len = 1 };

	EXPECT_TRUE(is_counted(self, &p, " drop_message_length=1"));
}

TEST_F(stats, drop_unknown_id)
{
	struct cn_packet p = { .id = { IDX, 2 } };

	EXPECT_TRUE(is_counted(self, &p, " drop_unknown_id=1"));
}

/* -- Allocations that fail, one after the other, where the kernel can let them -------------- */

#define FAULTS "/sys/kernel/debug/fail"

/* The n-th allocation of this thread fails. The kernel tells nobody. */
static void arm(int fault, int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", n);

	must(pwrite(fault, text, len, 0) == len, "fail-nth");
}

/* Ends it. True if an allocation failed in between. */
static bool disarm(int fault)
{
	char text[16] = {};
	bool failed = pread(fault, text, sizeof(text) - 1, 0) > 0 && !atoi(text);

	arm(fault, 0);
	return failed;
}

/* A guest allocates memory for the first message of a socket. What is sent is delivered or counted. */
TEST_F(stats, drop_no_memory)
{
	struct cn_packet p = { .id = { IDX, 1 } };
	long long delivered = read_counter(STATS, "delivered");
	long long dropped = read_counter(STATS, "drop_no_memory");
	int fault = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	uint8_t buf[128];
	size_t len = cn_build(buf, &p);
	bool failed = true;
	int n, fd, sent = 0;

	if (fault < 0 || access(FAULTS "slab/ignore-gfp-wait", W_OK))
		SKIP(return, "not on this machine: a kernel with fault injection");
	write_to(FAULTS "slab/verbose", "0");
	write_to(FAULTS "_page_alloc/verbose", "0");
	write_to(FAULTS "_usercopy/verbose", "0");
	write_to(FAULTS "slab/ignore-gfp-wait", "N");
	for (n = 1; failed; n++) {
		fd = cn_open();
		arm(fault, n);
		sent += cn_send_raw(fd, buf, len) > 0;
		failed = disarm(fault);
		close(fd);
	}
	write_to(FAULTS "slab/ignore-gfp-wait", "Y");
	close(fault);
	delivered = read_counter(STATS, "delivered") - delivered;
	dropped = read_counter(STATS, "drop_no_memory") - dropped;
	TH_LOG("%d faults, %lld messages delivered, %lld dropped", n - 2, delivered, dropped);
	EXPECT_LT(2, n);
	EXPECT_EQ(sent, delivered + dropped);
	EXPECT_EQ(provider_is_guest(), dropped > 0);
}

/* Every message of a datagram counts, and padding does not. */
TEST_F(stats, datagram_of_several_messages)
{
	const struct cn_packet packets[] = {
		{ .id = { IDX, 1 } },
		{ .id = { IDX, 2 } },
		{ .id = { IDX, 1 }, .use_msg_len = true, .msg_len = 1 },
		{ .id = { IDX, 1 }, .data_len = 1 },
	};
	uint8_t buf[512] = {};
	size_t i, len = 0;

	for (i = 0; i < 4; i++)
		len += NLMSG_ALIGN(cn_build(buf + len, &packets[i]));
	len += 40;
	ASSERT_EQ((int)len, cn_send_raw(self->fd, buf, len));
	EXPECT_TRUE(changed_by(self,
			       " received=4 delivered=2 drop_unknown_id=1 drop_message_length=1"));
}

TEST_F(stats, sent)
{
	ASSERT_EQ(0, client("send id=%u:1 repeat=3", IDX));
	ASSERT_EQ(0, client("send id=%u:1 group=%u", IDX, IDX));
	ASSERT_EQ(0, client("send id=%u:1 portid=%u", IDX, cn_port(self->fd)));
	EXPECT_TRUE(changed_by(self, " sent=5"));
}

TEST_F(stats, send_unknown_id)
{
	ASSERT_EQ(-ENODEV, client("send id=%u:2", IDX));
	EXPECT_TRUE(changed_by(self, " send_unknown_id=1"));
}

TEST_F(stats, send_no_listener)
{
	ASSERT_EQ(-ESRCH, client("send id=%u:1 group=%u", IDX, IDX + 1));
	EXPECT_TRUE(changed_by(self, " send_no_listener=1"));
}

TEST_F(stats, send_undelivered)
{
	ASSERT_EQ(-ECONNREFUSED, client("send id=%u:1 portid=987654321", IDX));
	ASSERT_EQ(-ESRCH, client("send_mult id=%u:1 group=%u filter=deny", IDX, IDX));
	EXPECT_TRUE(changed_by(self, " send_undelivered=2"));
}

/* Every message from the kernel is in exactly one of the sums. */
TEST_F(stats, full_buffers_add_up)
{
	long long sent, undelivered;
	int small = 1;

	ASSERT_EQ(0, setsockopt(self->member, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)));
	sent = read_counter(STATS, "sent");
	undelivered = read_counter(STATS, "send_undelivered");
	client("send id=%u:1 repeat=1000", IDX);
	sent = read_counter(STATS, "sent") - sent;
	undelivered = read_counter(STATS, "send_undelivered") - undelivered;
	EXPECT_EQ(1000, sent + undelivered);
	EXPECT_EQ(client_value("sent"), sent);
}
