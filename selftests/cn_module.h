/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Loads and unloads modules for the tests whose subject that is ("load_*").
 *
 *   CN_MODULE_DIR       folder with the cn.ko under test
 *   CN_C_MODULE_DIR     folder with the kernel's own clients
 *   CN_TEST_MODULE_DIR  folder with the test modules
 */
#ifndef CN_MODULE_H
#define CN_MODULE_H

#include <fcntl.h>
#include <sys/klog.h>
#include <sys/syscall.h>

#include "cn_socket.h"

static inline const char *module_folder(const char *variable, const char *fallback)
{
	const char *folder = getenv(variable);

	return folder && *folder ? folder : fallback;
}

/* finit_module(2) of FOLDER/NAME.ko. */
static inline int module_load_from(const char *folder, const char *name,
				   const char *params)
{
	char path[512];
	int fd, ret;

	snprintf(path, sizeof(path), "%s/%s.ko", folder, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = syscall(SYS_finit_module, fd, params, 0) ? -errno : 0;
	close(fd);
	return ret;
}

static inline int connector_load(const char *params)
{
	return module_load_from(module_folder("CN_MODULE_DIR", provider_is_c() ?
					      "/lib/modules/c" : "/lib/modules/rust"),
				"cn", params);
}

/* wire.ko, cn_test.ko */
static inline int kernel_client_load(const char *name)
{
	return module_load_from(module_folder("CN_C_MODULE_DIR", "/lib/modules/c"),
				name, "");
}

static inline int test_module_load(const char *name)
{
	return module_load_from(module_folder("CN_TEST_MODULE_DIR", "/lib/modules/test"),
				name, "");
}

/* delete_module(2) which does not wait: -EWOULDBLOCK while it is in use. */
static inline int module_unload(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? -errno : 0;
}

/*
 * The same, but a socket that was just closed holds the module until the end
 * of an RCU grace period: that is waited for.
 */
static inline int module_unload_soon(const char *name)
{
	int ret, tries;

	for (tries = 0; tries < cn_timeout() / 10; tries++) {
		ret = module_unload(name);
		if (ret != -EWOULDBLOCK)
			return ret;
		usleep(10 * 1000);
	}
	return ret;
}

static inline bool module_is_loaded(const char *name)
{
	char *text = read_file("/proc/modules");
	char start[64];
	bool found;

	snprintf(start, sizeof(start), "%s ", name);
	found = text && find_line(text, start);
	free(text);
	return found;
}

/* The kernel log from the call of klog_mark() on. */
static inline int klog_mark(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		lseek(fd, 0, SEEK_END);
	return fd;
}

/* True if one line after the mark holds all the given words (NULL ends them). */
static inline bool klog_has(int mark, const char * const *words)
{
	char line[8192];
	ssize_t len;
	bool found = false;
	int i;

	while (!found && (len = read(mark, line, sizeof(line) - 1)) > 0) {
		line[len] = '\0';
		for (i = 0; words[i] && strstr(line, words[i]); i++)
			;
		found = !words[i];
	}
	return found;
}

#define KLOG_HAS(mark, ...) klog_has(mark, (const char *[]){ __VA_ARGS__, NULL })

#endif
