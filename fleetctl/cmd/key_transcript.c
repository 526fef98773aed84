/* key transcript: what was done to the keys and with them, for people, and whether a line of it was changed. */
#include <stdio.h>

#include "base/fs.h"
#include "fleetctl/command.h"
#include "fleetctl/fleet/fleet.h"
#include "fleetctl/repo/transcript.h"

static const char *text_of(const doc *line, const char *field)
{
	const char *text = doc_str(doc_get(line, field)).data;
	return text ? text : "";
}

/* Control bytes of a line that somebody else wrote do not reach the terminal. */
static void print_words(struct str words)
{
	for (struct str line, rest = words; rest.len;) {
		line = str_cut(rest, '\n', &rest);
		printf("    ");
		for (size_t i = 0; i < line.len; i++)
			putchar((unsigned char)line.data[i] < ' ' || line.data[i] == 127 ? '?' : line.data[i]);
		putchar('\n');
	}
}

static void print_step(const doc *line)
{
	const doc *keys = doc_get(line, "keys");
	cleanup(buf_free) struct buf head = { 0 };
	int64_t number = 0;
	if (!doc_int(doc_get(line, "line"), &number))
		number = 0;
	buf_form(&head, "%lld  %s  %s  %s", (long long)number, text_of(line, "time"), text_of(line, "who"), text_of(line, "step"));
	if (*text_of(line, "digest"))
		buf_form(&head, "  %s", text_of(line, "digest"));
	for (size_t i = 0; i < doc_count(keys); i++)
		buf_form(&head, "%s%s", i ? ", " : "  by ", text_of(doc_at(keys, i), "name"));
	for (size_t i = 0; i < head.len; i++)
		if ((unsigned char)head.data[i] < ' ' || head.data[i] == 127)
			head.data[i] = '?';
	puts(buf_str(&head).data);
	print_words(doc_str(doc_get(line, "what")));
	if (*text_of(line, "fault"))
		printf("    this line %s\n", text_of(line, "fault"));
}

static char *where(const char *file, struct fleet *f, const char *fleet, struct err *e)
{
	if (file)
		return str_dup(str_of(file));
	return fleet_open(f, fleet, e) ? path_form("%s/" TRANSCRIPT_FILE, f->dir) : NULL;
}

static int finish(const struct show *show, const struct transcript *t, const char *path, bool verify)
{
	struct err e;
	if (show->json) {
		doc *d = show_doc(show);
		doc_set(d, "steps", doc_ref(t->steps));
		doc_set_int(d, "faults", (int64_t)t->faults);
		doc_set_text(d, "end", t->end);
		show_json(d);
	}
	if (t->faults == 0) {
		show_note(show, "%zu lines, none changed or taken out; the end is %s", doc_count(t->steps), t->end);
		return 0;
	}
	err_set(&e, ERR_DIGEST, "%s: %zu of %zu lines do not stand as they were written", path, t->faults, doc_count(t->steps));
	if (verify && !show->json)
		return command_fail(show, &e);
	show_note(show, "%s", e.text);
	return verify ? 7 : 0;
}

static int run(const struct command *me, int argc, char **argv)
{
	struct common common = { 0 };
	const char *file = NULL, *end = NULL;
	bool verify = false;
	struct opt table[] = {
		{ "FILE", 0, OPT_ARG, &file, NULL, "the transcript (the fleet's keys.log)" },
		{ "verify", 0, OPT_FLAG, &verify, NULL, "fail when a line was changed or taken out" },
		{ "end", 0, OPT_TEXT, &end, "DIGEST", "fail when it does not end, or once ended, with the line of this digest" },
		COMMON_OPTS(common),
		{ 0 },
	};
	struct show show;
	struct err e = { 0 };
	int code;
	if (!command_begin(me, table, &common, argc, argv, &show, &code))
		return code;
	cleanup(fleet_free) struct fleet f = { .at = -1 };
	cleanup(transcript_free) struct transcript t = { 0 };
	cleanup(free_ptr) char *path = where(file, &f, common.fleet, &e);
	if (!path || !transcript_read(&t, path, &e) || (end && !transcript_had(&t, end, &e)))
		return command_fail(&show, &e);
	for (size_t i = 0; !show.json && i < doc_count(t.steps); i++)
		print_step(doc_at(t.steps, i));
	return finish(&show, &t, path, verify || end);
}

const struct command cmd_key_transcript = { "key transcript", "[FILE]", "What was done to the keys, and whether the record is whole",
	"Note the end that it shows: lines that are cut off the end show by `--end DIGEST` alone.", run };
