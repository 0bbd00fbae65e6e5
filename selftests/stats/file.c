// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/net/connector: format, order, permissions.
 */
#include <sys/stat.h>

#include "kselftest_harness.h"
#include "cn_client.h"
#include "cn_privilege.h"

#define IDX 25
#define FILE_NAME "/proc/net/connector"
#define HEADER "Name            ID\n"

FIXTURE(proc_file)
{
	char *before;
};

FIXTURE_SETUP(proc_file)
{
	CN_NEEDS_CLIENT();
	self->before = read_file(FILE_NAME);
	ASSERT_NE(NULL, self->before);
}

FIXTURE_TEARDOWN(proc_file)
{
	free(self->before);
	EXPECT_EQ(0, client("clear"));
}

/* The lines that were added to the file since the test began. */
#define ADDED() ({ \
	char *now_ = read_file(FILE_NAME); \
	ASSERT_NE(NULL, now_); \
	ASSERT_EQ(0, strncmp(self->before, now_, strlen(self->before))); \
	now_ + strlen(self->before); \
})

TEST_F(proc_file, begins_with_the_header)
{
	EXPECT_EQ(0, strncmp(HEADER, self->before, strlen(HEADER)));
}

TEST_F(proc_file, has_a_line_for_each_callback)
{
	ASSERT_EQ(0, client("add %u:1 name count", IDX));
	EXPECT_STREQ("name            25:1\n", ADDED());
	ASSERT_EQ(0, client("add 4294967295:4294967294 other count"));
	EXPECT_STREQ("name            25:1\n"
		     "other           4294967295:4294967294\n", ADDED());
}

TEST_F(proc_file, is_in_the_order_of_registration)
{
	ASSERT_EQ(0, client("add %u:3 c count", IDX));
	ASSERT_EQ(0, client("add %u:1 a count", IDX));
	ASSERT_EQ(0, client("add %u:2 b count", IDX));
	ASSERT_EQ(0, client("del %u:1", IDX));
	ASSERT_EQ(0, client("add %u:1 a count", IDX));
	EXPECT_STREQ("c               25:3\n"
		     "b               25:2\n"
		     "a               25:1\n", ADDED());
}

TEST_F(proc_file, loses_the_line_of_an_unregistered_callback)
{
	ASSERT_EQ(0, client("add %u:1 a count", IDX));
	ASSERT_EQ(0, client("add %u:2 b count", IDX));
	ASSERT_EQ(0, client("del %u:1", IDX));
	EXPECT_STREQ("b               25:2\n", ADDED());
	ASSERT_EQ(0, client("del %u:2", IDX));
	EXPECT_STREQ("", ADDED());
}

/* Column width 15, and 31 bytes of a name are kept. */
TEST_F(proc_file, names_of_all_lengths)
{
	const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEF";
	char expected[128];
	int len;

	for (len = 1; len < (int)sizeof(letters); len++) {
		ASSERT_EQ(0, client("add %u:1 %.*s count", IDX, len, letters));
		snprintf(expected, sizeof(expected), "%-15.*s %u:1\n",
			 len < 31 ? len : 31, letters, IDX);
		EXPECT_STREQ(expected, ADDED());
		ASSERT_EQ(0, client("clear"));
	}
}

/* A name is text: nothing in it is a format. */
TEST_F(proc_file, name_is_not_a_format)
{
	ASSERT_EQ(0, client("add %u:1 %%s%%n%%x count", IDX));
	EXPECT_STREQ("%s%n%x          25:1\n", ADDED());
}

/*
 * A name does not end its line, or control a terminal. Except on the C connector, such characters
 * are shown as octal numbers. A guest gives the built-in connector question marks instead.
 */
TEST_F(proc_file, name_is_on_one_line)
{
	ASSERT_EQ(0, client("add %u:1 a\nforged\x1b[2J\t\x7f count", IDX));
	ASSERT_EQ(0, client("add %u:2 a\\b count", IDX));
	EXPECT_STREQ(provider_is_guest() ? "a?forged?[2J??  25:1\n"
					   "a\\b             25:2\n" :
		     provider_is_c() ? "a\nforged\x1b[2J\t\x7f  25:1\n"
				       "a\\b             25:2\n"
				     : "a\\012forged\\033[2J\\011\\177 25:1\n"
				       "a\\134b          25:2\n", ADDED());
}

TEST_F(proc_file, is_readable_by_all_and_writable_by_none)
{
	struct stat st;

	ASSERT_EQ(0, stat(FILE_NAME, &st));
	EXPECT_EQ(S_IFREG | 0444, st.st_mode);
	EXPECT_EQ(0, st.st_uid);
}

TEST_F(proc_file, is_readable_by_a_user)
{
	char *text;

	ASSERT_EQ(0, client("add %u:1 seen count", IDX));
	become_user();
	text = read_file(FILE_NAME);
	ASSERT_NE(NULL, text);
	EXPECT_NE(NULL, strstr(text, "seen            25:1\n"));
}

/* More than any buffer holds, and read in pieces that split lines. */
TEST_F(proc_file, is_complete_with_thousands_of_callbacks)
{
	const int many = cn_repeat(3000);
	const char *line;
	char piece[7], expected[64];
	size_t len = 0;
	ssize_t n;
	char *text;
	int fd, i;

	ASSERT_EQ(0, client("add_many %u:1000 %d", IDX, many));
	text = malloc(many * 64);
	fd = open(FILE_NAME, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	while ((n = read(fd, piece, sizeof(piece))) > 0) {
		ASSERT_LT(len + n, (size_t)many * 64);
		memcpy(text + len, piece, n);
		len += n;
	}
	close(fd);
	text[len] = '\0';
	line = text + strlen(self->before);
	for (i = 0; i < many; i++) {
		snprintf(expected, sizeof(expected), "many            %u:%u\n", IDX, 1000 + i);
		ASSERT_EQ(0, strncmp(expected, line, strlen(expected)));
		line += strlen(expected);
	}
	EXPECT_EQ('\0', *line);
	free(text);
}

TEST_F(proc_file, can_be_read_again_from_the_start)
{
	char first[4096], second[4096];
	ssize_t n;
	int fd = open(FILE_NAME, O_RDONLY | O_CLOEXEC);

	ASSERT_LE(0, fd);
	n = pread(fd, first, sizeof(first), 0);
	ASSERT_LT(0, n);
	EXPECT_EQ(n, pread(fd, second, sizeof(second), 0));
	EXPECT_EQ(0, memcmp(first, second, n));
	EXPECT_EQ(0, pread(fd, second, sizeof(second), n));
	close(fd);
}
