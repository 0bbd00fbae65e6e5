// SPDX-License-Identifier: GPL-2.0
/*
 * A C client of the connector that runs the commands of a test.
 *
 * It uses the four exports of <linux/connector.h> and nothing else of the connector, so the same
 * object loads on the C connector and on ours.
 *
 * One write(2) to /proc/cn_client is one command:
 *
 *   add IDX:VAL NAME KIND        register a callback
 *   add_null IDX:VAL             register a null pointer, and unregister it
 *   del IDX:VAL                  unregister it, or an id that is not registered
 *   add_many IDX:FIRST COUNT     register counting callbacks FIRST...
 *   del_many IDX:FIRST COUNT     unregister them
 *   release IDX:VAL              continue a held callback
 *   wait_calls IDX:VAL N         wait until it was entered N times
 *   wait_running IDX:VAL N       wait until N of its calls have not ended
 *   send KEY=VALUE...            cn_netlink_send()
 *   send_mult KEY=VALUE...       cn_netlink_send_mult()
 *   storm IDX:VAL MSEC           add and delete one id as fast as possible
 *   churn IDX:VAL ROUNDS         the same for ROUNDS times, also from several files
 *   clear                        unregister everything, reset all counters
 *   forget                       leave the callbacks registered at exit
 *
 * KIND is one of count, echo, sleep:MSEC, del-self, del:IDX:VAL, add:IDX:VAL, send:GROUP, userdata;
 * "hold+KIND" waits for the release command first.
 *
 * write(2) fails with the error of the call, and every wait has a time limit. The file contains the
 * exact results of the calls, and the arguments of the callbacks.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "client.h"

#define CLIENT_LINE_MAX 512

static bool client_forgets;

static long client_command(char *line, struct client_file *cf)
{
	char *args = line;
	char *verb = strsep(&args, " ");

	if (!strcmp(verb, "clear")) {
		client_forgets = false;
		return client_clear();
	}
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

	seq_printf(m, "result %ld\nsent %u\nfailed %u\nerror %d\nfilter_calls %u\n"
		   "filter_data_ok %d\nnsec %llu\nlongest %llu\n",
		   cf->result, cf->sent, cf->failed, cf->error, cf->filter_calls,
		   cf->filter_data_ok, cf->nsec, cf->longest);

	spin_lock_bh(&client_lock);
	list_for_each_entry(entry, &client_order, order) {
		if (entry->bulk) {
			bulk += entry->registered;
			bulk_calls += atomic_read(&entry->calls);
			bulk_late += atomic_read(&entry->late);
			/* One of thousands is shown only after a call. */
			if (!atomic_read(&entry->calls))
				continue;
		}
		seq_printf(m, "callback %u:%u registered=%d calls=%d running=%d late=%d inner=%d",
			   entry->id.idx, entry->id.val, entry->registered,
			   atomic_read(&entry->calls), atomic_read(&entry->running),
			   atomic_read(&entry->late), entry->inner);
		seq_printf(m,
			   " seq=%u ack=%u len=%u flags=%u hash=%u portid=%u group=%u uid=%u tgid=%d sk=%d capable=%d",
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

	if (!count || count > CLIENT_LINE_MAX)
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
