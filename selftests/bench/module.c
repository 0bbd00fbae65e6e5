// SPDX-License-Identifier: GPL-2.0
/*
 * Row "module": the size of the connector, by its file and, once it is loaded, by the kernel.
 *
 *   module <file>       text and data that stay in memory after the start
 */
#include <elf.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "bench.h"

#define ROW "module"

static const char *map_file(const char *path, size_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;
	const char *bytes;

	if (fd < 0 || fstat(fd, &status))
		fail("%s: %s", path, strerror(errno));
	*size = status.st_size;
	bytes = mmap(NULL, *size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		fail("%s: %s", path, strerror(errno));
	close(fd);
	return bytes;
}

/* Code for the start only is freed after it and does not count. Code for the exit counts. */
static bool is_for_start(const char *name)
{
	return !strncmp(name, ".init", 5);
}

static void print_sections(const char *path)
{
	size_t size, text = 0, data = 0;
	const char *bytes = map_file(path, &size);
	const Elf64_Ehdr *header = (const void *)bytes;
	const Elf64_Shdr *sections, *names;
	unsigned int i;

	if (size < sizeof(*header) || memcmp(header->e_ident, ELFMAG, SELFMAG) ||
	    header->e_shoff + header->e_shnum * sizeof(*sections) > size)
		fail("%s is not an ELF file", path);
	sections = (const void *)(bytes + header->e_shoff);
	names = &sections[header->e_shstrndx];
	for (i = 0; i < header->e_shnum; i++) {
		const Elf64_Shdr *section = &sections[i];

		if (!(section->sh_flags & SHF_ALLOC) ||
		    is_for_start(bytes + names->sh_offset + section->sh_name))
			continue;
		if (section->sh_flags & SHF_EXECINSTR)
			text += section->sh_size;
		else
			data += section->sh_size;
	}
	print_result(ROW, "what=text", text, "bytes");
	print_result(ROW, "what=data", data, "bytes");
}

static void print_coresize(void)
{
	FILE *file = fopen("/sys/module/cn/coresize", "re");
	long long size;

	if (!file || fscanf(file, "%lld", &size) != 1)
		fail("/sys/module/cn/coresize cannot be read (is cn loaded?)");
	fclose(file);
	print_result(ROW, "what=coresize", size, "bytes");
}

int main(int argc, char **argv)
{
	if (argc != 2)
		fail("usage: module <file>");
	print_sections(argv[1]);
	print_coresize();
	return 0;
}
