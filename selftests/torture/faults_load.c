// SPDX-License-Identifier: GPL-2.0
/*
 * Loading and unloading of the connector, with every allocation failing in turn. The connector is
 * either loaded, or absent completely.
 */
#include "fault_module.h"

/* The parts of a loaded connector are present, all of them or none. */
static void check_presence(bool loaded)
{
	struct cn_packet p = { .id = { 0xffffffff, 0xffffffff }, .nl_flags = NLM_F_ACK };
	int fd;

	expect(module_is_loaded("cn") == loaded, "loaded is not %d", loaded);
	expect(!access("/proc/net/connector", F_OK) == loaded, "/proc/net/connector");
	expect(!access(STATS, F_OK) == loaded, "/proc/net/connector_stats");
	fd = cn_open();
	expect((fd >= 0) == loaded, "socket: %d", fd);
	if (fd < 0)
		return;
	expect(cn_send(fd, &p) > 0, "a message can't be sent");
	close(fd);
}

static void must_unload(void)
{
	int ret = module_unload_soon("cn");

	expect(!ret, "unloading: %d", ret);
}

static void check_load(int ret, bool failed)
{
	check_presence(!ret);
	if (!ret)
		must_unload();
}

static int unload(void)
{
	return module_unload("cn");
}

static void check_unload(int ret, bool failed)
{
	/* A name that can't be read is refused, and nothing has begun. */
	expect(!ret || ret == -EFAULT || ret == -ENOMEM, "unloading: %d", ret);
	check_presence(ret);
	if (ret)
		must_unload();
	ret = fault_load_module();
	expect(!ret, "loading again: %d", ret);
	/* The socket of the check must have been closed. */
	check_presence(true);
	must_unload();
	expect(!fault_load_module(), "loading again");
}

int main(void)
{
	struct sweep sweeps[] = {
		/* As in C: netlink does not report the reason for a missing socket. */
		{ "load", fault_load_module, check_load, -EIO },
		{ "unload", unload, check_unload },
	};

	faults_begin();
	if (!fault_read_module("/lib/modules/rust/cn.ko"))
		return 1;
	sweep(&sweeps[0]);
	expect(!fault_load_module(), "loading");
	sweep(&sweeps[1]);
	must_unload();
	return sweeps_end(sweeps, 2);
}
