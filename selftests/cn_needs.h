/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The modules that are loaded when a test begins. The setup of a fixture names them first:
 *
 * 	CN_NEEDS("cn_client");		the connector and these modules
 * 	CN_NEEDS();			the connector alone
 * 	CN_NEEDS_NO_CONNECTOR();	not even the connector: the test loads it
 *
 * All other modules that use the connector are unloaded first. A needed module that is loaded stays
 * as it is. A test is skipped where a module does not exist, and fails where one does not load or
 * unload.
 */
#ifndef CN_NEEDS_H
#define CN_NEEDS_H

#include "cn_module.h"

#define MODULE_NAME 56
#define USERS_MOST 200

struct module_users {
	char names[USERS_MOST][MODULE_NAME];
	int count;
};

static inline bool connector_is_there(void)
{
	return !access(provider_is_guest() ? "/proc/net/connector_stats" : "/proc/net/connector", F_OK);
}

/* Modules that use the connector. The kernel knows none for a built-in one: then cn_* are taken. */
static inline void list_users(struct module_users *users)
{
	char *text = read_file("/proc/modules"), *line, *next, *user, *rest;
	char name[MODULE_NAME], used_by[4096];

	users->count = 0;
	for (line = text; line && *line && users->count < USERS_MOST; line = next) {
		next = strchrnul(line, '\n');
		next += *next == '\n';
		if (sscanf(line, "%55s %*s %*s %4095s", name, used_by) != 2)
			continue;
		if (!strncmp(name, "cn_", 3) && strcmp(name, "cn_guest") && strcmp(name, "cn_entry"))
			strcpy(users->names[users->count++], name);
		if (strcmp(name, module_name("cn")))
			continue;
		for (user = strtok_r(used_by, ",", &rest); user; user = strtok_r(NULL, ",", &rest))
			if (*user != '-' && *user != '[' && strncmp(user, "cn_", 3) &&
			    users->count < USERS_MOST)
				snprintf(users->names[users->count++], MODULE_NAME, "%s", user);
	}
	free(text);
}

static inline bool is_among(const char *name, const char * const *names)
{
	while (*names && strcmp(name, *names))
		names++;
	return *names;
}

/*
 * Unloads the modules that use the connector, except for the needed ones. Names a module that
 * stays. They may use each other, and sockets may hold them for a while.
 */
static inline int unload_users_but(const char * const *needed, const char **name)
{
	static struct module_users users;
	int tries, i, left;

	for (tries = 0; tries < cn_timeout() / 10; tries++) {
		list_users(&users);
		for (i = left = 0; i < users.count; i++) {
			if (is_among(users.names[i], needed) || !module_unload(users.names[i]))
				continue;
			*name = users.names[i];
			left++;
		}
		if (!left)
			return 0;
		usleep(10 * 1000);
	}
	return -EBUSY;
}

/* Loads the needed modules and no others. Names the module that does not load or unload. */
static inline int load_only(const char * const *needed, const char **name)
{
	int ret = unload_users_but(needed, name);

	if (!ret && !connector_is_there()) {
		*name = "cn";
		ret = module_load("cn", "");
	}
	for (; !ret && *needed; needed++) {
		*name = *needed;
		ret = module_is_loaded(*needed) ? 0 : module_load(*needed, "");
	}
	return ret;
}

#define CN_NEEDS_LIST(list) do { \
	const char *module = ""; \
	int err = load_only(list, &module); \
	if (err == -ENOENT) \
		SKIP(return, "there is no module %s for this connector", module); \
	ASSERT_EQ(0, err) \
		TH_LOG("module %s", module); \
} while (0)

#define CN_NEEDS(...) CN_NEEDS_LIST(((const char * const []){ "", ##__VA_ARGS__, NULL }) + 1)

static inline int connector_unload(const char **name)
{
	int ret = unload_users_but((const char * const []){ NULL }, name);

	if (!ret && module_is_loaded("cn")) {
		*name = "cn";
		ret = module_unload_soon("cn");
	}
	return ret;
}

#define CN_NEEDS_NO_CONNECTOR() do { \
	const char *module = ""; \
	if (connector_is_there() && !module_is_loaded("cn")) \
		SKIP(return, "the connector is built in"); \
	ASSERT_EQ(0, connector_unload(&module)) \
		TH_LOG("module %s", module); \
} while (0)

#ifdef TEST_HARNESS_MAIN
/*
 * Without CN_PROVIDER in the environment, the connector is ours if it has the file of ours, and a
 * guest if the module is that.
 */
static __attribute__((constructor)) void find_provider(void)
{
	if (getenv("CN_PROVIDER"))
		return;
	if (!connector_is_there())
		module_load("cn", "");
	if (module_is_loaded("cn_guest"))
		setenv("CN_PROVIDER", "guest", 1);
	else
		setenv("CN_PROVIDER", access("/proc/net/connector_stats", F_OK) ? "c" : "rust", 1);
}
#endif

#endif
