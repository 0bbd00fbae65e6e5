/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The datagrams of the benchmark: the same payload for the connector, for
 * generic netlink, and for netlink protocols without either.
 */
#ifndef DATAGRAM_H
#define DATAGRAM_H

#include <linux/connector.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>

#include "bench.h"

struct datagram {
	union {
		struct nlmsghdr nlh;
		char bytes[65536];
	};
	size_t length;
	int protocol;
};

static inline void datagram_begin(struct datagram *datagram, int protocol)
{
	memset(datagram, 0, sizeof(*datagram));
	datagram->protocol = protocol;
}

/* Adds room for a netlink message with the given number of bytes. Returns their address. */
static inline void *datagram_add(struct datagram *datagram, int type, int flags, size_t length)
{
	struct nlmsghdr *nlh = (void *)(datagram->bytes + NLMSG_ALIGN(datagram->length));

	if (NLMSG_ALIGN(datagram->length) + NLMSG_SPACE(length) > sizeof(datagram->bytes))
		fail("a datagram has no room for %zu bytes", length);
	nlh->nlmsg_len = NLMSG_LENGTH(length);
	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = flags;
	datagram->length = NLMSG_ALIGN(datagram->length) + nlh->nlmsg_len;
	return NLMSG_DATA(nlh);
}

/* A message to a callback of the connector. */
static inline void datagram_add_connector(struct datagram *datagram, uint32_t val, int flags,
					  size_t payload)
{
	struct cn_msg *msg = datagram_add(datagram, NLMSG_DONE, flags, sizeof(*msg) + payload);

	msg->id.idx = BENCH_IDX;
	msg->id.val = val;
	msg->len = payload;
	memset(msg->data, 0x5a, payload);
}

/* A message to the generic netlink family. */
static inline void datagram_add_genl(struct datagram *datagram, int command, int flags,
				     size_t payload)
{
	int family = ask("bench-genl", BENCH_GENL_FAMILY, (struct bench_order){});
	struct genlmsghdr *genl = datagram_add(datagram, family, NLM_F_REQUEST | flags,
					       GENL_HDRLEN + NLA_HDRLEN + payload);
	struct nlattr *attribute = (void *)((char *)genl + GENL_HDRLEN);

	genl->cmd = command;
	genl->version = 1;
	attribute->nla_type = BENCH_GENL_PAYLOAD;
	attribute->nla_len = NLA_HDRLEN + payload;
	memset((char *)attribute + NLA_HDRLEN, 0x5a, payload);
}

/* The datagram as the modules take it. */
static inline struct bench_order datagram_order(const struct datagram *datagram)
{
	return (struct bench_order){
		.message = (uintptr_t)datagram->bytes,
		.length = datagram->length,
		.protocol = datagram->protocol,
	};
}

#endif
