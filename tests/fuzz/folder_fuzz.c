/* What lies in a fleet's folder besides what fleet_fuzz reads, as another operator's commit or a bad disk may leave it: keys.log, agents.yaml,
 * a hosts.yaml that a key is written into, a rollout's options, the deed of the database. The first byte says which. What was added
 * is found again, and nothing else changes by it. */
#include <stdio.h>

#include "fleetctl/db/db.h"
#include "fleetctl/db/deed.h"
#include "fleetctl/fleet/pin.h"
#include "fleetctl/repo/agents.h"
#include "fleetctl/repo/transcript.h"
#include "fleetctl/rollout/options.h"
#include "manifests/yaml.h"
#include "tests/fuzz/room.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RECEIPT_KEY "00000000000000000000000000000000000000000000000000000000000000aa"

enum { DEED_MAX = 128 };

/* --- keys.log: a line more follows whatever is there, and what was its end is still found --- */

static void transcript(const struct room *r, struct str body)
{
	static const struct transcript_step step = {.step = "key new", .what = {"root-1", 6}};
	cleanup(free_ptr) char *path = path_form("%s/" TRANSCRIPT_FILE, r->path);
	cleanup(transcript_free) struct transcript before = {0}, after = {0};
	struct err e = {0};

	room_put(r, TRANSCRIPT_FILE, body);
	must(transcript_read(&before, path, &e) && before.faults <= doc_count(before.steps) && (body.len > 0) == (before.end[0] != 0));
	must(transcript_add(path, &step, &e) && transcript_read(&after, path, &e));
	size_t count = doc_count(after.steps);
	must(count == doc_count(before.steps) + 1 && after.faults == before.faults);
	must(!doc_get(doc_at(after.steps, count - 1), "fault") && str_is(doc_str(doc_get(doc_at(after.steps, count - 1), "step")), step.step));
	must(!body.len || transcript_had(&after, before.end, &e));
	must(transcript_had(&after, after.end, &e) && !transcript_had(&after, "0000-0000-0000-0000", &e));
}

/* --- agents.yaml --- */

static void agents(const struct room *r, struct str body)
{
	const struct fleet f = {.dir = (char *)r->path, .at = r->dir};
	struct program new = {.platform = (char *)"debian12-gnu-arm64", .version = (char *)"9.0.0", .bundle = {digest_of(STR("a")), 1}};
	cleanup(programs_free) struct programs before = {0}, after = {0};
	struct err e = {0};

	room_put(r, AGENTS_FILE, body);
	if (!agents_read(&before, &f, &e)) {
		must(e.code != ERR_NONE && !before.count);
		return;
	}
	must(before.count <= AGENTS_MAX);
	for (size_t i = 0; i < before.count; i++)
		must(before.at[i].number > 0 && before.at[i].bundle.length > 0 && !strchr(before.at[i].platform, '/') &&
			programs_of(&before, before.at[i].platform) == &before.at[i]);
	if (!agents_put(&f, &new, &e)) {
		must(e.code == ERR_LIMIT);
		return;
	}
	must(agents_read(&after, &f, &e) && after.count == before.count + !programs_of(&before, new.platform));
	for (size_t i = 0; i < before.count; i++) {
		const struct program *is = programs_of(&after, before.at[i].platform);
		must(is && (strcmp(is->platform, new.platform) == 0 || is->number == before.at[i].number));
	}
}

/* --- hosts.yaml --- */

static void pin(const struct room *r, struct str body)
{
	cleanup(buf_free) struct buf once = {0};
	cleanup(yaml_free) struct yaml was = {0}, is = {0};
	struct err e = {0};

	(void)r;
	if (!pin_text(&once, body, "ber-D", RECEIPT_KEY, &e)) {
		must(e.code != ERR_NONE);
		return;
	}
	must(yaml_read(&was, body, "before", &e) && yaml_read(&is, buf_str(&once), "after", &e));
	must(doc_count(was.root) == doc_count(is.root));
	for (size_t i = 0, pinned = 0; i < doc_count(is.root); i++) {
		const doc *now = doc_at(is.root, i);
		bool this = !pinned && str_is(doc_str(doc_get(now, "id")), "ber-D");
		pinned += this;
		must(this ? str_is(doc_str(doc_get(now, "receipt_key")), RECEIPT_KEY) : doc_equal(now, doc_at(was.root, i)));
	}
}

/* --- what the database says of a rollout --- */

static void options(const struct room *r, struct str body)
{
	struct rollout_options o = {0}, again = {0};
	cleanup(buf_free) struct buf first = {0}, second = {0};
	struct err e = {0};

	(void)r;
	if (!rollout_options_read(&o, body, &e)) {
		must(e.code != ERR_NONE);
		return;
	}
	must(o.parallel > 0 && o.max_failed >= 0 && o.soak_ms >= 0 && o.waves.count > 0);
	cleanup(doc_free) doc *d = rollout_options_doc(&o);
	doc_line(&first, d);
	must(rollout_options_read(&again, buf_str(&first), &e));
	cleanup(doc_free) doc *same = rollout_options_doc(&again);
	doc_line(&second, same);
	must(str_eq(buf_str(&first), buf_str(&second)));
}

/* --- whose database it is: made for this folder, then the file beside it is another --- */

static void deed(const struct room *r, struct str body)
{
	const struct fleet f = {.dir = (char *)r->path, .at = r->dir};
	cleanup(buf_free) struct buf made = {0};
	struct str rest, id;
	struct db *db = NULL;
	struct err e = {0};

	if (body.len > DEED_MAX)
		return; /* a database takes its time */
	must(db_open(&db, &f, &e));
	db_close(&db);
	must(fs_read(&made, r->dir, FLEET_STATE "/" DEED_FILE, &e));
	id = str_cut(buf_str(&made), ' ', &rest);
	cleanup(buf_free) struct buf forged = {0};
	for (; body.len; body = str_bytes(body.data + 1, body.len - 1)) /* '@': its own id */
		buf_add(&forged, body.data[0] == '@' ? id : str_bytes(body.data, 1));
	room_put(r, FLEET_STATE "/" DEED_FILE, buf_str(&forged));
	if (db_open(&db, &f, &e)) {
		must(str_eq(str_cut(str_trim(buf_str(&forged)), ' ', &rest), id) && str_is(rest, "0")); /* no rollout was begun */
		db_close(&db);
	} else {
		must(e.code == ERR_REFUSED);
	}
}

static void (*const kinds[])(const struct room *r, struct str body) = {transcript, agents, pin, options, deed};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct room r;

	if (size < 1)
		return 0;
	room_make(&r);
	kinds[data[0] % COUNT_OF(kinds)](&r, str_bytes(data + 1, size - 1));
	room_end(&r);
	return 0;
}
