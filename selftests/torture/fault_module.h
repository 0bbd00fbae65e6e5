/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Loads a module from memory. finit_module(2) would complain on the console when it has no memory
 * for the file.
 */
#ifndef FAULT_MODULE_H
#define FAULT_MODULE_H

#include "fault.h"

static char fault_image[16 << 20];
static size_t fault_image_len;

static inline bool fault_read_module(const char *path)
{
	FILE *file = fopen(path, "re");

	if (file)
		fault_image_len = fread(fault_image, 1, sizeof(fault_image), file);
	if (fault_image_len && fault_image_len < sizeof(fault_image))
		return true;
	perror(path);
	return false;
}

static inline int fault_load_module(void)
{
	return syscall(SYS_init_module, fault_image, fault_image_len, "") ? -errno : 0;
}

#endif
