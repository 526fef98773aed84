/* How results reach a person or a program: data on stdout, progress and notes on stderr. */
#pragma once

#include "base/doc.h"

extern const char *const show_color_words[]; /* auto always never */
enum { SHOW_SCHEMA = 1 };

struct show {
	const char *command;
	bool json;
	bool color;    /* of stdout */
	bool live;     /* stderr is a terminal that can be redrawn */
	int width;     /* columns of the terminal; 0: unlimited */
};
struct show show_make(const char *command, bool json, int color);

/* {"schema":1,"command":...}: to be filled, then printed (freed). */
doc *show_doc(const struct show *s);
void show_json(doc *d);
/* A line for people on stderr, unless --json was asked. */
void show_note(const struct show *s, const char *form, ...) printf_like(2, 3);

/* Which exit code stands for both: 1, 7, 6, 8, 9, 3, 5, 4 in this order, then 0. */
int show_worse(int a, int b);
/* "asking the hosts: 3 of 60", drawn over itself; gone when done == of. Only on a terminal. */
void show_waits(const struct show *s, const char *what, size_t done, size_t of);

enum paint { PLAIN, BOLD, DIM, RED, GREEN, YELLOW };
const char *paint_on(bool color, enum paint p);
const char *paint_off(bool color);

/* "3 min ago"; "never" for 0. */
void show_age(char out[32], int64_t unix_s, int64_t now);

/* Columns as wide as their widest cell; a last one that is too wide for the terminal stands below its row. Cells are cleaned of control bytes. */
struct table {
	const struct show *show;
	size_t columns;
	char **cell;
	enum paint *paint;
	size_t cells;
};
void table_cell(struct table *t, enum paint p, const char *form, ...) printf_like(3, 4);
void table_print(struct table *t); /* to stdout; then empty */
