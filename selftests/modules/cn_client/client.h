/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shared by the files of the module. file.c documents the commands.
 */
#ifndef CN_CLIENT_H
#define CN_CLIENT_H

#include <linux/atomic.h>
#include <linux/connector.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

#ifdef CN_CLIENT_OF_GUEST
#include "guest.h"
#endif

#define CLIENT_KEPT_BYTES	64
/*
 * Longer than any test needs under full emulation, shorter than the guest's limit. The factor is
 * that of cn_limit().
 */
#define CLIENT_WAIT		(20 * HZ * (IS_ENABLED(CONFIG_KASAN) ? 8 : \
					    IS_ENABLED(CONFIG_PROVE_LOCKING) ? 4 : 1))
/* Also the most callbacks that a test can register in one command. */
#define CLIENT_MANY_MAX 65536

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
	/* Calls that begin or end after cn_del_callback() has returned. */
	atomic_t late;
	/* The result of the call from inside the callback. */
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

/* The result of the last command on one open file, with the details of sends. */
struct client_file {
	struct mutex lock;
	long result;
	u32 sent;
	u32 failed;
	/* Of the last failed one. */
	int error;
	u32 filter_calls;
	bool filter_data_ok;
	u64 nsec;
	/* The part of it that the longest one took. */
	u64 longest;
};

/* entry.c: all callbacks. */
extern struct list_head client_order;
extern spinlock_t client_lock;
/* Woken up whenever a call begins, ends, or may continue. */
extern wait_queue_head_t client_wait;

struct client_entry *client_find(const struct cb_id *id);
struct client_entry *client_get(const struct cb_id *id);
struct client_entry *client_new(const struct cb_id *id);
bool client_insert(struct client_entry *entry);
void client_remove(struct client_entry *entry);
void client_take_all(struct list_head *gone);

/* callback.c */
void client_callback(struct cn_msg *msg, struct netlink_skb_parms *nsp);

/* parse.c: all return 0 or -EBADMSG, client_parse_word() an index. */
int client_parse_id(char *text, struct cb_id *id);
int client_parse_range(char *args, struct cb_id *first, u32 *count);
int client_parse_kind(char *text, struct client_entry *entry);
int client_parse_word(const char *value, const char * const *words, int n);

/* register.c */
void client_unregister(struct client_entry *entry);
int client_add(char *args);
int client_add_null(char *args);
int client_add_many(char *args);
int client_del(char *args);
int client_del_many(char *args);
int client_clear(void);

/* wait.c */
int client_release(char *args);
int client_wait_for(char *args, bool running);

/* send.c */
int client_send(char *args, bool mult, struct client_file *cf);

/* storm.c */
int client_storm(char *args);
int client_churn(char *args);

#endif
