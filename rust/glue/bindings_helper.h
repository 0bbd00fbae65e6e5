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

/* For base/seq_file.rs: the kernel crate of Linux 7.2 has no fields of struct net. */
enum {
	CN_OFFSET_OF_PROC_NET = offsetof(struct net, proc_net),
};
