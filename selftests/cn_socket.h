/* SPDX-License-Identifier: GPL-2.0 */
/*
 * User side of the connector for the tests: sockets, datagrams, answers.
 *
 * Functions that can fail return a negative errno, so that a test can compare
 * with the exact error. Nothing here waits without an end.
 */
#ifndef CN_SOCKET_H
#define CN_SOCKET_H

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/connector.h>
#include <linux/netlink.h>

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

/* A time limit on this kernel: the guest's environment has the factor (scripts/guest.sh). */
static inline int cn_limit(int limit)
{
	const char *slowness = getenv("CN_SLOWNESS");

	return slowness ? limit * atoi(slowness) : limit;
}

/* Milliseconds; long enough for a loaded machine without hardware virtualisation. */
static inline int cn_timeout(void)
{
	return cn_limit(10000);
}

/*
 * How long to wait for a message that must not arrive. It would be sent before the call that causes
 * it returns.
 */
#define CN_SILENCE_MS 10

/* The same where a work queue would send it. */
static inline int cn_pause(void)
{
	return cn_limit(50);
}

/*
 * The harness, which is included before this, asks for its limit when a program with a test starts.
 */
#ifdef TEST_TIMEOUT_DEFAULT
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT cn_limit(30)
#endif

#define CN_HEADERS (NLMSG_HDRLEN + sizeof(struct cn_msg))
#define CN_BUFFER (128 * 1024)

static inline bool provider_is(const char *name)
{
	const char *provider = getenv("CN_PROVIDER");

	return provider && !strcmp(provider, name);
}

static inline bool provider_is_c(void)
{
	return provider_is("c");
}

/* Ours, as a guest of the C connector, which is built in. */
static inline bool provider_is_guest(void)
{
	return provider_is("guest");
}

/*
 * The given number of repetitions, or the share of it that CN_REPEAT names in per cent. Only for
 * plain repetition.
 */
static inline unsigned int cn_repeat(unsigned int times)
{
	const char *percent = getenv("CN_REPEAT");

	times = percent ? times * atoi(percent) / 100 : times;
	return times ? times : 1;
}

#define NOT_IN_C "not a feature of the C connector"

/* For tests of features that only our connector has. */
#define SKIP_ON_C() do { \
	if (provider_is_c()) \
		SKIP(return, NOT_IN_C); \
} while (0)

#define NOT_IN_GUEST "of a connector that has the netlink protocol to itself"

/* For tests of what a guest leaves to the built-in connector. */
#define SKIP_ON_GUEST() do { \
	if (provider_is_guest()) \
		SKIP(return, NOT_IN_GUEST); \
} while (0)

/* For a program in which all tests need it: it ends before the first one. */
#define SKIP_PROGRAM_ON_C() \
static __attribute__((constructor)) void skip_program_on_c(void) \
{ \
	if (!provider_is_c()) \
		return; \
	ksft_print_header(); \
	ksft_exit_skip(NOT_IN_C "\n"); \
}

/* -- Sockets ------------------------------------------------------------- */

static inline int cn_open(void)
{
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_CONNECTOR);

	return fd < 0 ? -errno : fd;
}

static inline int cn_bind(int fd, uint32_t portid, uint32_t groups)
{
	struct sockaddr_nl addr = {
		.nl_family = AF_NETLINK,
		.nl_pid = portid,
		.nl_groups = groups,
	};

	return bind(fd, (struct sockaddr *)&addr, sizeof(addr)) ? -errno : 0;
}

static inline int cn_setopt(int fd, int option, uint32_t value)
{
	return setsockopt(fd, SOL_NETLINK, option, &value, sizeof(value)) ? -errno : 0;
}

static inline int cn_join(int fd, uint32_t group)
{
	return cn_setopt(fd, NETLINK_ADD_MEMBERSHIP, group);
}

static inline int cn_leave(int fd, uint32_t group)
{
	return cn_setopt(fd, NETLINK_DROP_MEMBERSHIP, group);
}

/* A socket with a port of its own, in one group or (0) in none. */
static inline int cn_open_in_group(uint32_t group)
{
	int fd = cn_open();
	int err;

	if (fd < 0)
		return fd;
	err = cn_bind(fd, 0, 0);
	if (!err && group)
		err = cn_join(fd, group);
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

static inline uint32_t cn_port(int fd)
{
	struct sockaddr_nl addr = {};
	socklen_t len = sizeof(addr);

	return getsockname(fd, (struct sockaddr *)&addr, &len) ? 0 : addr.nl_pid;
}

/* -- Datagrams ----------------------------------------------------------- */

/*
 * One netlink message with one connector message. The lengths in its two
 * headers are right, unless nl_len or use_msg_len is set.
 */
struct cn_packet {
	struct cb_id id;
	uint32_t seq;
	uint32_t ack;
	uint16_t flags;
	const void *data;
	uint32_t data_len;
	uint16_t nl_type;
	uint16_t nl_flags;
	uint32_t nl_seq;
	uint32_t nl_pid;
	uint32_t nl_len;	/* 0: exact */
	bool use_msg_len;	/* cn_msg.len is msg_len instead of data_len */
	uint16_t msg_len;
};

/* Puts a packet into buf and returns its length, padding not counted. */
static inline size_t cn_build(void *buf, const struct cn_packet *p)
{
	struct nlmsghdr *nlh = buf;
	struct cn_msg *msg = NLMSG_DATA(nlh);
	size_t len = CN_HEADERS + p->data_len;

	nlh->nlmsg_len = p->nl_len ? p->nl_len : len;
	nlh->nlmsg_type = p->nl_type ? p->nl_type : NLMSG_DONE;
	nlh->nlmsg_flags = p->nl_flags;
	nlh->nlmsg_seq = p->nl_seq ? p->nl_seq : p->seq;
	nlh->nlmsg_pid = p->nl_pid;
	msg->id = p->id;
	msg->seq = p->seq;
	msg->ack = p->ack;
	msg->len = p->use_msg_len ? p->msg_len : p->data_len;
	msg->flags = p->flags;
	if (p->data_len && p->data)
		memcpy(msg->data, p->data, p->data_len);
	else
		memset(msg->data, 0, p->data_len);
	return len;
}

static inline int cn_send_raw_to(int fd, const void *buf, size_t len,
				 uint32_t portid, uint32_t groups)
{
	struct sockaddr_nl addr = {
		.nl_family = AF_NETLINK,
		.nl_pid = portid,
		.nl_groups = groups,
	};
	ssize_t ret = sendto(fd, buf, len, 0, (struct sockaddr *)&addr, sizeof(addr));

	return ret < 0 ? -errno : ret;
}

static inline int cn_send_raw(int fd, const void *buf, size_t len)
{
	return cn_send_raw_to(fd, buf, len, 0, 0);
}

/* Sends one packet; the number of bytes sent or an error. */
static inline int cn_send(int fd, const struct cn_packet *p)
{
	void *buf = malloc(NLMSG_ALIGN(CN_HEADERS + p->data_len));
	int ret;

	if (!buf)
		return -ENOMEM;
	ret = cn_send_raw(fd, buf, cn_build(buf, p));
	free(buf);
	return ret;
}

/*
 * The begin of a datagram whose next message is an error. A guest does not get one that begins with
 * an error, because the built-in connector drops it; so there it begins with a message to this id,
 * which has a callback. Returns its length.
 */
static inline size_t cn_begin(void *buf, uint32_t idx, uint32_t val)
{
	struct cn_packet p = { .id = { idx, val } };

	return provider_is_guest() ? NLMSG_ALIGN(cn_build(buf, &p)) : 0;
}

/* -- Receiving ----------------------------------------------------------- */

struct cn_received {
	/* Bytes in the datagram, or a negative errno. */
	int len;
	struct sockaddr_nl from;
	union {
		struct nlmsghdr nlh;
		uint8_t bytes[CN_BUFFER];
	};
};

static inline struct cn_msg *cn_message(struct cn_received *r)
{
	return NLMSG_DATA(&r->nlh);
}

/* Waits for one datagram. Returns r->len as well, -ETIMEDOUT if none arrives. */
static inline int cn_receive_within(int fd, struct cn_received *r, int timeout_ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	socklen_t len = sizeof(r->from);
	ssize_t ret;

	/* So that a byte that is not received can't pass for a received one. */
	memset(r, 0xa5, sizeof(*r));
	ret = poll(&pfd, 1, timeout_ms);
	if (ret < 0)
		return r->len = -errno;
	if (!ret)
		return r->len = -ETIMEDOUT;
	ret = recvfrom(fd, r->bytes, sizeof(r->bytes), MSG_DONTWAIT | MSG_TRUNC,
		       (struct sockaddr *)&r->from, &len);
	return r->len = ret < 0 ? -errno : ret;
}

static inline int cn_receive(int fd, struct cn_received *r)
{
	return cn_receive_within(fd, r, cn_timeout());
}

/* True if nothing is queued. */
static inline bool cn_is_silent(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return !poll(&pfd, 1, CN_SILENCE_MS);
}

/* Discards all queued messages, and pending loss errors. */
static inline void cn_drain(int fd)
{
	char byte;

	while (recv(fd, &byte, 1, MSG_DONTWAIT) >= 0 || errno == ENOBUFS)
		;
}

/* True if the datagram is one exact message of the kernel with this payload. */
static inline bool cn_is_message(struct cn_received *r, uint32_t idx, uint32_t val,
				 uint32_t seq, uint32_t ack, const void *data, size_t len)
{
	struct cn_msg *msg = cn_message(r);

	return r->len >= (int)(CN_HEADERS + len) && r->nlh.nlmsg_type == NLMSG_DONE &&
	       r->nlh.nlmsg_len == CN_HEADERS + len && msg->id.idx == idx &&
	       msg->id.val == val && msg->seq == seq && msg->ack == ack &&
	       msg->len == len && !memcmp(msg->data, data, len);
}

/* The payload which the test client's send command makes. */
static inline bool cn_is_pattern(const uint8_t *data, uint32_t seq, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (data[i] != (uint8_t)(seq + i))
			return false;
	return true;
}

/* FNV-1a, as in the test client. */
static inline uint32_t cn_hash(const void *data, size_t len)
{
	const uint8_t *bytes = data;
	uint32_t hash = 0x811c9dc5;

	while (len--)
		hash = (hash ^ *bytes++) * 0x01000193;
	return hash;
}

/* -- Acknowledgements ---------------------------------------------------- */

struct cn_ack {
	int error;
	uint32_t seq;
	uint16_t flags;
	struct nlmsghdr quoted;
	const uint8_t *payload;		/* quoted after the header */
	uint32_t payload_len;
	const char *text;		/* NULL without NLMSGERR_ATTR_MSG */
	bool has_offset;
	uint32_t offset;
	uint32_t unknown_attributes;
};

/* Takes an NLMSG_ERROR apart; -EBADMSG if it is not a well-formed one. */
static inline int cn_parse_ack(struct cn_received *r, struct cn_ack *ack)
{
	struct nlmsgerr *err = NLMSG_DATA(&r->nlh);
	uint32_t at, end = r->nlh.nlmsg_len;

	memset(ack, 0, sizeof(*ack));
	if (r->len < (int)NLMSG_LENGTH(sizeof(*err)) || r->nlh.nlmsg_type != NLMSG_ERROR ||
	    end < NLMSG_LENGTH(sizeof(*err)) || end > (uint32_t)r->len)
		return -EBADMSG;
	ack->error = err->error;
	ack->seq = r->nlh.nlmsg_seq;
	ack->flags = r->nlh.nlmsg_flags;
	ack->quoted = err->msg;

	at = NLMSG_LENGTH(sizeof(*err));
	ack->payload = r->bytes + at;
	if (!(ack->flags & NLM_F_CAPPED)) {
		if (err->msg.nlmsg_len < NLMSG_HDRLEN)
			return -EBADMSG;
		ack->payload_len = err->msg.nlmsg_len - NLMSG_HDRLEN;
		if (ack->payload_len > end - at)
			return -EBADMSG;
		at += NLMSG_ALIGN(ack->payload_len);
	}
	if (!(ack->flags & NLM_F_ACK_TLVS))
		return at >= end ? 0 : -EBADMSG;

	while (at + NLA_HDRLEN <= end) {
		struct nlattr *nla = (struct nlattr *)(r->bytes + at);
		const char *value = (const char *)nla + NLA_HDRLEN;

		if (nla->nla_len < NLA_HDRLEN || nla->nla_len > end - at)
			return -EBADMSG;
		switch (nla->nla_type) {
		case NLMSGERR_ATTR_MSG:
			if (nla->nla_len == NLA_HDRLEN ||
			    value[nla->nla_len - NLA_HDRLEN - 1])
				return -EBADMSG;
			ack->text = value;
			break;
		case NLMSGERR_ATTR_OFFS:
			if (nla->nla_len != NLA_HDRLEN + sizeof(ack->offset))
				return -EBADMSG;
			memcpy(&ack->offset, value, sizeof(ack->offset));
			ack->has_offset = true;
			break;
		default:
			ack->unknown_attributes++;
		}
		at += NLA_ALIGN(nla->nla_len);
	}
	return 0;
}

/* Receives one answer and takes it apart. */
static inline int cn_receive_ack(int fd, struct cn_received *r, struct cn_ack *ack)
{
	int ret = cn_receive(fd, r);

	return ret < 0 ? ret : cn_parse_ack(r, ack);
}

/*
 * Whether nothing is registered under an id, as its sender learns. On a guest, the sender gets no
 * answer.
 */
static inline bool cn_id_is_unknown(int fd, struct cn_received *r, uint32_t idx, uint32_t val)
{
	struct cn_packet p = { .id = { idx, val }, .nl_flags = NLM_F_ACK };
	struct cn_ack ack;

	if (cn_send(fd, &p) < 0)
		return false;
	if (provider_is_guest())
		return cn_is_silent(fd);
	return !cn_receive_ack(fd, r, &ack) && ack.error == -ENODEV;
}

/* -- Files --------------------------------------------------------------- */

/* The whole of a file in /proc, or NULL; to be freed. */
static inline char *read_file(const char *path)
{
	size_t size = 4096, len = 0;
	char *text = malloc(size);
	FILE *file = fopen(path, "re");

	while (file && text) {
		size_t n = fread(text + len, 1, size - len - 1, file);

		if (!n)
			break;
		len += n;
		if (size - len < 2)
			text = realloc(text, size *= 2);
	}
	if (file)
		fclose(file);
	if (!file || !text) {
		free(text);
		return NULL;
	}
	text[len] = '\0';
	return text;
}

/* Start of the line that begins with the given words, or NULL. */
static inline const char *find_line(const char *text, const char *start)
{
	size_t len = strlen(start);

	while (text) {
		if (!strncmp(text, start, len))
			return text;
		text = strchr(text, '\n');
		if (text)
			text++;
	}
	return NULL;
}

/*
 * /proc/net/connector without clients: ours lists its notification channel. That of a guest is the
 * file of the built-in connector, which lists the process events of the kernel as well.
 */
static inline const char *proc_file_without_clients(void)
{
	if (provider_is_guest())
		return "Name            ID\ncn_proc         1:1\n"
		       "connector       4294967295:4294967295\n";
	return provider_is_c() ? "Name            ID\n" :
				 "Name            ID\nconnector       4294967295:4294967295\n";
}

/* "name value" lines; -1 if the file or the name is missing. */
static inline long long read_counter(const char *path, const char *name)
{
	char *text = read_file(path);
	const char *line;
	long long value = -1;
	char start[64];

	snprintf(start, sizeof(start), "%s ", name);
	line = find_line(text, start);
	if (line)
		value = strtoll(line + strlen(start), NULL, 10);
	free(text);
	return value;
}

/* The "Drops" column of a connector socket in /proc/net/netlink; -1 if absent. */
static inline long cn_drops(uint32_t portid)
{
	char *text = read_file("/proc/net/netlink");
	const char *line = text;
	unsigned int protocol, pid;
	long drops = -1, found;

	while (line && (line = strchr(line, '\n')) && *++line) {
		if (sscanf(line, "%*s %u %u %*x %*d %*d %*d %*d %ld",
			   &protocol, &pid, &found) == 3 &&
		    protocol == NETLINK_CONNECTOR && pid == portid)
			drops = found;
	}
	free(text);
	return drops;
}

#endif
