/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where the kernel has the C connector built in, the functions of <linux/connector.h> are those of
 * that. Here they stand for functions that use the connector which is its guest.
 */
#ifndef CN_CLIENT_GUEST_H
#define CN_CLIENT_GUEST_H

#include <linux/connector.h>
#include <net/netlink.h>

#define cn_add_callback guest_add_callback
#define cn_del_callback guest_del_callback
#define cn_netlink_send guest_netlink_send
#define cn_netlink_send_mult guest_netlink_send_mult

int guest_add_callback(const struct cb_id *id, const char *name,
		       void (*callback)(struct cn_msg *msg, struct netlink_skb_parms *nsp));
void guest_del_callback(const struct cb_id *id);
int guest_netlink_send(struct cn_msg *msg, u32 portid, u32 group, gfp_t gfp);
int guest_netlink_send_mult(struct cn_msg *msg, u16 len, u32 portid, u32 group, gfp_t gfp,
			    netlink_filter_fn filter, void *filter_data);

#endif
