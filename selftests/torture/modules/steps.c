// SPDX-License-Identifier: GPL-2.0
/*
 * Callbacks that do the steps of a message: register and unregister each other and themselves, and
 * sleep. Steps that are written to /proc/steps are done as well, outside of any callback.
 *
 * A step is two bytes: an operation, and an argument (the number of an id, or a time in units of
 * 100 us).
 */
#include <linux/atomic.h>
#include <linux/connector.h>
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/uaccess.h>

#define STEPS_IDX	27
#define STEPS_IDS	8
#define STEPS_MAX	64

enum { STEP_SLEEP, STEP_DEL, STEP_ADD };

static atomic_t steps_calls, steps_running;

static void steps_callback(struct cn_msg *msg, struct netlink_skb_parms *nsp);

static void steps_do(const u8 *steps, size_t len)
{
	struct cb_id id = { .idx = STEPS_IDX };

	for (; len >= 2; len -= 2, steps += 2) {
		id.val = steps[1] % STEPS_IDS;
		switch (steps[0] % 3) {
		case STEP_SLEEP:
			usleep_range(100 * steps[1], 100 * steps[1] + 100);
			break;
		case STEP_DEL:
			cn_del_callback(&id);
			break;
		case STEP_ADD:
			/* Taken most often. */
			cn_add_callback(&id, "steps", steps_callback);
			break;
		}
	}
}

static void steps_callback(struct cn_msg *msg, struct netlink_skb_parms *nsp)
{
	atomic_inc(&steps_calls);
	atomic_inc(&steps_running);
	steps_do(msg->data, msg->len);
	atomic_dec(&steps_running);
}

static ssize_t steps_write(struct file *file, const char __user *buf, size_t len, loff_t *pos)
{
	u8 steps[STEPS_MAX];

	if (len > sizeof(steps))
		return -EINVAL;
	if (copy_from_user(steps, buf, len))
		return -EFAULT;
	steps_do(steps, len);
	return len;
}

/* The number of calls, and of calls that have not ended. */
static ssize_t steps_read(struct file *file, char __user *buf, size_t len, loff_t *pos)
{
	char text[32];
	int n = scnprintf(text, sizeof(text), "%d %d\n", atomic_read(&steps_calls),
			  atomic_read(&steps_running));

	return simple_read_from_buffer(buf, len, pos, text, n);
}

static const struct proc_ops steps_ops = {
	.proc_read	= steps_read,
	.proc_write	= steps_write,
};

static int __init steps_init(void)
{
	return proc_create("steps", 0600, NULL, &steps_ops) ? 0 : -ENOMEM;
}

static void __exit steps_exit(void)
{
	struct cb_id id = { .idx = STEPS_IDX };

	remove_proc_entry("steps", NULL);
	for (id.val = 0; id.val < STEPS_IDS; id.val++)
		cn_del_callback(&id);
	/* Outside of a callback, unregistering waits. */
	WARN_ON(atomic_read(&steps_running));
}

module_init(steps_init);
module_exit(steps_exit);

MODULE_DESCRIPTION("Callbacks that do the steps of a message");
MODULE_LICENSE("GPL");
