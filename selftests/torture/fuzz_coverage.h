/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Coverage of the connector, from KCOV: which of the places in cn.ko that record were reached. The places are the
 * relocations of the module's calls of __sanitizer_cov_trace_pc(); an address is recorded behind the call.
 */
#ifndef FUZZ_COVERAGE_H
#define FUZZ_COVERAGE_H

#include <ctype.h>
#include <elf.h>
#include <linux/kcov.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "fuzz_world.h"

#define COVER_SIZE (64 << 10)
#define MOST_PLACES 65536

/* A basic block, more or less. */
struct place {
	uint32_t section, offset;
	const char *function;
	bool reached;
	/* The block ends the kernel: an assertion of a debug build. */
	bool panics;
};

static struct place places[MOST_PLACES];
static size_t n_places, n_reached;
static uint64_t *cover;
static const uint8_t *image;

/* Where a module's sections are now; it was loaded anew. */
static uint64_t section_starts[64];

static const Elf64_Shdr *section_header(uint32_t number)
{
	const Elf64_Ehdr *elf = (const void *)image;

	return (const Elf64_Shdr *)(image + elf->e_shoff) + number;
}

static const char *section_name(uint32_t number)
{
	const Elf64_Ehdr *elf = (const void *)image;

	return (const char *)image + section_header(elf->e_shstrndx)->sh_offset + section_header(number)->sh_name;
}

static int by_address(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	return x->section != y->section ? (x->section < y->section ? -1 : 1) :
	       x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* The function that holds an offset of a section. */
static const char *function_at(const Elf64_Sym *symbols, size_t n, const char *strings, uint32_t section, uint64_t offset)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (ELF64_ST_TYPE(symbols[i].st_info) == STT_FUNC && symbols[i].st_shndx == section &&
		    offset >= symbols[i].st_value && offset < symbols[i].st_value + symbols[i].st_size)
			return strings + symbols[i].st_name;
	return "?";
}

static void find_places_in(const Elf64_Shdr *relocations)
{
	const Elf64_Shdr *table = section_header(relocations->sh_link);
	const Elf64_Sym *symbols = (const void *)(image + table->sh_offset);
	const char *strings = (const char *)image + section_header(table->sh_link)->sh_offset;
	const Elf64_Rela *rela = (const void *)(image + relocations->sh_offset);
	size_t i;

	for (i = 0; i < relocations->sh_size / sizeof(*rela); i++) {
		const Elf64_Sym *symbol = &symbols[ELF64_R_SYM(rela[i].r_info)];

		if (strcmp(strings + symbol->st_name, "__sanitizer_cov_trace_pc") || n_places == MOST_PLACES)
			continue;
		places[n_places++] = (struct place) {
			.section = relocations->sh_info, .offset = rela[i].r_offset + 4,
			.function = function_at(symbols, table->sh_size / sizeof(*symbols), strings, relocations->sh_info,
						rela[i].r_offset),
		};
	}
}

/* The place before each call of a panic. */
static void find_panics_in(const Elf64_Shdr *relocations)
{
	const Elf64_Shdr *table = section_header(relocations->sh_link);
	const Elf64_Sym *symbols = (const void *)(image + table->sh_offset);
	const char *strings = (const char *)image + section_header(table->sh_link)->sh_offset;
	const Elf64_Rela *rela = (const void *)(image + relocations->sh_offset);
	size_t i, j;

	for (i = 0; i < relocations->sh_size / sizeof(*rela); i++) {
		if (!strstr(strings + symbols[ELF64_R_SYM(rela[i].r_info)].st_name, "panicking"))
			continue;
		for (j = n_places; j-- > 0;)
			if (places[j].section == relocations->sh_info && places[j].offset <= rela[i].r_offset) {
				places[j].panics = true;
				break;
			}
	}
}

static void find_places(void)
{
	const Elf64_Ehdr *elf;
	struct stat stat;
	char path[512];
	uint32_t i, kept;
	int fd;

	snprintf(path, sizeof(path), "%s/cn.ko", module_folder("CN_MODULE_DIR", "/lib/modules/rust"));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &stat))
		wrong("%s: %s", path, strerror(errno));
	image = mmap(NULL, stat.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (image == MAP_FAILED)
		wrong("%s: %s", path, strerror(errno));
	close(fd);
	elf = (const void *)image;
	for (i = 0; i < elf->e_shnum; i++)
		if (section_header(i)->sh_type == SHT_RELA)
			find_places_in(section_header(i));
	qsort(places, n_places, sizeof(places[0]), by_address);
	for (i = 0; i < elf->e_shnum; i++)
		if (section_header(i)->sh_type == SHT_RELA)
			find_panics_in(section_header(i));
	for (i = 0, kept = 0; i < n_places; i++)
		if (!places[i].panics)
			places[kept++] = places[i];
	n_places = kept;
	if (!n_places)
		wrong("%s was not built for KCOV", path);
}

static void find_sections(void)
{
	const Elf64_Ehdr *elf = (const void *)image;
	char path[256], *text;
	uint32_t i;

	memset(section_starts, 0, sizeof(section_starts));
	for (i = 0; i < elf->e_shnum && i < 64; i++) {
		if (!(section_header(i)->sh_flags & SHF_EXECINSTR))
			continue;
		snprintf(path, sizeof(path), "/sys/module/cn/sections/%s", section_name(i));
		text = read_file(path);
		if (text)
			section_starts[i] = strtoull(text, NULL, 16);
		free(text);
	}
}

static void start_coverage(void)
{
	int fd = open("/sys/kernel/debug/kcov", O_RDWR | O_CLOEXEC);

	if (fd < 0 || ioctl(fd, KCOV_INIT_TRACE, COVER_SIZE))
		wrong("/sys/kernel/debug/kcov: %s", strerror(errno));
	cover = mmap(NULL, COVER_SIZE * sizeof(*cover), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (cover == MAP_FAILED || ioctl(fd, KCOV_ENABLE, KCOV_TRACE_PC))
		wrong("KCOV: %s", strerror(errno));
	find_places();
	find_sections();
}

static void forget_coverage(void)
{
	__atomic_store_n(&cover[0], 0, __ATOMIC_RELAXED);
}

/* How many places were reached for the first time. */
static size_t new_coverage(void)
{
	uint64_t i, n = __atomic_load_n(&cover[0], __ATOMIC_RELAXED);
	size_t before = n_reached;
	uint32_t s;

	for (i = 1; i <= n && i < COVER_SIZE; i++) {
		for (s = 0; s < 64; s++) {
			struct place key = { .section = s, .offset = cover[i] - section_starts[s] }, *found;

			if (!section_starts[s] || cover[i] - section_starts[s] > 1 << 24)
				continue;
			found = bsearch(&key, places, n_places, sizeof(places[0]), by_address);
			if (!found)
				continue;
			n_reached += !found->reached;
			found->reached = true;
			break;
		}
	}
	return n_reached - before;
}

/* The names in a mangled symbol of Rust, "::" between them; other symbols as they are. */
static const char *readable(const char *symbol)
{
	static char name[512];
	size_t len = 0, n;
	const char *at = symbol;

	if (strncmp(symbol, "_R", 2))
		return symbol;
	for (at += 2; *at; at++) {
		/* Numbers that tell names apart, or refer to what came before. */
		if (*at == 's' || *at == 'B') {
			n = strspn(at + 1, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
			if (at[1 + n] == '_') {
				at += 1 + n;
				continue;
			}
		}
		if (*at < '1' || *at > '9')
			continue;
		n = strtoul(at, (char **)&at, 10);
		if (*at == '_')
			at++;
		if (n > strlen(at))
			break;
		len += snprintf(name + len, sizeof(name) - len, "%s%.*s", len ? "::" : "", (int)n, at);
		if (len >= sizeof(name))
			break;
		at += n - 1;
	}
	return len ? name : symbol;
}

/*
 * What a message of a program passes: receiving it, looking it up, calling, answering, the notification channel. Not:
 * starting, stopping, sending of modules, unit tests.
 */
static bool is_on_the_way(const char *name)
{
	static const char *const parts[] = {
		"input_callback", "::receive::", "::received::", "::wire::", "::active::", "::channel::receive",
		"::request::", "Handler::receive", "Handler>::receive", "Tally::count", "::access::", "::running::",
		"::subscribe", "::unsubscribe", "::take_snapshot", "::send_snapshot", "::Subscription", "::several",
	};
	size_t i;

	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (strstr(name, parts[i]))
			return true;
	return false;
}

/* A line for each function with places that were not reached, and the figure. */
static void show_coverage(void)
{
	size_t i, j, k, seen, on_the_way = 0, seen_on_the_way = 0;

	for (i = 0; i < n_places; i = j) {
		const char *name = readable(places[i].function);
		bool counts = is_on_the_way(name);

		seen = 0;
		for (j = i; j < n_places && places[j].function == places[i].function; j++)
			seen += places[j].reached;
		if (counts) {
			on_the_way += j - i;
			seen_on_the_way += seen;
		}
		if (seen == j - i)
			continue;
		printf("%s %zu of %zu in %s, not at", counts ? "way:" : "else:", seen, j - i, name);
		for (k = i; k < j; k++)
			if (!places[k].reached)
				printf(" %x", places[k].offset);
		printf("\n");
	}
	printf("%zu of %zu places on the way of a message reached (%.1f %%); %zu of %zu in cn.ko\n", seen_on_the_way, on_the_way,
	       on_the_way ? 100.0 * seen_on_the_way / on_the_way : 0, n_reached, n_places);
}

#endif
