/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The notification channel of the connector notifies programs of ids that are registered and
 * unregistered, if they request it.
 *
 * A request is a connector message to the id { CN_IDX_NOTIFY, CN_VAL_NOTIFY }. Its payload is a
 * struct cn_ctl_msg with its ranges. All numbers are in host byte order.
 *
 * An event is a connector message with the id, and ack 0 (registered) or 1 (unregistered). Its seq
 * is 0 and it has no payload.
 */
#ifndef _LINUX_CONNECTOR_NOTIFY_H
#define _LINUX_CONNECTOR_NOTIFY_H

#include <linux/types.h>

#define CN_IDX_NOTIFY		0xffffffff
#define CN_VAL_NOTIFY		0xffffffff

/*
 * In cn_msg.flags of a request: send the requester, and no other socket, an event for each id that
 * matches now. These events precede those of later changes. Their datagrams hold several netlink
 * messages each.
 */
#define CN_NOTIFY_SNAPSHOT	0x0001

/* The range numbers from first on. The range ends at 2^32 - 1 at the latest. */
struct cn_notify_req {
	__u32 first;
	__u32 range;
};

/*
 * An id matches if its idx is in one of the first idx_notify_num ranges and its val is in one of
 * the val_notify_num ranges after them.
 */
struct cn_ctl_msg {
	__u32 idx_notify_num;	/* number of ranges for idx */
	__u32 val_notify_num;	/* number of ranges for val */
	__u32 group;		/* the group for events; 0: remove requests with these ranges */
	__u32 len;		/* size of the ranges in data, in bytes */
	__u8 data[];
};

#endif /* _LINUX_CONNECTOR_NOTIFY_H */
