/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints of the connector: /sys/kernel/tracing/events/connector.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM connector

#if !defined(_CN_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _CN_TRACE_H

#include <linux/connector.h>
#include <linux/tracepoint.h>

/* A message came in; error is the result that an ACK carries. */
TRACE_EVENT(cn_receive,
	TP_PROTO(const struct cb_id *id, u32 portid, u32 len, int error, const char *why),
	TP_ARGS(id, portid, len, error, why),
	TP_STRUCT__entry(
		__field(u32, idx)
		__field(u32, val)
		__field(u32, portid)
		__field(u32, len)
		__field(int, error)
		__string(why, why)
	),
	TP_fast_assign(
		__entry->idx = id->idx;
		__entry->val = id->val;
		__entry->portid = portid;
		__entry->len = len;
		__entry->error = error;
		__assign_str(why);
	),
	TP_printk("id=%u:%u portid=%u len=%u error=%d %s", __entry->idx, __entry->val,
		  __entry->portid, __entry->len, __entry->error, __get_str(why))
);

/* A message was sent, or could not be. */
TRACE_EVENT(cn_send,
	TP_PROTO(const struct cb_id *id, u32 portid, u32 group, u32 len, int error),
	TP_ARGS(id, portid, group, len, error),
	TP_STRUCT__entry(
		__field(u32, idx)
		__field(u32, val)
		__field(u32, portid)
		__field(u32, group)
		__field(u32, len)
		__field(int, error)
	),
	TP_fast_assign(
		__entry->idx = id->idx;
		__entry->val = id->val;
		__entry->portid = portid;
		__entry->group = group;
		__entry->len = len;
		__entry->error = error;
	),
	TP_printk("id=%u:%u portid=%u group=%u len=%u error=%d", __entry->idx, __entry->val,
		  __entry->portid, __entry->group, __entry->len, __entry->error)
);

DECLARE_EVENT_CLASS(cn_callback,
	TP_PROTO(const struct cb_id *id, const char *name),
	TP_ARGS(id, name),
	TP_STRUCT__entry(
		__field(u32, idx)
		__field(u32, val)
		__string(name, name)
	),
	TP_fast_assign(
		__entry->idx = id->idx;
		__entry->val = id->val;
		__assign_str(name);
	),
	TP_printk("id=%u:%u name=%s", __entry->idx, __entry->val, __get_str(name))
);

DEFINE_EVENT(cn_callback, cn_register,
	TP_PROTO(const struct cb_id *id, const char *name),
	TP_ARGS(id, name)
);

DEFINE_EVENT(cn_callback, cn_unregister,
	TP_PROTO(const struct cb_id *id, const char *name),
	TP_ARGS(id, name)
);

#endif /* _CN_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE cn_trace
#include <trace/define_trace.h>
