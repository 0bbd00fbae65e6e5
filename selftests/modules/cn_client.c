// SPDX-License-Identifier: GPL-2.0
/*
 * A C client of the connector that does what a test tells it to do.
 *
 * It uses the four exports of <linux/connector.h> and nothing else of the
 * connector, so the same object loads on the C connector and on ours.
 *
 * One write(2) to /proc/cn_client is one command:
 *
 *   add IDX:VAL NAME KIND        register a callback
 *   add_null IDX:VAL             register a null pointer, and unregister it
 *   del IDX:VAL                  unregister it, or an id nobody registered
 *   add_many IDX:FIRST COUNT     register counting callbacks FIRST...
 *   del_many IDX:FIRST COUNT     unregister them
 *   release IDX:VAL              let a held callback go on
 *   wait_calls IDX:VAL N         until it was entered N times
 *   wait_running IDX:VAL N       until N of its calls have not ended
 *   send KEY=VALUE...            cn_netlink_send()
 *   send_mult KEY=VALUE...       cn_netlink_send_mult()
 *   storm IDX:VAL MSEC           add and delete one id as fast as possible
 *   churn IDX:VAL ROUNDS         the same so many times, also from several files
 *   clear                        unregister everything, forget all counters
 *   forget                       leave the callbacks registered at exit
 *
 * KIND is one of count, echo, sleep:MSEC, del-self, del:IDX:VAL, add:IDX:VAL,
 * send:GROUP, userdata; "hold+KIND" waits for the release command first.
 *
 * write(2) fails with the error of the call, and every wait has an end. What
 * a call returned exactly and what the callbacks saw is read from the file.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/connector.h>
#include <linux/ctype.h>
#include <linux/delay.h>
#include <linux/hashtable.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/netlink.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/timer.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#define CLIENT_NAME_MAX		256
#define CLIENT_KEPT_BYTES	64
/* Longer than any test needs under full emulation, shorter than the guest's. */
#ifndef CN_SLOWNESS
#define CN_SLOWNESS		1
#endif
#define CLIENT_WAIT		(20 * HZ * CN_SLOWNESS)
/* FNV-1a, which the test programs compute as well. */
#define CLIENT_HASH_START	0x811c9dc5u
#define CLIENT_HASH_PRIME	0x01000193u

enum client_kind {
	KIND_COUNT,
	KIND_ECHO,
	KIND_SLEEP,
	KIND_DEL_SELF,
	KIND_DEL,
	KIND_ADD,
	KIND_SEND,
	KIND_USERDATA,
};

/*
 * One callback. C callbacks have no cookie, so a callback finds its entry by
 * the id in the message. Entries outlive their registration (until "clear"):
 * that is how a call after the end of cn_del_callback() is seen.
 */
struct client_entry {
	struct hlist_node node;
	struct list_head order;
	struct cb_id id;
	enum client_kind kind;
	bool hold;
	bool released;
	bool bulk;
	bool registered;
	/* Set once cn_del_callback() returned outside of any callback. */
	bool dead;
	struct cb_id other;
	u32 arg;

	atomic_t calls;
	atomic_t running;
	/* Calls that began or ended after cn_del_callback() had returned. */
	atomic_t late;
	/* What the call made inside of the callback returned. */
	int inner;

	/* The last message, under client_lock. */
	struct cn_msg last;
	u32 hash;
	u8 bytes[CLIENT_KEPT_BYTES];
	u32 portid;
	u32 group;
	u32 uid;
	pid_t tgid;
	bool has_sk;
	bool capable;
};

/* What the last command on one open file returned, with the details of sends. */
struct client_file {
	struct mutex lock;
	long result;
	u32 sent;
	u32 failed;
	u32 filter_calls;
	bool filter_data_ok;
	u64 nsec;
};

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
	u32 sent;
	u32 failed;
	u32 filter_calls;
	bool filter_data_ok;

	struct timer_list timer;
	struct work_struct work;
	struct completion done;
};

static DEFINE_HASHTABLE(client_table, 12);
static LIST_HEAD(client_order);
static DEFINE_SPINLOCK(client_lock);
static DECLARE_WAIT_QUEUE_HEAD(client_wait);
static bool client_forgets;

/* Also the bound on what a test can register in one command. */
#define CLIENT_MANY_MAX 65536

static u32 client_hash(const u8 *bytes, size_t len)
{
	u32 hash = CLIENT_HASH_START;

	while (len--)
		hash = (hash ^ *bytes++) * CLIENT_HASH_PRIME;
	return hash;
}

static u32 client_key(const struct cb_id *id)
{
	return id->idx * 31 + id->val;
}

static struct client_entry *client_find(const struct cb_id *id)
{
	struct client_entry *entry;

	lockdep_assert_held(&client_lock);
	hash_for_each_possible(client_table, entry, node, client_key(id))
		if (entry->id.idx == id->idx && entry->id.val == id->val)
			return entry;
	return NULL;
}

/* Entries are freed by "clear" only, and only when none of them is running. */
static struct client_entry *client_get(const struct cb_id *id)
{
	struct client_entry *entry;

	spin_lock_bh(&client_lock);
	entry = client_find(id);
	spin_unlock_bh(&client_lock);
	return entry;
}

static void client_remember(struct client_entry *entry, struct cn_msg *msg,
			    struct netlink_skb_parms *nsp)
{
	size_t kept = min_t(size_t, msg->len, CLIENT_KEPT_BYTES);
	u32 hash = client_hash(msg->data, msg->len);
	bool capable = __netlink_ns_capable(nsp, &init_user_ns, CAP_NET_ADMIN);

	spin_lock_bh(&client_lock);
	/* The header alone: the data is a flexible array. */
	entry->last.id = msg->id;
	entry->last.seq = msg->seq;
	entry->last.ack = msg->ack;
	entry->last.len = msg->len;
	entry->last.flags = msg->flags;
	entry->hash = hash;
	memcpy(entry->bytes, msg->data, kept);
	entry->portid = nsp->portid;
	entry->group = nsp->dst_group;
	entry->uid = from_kuid_munged(&init_user_ns, nsp->creds.uid);
	entry->tgid = current->tgid;
	entry->has_sk = nsp->sk;
	entry->capable = capable;
	spin_unlock_bh(&client_lock);
}

/* The answer's convention is that of the connector's own documentation. */
static int client_echo(struct cn_msg *msg, u32 portid)
{
	struct cn_msg *reply;
	int ret;

	reply = kmemdup(msg, sizeof(*msg) + msg->len, GFP_KERNEL);
	if (!reply)
		return -ENOMEM;
	reply->ack++;
	ret = cn_netlink_send(reply, portid, 0, GFP_KERNEL);
	kfree(reply);
	return ret;
}

static void client_callback(struct cn_msg *msg, struct netlink_skb_parms *nsp);

static int client_act(struct client_entry *entry, struct cn_msg *msg,
		      struct netlink_skb_parms *nsp)
{
	struct client_entry *other;
	int ret;

	switch (entry->kind) {
	case KIND_COUNT:
		return 0;
	case KIND_ECHO:
		return client_echo(msg, nsp->portid);
	case KIND_SLEEP:
		msleep(entry->arg);
		return 0;
	case KIND_DEL_SELF:
		WRITE_ONCE(entry->registered, false);
		cn_del_callback(&entry->id);
		return 0;
	case KIND_DEL:
		other = client_get(&entry->other);
		if (other)
			WRITE_ONCE(other->registered, false);
		cn_del_callback(&entry->other);
		return 0;
	case KIND_ADD:
		/* Its entry was made by the add command of this one. */
		other = client_get(&entry->other);
		if (!other)
			return -ENOENT;
		ret = cn_add_callback(&entry->other, "added-inside", client_callback);
		if (!ret)
			WRITE_ONCE(other->registered, true);
		return ret;
	case KIND_SEND:
		return cn_netlink_send(msg, 0, entry->arg, GFP_KERNEL);
	case KIND_USERDATA:
		/* As the process-event provider does: kfree()d at release. */
		if (nsp->sk && !nsp->sk->sk_user_data)
			nsp->sk->sk_user_data = kzalloc(8, GFP_KERNEL);
		return nsp->sk && nsp->sk->sk_user_data ? 0 : -ENOMEM;
	}
	return -EINVAL;
}

static void client_callback(struct cn_msg *msg, struct netlink_skb_parms *nsp)
{
	struct client_entry *entry;
	bool late;

	spin_lock_bh(&client_lock);
	entry = client_find(&msg->id);
	if (entry) {
		atomic_inc(&entry->running);
		atomic_inc(&entry->calls);
	}
	spin_unlock_bh(&client_lock);
	if (!entry) {
		pr_warn("called for the id %u:%u, which is not ours\n",
			msg->id.idx, msg->id.val);
		return;
	}

	late = READ_ONCE(entry->dead);
	client_remember(entry, msg, nsp);
	wake_up_all(&client_wait);
	if (entry->hold &&
	    !wait_event_timeout(client_wait, READ_ONCE(entry->released), CLIENT_WAIT))
		pr_warn("nobody released the callback %u:%u\n",
			entry->id.idx, entry->id.val);
	entry->inner = client_act(entry, msg, nsp);
	late |= READ_ONCE(entry->dead);
	if (late)
		atomic_inc(&entry->late);
	atomic_dec(&entry->running);
	wake_up_all(&client_wait);
}

/* -- Parsing ------------------------------------------------------------- */

static int client_parse_id(char *text, struct cb_id *id)
{
	char *val = strchr(text, ':');

	if (!val)
		return -EBADMSG;
	*val++ = '\0';
	if (kstrtou32(text, 0, &id->idx) || kstrtou32(val, 0, &id->val))
		return -EBADMSG;
	return 0;
}

static int client_parse_kind(char *text, struct client_entry *entry)
{
	static const char * const plain[] = {
		[KIND_COUNT] = "count",
		[KIND_ECHO] = "echo",
		[KIND_DEL_SELF] = "del-self",
		[KIND_USERDATA] = "userdata",
	};
	char *arg;
	int i;

	if (strstarts(text, "hold")) {
		entry->hold = true;
		text += strlen("hold");
		if (!*text)
			return 0;
		if (*text++ != '+')
			return -EBADMSG;
	}

	for (i = 0; i < ARRAY_SIZE(plain); i++) {
		if (plain[i] && !strcmp(text, plain[i])) {
			entry->kind = i;
			return 0;
		}
	}

	arg = strchr(text, ':');
	if (!arg)
		return -EBADMSG;
	*arg++ = '\0';
	if (!strcmp(text, "del") || !strcmp(text, "add")) {
		entry->kind = *text == 'd' ? KIND_DEL : KIND_ADD;
		return client_parse_id(arg, &entry->other);
	}
	if (!strcmp(text, "sleep"))
		entry->kind = KIND_SLEEP;
	else if (!strcmp(text, "send"))
		entry->kind = KIND_SEND;
	else
		return -EBADMSG;
	return kstrtou32(arg, 0, &entry->arg) ? -EBADMSG : 0;
}

/* -- Registering --------------------------------------------------------- */

static struct client_entry *client_new(const struct cb_id *id)
{
	struct client_entry *entry = kzalloc(sizeof(*entry), GFP_KERNEL);

	if (entry)
		entry->id = *id;
	return entry;
}

/* The entry must be there before the first call can be. False if it exists. */
static bool client_insert(struct client_entry *entry)
{
	bool fresh;

	spin_lock_bh(&client_lock);
	fresh = !client_find(&entry->id);
	if (fresh) {
		hash_add(client_table, &entry->node, client_key(&entry->id));
		list_add_tail(&entry->order, &client_order);
	}
	spin_unlock_bh(&client_lock);
	return fresh;
}

static void client_remove(struct client_entry *entry)
{
	spin_lock_bh(&client_lock);
	hash_del(&entry->node);
	list_del(&entry->order);
	spin_unlock_bh(&client_lock);
	kfree(entry);
}

static void client_unregister(struct client_entry *entry)
{
	WRITE_ONCE(entry->registered, false);
	cn_del_callback(&entry->id);
	/* From here on the entry may not be in use by a call. */
	WRITE_ONCE(entry->dead, true);
	/* Pairs with the two reads of dead around each call. */
	smp_mb();
}

/* Only for a connector that refuses it: the other one would call it. */
static int client_add_null(char *args)
{
	struct cb_id id;
	int ret;

	if (client_parse_id(args, &id))
		return -EBADMSG;
	ret = cn_add_callback(&id, "null", NULL);
	if (!ret)
		cn_del_callback(&id);
	return ret;
}

static int client_add(char *args)
{
	struct client_entry *entry, *other = NULL;
	char *name, *kind;
	struct cb_id id;
	int ret;

	name = args;
	args = strsep(&name, " ");
	kind = name;
	if (!kind)
		return -EBADMSG;
	name = strsep(&kind, " ");
	if (!kind || client_parse_id(args, &id))
		return -EBADMSG;

	entry = client_new(&id);
	if (!entry)
		return -ENOMEM;
	ret = client_parse_kind(kind, entry);
	if (ret)
		goto free;

	/* A second registration of one id must fail: keep the first entry. */
	if (!client_insert(entry)) {
		struct client_entry *old = client_get(&id);

		ret = cn_add_callback(&id, name, client_callback);
		if (!ret && old) {
			old->dead = false;
			WRITE_ONCE(old->registered, true);
		}
		goto free;
	}
	if (entry->kind == KIND_ADD) {
		other = client_new(&entry->other);
		if (!other || !client_insert(other)) {
			kfree(other);
			client_remove(entry);
			return -ENOMEM;
		}
	}

	/* Before the call: the callback may unregister itself at once. */
	WRITE_ONCE(entry->registered, true);
	ret = cn_add_callback(&id, name, client_callback);
	if (ret) {
		client_remove(entry);
		if (other)
			client_remove(other);
	}
	return ret;
free:
	kfree(entry);
	return ret;
}

static int client_del(char *args)
{
	struct client_entry *entry;
	struct cb_id id;

	if (client_parse_id(args, &id))
		return -EBADMSG;
	entry = client_get(&id);
	if (entry)
		client_unregister(entry);
	else
		cn_del_callback(&id);
	return 0;
}

static int client_parse_range(char *args, struct cb_id *first, u32 *count)
{
	char *number = args;

	args = strsep(&number, " ");
	if (!number || client_parse_id(args, first) || kstrtou32(number, 0, count))
		return -EBADMSG;
	return *count > CLIENT_MANY_MAX ? -EBADMSG : 0;
}

static int client_add_many(char *args)
{
	struct client_entry *entry;
	struct cb_id id;
	u32 count;
	int ret;

	ret = client_parse_range(args, &id, &count);
	for (; !ret && count; count--, id.val++) {
		entry = client_new(&id);
		if (!entry)
			return -ENOMEM;
		entry->bulk = true;
		entry->registered = true;
		if (!client_insert(entry)) {
			kfree(entry);
			return -EEXIST;
		}
		ret = cn_add_callback(&id, "many", client_callback);
		if (ret)
			client_remove(entry);
		cond_resched();
	}
	return ret;
}

static int client_del_many(char *args)
{
	struct client_entry *entry;
	struct cb_id id;
	u32 count;
	int ret;

	ret = client_parse_range(args, &id, &count);
	for (; !ret && count; count--, id.val++) {
		entry = client_get(&id);
		if (!entry)
			return -ENOENT;
		client_unregister(entry);
		cond_resched();
	}
	return ret;
}

static int client_release(char *args)
{
	struct client_entry *entry;
	struct cb_id id;

	if (client_parse_id(args, &id))
		return -EBADMSG;
	entry = client_get(&id);
	if (!entry)
		return -ENOENT;
	WRITE_ONCE(entry->released, true);
	wake_up_all(&client_wait);
	return 0;
}

static int client_wait_for(char *args, bool running)
{
	struct client_entry *entry;
	struct cb_id id;
	u32 count;
	long left;

	if (client_parse_range(args, &id, &count))
		return -EBADMSG;
	entry = client_get(&id);
	if (!entry)
		return -ENOENT;
	left = wait_event_interruptible_timeout(client_wait,
			running ? atomic_read(&entry->running) == count :
				  atomic_read(&entry->calls) >= count,
			CLIENT_WAIT);
	if (left < 0)
		return left;
	return left ? 0 : -ETIMEDOUT;
}

/* Frees the entries of callbacks that are unregistered and not running. */
static int client_clear(void)
{
	struct client_entry *entry, *next;
	LIST_HEAD(gone);
	bool idle = true;

	list_for_each_entry(entry, &client_order, order) {
		if (entry->registered)
			client_unregister(entry);
		/* No callback of a cleared test has to wait to its end. */
		WRITE_ONCE(entry->released, true);
		cond_resched();
	}
	wake_up_all(&client_wait);

	list_for_each_entry(entry, &client_order, order)
		idle &= !!wait_event_timeout(client_wait,
					     !atomic_read(&entry->running),
					     CLIENT_WAIT);
	if (!idle)
		return -EBUSY;

	spin_lock_bh(&client_lock);
	list_splice_init(&client_order, &gone);
	list_for_each_entry(entry, &gone, order)
		hash_del(&entry->node);
	spin_unlock_bh(&client_lock);

	list_for_each_entry_safe(entry, next, &gone, order) {
		kfree(entry);
		cond_resched();
	}
	client_forgets = false;
	return 0;
}

/* -- Sending ------------------------------------------------------------- */

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
	u32 i;
	int ret;

	for (i = 0; i < send->repeat; i++) {
		if (send->mult)
			ret = cn_netlink_send_mult(send->msg, send->len, send->portid,
						   send->group, send->gfp, filter, send);
		else
			ret = cn_netlink_send(send->msg, send->portid, send->group,
					      send->gfp);
		if (ret < 0)
			send->failed++;
		else
			send->sent++;
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

static int client_parse_word(const char *value, const char * const *words, int n)
{
	int i;

	for (i = 0; i < n; i++)
		if (!strcmp(value, words[i]))
			return i;
	return -EBADMSG;
}

/* The keys of "send" in the order in which they are documented in cn_client.h. */
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
			/* The kernel's allocator sleeps there, whatever the flags. */
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

static int client_send(char *args, bool mult, struct client_file *cf)
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
	cf->filter_calls = send->filter_calls;
	cf->filter_data_ok = send->filter_data_ok;
	kvfree(send->msg);
free:
	kfree(send);
	return ret;
}

/*
 * Registers and unregisters one id until the time is over. The result is the
 * number of rounds, so that a test can tell a storm from a single attempt.
 */
static int client_storm(char *args)
{
	unsigned long end;
	struct client_entry *entry;
	struct cb_id id;
	u32 msec;
	int rounds = 0;
	int ret;

	if (client_parse_range(args, &id, &msec))
		return -EBADMSG;
	entry = client_new(&id);
	if (!entry)
		return -ENOMEM;
	if (!client_insert(entry)) {
		kfree(entry);
		return -EEXIST;
	}
	end = jiffies + msecs_to_jiffies(msec);
	do {
		WRITE_ONCE(entry->dead, false);
		/* A call that runs from here on belongs to this round. */
		smp_mb();
		ret = cn_add_callback(&id, "storm", client_callback);
		if (ret)
			return ret;
		cond_resched();
		client_unregister(entry);
		/* No call may be under way, and none begin. */
		if (atomic_read(&entry->running))
			atomic_inc(&entry->late);
		rounds++;
	} while (time_before(jiffies, end) && !signal_pending(current));
	return rounds;
}

/*
 * Registers and unregisters one id so many times. Several files may do that
 * with the same id at once, so an id may be taken, and may be gone. The result
 * is the number of registrations that succeeded. Nobody sends to this id.
 */
static int client_churn(char *args)
{
	struct cb_id id;
	u32 count;
	int registered = 0;
	int ret;

	if (client_parse_range(args, &id, &count))
		return -EBADMSG;
	for (; count && !signal_pending(current); count--) {
		ret = cn_add_callback(&id, "churn", client_callback);
		if (!ret)
			registered++;
		else if (ret != -EINVAL)
			return ret;
		cond_resched();
		cn_del_callback(&id);
		cond_resched();
	}
	return registered;
}

/* -- The file ------------------------------------------------------------ */

static long client_command(char *line, struct client_file *cf)
{
	char *args = line;
	char *verb = strsep(&args, " ");

	if (!strcmp(verb, "clear"))
		return client_clear();
	if (!strcmp(verb, "forget")) {
		client_forgets = true;
		return 0;
	}
	if (!args)
		return -EBADMSG;
	if (!strcmp(verb, "add"))
		return client_add(args);
	if (!strcmp(verb, "del"))
		return client_del(args);
	if (!strcmp(verb, "add_null"))
		return client_add_null(args);
	if (!strcmp(verb, "add_many"))
		return client_add_many(args);
	if (!strcmp(verb, "del_many"))
		return client_del_many(args);
	if (!strcmp(verb, "release"))
		return client_release(args);
	if (!strcmp(verb, "wait_calls"))
		return client_wait_for(args, false);
	if (!strcmp(verb, "wait_running"))
		return client_wait_for(args, true);
	if (!strcmp(verb, "send"))
		return client_send(args, false, cf);
	if (!strcmp(verb, "send_mult"))
		return client_send(args, true, cf);
	if (!strcmp(verb, "storm"))
		return client_storm(args);
	if (!strcmp(verb, "churn"))
		return client_churn(args);
	return -EBADMSG;
}

static int client_show(struct seq_file *m, void *v)
{
	struct client_file *cf = m->private;
	u32 bulk = 0, bulk_calls = 0, bulk_late = 0;
	struct client_entry *entry;

	seq_printf(m, "result %ld\nsent %u\nfailed %u\nfilter_calls %u\n"
		   "filter_data_ok %d\nnsec %llu\n",
		   cf->result, cf->sent, cf->failed, cf->filter_calls,
		   cf->filter_data_ok, cf->nsec);

	spin_lock_bh(&client_lock);
	list_for_each_entry(entry, &client_order, order) {
		if (entry->bulk) {
			bulk += entry->registered;
			bulk_calls += atomic_read(&entry->calls);
			bulk_late += atomic_read(&entry->late);
			/* One of thousands shows only when it was called. */
			if (!atomic_read(&entry->calls))
				continue;
		}
		seq_printf(m, "callback %u:%u registered=%d calls=%d running=%d late=%d inner=%d",
			   entry->id.idx, entry->id.val, entry->registered,
			   atomic_read(&entry->calls), atomic_read(&entry->running),
			   atomic_read(&entry->late), entry->inner);
		seq_printf(m, " seq=%u ack=%u len=%u flags=%u hash=%u portid=%u group=%u uid=%u tgid=%d sk=%d capable=%d",
			   entry->last.seq, entry->last.ack, entry->last.len,
			   entry->last.flags, entry->hash, entry->portid,
			   entry->group, entry->uid, entry->tgid, entry->has_sk,
			   entry->capable);
		seq_printf(m, " data=%*phN\n",
			   (int)min_t(size_t, entry->last.len, CLIENT_KEPT_BYTES),
			   entry->bytes);
	}
	spin_unlock_bh(&client_lock);
	seq_printf(m, "many_registered %u\nmany_calls %u\nmany_late %u\n",
		   bulk, bulk_calls, bulk_late);
	return 0;
}

static int client_open(struct inode *inode, struct file *file)
{
	struct client_file *cf = kzalloc(sizeof(*cf), GFP_KERNEL);
	int ret;

	if (!cf)
		return -ENOMEM;
	mutex_init(&cf->lock);
	ret = single_open(file, client_show, cf);
	if (ret)
		kfree(cf);
	return ret;
}

static int client_close(struct inode *inode, struct file *file)
{
	struct seq_file *m = file->private_data;

	kfree(m->private);
	return single_release(inode, file);
}

static ssize_t client_write(struct file *file, const char __user *buf,
			    size_t count, loff_t *ppos)
{
	struct seq_file *m = file->private_data;
	struct client_file *cf = m->private;
	char *line;

	if (!count || count > CLIENT_NAME_MAX * 2)
		return -EBADMSG;
	line = memdup_user_nul(buf, count);
	if (IS_ERR(line))
		return PTR_ERR(line);
	/* Threads of a test have a file each; this is for a careless one. */
	if (mutex_lock_interruptible(&cf->lock)) {
		kfree(line);
		return -EINTR;
	}
	cf->sent = 0;
	cf->failed = 0;
	cf->filter_calls = 0;
	cf->filter_data_ok = false;
	cf->result = client_command(strim(line), cf);
	if (cf->result < 0)
		count = cf->result;
	mutex_unlock(&cf->lock);
	kfree(line);
	return count;
}

static const struct proc_ops client_proc_ops = {
	.proc_open	= client_open,
	.proc_read	= seq_read,
	.proc_write	= client_write,
	.proc_lseek	= seq_lseek,
	.proc_release	= client_close,
};

static int __init client_init(void)
{
	return proc_create("cn_client", 0600, NULL, &client_proc_ops) ? 0 : -ENOMEM;
}

static void __exit client_exit(void)
{
	struct client_entry *entry, *next;

	remove_proc_entry("cn_client", NULL);
	list_for_each_entry(entry, &client_order, order)
		if (entry->registered && !client_forgets)
			client_unregister(entry);
	list_for_each_entry_safe(entry, next, &client_order, order)
		client_remove(entry);
}

module_init(client_init);
module_exit(client_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("C client of the connector, driven by tests");
