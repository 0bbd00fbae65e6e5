// SPDX-License-Identifier: GPL-2.0
/*
 * What core/carrier/guest.rs cannot do in Rust: wrappers of inline kernel functions and macros.
 */
#include <net/sock.h>

#include "cn_glue.h"

void cn_glue_hold_socket(struct sock *sk)
{
	sock_hold(sk);
}

void cn_glue_put_socket(struct sock *sk)
{
	sock_put(sk);
}

/* Whether netlink has taken a socket out of its tables. */
bool cn_glue_is_closed(const struct sock *sk)
{
	return sock_flag(sk, SOCK_DEAD);
}

MODULE_IMPORT_NS("CONNECTOR_ENTRY");
