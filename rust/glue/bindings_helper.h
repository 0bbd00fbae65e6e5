/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The headers that bindgen reads for the crate `connector_base`.
 */
#include <linux/connector.h>
#include <linux/connector_notify.h>
#include <linux/proc_fs.h>
#include <linux/sock_diag.h>
#include <net/net_namespace.h>
#include "cn_glue.h"
#include "cn_trace.h"

/* For base/kernel_compat/linux_7_2.rs: bindgen saw no definition of struct net there. */
enum {
	CN_OFFSET_OF_PROC_NET = offsetof(struct net, proc_net),
	CN_OFFSET_OF_USER_NS = offsetof(struct net, user_ns),
};
