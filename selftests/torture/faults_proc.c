// SPDX-License-Identifier: GPL-2.0
/*
 * Process events with every allocation failing in turn. The module is loaded or it is not. A
 * request is kept or refused, as its acknowledgement says. An event is received or counted.
 */
#include <sys/prctl.h>

#include "fault_module.h"
#include "../cn_process.h"

static int listener;
static long long counted;

static bool is_listed(const char *path, const char *start)
{
	char *text = read_file(path);
	bool found = text && find_line(text, start);

	free(text);
	return found;
}

/* -- Loading ------------------------------------------------------------------------- */

/* The line with the offered events, as after a load without faults. */
static char available[256];

static void learn_available(void)
{
	char *text;
	const char *line;

	expect(!fault_load_module(), "loading");
	text = read_file(PROCESS_FILE);
	line = text ? find_line(text, "available ") : NULL;
	expect(line && sscanf(line, "%255[^\n]", available) == 1, "what is available");
	free(text);
	expect(!module_unload_soon("cn_proc"), "unloading");
}

static void check_load(int ret, bool failed)
{
	bool loaded = !ret;

	expect(module_is_loaded("cn_proc") == loaded, "loaded is not %d", loaded);
	expect(!access(PROCESS_FILE, F_OK) == loaded, PROCESS_FILE);
	expect(is_listed("/proc/net/connector", "cn_proc ") == loaded, "the callback");
	if (!loaded)
		return;
	/* A lack of memory does not mean that this kernel lacks a feature. */
	expect(is_listed(PROCESS_FILE, available), "it is loaded, and offers less than before");
	expect(!module_unload_soon("cn_proc"), "unloading");
}

/* Hooks are attached in the background. */
static bool hooks_are_attached(void)
{
	int i;

	for (i = 0; i < 2000; i++) {
		if (is_listed(PROCESS_FILE, "attached comm") ||
		    is_listed(PROCESS_FILE, "attached fork"))
			return true;
		usleep(5000);
	}
	return false;
}

/* -- Unloading ----------------------------------------------------------------------- */

static int unload(void)
{
	return module_unload("cn_proc");
}

/* Unloading ends all requests. The listeners of the next load are others. */
static void check_unload(int ret, bool failed)
{
	bool loaded = ret;

	/* A name that can't be read is refused, and nothing has begun. */
	expect(module_is_loaded("cn_proc") == loaded, "loaded is not %d", loaded);
	expect(!access(PROCESS_FILE, F_OK) == loaded, PROCESS_FILE);
	expect(is_listed("/proc/net/connector", "cn_proc ") == loaded, "the callback");
	if (loaded)
		expect(!module_unload_soon("cn_proc"), "unloading");
	expect(!fault_load_module(), "loading again");
	expect(!process_listen_to(listener, PROC_EVENT_COMM), "listening again");
	expect(hooks_are_attached(), "hooks are not attached");
	cn_drain(listener);
}

/* -- Asking for events --------------------------------------------------------------- */

static int ask(void)
{
	int ret = process_filtered(listener, PROC_CN_MCAST_LISTEN, PROC_EVENT_COMM, 1, 1);

	return ret < 0 ? ret : 0;
}

static bool is_kept(void)
{
	char start[32];

	snprintf(start, sizeof(start), "listener port %u ", cn_port(listener));
	return is_listed(PROCESS_FILE, start);
}

/* The error in the acknowledgement, or -ENOBUFS without an acknowledgement. */
static int acknowledgement(void)
{
	struct process_message m;

	while (!process_read_within(listener, &m, 0))
		if ((uint32_t)m.event.what == PROC_EVENT_NONE)
			return m.event.event_data.ack.err;
	return -ENOBUFS;
}

static void check_ask(int ret, bool failed)
{
	int error = ret < 0 ? ret : acknowledgement();

	if (ret < 0)
		expect(!is_kept(), "sending failed, and there is a listener");
	else if (!error)
		expect(is_kept(), "the acknowledgement says 0, and there is no listener");
	else if (error > 0)
		expect(error == ENOMEM && !is_kept(), "it says %d, and there is%s listener", error,
		       is_kept() ? " a" : " no");
	expect(failed || !error, "no fault, and the acknowledgement says %d", error);
	expect(process_ignore(listener) > 0, "ignoring");
	expect(!is_kept(), "a listener has stayed");
	cn_drain(listener);
}

/* -- Events ---------------------------------------------------------------------------- */

static int rename_oneself(void)
{
	return prctl(PR_SET_NAME, "renamed") ? -errno : 0;
}

static void check_event(int ret, bool failed)
{
	long long now = read_counter(PROCESS_FILE, "no_memory");
	struct process_message m;
	int heard = 0;

	while (!process_read_within(listener, &m, 0))
		heard += (uint32_t)m.event.what == PROC_EVENT_COMM &&
			 m.event.event_data.comm.process_pid == getpid();
	/* Where the name can't be read, nothing has happened. */
	expect(heard + now - counted == (ret >= 0), "heard %d, counted %lld", heard, now - counted);
	expect(failed || heard, "no fault, and nothing was heard");
	counted = now;
}

int main(void)
{
	struct sweep sweeps[] = {
		{ "load", fault_load_module, check_load },
		{ "listen", ask, check_ask },
		{ "event", rename_oneself, check_event },
		{ "unload", unload, check_unload },
	};

	faults_begin();
	if (!fault_read_module("/lib/modules/rust/cn_proc.ko"))
		return 1;
	learn_available();
	sweep(&sweeps[0]);
	expect(!fault_load_module(), "loading");
	listener = cn_open_in_group(CN_IDX_PROC);
	if (listener < 0) {
		printf("no socket: %d\n", listener);
		return 1;
	}
	sweep(&sweeps[1]);
	expect(!process_listen_to(listener, PROC_EVENT_COMM), "listening");
	expect(hooks_are_attached(), "hooks are not attached");
	cn_drain(listener);
	counted = read_counter(PROCESS_FILE, "no_memory");
	sweep(&sweeps[2]);
	expect(counted > 0, "no event was ever counted");
	sweep(&sweeps[3]);
	close(listener);
	expect(!module_unload_soon("cn_proc"), "unloading");
	return sweeps_end(sweeps, 4);
}
