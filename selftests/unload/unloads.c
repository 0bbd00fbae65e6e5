// SPDX-License-Identifier: GPL-2.0
/*
 * Many modules are unloaded at the same time, while their callbacks run (modules/cn_leaver_00.c).
 * None of them prevents the unloading of another module.
 */
#include "kselftest_harness.h"
#include "cn_module.h"
#include "cn_watchdog.h"

#define UNLOADS_IDX 49
#define LEAVERS 20
#define NAME "cn_leaver_00"
/* The duration of their calls, and the limit of the steps before the calls. */
#define CALL_MS 6000
#define BEGIN_MS 3000

struct leaver {
	char name[sizeof(NAME)];
	unsigned int val;
	pid_t sender;
	pid_t unloader;
};

FIXTURE(unloads)
{
	struct leaver leavers[LEAVERS];
	char *image;
	size_t size;
};

static char *read_module(size_t *size)
{
	static char image[1 << 20];
	char path[PATH_MAX];
	ssize_t n;
	int fd;

	if (!module_find(path, NAME))
		return NULL;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	for (*size = 0; *size < sizeof(image) &&
	     (n = read(fd, image + *size, sizeof(image) - *size)) > 0; *size += n)
		;
	close(fd);
	return *size && *size < sizeof(image) ? image : NULL;
}

/* The same module under another name of the same length: wherever the old one is in the image. */
static int load_under(const char *name, const char *params, char *image, size_t size)
{
	static char copy[1 << 20];
	char *at = copy;

	memcpy(copy, image, size);
	for (; (at = memmem(at, copy + size - at, NAME, strlen(NAME))); at += strlen(NAME))
		memcpy(at, name, strlen(NAME));
	return syscall(SYS_init_module, copy, size, params) ? -errno : 0;
}

FIXTURE_SETUP(unloads)
{
	CN_NEEDS_NO_CONNECTOR();
	ASSERT_EQ(0, module_load("cn", ""));
	self->image = read_module(&self->size);
	ASSERT_NE(NULL, self->image);
}

FIXTURE_TEARDOWN(unloads)
{
	EXPECT_EQ(0, unload_within("cn"));
}

static int send_to_leaver(const void *arg)
{
	const struct leaver *leaver = arg;
	struct cn_packet p = { .id = { UNLOADS_IDX, leaver->val } };
	int fd = cn_open_in_group(0);
	int ret = fd < 0 ? fd : cn_send(fd, &p);

	close(fd);
	return ret < 0 ? ret : 0;
}

static int unload(const void *arg)
{
	const struct leaver *leaver = arg;

	return module_unload(leaver->name);
}

/* The number of modules that are being unloaded. */
static int count_unloading(void)
{
	char *text = read_file("/proc/modules"), *line, *next = text;
	int count = 0;

	while ((line = strsep(&next, "\n")))
		count += !strncmp(line, "cn_leaver_", 10) && strstr(line, " Unloading ");
	free(text);
	return count;
}

static int wait_for_unloading(int wanted)
{
	long long end = watchdog_ms() + cn_limit(BEGIN_MS);
	int count;

	while ((count = count_unloading()) != wanted && watchdog_ms() < end)
		usleep(1000);
	return count;
}

TEST_F(unloads, do_not_wait_for_each_other)
{
	struct leaver *leaver;
	char params[64];
	int i;

	/* Another module, which leaves without any call. */
	ASSERT_EQ(0, load_under("cn_leaver_99", "val=99", self->image, self->size));
	for (i = 0; i < LEAVERS; i++) {
		leaver = &self->leavers[i];
		leaver->val = i;
		snprintf(leaver->name, sizeof(leaver->name), "cn_leaver_%02d", i);
		snprintf(params, sizeof(params), "val=%d milliseconds=%d", i, cn_limit(CALL_MS));
		ASSERT_EQ(0, load_under(leaver->name, params, self->image, self->size));
	}
	for (i = 0; i < LEAVERS; i++)
		self->leavers[i].sender = begin_process(send_to_leaver, &self->leavers[i]);
	usleep(cn_limit(300) * 1000);
	for (i = 0; i < LEAVERS; i++)
		self->leavers[i].unloader = begin_process(unload, &self->leavers[i]);
	EXPECT_EQ(LEAVERS, wait_for_unloading(LEAVERS));

	EXPECT_EQ(0, unload_within("cn_leaver_99"));
	EXPECT_FALSE(module_is_loaded("cn_leaver_99"));
	/* Theirs have not ended: nothing has waited for them. */
	EXPECT_EQ(LEAVERS, count_unloading());
	for (i = 0; i < LEAVERS; i++)
		EXPECT_TRUE(is_running(self->leavers[i].unloader));

	for (i = 0; i < LEAVERS; i++) {
		EXPECT_EQ(0, end_process(self->leavers[i].sender, CALL_MS + SOON_MS));
		EXPECT_EQ(0, end_process(self->leavers[i].unloader, SOON_MS));
	}
	EXPECT_EQ(0, count_unloading());
	EXPECT_FALSE(is_shown(" 49:"));
}
