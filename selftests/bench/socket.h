/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The sockets of a provider: programs talk to the connector, to the generic
 * netlink family, or to a bare netlink protocol in the same way.
 */
#ifndef BENCH_SOCKET_H
#define BENCH_SOCKET_H

#include <poll.h>
#include <sys/socket.h>

#include "datagram.h"

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

static inline int provider_protocol(void)
{
	if (provider_is("genl"))
		return NETLINK_GENERIC;
	if (provider_is("baseline"))
		return BENCH_BASELINE;
	return provider_is("minimal") ? BENCH_MINIMAL : NETLINK_CONNECTOR;
}

/* The module that sends messages of a provider. */
static inline const char *provider_device(void)
{
	if (provider_is("genl"))
		return "bench-genl";
	if (provider_is("crate"))
		return "bench-crate";
	return provider_is("minimal") ? "bench-baseline" : "bench-client";
}

static inline uint32_t provider_group(void)
{
	if (provider_is("genl"))
		return ask("bench-genl", BENCH_GENL_GROUP, (struct bench_order){});
	return provider_is("minimal") ? BENCH_MINIMAL_GROUP : BENCH_IDX;
}

/* The bytes in front of the payload in messages of the provider. */
static inline size_t provider_headers(void)
{
	if (provider_is("genl"))
		return NLMSG_HDRLEN + GENL_HDRLEN + NLA_HDRLEN;
	return NLMSG_HDRLEN + (provider_is("minimal") ? 0 : sizeof(struct cn_msg));
}

/* A message that the provider replies to with its payload. */
static inline void datagram_add_echo(struct datagram *datagram, int flags, size_t payload)
{
	if (provider_is("genl"))
		datagram_add_genl(datagram, BENCH_GENL_ECHO, flags, payload);
	else if (provider_is("minimal"))
		memset(datagram_add(datagram, NLMSG_MIN_TYPE, NLM_F_REQUEST | flags, payload),
		       0x5a, payload);
	else
		datagram_add_connector(datagram,
				       provider_is("crate") ? BENCH_CRATE_ECHO : BENCH_ECHO,
				       flags, payload);
}

/* A socket with room for all that is sent at once, in a group or (0) in none. */
static inline int open_socket(uint32_t group)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, provider_protocol());
	int room = 8 << 20;

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)) ||
	    (group && setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group))))
		fail("netlink socket, group %u: %s", group, strerror(errno));
	return fd;
}

/* Everything here is sent before the call returns, so nothing is waited for. */
static inline size_t receive(int fd, char *bytes, size_t size)
{
	ssize_t length = recv(fd, bytes, size, MSG_DONTWAIT);

	if (length < 0)
		fail("receiving: %s", strerror(errno));
	return length;
}

/* Nothing must be left. */
static inline void expect_silence(int fd)
{
	char byte;

	if (recv(fd, &byte, 1, MSG_DONTWAIT | MSG_TRUNC) >= 0 || errno != EAGAIN)
		fail("an unexpected message was received");
}

#endif
