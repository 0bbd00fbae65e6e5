// SPDX-License-Identifier: GPL-2.0
/*
 * The notification channel <-1,-1>: requesting, events of registered and unregistered ids, and
 * removing requests. Ranges, malformed requests, owners, rights, and snapshots have programs of
 * their own.
 */
#include "kselftest_harness.h"
#include "cn_client.h"
#include "cn_notify.h"

#define IDX 25
#define OTHER_GROUP 10

FIXTURE(notify)
{
	int owner;
	int listener;
};

FIXTURE_SETUP(notify)
{
	CN_NEEDS_CLIENT();
	self->owner = cn_open_in_group(0);
	ASSERT_LE(0, self->owner);
	self->listener = cn_open_in_group(EVENTS);
	ASSERT_LE(0, self->listener);
}

FIXTURE_TEARDOWN(notify)
{
	close(self->owner);
	close(self->listener);
	EXPECT_EQ(0, client("clear"));
}

static int come(uint32_t val)
{
	return client("add %u:%u name count", IDX, val);
}

static int go(uint32_t val)
{
	return client("del %u:%u", IDX, val);
}

TEST_F(notify, channel_is_a_callback_in_the_proc_file)
{
	const char *head = proc_file_without_clients();
	char *text = read_file("/proc/net/connector");

	ASSERT_NE(NULL, text);
	EXPECT_EQ(0, strncmp(head, text, strlen(head)));
	free(text);
}

TEST_F(notify, id_of_the_channel_is_taken)
{
	EXPECT_EQ(-EINVAL, client("add 4294967295:4294967295 taken count"));
}

TEST_F(notify, request_is_acknowledged)
{
	EXPECT_EQ(0, notify_one(self->owner, EVENTS, IDX, 1));
	EXPECT_TRUE(cn_is_silent(self->owner));
	EXPECT_TRUE(cn_is_silent(self->listener));
}

TEST_F(notify, request_without_ack_gets_no_answer_and_counts)
{
	ASSERT_LT(0, notify_send(self->owner, EVENTS, 0, 0, RANGES({ IDX, 1 }), RANGES({ 1, 1 })));
	ASSERT_EQ(0, come(1));
	EXPECT_TRUE(event_arrives(self->listener, EVENTS, IDX, 1, REGISTERED));
	EXPECT_TRUE(cn_is_silent(self->owner));
}

/* is_event() compares every byte. */
TEST_F(notify, events_of_an_id_that_is_registered_twice)
{
	ASSERT_EQ(0, notify_one(self->owner, EVENTS, IDX, 1));
	ASSERT_EQ(0, come(1));
	EXPECT_TRUE(event_arrives(self->listener, EVENTS, IDX, 1, REGISTERED));
	EXPECT_TRUE(cn_is_silent(self->listener));
	ASSERT_EQ(0, go(1));
	EXPECT_TRUE(event_arrives(self->listener, EVENTS, IDX, 1, UNREGISTERED));
	EXPECT_TRUE(cn_is_silent(self->listener));
	ASSERT_EQ(0, come(1));
	EXPECT_TRUE(event_arrives(self->listener, EVENTS, IDX, 1, REGISTERED));
}

TEST_F(notify, nothing_without_a_request)
{
	ASSERT_EQ(0, come(1));
	ASSERT_EQ(0, go(1));
	EXPECT_TRUE(cn_is_silent(self->listener));
}

TEST_F(notify, ids_that_were_there_before_are_no_event)
{
	ASSERT_EQ(0, come(1));
	ASSERT_EQ(0, notify_one(self->owner, EVENTS, IDX, 1));
	EXPECT_TRUE(cn_is_silent(self->listener));
	ASSERT_EQ(0, go(1));
	EXPECT_TRUE(event_arrives(self->listener, EVENTS, IDX, 1, UNREGISTERED));
}

TEST_F(notify, every_member_of_the_group_gets_the_event)
{
	int second = cn_open_in_group(EVENTS), stranger = cn_open_in_group(OTHER_GROUP);

	ASSERT_LE(0, second);
	ASSERT_LE(0, stranger);
	ASSERT_EQ(0, notify_one(self->owner, EVENTS, IDX, 1));
	ASSERT_EQ(0, come(1));
	EXPECT_TRUE(event_arrives(self->listener, EVENTS, IDX, 1, REGISTERED));
	EXPECT_TRUE(event_arrives(second, EVENTS, IDX, 1, REGISTERED));
	EXPECT_TRUE(cn_is_silent(stranger));
	EXPECT_TRUE(cn_is_silent(self->owner));
}

/* The group of the request, not the id's default one. */
TEST_F(notify, members_of_the_ids_own_group_get_nothing)
{
	int own = cn_open_in_group(IDX);

	ASSERT_LE(0, own);
	ASSERT_EQ(0, notify_one(self->owner, EVENTS, IDX, 1));
	ASSERT_EQ(0, come(1));
	EXPECT_TRUE(event_arrives(self->listener, EVENTS, IDX, 1, REGISTERED));
	EXPECT_TRUE(cn_is_silent(own));
}

TEST_F(notify, owner_may_be_in_the_group)
{
	ASSERT_EQ(0, notify_one(self->listener, EVENTS, IDX, 1));
	ASSERT_EQ(0, come(1));
	EXPECT_TRUE(event_arrives(self->listener, EVENTS, IDX, 1, REGISTERED));
}

TEST_F(notify, registering_does_not_mind_that_nobody_listens)
{
	ASSERT_EQ(0, notify_one(self->owner, OTHER_GROUP, IDX, 1));
	EXPECT_EQ(0, come(1));
	EXPECT_EQ(0, go(1));
	EXPECT_TRUE(cn_is_silent(self->listener));
}

TEST_F(notify, one_event_per_matching_request)
{
	ASSERT_EQ(0, notify_one(self->owner, EVENTS, IDX, 1));
	ASSERT_EQ(0, notify_ask(self->owner, EVENTS, RANGES({ IDX, 1 }), RANGES({ 0, 10 })));
	ASSERT_EQ(0, notify_ask(self->owner, EVENTS, RANGES({ IDX, 1 }), RANGES({ 5, 10 })));
	ASSERT_EQ(0, come(1));
	EXPECT_TRUE(event_arrives(self->listener, EVENTS, IDX, 1, REGISTERED));
	EXPECT_TRUE(event_arrives(self->listener, EVENTS, IDX, 1, REGISTERED));
	EXPECT_TRUE(cn_is_silent(self->listener));
}

TEST_F(notify, requests_for_two_groups)
{
	int other = cn_open_in_group(OTHER_GROUP);

	ASSERT_LE(0, other);
	ASSERT_EQ(0, notify_one(self->owner, EVENTS, IDX, 1));
	ASSERT_EQ(0, notify_one(self->owner, OTHER_GROUP, IDX, 1));
	ASSERT_EQ(0, come(1));
	EXPECT_TRUE(event_arrives(self->listener, EVENTS, IDX, 1, REGISTERED));
	EXPECT_TRUE(event_arrives(other, OTHER_GROUP, IDX, 1, REGISTERED));
	EXPECT_TRUE(cn_is_silent(self->listener));
	EXPECT_TRUE(cn_is_silent(other));
}

TEST_F(notify, equal_requests_of_one_socket_are_one)
{
	ASSERT_EQ(0, notify_one(self->owner, EVENTS, IDX, 1));
	EXPECT_EQ(0, notify_one(self->owner, EVENTS, IDX, 1));
	ASSERT_EQ(0, come(1));
	EXPECT_TRUE(event_arrives(self->listener, EVENTS, IDX, 1, REGISTERED));
	EXPECT_TRUE(cn_is_silent(self->listener));
	/* One removal is enough, and two are too many. */
	EXPECT_EQ(0, notify_one(self->owner, 0, IDX, 1));
	EXPECT_EQ(-ENOENT, notify_one(self->owner, 0, IDX, 1));
}

TEST_F(notify, equal_requests_of_two_sockets_are_two)
{
	int second = cn_open_in_group(0);

	ASSERT_LE(0, second);
	ASSERT_EQ(0, notify_one(self->owner, EVENTS, IDX, 1));
	ASSERT_EQ(0, notify_one(second, EVENTS, IDX, 1));
	ASSERT_EQ(0, come(1));
	EXPECT_TRUE(event_arrives(self->listener, EVENTS, IDX, 1, REGISTERED));
	EXPECT_TRUE(event_arrives(self->listener, EVENTS, IDX, 1, REGISTERED));
	EXPECT_TRUE(cn_is_silent(self->listener));
}

/* -- Unsubscribing ------------------------------------------------------- */

TEST_F(notify, group_0_removes_the_request)
{
	ASSERT_EQ(0, notify_one(self->owner, EVENTS, IDX, 1));
	EXPECT_EQ(0, notify_one(self->owner, 0, IDX, 1));
	ASSERT_EQ(0, come(1));
	ASSERT_EQ(0, go(1));
	EXPECT_TRUE(cn_is_silent(self->listener));
}

TEST_F(notify, group_0_removes_the_requests_of_all_groups)
{
	int other = cn_open_in_group(OTHER_GROUP);

	ASSERT_LE(0, other);
	ASSERT_EQ(0, notify_one(self->owner, EVENTS, IDX, 1));
	ASSERT_EQ(0, notify_one(self->owner, OTHER_GROUP, IDX, 1));
	EXPECT_EQ(0, notify_one(self->owner, 0, IDX, 1));
	ASSERT_EQ(0, come(1));
	EXPECT_TRUE(cn_is_silent(self->listener));
	EXPECT_TRUE(cn_is_silent(other));
}

TEST_F(notify, removal_of_what_is_not_there)
{
	EXPECT_EQ(-ENOENT, notify_one(self->owner, 0, IDX, 1));
}

/* Equal means equal, not containing the same ids. */
TEST_F(notify, only_equal_ranges_are_removed)
{
	ASSERT_EQ(0, notify_ask(self->owner, EVENTS, RANGES({ IDX, 2 }, { 30, 1 }),
				RANGES({ 1, 1 })));
	EXPECT_EQ(-ENOENT, notify_one(self->owner, 0, IDX, 1));
	EXPECT_EQ(-ENOENT, notify_ask(self->owner, 0, RANGES({ IDX, 2 }), RANGES({ 1, 1 })));
	EXPECT_EQ(-ENOENT, notify_ask(self->owner, 0, RANGES({ IDX, 2 }, { 30, 1 }),
				      RANGES({ 1, 2 })));
	/* The same three ranges, but one of them for the other number. */
	EXPECT_EQ(-ENOENT, notify_ask(self->owner, 0, RANGES({ IDX, 2 }),
				      RANGES({ 30, 1 }, { 1, 1 })));
	ASSERT_EQ(0, come(1));
	EXPECT_TRUE(event_arrives(self->listener, EVENTS, IDX, 1, REGISTERED));
	EXPECT_EQ(0, notify_ask(self->owner, 0, RANGES({ IDX, 2 }, { 30, 1 }),
				RANGES({ 1, 1 })));
	ASSERT_EQ(0, go(1));
	EXPECT_TRUE(cn_is_silent(self->listener));
}

TEST_F(notify, other_requests_stay)
{
	ASSERT_EQ(0, notify_one(self->owner, EVENTS, IDX, 1));
	ASSERT_EQ(0, notify_one(self->owner, EVENTS, IDX, 2));
	ASSERT_EQ(0, notify_one(self->owner, EVENTS, IDX, 3));
	ASSERT_EQ(0, notify_one(self->owner, 0, IDX, 2));
	ASSERT_EQ(0, come(1));
	ASSERT_EQ(0, come(2));
	ASSERT_EQ(0, come(3));
	EXPECT_TRUE(event_arrives(self->listener, EVENTS, IDX, 1, REGISTERED));
	EXPECT_TRUE(event_arrives(self->listener, EVENTS, IDX, 3, REGISTERED));
	EXPECT_TRUE(cn_is_silent(self->listener));
}

TEST_F(notify, nobody_else_removes_it)
{
	int second = cn_open_in_group(0);

	ASSERT_LE(0, second);
	ASSERT_EQ(0, notify_one(self->owner, EVENTS, IDX, 1));
	EXPECT_EQ(-ENOENT, notify_one(second, 0, IDX, 1));
	ASSERT_EQ(0, notify_one(second, EVENTS, IDX, 1));
	EXPECT_EQ(0, notify_one(second, 0, IDX, 1));
	ASSERT_EQ(0, come(1));
	EXPECT_TRUE(event_arrives(self->listener, EVENTS, IDX, 1, REGISTERED));
	EXPECT_TRUE(cn_is_silent(self->listener));
}

/* Two sockets can have the same port number one after the other. The socket counts. */
TEST_F(notify, next_socket_with_the_same_port_has_no_requests)
{
	int first = cn_open(), second = cn_open();

	ASSERT_EQ(0, cn_bind(first, 4711, 0));
	ASSERT_EQ(0, notify_one(first, EVENTS, IDX, 1));
	close(first);
	ASSERT_EQ(0, cn_bind(second, 4711, 0));
	EXPECT_EQ(-ENOENT, notify_one(second, 0, IDX, 1));
	ASSERT_EQ(0, come(1));
	EXPECT_TRUE(cn_is_silent(self->listener));
}

/* -- Nothing that did not happen ----------------------------------------- */

TEST_F(notify, failed_registration_is_no_event)
{
	ASSERT_EQ(0, come(1));
	ASSERT_EQ(0, notify_one(self->owner, EVENTS, IDX, 1));
	ASSERT_EQ(-EINVAL, come(1));
	EXPECT_TRUE(cn_is_silent(self->listener));
}

TEST_F(notify, unregistering_an_unknown_id_is_no_event)
{
	ASSERT_EQ(0, notify_one(self->owner, EVENTS, IDX, 1));
	ASSERT_EQ(0, go(1));
	EXPECT_TRUE(cn_is_silent(self->listener));
	ASSERT_EQ(0, come(1));
	ASSERT_EQ(0, go(1));
	EXPECT_TRUE(event_arrives(self->listener, EVENTS, IDX, 1, REGISTERED));
	EXPECT_TRUE(event_arrives(self->listener, EVENTS, IDX, 1, UNREGISTERED));
	ASSERT_EQ(0, go(1));
	EXPECT_TRUE(cn_is_silent(self->listener));
}

TEST_F(notify, requests_themselves_are_no_event)
{
	ASSERT_EQ(0, notify_ask(self->owner, EVENTS, ALL, ALL));
	ASSERT_EQ(0, notify_one(self->owner, EVENTS, CN_IDX_NOTIFY, CN_VAL_NOTIFY));
	ASSERT_EQ(0, notify_one(self->owner, 0, CN_IDX_NOTIFY, CN_VAL_NOTIFY));
	EXPECT_TRUE(cn_is_silent(self->listener));
}

/* -- From inside ---------------------------------------------------------- */

TEST_F(notify, callbacks_that_register_and_unregister)
{
	struct cn_packet p = { .id = { IDX, 1 } };

	ASSERT_EQ(0, notify_ask(self->owner, EVENTS, RANGES({ IDX, 1 }), RANGES({ 2, 2 })));
	ASSERT_EQ(0, client("add %u:1 adds add:%u:2", IDX, IDX));
	ASSERT_LT(0, cn_send(self->owner, &p));
	EXPECT_TRUE(event_arrives(self->listener, EVENTS, IDX, 2, REGISTERED));
	ASSERT_EQ(0, client("add %u:3 goes del-self", IDX));
	EXPECT_TRUE(event_arrives(self->listener, EVENTS, IDX, 3, REGISTERED));
	p.id.val = 3;
	ASSERT_LT(0, cn_send(self->owner, &p));
	EXPECT_TRUE(event_arrives(self->listener, EVENTS, IDX, 3, UNREGISTERED));
	EXPECT_TRUE(cn_is_silent(self->listener));
}

/* The event is sent when the id is unregistered, even while its callback still runs. */
TEST_F(notify, event_of_an_id_that_is_free_again)
{
	ASSERT_EQ(0, notify_one(self->owner, EVENTS, IDX, 1));
	ASSERT_EQ(0, come(1));
	ASSERT_EQ(0, go(1));
	EXPECT_TRUE(event_arrives(self->listener, EVENTS, IDX, 1, REGISTERED));
	EXPECT_TRUE(event_arrives(self->listener, EVENTS, IDX, 1, UNREGISTERED));
	EXPECT_EQ(-ENODEV, client("send id=%u:1", IDX));
}

/* -- Answers -------------------------------------------------------------- */

TEST_F(notify, several_requests_in_one_datagram)
{
	uint8_t payload[64], buf[256];
	struct cn_packet p = {
		.id = { CN_IDX_NOTIFY, CN_VAL_NOTIFY },
		.nl_flags = NLM_F_ACK,
		.data = payload,
	};
	size_t len;

	p.data_len = notify_build(payload, EVENTS, RANGES({ IDX, 1 }), RANGES({ 1, 1 }));
	len = NLMSG_ALIGN(cn_build(buf, &p));
	p.data_len = notify_build(payload, 0, RANGES({ IDX, 1 }), RANGES({ 1, 1 }));
	len += NLMSG_ALIGN(cn_build(buf + len, &p));
	p.data_len = notify_build(payload, EVENTS, RANGES({ IDX, 1 }), RANGES({ 2, 1 }));
	len += cn_build(buf + len, &p);
	ASSERT_EQ((int)len, cn_send_raw(self->owner, buf, len));
	EXPECT_EQ(0, notify_answer(self->owner));
	EXPECT_EQ(0, notify_answer(self->owner));
	EXPECT_EQ(0, notify_answer(self->owner));
	ASSERT_EQ(0, come(1));
	ASSERT_EQ(0, come(2));
	EXPECT_TRUE(event_arrives(self->listener, EVENTS, IDX, 2, REGISTERED));
	EXPECT_TRUE(cn_is_silent(self->listener));
}
