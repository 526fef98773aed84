/* Receipts that came home. */
#include "fleetctl/receipts/home.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/version.h"
#include "sources/helper.h"
#include "sources/post.h"

#define PACKAGED "/usr/lib/fleetctl"

/* --- from git --- */

static bool gather(const struct fleet *f, const char *dir, struct err *e)
{
	const struct home_place *place = &f->receipts;
	cleanup(free_ptr) char *helper = NULL;
	cleanup(free_ptr) char *state = path_form("%s/" FLEET_STATE "/gather", f->dir);
	cleanup(free_ptr) const char **keys = mem_new(place->host_keys.count + 1, sizeof *keys);
	cleanup(free_ptr) const char **hosts = mem_new(f->hosts.count + 1, sizeof *hosts);
	cleanup(fd_close) int made = -1;

	for (size_t i = 0; i < place->host_keys.count; i++)
		keys[i] = ((char **)place->host_keys.items)[i];
	for (size_t i = 0; i < f->hosts.count; i++)
		hosts[i] = fleet_host(f, i)->id;
	struct post p = {
		.url = place->url,
		.branch = place->branch,
		.dir = state,
		.key = place->identity,
		.host_keys = keys,
		.connect_ms = f->defaults.connect_ms,
		.idle_ms = f->defaults.silence_ms,
	};
	if (!fleet_state_dir(&made, f, e) || !helper_find(&helper, "fleet-post-git", PACKAGED, e))
		return false;
	p.helper = helper;
	return post_gather(&p, dir, hosts, f->hosts.count, e) || err_in(e, "receipts");
}

bool home_open(struct home *out, const struct fleet *f, struct db *db, struct err *e)
{
	cleanup(free_ptr) char *dir = NULL;

	if (f->receipts.kind == HOME_FOLDER)
		dir = str_dup(str_of(f->receipts.path));
	if (f->receipts.kind == HOME_GIT) {
		dir = path_form("%s/" FLEET_STATE "/receipts", f->dir);
		if (!gather(f, dir, e))
			return false;
	}
	*out = (struct home){f, db, dir};
	dir = NULL;
	return true;
}

void home_close(struct home *h)
{
	free_ptr(&h->dir);
}

/* --- the newest of a host --- */

struct file {
	int64_t number;
	const char *name; /* borrowed */
};

static int by_number(const void *a, const void *b)
{
	const struct file *l = a, *r = b;
	int order = (l->number > r->number) - (l->number < r->number);

	return order ? order : -strcmp(l->name, r->name); /* "7.json" came after "7-2.json" */
}

/* "7.json" and "7-2.json"; what else lies there is nobody's receipt. */
static bool number_of(int64_t *out, const char *name)
{
	struct str rest, text = str_of(name);
	uint64_t n;

	if (!str_ends(text, ".json"))
		return false;
	text.len -= strlen(".json");
	struct str number = str_cut(text, '-', &rest);
	if ((rest.data && !str_is(rest, "2")) || !str_number(&n, number, INT64_MAX))
		return false;
	*out = (int64_t)n;
	return true;
}

static size_t find_files(struct file **out, const struct fs_names *names, int64_t from)
{
	struct file *file = mem_new(names->count + 1, sizeof *file);
	size_t count = 0, first = 0, numbers = 0;

	for (size_t i = 0; i < names->count; i++)
		if (number_of(&file[count].number, names->name[i]) && file[count].number >= from)
			file[count++].name = names->name[i];
	qsort(file, count, sizeof *file, by_number);
	for (first = count; first > 0; first--) {
		numbers += first == count || file[first - 1].number != file[first].number;
		if (numbers > RECEIPTS_KEPT)
			break;
	}
	memmove(file, file + first, (count - first) * sizeof *file);
	*out = file;
	return count - first;
}

static bool doubt(struct home_host *h, const char *text)
{
	snprintf(h->doubt, sizeof h->doubt, "%.599s", text);
	return false;
}

static bool read_files(struct home_host *h, const struct file *file, size_t count, int dir)
{
	h->sealed = mem_new(count + 1, sizeof *h->sealed);
	for (size_t i = 0; i < count; i++) {
		struct err why = {0};
		h->sealed[h->count++] = BUF_MAX(RECEIPT_SEALED_MAX);
		if (!fs_read(&h->sealed[i], dir, file[i].name, &why))
			return doubt(h, why.text);
	}
	return true;
}

/* From `*first` on, which becomes the first that is there. */
static bool read_all(struct home_host *h, int64_t *first, const char *folder)
{
	cleanup(fs_names_free) struct fs_names names = {0};
	cleanup(free_ptr) struct file *file = NULL;
	cleanup(fd_close) int dir = -1;
	struct err why = {0};

	if (!fs_open_dir(&dir, AT_FDCWD, folder, &why))
		return why.code == ERR_MISSING ? false : doubt(h, why.text); /* nothing has come yet */
	if (!fs_names(&names, dir, "", &why))
		return doubt(h, why.text);
	size_t count = find_files(&file, &names, *first);
	if (!count)
		return false;
	*first = file[0].number;
	return read_files(h, file, count, dir);
}

/* --- and what is to be thought of them --- */

/* Before what is remembered under this key, another one may have signed: that is another chain. */
static bool chain_begins(int64_t *out, const struct home *home, const struct host *host, struct err *e)
{
	cleanup(free_ptr) struct link_row *held = NULL;
	size_t count = 0;

	if (host->receipt_key && !db_links(home->db, host->id, host->receipt_key, &held, &count, e))
		return false;
	*out = count ? held[0].number : 0;
	return true;
}

/* What has not come home yet may have been seen over SSH before: then the newest here is not the newest, and no card's
 * copy. */
static const bool good[] = {
	[CHAIN_VERIFIED] = true,
	[CHAIN_UNPINNED] = true,
	[CHAIN_GAP] = false,
	[CHAIN_BACK] = true,
	[CHAIN_FORK] = false,
	[CHAIN_NEW_KEY] = false,
	[CHAIN_FORGED] = false,
};

bool home_read(struct home_host *out, const struct home *home, const struct host *host, struct err *e)
{
	cleanup(home_host_free) struct home_host h = {.id = host->id};
	cleanup(free_ptr) char *folder = path_form("%s/%s", home->dir ? home->dir : "", host->id);
	int64_t first = 0;

	if (!chain_begins(&first, home, host, e))
		return false;
	if (home->dir && read_all(&h, &first, folder)) {
		const struct chain_heard heard = {
			.host = host->id,
			.key = host->receipt_key,
			.link = h.sealed,
			.links = h.count - 1,
			.newest = buf_str(&h.sealed[h.count - 1]),
			.since = MAX(first - 1, 0),
			.whole = true,
		};
		if (!chain_check(&h.found, home->db, &heard, e))
			return false;
		h.believed = good[h.found.say];
		if (!h.believed)
			(void)doubt(&h, h.found.text);
	}
	*out = h;
	h = (struct home_host){0};
	return true;
}

static bool read_one(struct receipt *out, const struct home_host *h, size_t i)
{
	cleanup(receipt_free) struct receipt r = {0};
	struct err why;

	if (!receipt_read(&r, buf_str(&h->sealed[i]), &why) || !r.host || strcmp(r.host, h->id) != 0)
		return false;
	*out = r;
	r = (struct receipt){0};
	return true;
}

bool home_newest(struct receipt *out, struct str *sealed, const struct home_host *h)
{
	for (size_t i = h->believed ? h->count : 0; i-- > 0;) {
		if (!read_one(out, h, i))
			continue;
		*sealed = buf_str(&h->sealed[i]);
		return true;
	}
	return false;
}

/* Who pulls names the rollout that he obeyed in the receipt of an agent, too. */
static bool tells_of(const struct receipt *r, const char *rollout, struct digest release)
{
	return !r->self && !r->access && digest_eq(r->release, release) &&
	       (!rollout || (r->rollout && strcmp(r->rollout, rollout) == 0));
}

bool home_tried(
	struct receipt *out, struct str *sealed, const struct home_host *h, const char *rollout, struct digest release)
{
	for (size_t i = h->believed ? h->count : 0; i-- > 0;) {
		cleanup(receipt_free) struct receipt r = {0};
		if (!read_one(&r, h, i) || !tells_of(&r, rollout, release))
			continue;
		*sealed = buf_str(&h->sealed[i]);
		*out = r;
		r = (struct receipt){0};
		return true;
	}
	return false;
}

/* There are newer ones than came home: what these say of now is not true for sure. */
static bool is_behind(const struct home_host *h)
{
	return !h->believed || h->found.say == CHAIN_BACK;
}

bool home_runs(int64_t *number, const struct home_host *h, struct digest release)
{
	cleanup(receipt_free) struct receipt r = {0};
	struct str sealed;

	if (is_behind(h) || !home_newest(&r, &sealed, h) || !digest_eq(r.current, release))
		return false;
	*number = r.number;
	return true;
}

/* What one receipt says of an agent, and whether an older one may say more. */
static bool hear_agent(enum home_agent *out, bool *older, const struct receipt *r, int64_t number)
{
	struct err ignored;
	int64_t wrote = 0;

	if (r->self && r->release_number == number) {
		bool bad = r->verdict == VERDICT_FAIL || r->verdict == VERDICT_UNDONE;
		bool stayed = verdict_committed((enum verdict)r->verdict) && !*older;
		*out = bad ? HOME_AGENT_FAILED : stayed ? HOME_AGENT_RUNS : HOME_AGENT_UNKNOWN;
		return true;
	}
	bool at_least = r->agent && version_read(&wrote, str_of(r->agent), &ignored) && wrote >= number;
	if (at_least && !*older)
		*out = HOME_AGENT_RUNS;
	*older = *older || !at_least;
	return *out == HOME_AGENT_RUNS;
}

enum home_agent home_agent(const struct home_host *h, int64_t number)
{
	enum home_agent is = HOME_AGENT_UNKNOWN;
	bool older = false, said = false;

	for (size_t i = is_behind(h) ? 0 : h->count; i-- > 0 && !said;) {
		cleanup(receipt_free) struct receipt r = {0};
		said = read_one(&r, h, i) && hear_agent(&is, &older, &r, number);
	}
	return is;
}

void home_host_free(struct home_host *h)
{
	for (size_t i = 0; i < h->count; i++)
		buf_free(&h->sealed[i]);
	free_ptr(&h->sealed);
	h->count = 0;
}
