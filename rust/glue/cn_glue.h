/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What crosses between C and Rust inside cn.ko, and between cn.ko and Rust modules.
 *
 * bindgen reads this file, so that each prototype is written once: the Rust definitions
 * are compared with what is declared here when they are compiled.
 */
#ifndef _CN_GLUE_H
#define _CN_GLUE_H

#include <linux/connector.h>
#include <linux/module.h>
#include <linux/netlink.h>
#include <linux/notifier.h>
#include <linux/stringify.h>

/*
 * Interface of cn.ko for the crate `connector`; exported in the symbol namespace CONNECTOR.
 */

/*
 * The version of this interface. A change of anything in this part needs another number.
 *
 * The exported names have it in them (cn_core_<version>_send). So a module that was compiled
 * against another version finds none of the functions, whichever it calls, and is refused when it
 * is loaded. In C and in Rust, the functions are called without it.
 */
#define CN_CORE_VERSION 10

#define CN_CORE_PASTE(version, name)	cn_core_##version##_##name
#define CN_CORE_EXPAND(version, name)	CN_CORE_PASTE(version, name)
/* The exported name of the function cn_core_<name>(). */
#define CN_CORE_SYMBOL(name)		CN_CORE_EXPAND(CN_CORE_VERSION, name)
/* Gives a function its exported name. */
#define CN_CORE_EXPORTED(name)		asm(__stringify(CN_CORE_SYMBOL(name)))

/* The capability of a handler to which everyone may send. */
enum { CN_ANYONE = -1 };

/* Flags of a handler. */
enum {
	CN_HANDLER_OPEN_GROUP = 1,	/* everyone may join its group */
};

/* What a handler returns for a sender that may not send to it; it has done nothing else then. */
enum { CN_REFUSED = 1 };

/* Returns 0, CN_REFUSED, or the negative errno for a sender that requested an ACK. */
typedef int (*cn_core_receive_fn)(void *cookie, struct cn_msg *msg,
				  struct netlink_skb_parms *parms);

/* Called once, when nothing else is called with the cookie any more. */
typedef void (*cn_core_release_fn)(void *cookie);

struct cn_core_handler {
	u32 flags;			/* CN_HANDLER_* */
	s32 capability;			/* of opener and sender both, or CN_ANYONE */
	cn_core_receive_fn receive;
	cn_core_release_fn release;
	void *cookie;
	/*
	 * NULL, or a string that stays until a grace period after the release: readers of
	 * /proc/net/connector_stats look at it under RCU. Static data of a module do: free_module()
	 * waits for a grace period after the last of the module's handlers was released.
	 */
	const char *description;
};

/* What a target is. */
enum {
	CN_TO_PORT,		/* the port alone */
	CN_TO_GROUP,		/* the listeners to the group, except the port */
	CN_TO_GROUP_OF_ID,	/* the same for the group of the id's callback */
};

/* Waits for the receive buffer of a port: for so many milliseconds at most, or as these say. */
enum {
	CN_WAIT_FOR_EVER = 0,
	CN_WAIT_NOT = 0xffffffff,
};

/* Where a message goes. */
struct cn_core_target {
	u32 kind;		/* CN_TO_* */
	u32 portid;
	u32 group;
	u32 wait_ms;		/* for CN_TO_PORT, where the allocation may sleep: see CN_WAIT_* */
	u32 shown_group;	/* for CN_TO_PORT: the group it seems to come through; 0: none */
	netlink_filter_fn filter;
	void *filter_data;
};

/* What sending returns if there are listeners, but none of them took the message. */
enum { CN_NOT_TAKEN = 1 };

/* What is watched. */
enum {
	CN_WATCH_IDS,
	CN_WATCH_SOCKETS,
};

/* What a watcher is notified of, and the subject. */
enum {
	CN_ID_REGISTERED = 1,	/* an id: val is the upper half, idx the lower one */
	CN_ID_UNREGISTERED,	/* the same */
	CN_IDS_MISSED,		/* none; some changes of ids were left out */
	CN_SOCKET_CLOSED,	/* the number of a socket, which is in no group any more */
	CN_SOCKET_JOINS,	/* a group; a program joins it, or fails to */
	CN_SOCKET_LEFT,		/* a group, which a socket has left */
};

/*
 * Called by a work item, by one task at a time: for ids and for sockets that were closed, in order;
 * for a group, with what happened last. May sleep, and add and remove whatever it likes.
 */
typedef void (*cn_core_watch_fn)(void *cookie, u32 change, u64 subject);

/* What a connector can do. A guest of a connector that is built in, in C, can do none of it. */
enum {
	CN_NATIVE = 1,		/* it has the netlink protocol to itself */
	CN_ALL_IDS = 2,		/* it knows the ids of all clients, and answers for unknown ones */
	CN_ALL_GROUPS = 4,	/* any group can be open, so that every program can join it */
	CN_GROUP_CHANGES = 8,	/* it notifies of groups that are joined and left */
};

int cn_core_register(const struct cb_id *id, const char *name,
		     const struct cn_core_handler *handler, u64 *serial) CN_CORE_EXPORTED(register);
void cn_core_unregister(const struct cb_id *id, u64 serial) CN_CORE_EXPORTED(unregister);
int cn_core_send(const struct cn_msg *header, const void *payload,
		 const struct cn_core_target *to, gfp_t gfp_mask) CN_CORE_EXPORTED(send);
struct sk_buff *cn_core_alloc(u32 len, u32 seq, gfp_t gfp_mask, void **data)
	CN_CORE_EXPORTED(alloc);
int cn_core_post(struct sk_buff *skb, u32 len, const struct cb_id *id,
		 const struct cn_core_target *to, gfp_t gfp_mask) CN_CORE_EXPORTED(post);
void cn_core_free(struct sk_buff *skb) CN_CORE_EXPORTED(free);
int cn_core_has_listeners(const struct cb_id *id, u32 group, gfp_t gfp_mask)
	CN_CORE_EXPORTED(has_listeners);
bool cn_core_capable(const struct netlink_skb_parms *parms, int capability)
	CN_CORE_EXPORTED(capable);
int cn_core_watch(u32 what, cn_core_watch_fn watch, cn_core_release_fn release, void *cookie,
		  u64 *serial)
	CN_CORE_EXPORTED(watch);
void cn_core_unwatch(u32 what, u64 serial) CN_CORE_EXPORTED(unwatch);
int cn_core_visit(u32 group, netlink_filter_fn visit, void *data) CN_CORE_EXPORTED(visit);
u32 cn_core_features(u32 *groups) CN_CORE_EXPORTED(features);
u32 cn_core_drops(const struct sock *sk) CN_CORE_EXPORTED(drops);
bool cn_core_initial_namespaces(void) CN_CORE_EXPORTED(initial_namespaces);

/* Starts a connector that is built in. */
int cn_core_start(void);

/*
 * Counters, one set per CPU. The names that user space sees are in core/stats.rs, in this order.
 */
enum cn_counter {
	CN_DELIVERED,
	CN_ANSWERED,
	CN_DROP_SHORT,
	CN_DROP_LENGTH,
	CN_DROP_PAYLOAD,
	CN_DROP_TOO_LONG,
	CN_DROP_MESSAGE_LENGTH,
	CN_DROP_UNKNOWN_ID,
	CN_DROP_REFUSED,
	CN_DROP_NO_MEMORY,
	CN_SENT,
	CN_SEND_UNKNOWN_ID,
	CN_SEND_NO_LISTENER,
	CN_SEND_NO_MEMORY,
	CN_SEND_UNDELIVERED,
	CN_NOTIFIED,
	CN_NOTIFY_LOST,
	CN_COUNTERS,	/* how many there are */
};

/*
 * Wrappers of inline functions and macros of the kernel, as short as their use in C. Longer ones
 * are the limited wait, for which netlink has no function; the buffer, which is made at its full
 * length in one step; the search of the stack for a mark; and the request for a module, for which a
 * task waits that can be killed.
 */
void cn_glue_count(unsigned int counter);
void cn_glue_count_many(unsigned int counter, unsigned long number);
void cn_glue_count_delivered(void);
u64 cn_glue_counted(unsigned int counter);

struct sk_buff *cn_glue_alloc_skb(unsigned int len, gfp_t gfp_mask);

int cn_glue_unicast_within(struct sk_buff *skb, u32 portid, unsigned int timeout_ms);

/* For a guest of the connector that is built in. */
void cn_glue_hold_socket(struct sock *sk);
void cn_glue_put_socket(struct sock *sk);
bool cn_glue_is_closed(const struct sock *sk);

/*
 * The module cn_entry (cn_entry.c), which stays loaded when the guest is unloaded. So nothing of
 * this changes.
 */
struct cn_entry_guest {
	struct module *owner;
	void (*receive)(struct sk_buff *skb);	/* in the context of the program that sends */
	void (*closed)(u32 portid);		/* a program's socket; may sleep, as receive() */
};

int cn_entry_open(const struct cn_entry_guest *guest);
void cn_entry_close(void);
int cn_entry_attach(const struct cb_id *id, const char *name);
struct sock *cn_entry_socket(void);

/* How many network namespaces but the first have, or once had, a member of a group. */
extern atomic_t cn_glue_outside;
int cn_glue_watch_namespaces(void);
void cn_glue_unwatch_namespaces(void);
void cn_glue_joins_outside(struct net *net);
bool cn_glue_is_administrator(const struct net *net);

void **cn_glue_user_data(struct sock *sk);
bool cn_glue_is_kernel_socket(const struct sock *sk);
struct file *cn_glue_file(const struct sock *sk);
void cn_glue_report_loss(struct sock *sk);
struct file *cn_glue_file_of_other(const struct sock *sk);

bool cn_glue_has_channel(void);
void cn_glue_request_process_events(void);

void cn_glue_kvfree_rcu(void *ptr);
void cn_glue_preempt_disable(void);
void cn_glue_preempt_enable(void);
void cn_glue_cond_resched(void);
void *cn_glue_alloc_nofail(size_t size);

unsigned long cn_glue_random_long(void);
/* The mark in the outermost frame of the running task, see core/calls.rs; or NULL. */
void *cn_glue_outermost_mark(unsigned long key);

void cn_glue_send_begin(void);
void cn_glue_send_end(void);

/* The queue for work of the connector itself, and its end, which waits for all work. */
int cn_glue_workqueue_create(void);
struct workqueue_struct *cn_glue_workqueue(void);
void cn_glue_workqueue_destroy(void);

/* A queue for watchers, or NULL; how many can use it, and all sleep; and its end. */
struct workqueue_struct *cn_glue_queue_create(void);
unsigned int cn_glue_queue_places(void);
void cn_glue_queue_drain(struct workqueue_struct *queue);
void cn_glue_queue_destroy(struct workqueue_struct *queue);

int cn_glue_register_module_notifier(struct notifier_block *nb);
int cn_glue_unregister_module_notifier(struct notifier_block *nb);
bool cn_glue_within_module(const void *address, const struct module *module);

void cn_glue_trace_receive(const struct cb_id *id, u32 portid, u32 len, int error,
			   const char *why);
void cn_glue_trace_send(const struct cb_id *id, u32 portid, u32 group, u32 len, int error);
void cn_glue_trace_register(const struct cb_id *id, const char *name);
void cn_glue_trace_unregister(const struct cb_id *id, const char *name);

/* Constants under a name that bindgen keeps. */
enum {
	CN_MODULE_STATE_GOING = MODULE_STATE_GOING,
	CN_GFP_DIRECT_RECLAIM = ___GFP_DIRECT_RECLAIM,	/* the allocation may sleep */
};

#endif /* _CN_GLUE_H */
