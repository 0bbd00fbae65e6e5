/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Loads and unloads modules. A module NAME is the file NAME.ko, in the first of these folders that
 * has it:
 *
 *   CN_MODULE_DIR       of the environment: the connector under test
 *   CN_TEST_MODULE_DIR  the test modules
 *   CN_C_MODULE_DIR     the kernel's own clients
 *   modules             beside the program, where kselftest installs the test modules
 *   /lib/modules        the running kernel's modules, found in modules.dep
 *
 * The connector is called cn, also where it is a guest of a built-in one, whose module is cn_guest.
 */
#ifndef CN_MODULE_H
#define CN_MODULE_H

#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/module.h>
#include <sys/klog.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include "cn_socket.h"

static inline const char *module_name(const char *name)
{
	return provider_is_guest() && !strcmp(name, "cn") ? "cn_guest" : name;
}

/* finit_module(2). */
static inline int module_load_file(const char *path, const char *params)
{
	const char *end = strrchr(path, '.');
	int flags = end && strcmp(end, ".ko") ? MODULE_INIT_COMPRESSED_FILE : 0;
	int fd, ret;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = syscall(SYS_finit_module, fd, params, flags) ? -errno : 0;
	close(fd);
	return ret;
}

static inline bool module_is_in(char *path, const char *folder, const char *name)
{
	return folder && snprintf(path, PATH_MAX, "%s/%s.ko", folder, name) < PATH_MAX &&
	       !access(path, R_OK);
}

/* The line of modules.dep that begins with FOLDER/NAME.ko, which may be compressed, and a colon. */
static inline bool module_is_installed(char *path, const char *name)
{
	char list[PATH_MAX], file[128], *text, *at, *end;
	struct utsname kernel;
	bool found = false;

	uname(&kernel);
	snprintf(list, sizeof(list), "/lib/modules/%s/modules.dep", kernel.release);
	snprintf(file, sizeof(file), "/%s.ko", name);
	text = read_file(list);
	for (at = text; at && !found && (end = strchr(at, ':')); at = strchr(end, '\n')) {
		at += *at == '\n';
		*end++ = '\0';
		found = strstr(at, file) && strchr(".", strstr(at, file)[strlen(file)]);
		if (found)
			snprintf(path, PATH_MAX, "/lib/modules/%.64s/%.512s", kernel.release, at);
	}
	free(text);
	return found;
}

/* Writes where a module is (PATH_MAX bytes); false if it is nowhere. */
static inline bool module_find(char *path, const char *name)
{
	char program[PATH_MAX] = "", beside[PATH_MAX];

	if (readlink("/proc/self/exe", program, sizeof(program) - 1) < 0)
		program[0] = '\0';
	snprintf(beside, sizeof(beside), "%.4000s/modules", dirname(program));
	return module_is_in(path, getenv("CN_MODULE_DIR"), name) ||
	       module_is_in(path, getenv("CN_TEST_MODULE_DIR"), name) ||
	       module_is_in(path, getenv("CN_C_MODULE_DIR"), name) ||
	       module_is_in(path, beside, name) || module_is_installed(path, name);
}

static inline bool module_is_loaded(const char *name)
{
	char *text = read_file("/proc/modules");
	char start[64];
	bool found;

	snprintf(start, sizeof(start), "%s ", module_name(name));
	found = text && find_line(text, start);
	free(text);
	return found;
}

/*
 * -ENOENT if there is no such module, or if a module that it uses is not loaded. What a guest uses
 * is loaded with it, and stays.
 */
static inline int module_load(const char *name, const char *params)
{
	char path[PATH_MAX];

	if (!strcmp(module_name(name), "cn_guest") && !module_is_loaded("cn_entry") &&
	    module_find(path, "cn_entry") && module_load_file(path, ""))
		return -ENOENT;
	return module_find(path, module_name(name)) ? module_load_file(path, params) : -ENOENT;
}

/* The connector with these parameters, and a client. */
static inline int module_load_with_client(const char *params)
{
	int ret = module_load("cn", params);

	return ret ? ret : module_load("cn_client", "");
}

/* delete_module(2) which does not wait: -EWOULDBLOCK while it is in use. */
static inline int module_unload(const char *name)
{
	return syscall(SYS_delete_module, module_name(name), O_NONBLOCK) ? -errno : 0;
}

/*
 * The same, but a socket that was just closed holds the module until the end of an RCU grace
 * period. This function waits for that.
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

/* The begin of a line of the connector. */
#define KLOG_OF_CN (provider_is_guest() ? "cn_guest: " : "cn: ")

#define KLOG_HAS(mark, ...) klog_has(mark, (const char *[]){ __VA_ARGS__, NULL })

#endif
