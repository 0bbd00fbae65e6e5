/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Module parameters that are on or off, which module! of Linux 7.2 does not know. As those that
 * it makes, each has a value, and is given once at most.
 */
#ifndef _CN_SWITCH_H
#define _CN_SWITCH_H

#include <linux/kstrtox.h>
#include <linux/moduleparam.h>

struct cn_switch {
	bool on;
	bool is_given;
};

static int cn_switch_set(const char *val, const struct kernel_param *kp)
{
	struct cn_switch *to = kp->arg;
	int ret = to->is_given ? -EEXIST : kstrtobool(val, &to->on);

	if (!ret)
		to->is_given = true;
	return ret;
}

static const struct kernel_param_ops cn_switch_ops = { .set = cn_switch_set };

/* Sparse cannot evaluate the length of a string, which the kernel's macros check. */
#ifdef __CHECKER__
#define CN_SWITCH_INFO(name, description)
#else
#define CN_SWITCH_INFO(name, description)					\
	__MODULE_PARM_TYPE(name, "bool");					\
	MODULE_PARM_DESC(name, description)
#endif

/* Defines the parameter, and the variable of that name with its value. */
#define CN_SWITCH(name, value, description)					\
	static struct cn_switch name = { .on = value };				\
	CN_SWITCH_INFO(name, description);					\
	module_param_cb(name, &cn_switch_ops, &name, 0)

#endif /* _CN_SWITCH_H */
