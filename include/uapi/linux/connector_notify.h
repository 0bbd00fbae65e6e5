/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The notification channel of the connector: programs that ask for it are told of callbacks that
 * come and go.
 *
 * A request is a connector message to the id { CN_IDX_NOTIFY, CN_VAL_NOTIFY } whose payload is
 * a struct cn_ctl_msg with its ranges. All numbers are in host byte order.
 *
 * An event is a connector message with the id that came or went, ack 0 (came) or 1 (went),
 * and neither seq nor payload.
 */
#ifndef _LINUX_CONNECTOR_NOTIFY_H
#define _LINUX_CONNECTOR_NOTIFY_H

#include <linux/types.h>

#define CN_IDX_NOTIFY		0xffffffff
#define CN_VAL_NOTIFY		0xffffffff

/*
 * In cn_msg.flags of a request: tell the sender, and nobody else, of all ids that match now, before
 * anything that happens later. The datagrams of this answer hold several netlink messages each.
 */
#define CN_NOTIFY_SNAPSHOT	0x0001

/* The numbers from first on, range of them; what would be past 2^32 - 1 doesn't exist. */
struct cn_notify_req {
	__u32 first;
	__u32 range;
};

/*
 * Ids match whose idx lies in one of the first idx_notify_num ranges and whose val lies in one of
 * the val_notify_num ranges behind them.
 */
struct cn_ctl_msg {
	__u32 idx_notify_num;	/* how many ranges there are for idx */
	__u32 val_notify_num;	/* how many ranges there are for val */
	__u32 group;		/* where events go; 0: remove the requests with these ranges */
	__u32 len;		/* of the ranges in data, in bytes */
	__u8 data[];
};

#endif /* _LINUX_CONNECTOR_NOTIFY_H */
