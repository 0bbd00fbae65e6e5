/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The headers that bindgen reads for the crate `connector_base`.
 */
#include <linux/connector.h>
#include <linux/connector_notify.h>
#include <linux/proc_fs.h>
#include <linux/sock_diag.h>
#include "cn_glue.h"
#include "cn_trace.h"
