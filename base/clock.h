/* What time it is, and how far that can be believed. The only place that asks. */
#pragma once

#include "base/core.h"
#include "base/str.h"

struct moment {
	int64_t unix_s;   /* SOURCE_DATE_EPOCH is not looked at here */
	int64_t boot_ms;  /* CLOCK_BOOTTIME: for every deadline */
	bool synced;      /* the kernel says that its clock is synchronised (adjtimex) */
};
struct moment clock_now(void);
int64_t clock_boot_ms(void);
/* The kernel's boot id, 36 characters; "unknown" where there is none. */
void clock_boot_id(char out[40]);

/* "2026-11-23T20:29:20Z" both ways (TUF 4.2.1); reading takes exactly this form. */
void clock_text(char out[24], int64_t unix_s);
must_check bool clock_read(int64_t *unix_s, struct str text);
