/* What the Pis of one plan shall run, and how: plans/PLAN.yaml as operators write it; the body of a manifest. */
#pragma once

#include "manifests/window.h"

enum check_class { CHECK_LOCAL, CHECK_WORK, CHECK_PATH };
extern const char *const check_class_words[]; /* "local", "work", "path", NULL */

enum { TOUCH_NETWORK = 1, TOUCH_SSH = 2, TOUCH_AGENT = 4 }; /* bits of touches */

struct probe {
	char *name, *run; /* run: path in the bundle */
	struct list args; /* char * */
	int64_t every_ms, timeout_ms;
};
struct check {
	char *name;
	char *run;        /* NULL: built in by name: "alive" */
	struct list args; /* char * */
	int class;        /* enum check_class */
	int64_t timeout_ms, samples;
};
struct plan {
	char *plan;
	struct list scripts; /* char *: folders of scripts/; not in the manifest */
	struct list probes;  /* struct probe */
	struct {
		char *start, *stop; /* NULL: none */
	} hooks;
	struct list checks;  /* struct check */
	struct {
		int64_t settle_ms, deadline_ms;
		unsigned touches;
	} trial;
	struct {
		int64_t every_ms;
	} poll;
	bool has_window;
	struct window window;
	struct {
		char *apn, *class;
		int64_t kbit;         /* 0: unknown */
	} link;
	struct {
		int64_t month, reserve; /* bytes; 0: none stated */
	} budget;
};
extern const struct shape_field plan_shape[];
extern const struct shape_field probe_shape[], check_shape[];

/* Reads and checks what the table can't say, plan_check and: the file's name is the plan's, scripts are named, and once each.
 * `file` is for errors ("plans/plan-D.yaml"); NULL: any name will do. window.days may be `mon-fri`, `mon,wed` or a list. */
must_check bool plan_read(struct plan *out, struct str yaml, const char *file, struct err *e);
/* What holds for a plan in YAML and in a manifest alike: timeout below every, settle below deadline, only `alive` may lack
 * run, a window that opens, a reserve within the month. `d`: what `p` was read from, for the line. */
must_check bool plan_check(const struct plan *p, const doc *d, const struct shape_from *from, struct err *e);
void plan_free(struct plan *p);
