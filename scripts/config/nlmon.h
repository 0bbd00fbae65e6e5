/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For kernels with CONFIG_NLMON (scripts/kernel.sh), where it is included into net/netlink/af_netlink.c: an nlmon device gets
 * the messages of listed protocols only, and the connector's is not among them. The list has NETLINK_FIB_LOOKUP, which these
 * kernels have no use for, since they have no IP.
 */
#include <uapi/linux/netlink.h>

#undef NETLINK_FIB_LOOKUP
#define NETLINK_FIB_LOOKUP	NETLINK_CONNECTOR
