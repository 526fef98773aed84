/* What a machine says when it is looked at before anybody knows it, forged. What is told of it drives no terminal, what becomes a command
 * for its root is ours and not its words, and what is refused, or fails, says why. */
#include "fleetctl/enroll/steps.h"
#include "tests/fuzz/room.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ANCHOR "00000000000000000000000000000000000000000000000000000000000000aa"

static void must_be_plain(const char *text)
{
	for (; *text; text++)
		must((unsigned char)*text >= ' ' && *text != 0x7f);
}

static void check_texts(const struct machine *m)
{
	const char *const text[] = {
		m->os, m->version, m->name, m->arch, m->cpu, m->rights, m->package, m->id, m->plan, m->anchor, m->slash, m->mount};

	for (size_t i = 0; i < COUNT_OF(text); i++)
		must_be_plain(text[i]);
}

static bool has_command(const struct enroll_step step[ENROLL_STEPS], const char *command)
{
	for (size_t i = 0; i < ENROLL_STEPS; i++)
		for (size_t k = 0; k < step[i].lines; k++)
			if (strcmp(step[i].line[k].command, command) == 0)
				return true;
	return false;
}

/* Every command is one that a machine which has nothing yet would be given. */
static void plan_of(const struct machine *m)
{
	static char *anchor[] = {(char *)ANCHOR};
	const struct kit kit = {.package = (char *)"fleet-agent_0.2.0_arm64.deb",
		.package_version = (char *)"0.2.0",
		.root_file = (char *)"1.root.json",
		.anchor = anchor,
		.anchors = 1};
	const struct machine bare = {.arch = (char *)"arm64", .package = (char *)"", .id = (char *)"", .plan = (char *)"", .anchor = (char *)""};
	const struct sudo sudo = {.way = SUDO_FREE};
	struct enroll said = {.id = "ber-D", .plan = "plan-D", .machine = m, .sudo = &sudo, .kit = &kit}, all = said;
	struct enroll_step step[ENROLL_STEPS] = {0}, full[ENROLL_STEPS] = {0};
	struct err e = {0};

	all.machine = &bare;
	must(enroll_plan(full, &all, &e));
	if (enroll_plan(step, &said, &e)) {
		must(!*m->id || (strcmp(m->id, "ber-D") == 0 && strcmp(m->anchor, ANCHOR) == 0));
		for (size_t i = 0; i < ENROLL_STEPS; i++) {
			must_be_plain(step[i].note);
			for (size_t k = 0; k < step[i].lines; k++)
				must(has_command(full, step[i].line[k].command));
		}
		enroll_steps_free(step);
	} else {
		must(e.code == ERR_FOREIGN);
	}
	enroll_steps_free(full);
}

/* The first half on stdout, the rest on stderr. */
static void failed(struct str said)
{
	struct shell_end end = {.status = 100};
	struct err e = {0};

	buf_add(&end.out, str_bytes(said.data, said.len / 2));
	buf_add(&end.said, str_bytes(said.data + said.len / 2, said.len - said.len / 2));
	must(!enroll_failed("apt-get install", &end, &e) && e.code != ERR_NONE);
	must_be_plain(e.text);
	shell_end_free(&end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct machine m = {0};
	struct err e = {0};

	if (size)
		failed(str_bytes(data, size));
	if (!machine_read(&m, str_bytes(data, size))) {
		must(!m.rights && !m.id);
		return 0;
	}
	check_texts(&m);
	must(machine_fits(&m, &e) ? strcmp(m.rights, "none") != 0 && m.systemd : e.code == ERR_REFUSED);
	plan_of(&m);
	machine_free(&m);
	return 0;
}
