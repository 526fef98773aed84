/* A fleet's folder in /tmp, filled by a test. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fs.h"
#include "fleetctl/fleet/fleet.h"

#define assert_done(call)                                                                                              \
	do {                                                                                                           \
		if (!(call))                                                                                           \
			fail_msg("%s", e.text);                                                                        \
	} while (0)

struct folder {
	char path[64];
	int at;
};

static inline void folder_put(const struct folder *f, const char *file, const char *text)
{
	struct err e = {0};

	assert_done(fs_write(f->at, file, str_of(text), 0644, &e));
}

static inline void folder_read(struct buf *out, const struct folder *f, const char *file)
{
	struct err e = {0};

	buf_free(out);
	assert_done(fs_read(out, f->at, file, &e));
}

static inline int folder_open(void **state)
{
	struct folder *f = mem_new(1, sizeof *f);
	struct err e = {0};

	strcpy(f->path, "/tmp/fleet-folder-XXXXXX");
	*state = f;
	if (!mkdtemp(f->path) || !fs_open_dir(&f->at, AT_FDCWD, f->path, &e))
		return -1;
	folder_put(f, "fleet.yaml", "name: tower\n");
	folder_put(f, "hosts.yaml", "[]\n");
	return 0;
}

static inline int folder_close(void **state)
{
	struct folder *f = *state;
	struct err e = {0};

	fd_close(&f->at);
	bool removed = fs_remove_tree(AT_FDCWD, f->path, &e);
	free(f);
	return removed ? 0 : -1;
}

#define sentence(test) cmocka_unit_test_setup_teardown(test, folder_open, folder_close)
