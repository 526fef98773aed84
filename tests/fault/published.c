/* What the host pulls, and what a controller sends. */
#include "tests/fault/world.h"

#include "manifests/access.h"
#include "manifests/program.h"

/* --- documents --- */

static void put(struct world *w, const char *path, struct str bytes)
{
	cleanup(free_ptr) char *whole = path_form("%s/repo/%s", w->t.dir, path);
	cleanup(free_ptr) char *folder = str_dup(str_bytes(whole, (size_t)(strrchr(whole, '/') - whole)));

	must(fs_mkdir(AT_FDCWD, folder, 0755, e));
	must(fs_write(AT_FDCWD, whole, bytes, 0644, e));
}

static void put_target(struct world *w, doc *role, const char *folder, const char *name, struct str bytes)
{
	char hex[DIGEST_HEX + 1];
	cleanup(free_ptr) char *path = path_form("%s/%s", folder, name);

	digest_hex(hex, digest_of(bytes));
	cleanup(free_ptr) char *file = path_form("targets/%s/%s.%s", folder, hex, name);
	put(w, file, bytes);
	role_set_target(role, path, bytes);
}

static void sign_by(struct buf *out, doc *body, const struct secret_key *by)
{
	cleanup(buf_free) struct buf canonical = {0};
	cleanup(buf_free) struct buf signature = {0};
	cleanup(public_free) struct public_key key = {0};
	char keyid[DIGEST_HEX + 1];

	must(secret_public(&key, by, e));
	public_keyid(keyid, &key);
	doc_canonical(&canonical, body);
	must(secret_sign(&signature, by, buf_str(&canonical), e));
	cleanup(doc_free) doc *whole = role_seal(body);
	role_add_signature(whole, keyid, buf_str(&signature));
	doc_pretty(out, whole);
}

static void sign_and_put(struct world *w, const char *name, uint64_t version, doc *body)
{
	bool stamp = w->stamp && strcmp(name, "timestamp") == 0;
	cleanup(buf_free) struct buf bytes = {0};
	char file[512];

	sign_by(&bytes, body, stamp ? w->stamp : w->t.key);
	trust_role_file(file, name, version);
	cleanup(free_ptr) char *path = path_form("metadata/%s", file);
	put(w, path, buf_str(&bytes));
}

/* --- root: version 2 has another key for the timestamp --- */

static void put_root(struct world *w)
{
	cleanup(public_free) struct public_key stamp = {0};
	const struct public_key *all[] = {&w->t.pub}, *one[] = {&stamp};
	struct role_signers by = {.key = all, .count = 1, .threshold = 1}, by_stamp = {.key = one, .count = 1, .threshold = 1};
	doc *body = role_body(ROLE_ROOT, 2, clock_now().unix_s + TOWER_YEAR);

	must(secret_public(&stamp, w->stamp, e));
	for (int kind = 0; kind < ROLE_KINDS; kind++)
		role_set_signers(body, (enum role_kind)kind, kind == ROLE_TIMESTAMP ? &by_stamp : &by);
	sign_and_put(w, "root", 2, body);
}

/* --- bundles and patches --- */

static void open_tar(int *out, struct world *w, const char *name, const struct tower_release *r)
{
	cleanup(free_ptr) char *path = path_form("%s/%s", w->t.dir, name);

	must(fs_write(AT_FDCWD, path, buf_str(&r->tar), 0600, e));
	must(fs_open_read(out, AT_FDCWD, path, e));
}

/* Of a tar that lies in the world's folder under that name. */
static void put_squeezed(struct world *w, const char *name, struct digest digest)
{
	char hex[DIGEST_HEX + 1];
	cleanup(fd_close) int in = -1;
	cleanup(fd_close) int out = -1;

	digest_hex(hex, digest);
	cleanup(free_ptr) char *path = path_form("%s/repo/bundles/%s.tar.zst", w->t.dir, hex);
	cleanup(free_ptr) char *tar = path_form("%s/%s", w->t.dir, name);
	put(w, "bundles/.made", STR(""));
	must(fs_open_read(&in, AT_FDCWD, tar, e) && fs_create(&out, AT_FDCWD, path, 0644, e));
	must(squeeze_file(out, in, e));
}

static void put_bundle(struct world *w, const struct tower_release *r, const struct tower_release *before)
{
	char hex[DIGEST_HEX + 1], from[DIGEST_HEX + 1];
	cleanup(fd_close) int in = -1;
	cleanup(fd_close) int base = -1;
	cleanup(fd_close) int patch = -1;

	digest_hex(hex, r->bundle);
	open_tar(&in, w, "plain", r);
	put_squeezed(w, "plain", r->bundle);
	if (!before)
		return;
	digest_hex(from, before->bundle);
	cleanup(free_ptr) char *small = path_form("%s/repo/patches/%s-%s.zst", w->t.dir, from, hex);
	put(w, "patches/.made", STR(""));
	open_tar(&base, w, "old", before);
	must(fs_create(&patch, AT_FDCWD, small, 0644, e));
	must(squeeze_patch(patch, base, in, e));
}

/* --- another agent --- */

void world_next_agent(struct world *w, const char *says)
{
	cleanup(free_ptr) char *from = path_form("%s/tests/agent-next/fleet-agent", w->build);
	cleanup(free_ptr) char *line = path_form("%s\n", says);
	cleanup(free_ptr) char *folder = path_form("%s/next", w->t.dir), *tar = path_form("%s/next.tar", w->t.dir);
	cleanup(free_ptr) char *to = path_form("%s/fleet-agent", folder), *version = path_form("%s/version", folder);
	static char platform[] = FLEET_PLATFORM, number[] = WORLD_NEXT;
	const char *layer[] = {folder};
	cleanup(buf_free) struct buf bytes = BUF_MAX(64 * MIB);
	cleanup(fd_close) int fd = -1;
	struct pack_facts facts;

	must(fs_read(&bytes, AT_FDCWD, from, e) && fs_mkdir(AT_FDCWD, folder, 0755, e));
	must(fs_write(AT_FDCWD, to, buf_str(&bytes), 0755, e));
	must(fs_write(AT_FDCWD, version, str_of(line), 0644, e));
	must(fs_create(&fd, AT_FDCWD, tar, 0600, e) && pack_folders(&facts, fd, layer, 1, e));
	put_squeezed(w, "next.tar", facts.digest);
	program_write(&w->program, &(struct program){
		.format = PROGRAM_FORMAT,
		.platform = platform,
		.version = number,
		.bundle = {.sha256 = facts.digest, .length = (int64_t)facts.length},
	});
}

/* --- all of it --- */

static void put_rollout(struct world *w, doc *rollout)
{
	const struct tower_release *newest = &w->t.release[w->t.releases - 1];
	static char plan[] = TOWER_PLAN, id[] = "ber-D", name[] = "r-1", version[] = WORLD_NEXT;
	struct stage_host host = {.id = id};
	struct stage_share share = {1};
	cleanup(buf_free) struct buf text = {0};
	struct stage s = {
		.plan = plan,
		.rollout = name,
		.counter = (int64_t)w->t.version,
		.release = newest->id,
		.number = newest->number,
		.hosts = {&host, 1},
		.stages = {&share, 1},
		.open = 1,
		.has_agent = w->program.len > 0,
		.agent = {.hosts = 1, .version = version},
	};

	stage_write(&text, &s);
	put_target(w, rollout, TOWER_PLAN, "rollout.json", buf_str(&text));
}

static void put_releases(struct world *w, doc *role)
{
	struct tower *t = &w->t;

	for (size_t i = 0; i < t->releases; i++) {
		cleanup(free_ptr) char *name = path_form("%lld.json", (long long)t->release[i].number);
		put_target(w, role, TOWER_PLAN "/releases", name, buf_str(&t->release[i].manifest));
		put_bundle(w, &t->release[i], i ? &t->release[i - 1] : NULL);
	}
}

struct tower_release *world_release(struct world *w, int64_t number, const char *yaml)
{
	return tower_release(&w->t, number, yaml);
}

static doc *put_timestamp(uint64_t version, int64_t until)
{
	doc *timestamp = role_body(ROLE_TIMESTAMP, version, until);
	char now[24];

	clock_text(now, clock_now().unix_s);
	doc_set_text(timestamp, "x-fleet-signed", now);
	role_set_meta(timestamp, "snapshot", version);
	return timestamp;
}

/* What an old mirror would still give out. */
static void keep_timestamp(struct world *w, uint64_t version)
{
	cleanup(free_ptr) char *from = path_form("%s/repo/metadata/timestamp.json", w->t.dir);
	cleanup(free_ptr) char *to = path_form("%s/timestamp.%llu", w->t.dir, (unsigned long long)version);
	cleanup(buf_free) struct buf bytes = {0};

	must(fs_read(&bytes, AT_FDCWD, from, e) && fs_write(AT_FDCWD, to, buf_str(&bytes), 0600, e));
}

void world_publish(struct world *w)
{
	const struct public_key *keys[] = {&w->t.pub};
	struct role_signers all = {.key = keys, .count = 1, .threshold = 1};
	static const char *const plan[] = {TOWER_PLAN "/*", TOWER_PLAN "/*/*"}, *const door[] = {TOWER_PLAN "/rollout.json"},
				 *const fleet[] = {"fleet/*"}, *const agent[] = {"agent/*"};
	static const char *const listed[] = {"targets", TOWER_PLAN, ("rollout-" TOWER_PLAN), "fleet", "agent"};
	int64_t until = clock_now().unix_s + TOWER_YEAR;
	uint64_t v = ++w->t.version;
	doc *targets = role_body(ROLE_TARGETS, v, until), *role = role_body(ROLE_TARGETS, v, until);
	doc *rollout = role_body(ROLE_TARGETS, v, until), *lists = role_body(ROLE_TARGETS, v, until);
	doc *snapshot = role_body(ROLE_SNAPSHOT, v, until), *programs = role_body(ROLE_TARGETS, v, until);

	role_add_link(targets, "rollout-" TOWER_PLAN, &all, door, 1);
	role_add_link(targets, TOWER_PLAN, &all, plan, 2);
	role_add_link(targets, "fleet", &all, fleet, 1);
	role_add_link(targets, "agent", &all, agent, 1);
	put_releases(w, role);
	put_rollout(w, rollout);
	if (w->access.len)
		put_target(w, lists, "fleet", "access.json", buf_str(&w->access));
	if (w->sources.len)
		put_target(w, lists, "fleet", "sources.json", buf_str(&w->sources));
	if (w->program.len)
		put_target(w, programs, "agent", FLEET_PLATFORM, buf_str(&w->program));
	for (size_t i = 0; i < COUNT_OF(listed); i++)
		role_set_meta(snapshot, listed[i], v);
	if (w->new_root)
		put_root(w);
	sign_and_put(w, "targets", v, targets);
	sign_and_put(w, TOWER_PLAN, v, role);
	sign_and_put(w, "rollout-" TOWER_PLAN, v, rollout);
	sign_and_put(w, "fleet", v, lists);
	sign_and_put(w, "agent", v, programs);
	sign_and_put(w, "snapshot", v, snapshot);
	sign_and_put(w, "timestamp", 0, put_timestamp(v, until));
	keep_timestamp(w, v);
}

void world_publish_old(struct world *w, uint64_t version)
{
	cleanup(free_ptr) char *kept = path_form("%s/timestamp.%llu", w->t.dir, (unsigned long long)version);
	cleanup(buf_free) struct buf bytes = {0};

	must(fs_read(&bytes, AT_FDCWD, kept, e));
	put(w, "metadata/timestamp.json", buf_str(&bytes));
}

/* --- over a connection --- */

static void frames_begin(struct world *w, struct order *o)
{
	buf_clear(&w->frames);
	buf_text(&w->frames, WIRE_GREETING);
	order_write(&w->frames, o);
}

void world_frames(struct world *w, const struct tower_release *r)
{
	static char who[] = "ann";
	struct tower *t = &w->t;
	cleanup(buf_free) struct buf text = {0}, squeezed = {0}, payload = {0};
	struct order o = {.action = ORDER_UPDATE, .release = r->id, .payload = PAYLOAD_FULL, .who = who};

	add_paper(&o.papers, &text, "timestamp", buf_str(&t->timestamp));
	add_paper(&o.papers, &text, "snapshot", buf_str(&t->snapshot));
	add_paper(&o.papers, &text, "targets", buf_str(&t->targets));
	add_paper(&o.papers, &text, TOWER_PLAN, buf_str(&t->role));
	add_paper(&o.papers, &text, "manifest", buf_str(&r->manifest));
	must(squeeze_text(&squeezed, buf_str(&text), STR(""), e));
	squeeze_tar(t, &payload, &(struct sending){.payload = PAYLOAD_FULL}, r);
	o.payload_sha256 = digest_of(buf_str(&payload));
	o.payload_length = (int64_t)payload.len;
	frames_begin(w, &o);
	frame_write(&w->frames, FRAME_PAPERS, buf_str(&squeezed));
	frame_write(&w->frames, FRAME_PIECE, buf_str(&payload));
	for (size_t i = 0; i < o.papers.count; i++)
		free(((struct paper *)o.papers.items)[i].name);
	free(o.papers.items);
}

void world_frames_undo(struct world *w)
{
	static char who[] = "ann";
	struct order o = {.action = ORDER_UNDO, .who = who};

	frames_begin(w, &o);
}

static void add_published(struct world *w, struct order *o, struct buf *text, const char *role, uint64_t version)
{
	cleanup(buf_free) struct buf bytes = BUF_MAX(MIB);
	char file[512];

	trust_role_file(file, role, version);
	cleanup(free_ptr) char *path = path_form("%s/repo/metadata/%s", w->t.dir, file);
	must(fs_read(&bytes, AT_FDCWD, path, e));
	add_paper(&o->papers, text, role, buf_str(&bytes));
}

void world_frames_access(struct world *w)
{
	static char who[] = "ann";
	cleanup(buf_free) struct buf text = {0}, squeezed = {0};
	struct order o = {.action = ORDER_ACCESS, .who = who};

	add_published(w, &o, &text, "timestamp", 0);
	add_published(w, &o, &text, "snapshot", w->t.version);
	add_published(w, &o, &text, "targets", w->t.version);
	add_published(w, &o, &text, "fleet", w->t.version);
	add_paper(&o.papers, &text, ACCESS_PATH, buf_str(&w->access));
	must(squeeze_text(&squeezed, buf_str(&text), STR(""), e));
	frames_begin(w, &o);
	frame_write(&w->frames, FRAME_PAPERS, buf_str(&squeezed));
	for (size_t i = 0; i < o.papers.count; i++)
		free(((struct paper *)o.papers.items)[i].name);
	free(o.papers.items);
}
