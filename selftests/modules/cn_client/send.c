// SPDX-License-Identifier: GPL-2.0
/*
 * Commands that send, from the contexts that kernel clients send from.
 */
#include <linux/completion.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/netlink.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/timer.h>
#include <linux/workqueue.h>
#include <net/sock.h>

#include "client.h"

enum client_context {
	CONTEXT_PROCESS,
	CONTEXT_TIMER,
	CONTEXT_WORK,
	CONTEXT_RCU,
	CONTEXT_BH,
	CONTEXT_PREEMPT,
	CONTEXT_SPINLOCK,
};

enum client_filter {
	FILTER_NONE,
	FILTER_ACCEPT,
	FILTER_DENY,
	FILTER_MARK,
};

struct client_send {
	struct cn_msg *msg;
	bool mult;
	u16 len;
	u32 portid;
	u32 group;
	gfp_t gfp;
	enum client_context context;
	enum client_filter filter;
	u32 mark;
	u32 repeat;

	int result;
	int error;
	u32 sent;
	u32 failed;
	u32 filter_calls;
	bool filter_data_ok;
	u64 longest;

	struct timer_list timer;
	struct work_struct work;
	struct completion done;
};

static int client_filter(struct sock *dsk, struct sk_buff *skb, void *data)
{
	struct client_send *send = data;

	send->filter_calls++;
	/* A foreign pointer here would have crashed; a shared skb may not. */
	send->filter_data_ok = send->filter != FILTER_NONE && skb->len >= NLMSG_HDRLEN;
	switch (send->filter) {
	case FILTER_DENY:
		return 1;
	case FILTER_MARK:
		return READ_ONCE(dsk->sk_mark) == send->mark;
	default:
		return 0;
	}
}

static void client_send_now(struct client_send *send)
{
	netlink_filter_fn filter = send->filter == FILTER_NONE ? NULL : client_filter;
	u64 start, end;
	u32 i;
	int ret;

	start = ktime_get_ns();
	for (i = 0; i < send->repeat; i++) {
		if (send->mult)
			ret = cn_netlink_send_mult(send->msg, send->len, send->portid,
						   send->group, send->gfp, filter, send);
		else
			ret = cn_netlink_send(send->msg, send->portid, send->group,
					      send->gfp);
		end = ktime_get_ns();
		send->longest = max(send->longest, end - start);
		start = end;
		if (ret < 0) {
			send->failed++;
			send->error = ret;
		} else {
			send->sent++;
		}
		send->result = ret;
		send->msg->seq++;
	}
}

static void client_send_timer(struct timer_list *timer)
{
	struct client_send *send = container_of(timer, struct client_send, timer);

	client_send_now(send);
	complete(&send->done);
}

static void client_send_work(struct work_struct *work)
{
	struct client_send *send = container_of(work, struct client_send, work);

	client_send_now(send);
	complete(&send->done);
}

static void client_send_in_context(struct client_send *send)
{
	static DEFINE_SPINLOCK(lock);

	switch (send->context) {
	case CONTEXT_PROCESS:
		client_send_now(send);
		break;
	case CONTEXT_TIMER:
		timer_setup(&send->timer, client_send_timer, 0);
		mod_timer(&send->timer, jiffies + 1);
		wait_for_completion(&send->done);
		timer_delete_sync(&send->timer);
		break;
	case CONTEXT_WORK:
		INIT_WORK(&send->work, client_send_work);
		schedule_work(&send->work);
		wait_for_completion(&send->done);
		flush_work(&send->work);
		break;
	case CONTEXT_RCU:
		rcu_read_lock();
		client_send_now(send);
		rcu_read_unlock();
		break;
	case CONTEXT_BH:
		local_bh_disable();
		client_send_now(send);
		local_bh_enable();
		break;
	case CONTEXT_PREEMPT:
		preempt_disable();
		client_send_now(send);
		preempt_enable();
		break;
	case CONTEXT_SPINLOCK:
		spin_lock(&lock);
		client_send_now(send);
		spin_unlock(&lock);
		break;
	}
}

struct client_send_args {
	struct cb_id id;
	u32 seq, ack, flags;
	u32 msg_len;	/* cn_msg.len */
	u32 len;	/* bytes after the first cn_msg; send_mult only */
	u32 bundle;	/* number of messages of msg_len bytes */
};

static int client_parse_send(char *args, struct client_send *send,
			     struct client_send_args *a)
{
	static const char * const contexts[] = {
		"process", "timer", "work", "rcu", "bh", "preempt", "spinlock",
	};
	static const char * const filters[] = { "none", "accept", "deny" };
	static const char * const gfps[] = { "kernel", "atomic", "nowait" };
	static const gfp_t gfp_values[] = { GFP_KERNEL, GFP_ATOMIC, GFP_NOWAIT };
	const struct {
		const char *key;
		u32 *value;
	} numbers[] = {
		{ "seq", &a->seq },	{ "ack", &a->ack },
		{ "flags", &a->flags },	{ "msg_len", &a->msg_len },
		{ "len", &a->len },	{ "bundle", &a->bundle },
		{ "portid", &send->portid }, { "group", &send->group },
		{ "mark", &send->mark },     { "repeat", &send->repeat },
	};
	char *key, *value;
	int i, word;

	while ((key = strsep(&args, " "))) {
		if (!*key)
			continue;
		value = strchr(key, '=');
		if (!value)
			return -EBADMSG;
		*value++ = '\0';

		for (i = 0; i < ARRAY_SIZE(numbers); i++)
			if (!strcmp(key, numbers[i].key))
				break;
		if (i < ARRAY_SIZE(numbers)) {
			if (kstrtou32(value, 0, numbers[i].value))
				return -EBADMSG;
		} else if (!strcmp(key, "id")) {
			if (client_parse_id(value, &a->id))
				return -EBADMSG;
		} else if (!strcmp(key, "context")) {
			word = client_parse_word(value, contexts, ARRAY_SIZE(contexts));
			if (word < 0)
				return word;
			/* The kernel's allocator sleeps there, for all flags. */
			if (word == CONTEXT_PREEMPT && IS_ENABLED(CONFIG_PREEMPT_RT))
				return -EOPNOTSUPP;
			send->context = word;
		} else if (!strcmp(key, "gfp")) {
			word = client_parse_word(value, gfps, ARRAY_SIZE(gfps));
			if (word < 0)
				return word;
			send->gfp = gfp_values[word];
		} else if (!strcmp(key, "filter")) {
			if (strstarts(value, "mark:")) {
				send->filter = FILTER_MARK;
				if (kstrtou32(value + 5, 0, &send->mark))
					return -EBADMSG;
				continue;
			}
			word = client_parse_word(value, filters, ARRAY_SIZE(filters));
			if (word < 0)
				return word;
			send->filter = word;
		} else {
			return -EBADMSG;
		}
	}
	return 0;
}

static void client_fill_msg(struct cn_msg *msg, const struct client_send_args *a,
			    u32 seq)
{
	u32 i;

	msg->id = a->id;
	msg->seq = seq;
	msg->ack = a->ack;
	msg->len = a->msg_len;
	msg->flags = a->flags;
	/* A pattern that differs from message to message and byte to byte. */
	for (i = 0; i < a->msg_len; i++)
		msg->data[i] = seq + i;
}

int client_send(char *args, bool mult, struct client_file *cf)
{
	struct client_send_args a = { .len = U32_MAX, .bundle = 1 };
	struct client_send *send;
	size_t size;
	int ret = -ENOMEM;
	u32 i;

	send = kzalloc(sizeof(*send), GFP_KERNEL);
	if (!send)
		return -ENOMEM;
	init_completion(&send->done);
	send->repeat = 1;
	send->gfp = GFP_KERNEL;
	send->mult = mult;
	ret = client_parse_send(args, send, &a);
	if (ret)
		goto free;
	ret = -EBADMSG;
	if (a.msg_len > U16_MAX || !a.bundle)
		goto free;
	if (a.len == U32_MAX)
		a.len = a.bundle * (sizeof(struct cn_msg) + a.msg_len) -
			sizeof(struct cn_msg);
	if (a.len > U16_MAX || send->repeat > 1000000)
		goto free;
	send->len = a.len;

	/* The connector copies len bytes after the first header: own them all. */
	size = max_t(size_t, sizeof(struct cn_msg) + a.len,
		     a.bundle * (sizeof(struct cn_msg) + a.msg_len));
	ret = -ENOMEM;
	send->msg = kvzalloc(size, GFP_KERNEL);
	if (!send->msg)
		goto free;
	for (i = 0; i < a.bundle; i++)
		client_fill_msg((void *)send->msg +
				i * (sizeof(struct cn_msg) + a.msg_len), &a, a.seq + i);

	cf->nsec = ktime_get_ns();
	client_send_in_context(send);
	cf->nsec = ktime_get_ns() - cf->nsec;
	ret = send->result;
	cf->sent = send->sent;
	cf->failed = send->failed;
	cf->error = send->error;
	cf->longest = send->longest;
	cf->filter_calls = send->filter_calls;
	cf->filter_data_ok = send->filter_data_ok;
	kvfree(send->msg);
free:
	kfree(send);
	return ret;
}
