/* A tower in a temporary folder: one enrolled host, the repository that signs for it, and a controller that speaks to its
 * serve over pipes. For the tests of the agent. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/apply/apply.h"
#include "agent/enrol.h"
#include "agent/receive/serve.h"
#include "agent/store/ledger.h"
#include "agent/store/release.h"
#include "agent/store/trustdir.h"
#include "agent/store/bundle.h"
#include "agent/store/lease.h"
#include "agent/store/receipts.h"
#include "bundles/pack.h"
#include "bundles/squeeze.h"
#include "keys/secret.h"
#include "manifests/role.h"

#define TOWER_PLAN "plan-D"
enum { TOWER_RELEASES = 16, TOWER_YEAR = 365 * 86400 };

struct tower_release {
	struct digest id, bundle;
	int64_t number;
	struct buf manifest, tar;
	bool withdrawn; /* no longer among releases/ */
};
struct tower {
	char dir[128];
	struct host_files {
		char *config, *state, *results, *scripts;
	} at;
	struct config config;
	struct store store;
	struct caller caller; /* what sshd says of who talks to it; zero: a key of the enrolment */
	struct secret_key *key, *thief;
	struct public_key pub;
	char keyid[DIGEST_HEX + 1];
	struct buf root, newer_root, timestamp, snapshot, targets, role;
	uint64_t version;
	struct tower_release release[TOWER_RELEASES];
	size_t releases;
};

#define must(what)                                                                                                \
	do {                                                                                                      \
		struct err *tower_e = &(struct err){0};                                                           \
		struct err *e = tower_e;                                                                          \
		if (!(what))                                                                                      \
			fail_msg("%s: %s", #what, e->text);                                                       \
	} while (0)

/* --- the repository --- */

static inline void tower_sign(struct tower *t, struct buf *out, doc *body, const struct secret_key *by)
{
	cleanup(buf_free) struct buf canonical = {0};
	cleanup(buf_free) struct buf signature = {0};

	doc_canonical(&canonical, body);
	must(secret_sign(&signature, by, buf_str(&canonical), e));
	cleanup(doc_free) doc *whole = role_seal(body);
	role_add_signature(whole, t->keyid, buf_str(&signature));
	buf_clear(out);
	doc_pretty(out, whole);
}

static inline void tower_new_root(struct tower *t, uint64_t version)
{
	const struct public_key *keys[] = {&t->pub};
	struct role_signers all = {.key = keys, .count = 1, .threshold = 1};
	doc *body = role_body(ROLE_ROOT, version, clock_now().unix_s + TOWER_YEAR);

	for (int kind = 0; kind < ROLE_KINDS; kind++)
		role_set_signers(body, (enum role_kind)kind, &all);
	tower_sign(t, version == 1 ? &t->root : &t->newer_root, body, t->key);
}

/* Everything anew, one version up; the plan's role signed by `by`. The newest release is what the plan runs. */
static inline void tower_publish_by(struct tower *t, const struct secret_key *by)
{
	const struct public_key *keys[] = {&t->pub};
	struct role_signers all = {.key = keys, .count = 1, .threshold = 1};
	const char *const paths[] = {TOWER_PLAN "/*", TOWER_PLAN "/*/*"};
	int64_t until = clock_now().unix_s + TOWER_YEAR;
	uint64_t v = ++t->version;

	doc *targets = role_body(ROLE_TARGETS, v, until);
	role_add_link(targets, TOWER_PLAN, &all, paths, 2);
	tower_sign(t, &t->targets, targets, t->key);
	doc *role = role_body(ROLE_TARGETS, v, until);
	for (size_t i = 0; i < t->releases; i++) {
		struct tower_release *r = &t->release[i];
		cleanup(free_ptr) char *path = path_form(TOWER_PLAN "/releases/%lld.json", (long long)r->number);
		if (!r->withdrawn)
			role_set_target(role, path, buf_str(&r->manifest));
		if (i + 1 == t->releases)
			role_set_target(role, TOWER_PLAN "/manifest.json", buf_str(&r->manifest));
	}
	tower_sign(t, &t->role, role, by);
	doc *snapshot = role_body(ROLE_SNAPSHOT, v, until);
	role_set_meta(snapshot, "targets", v);
	role_set_meta(snapshot, TOWER_PLAN, v);
	tower_sign(t, &t->snapshot, snapshot, t->key);
	doc *timestamp = role_body(ROLE_TIMESTAMP, v, until);
	role_set_meta(timestamp, "snapshot", v);
	tower_sign(t, &t->timestamp, timestamp, t->key);
}

static inline void tower_publish(struct tower *t)
{
	tower_publish_by(t, t->key);
}

static inline void tower_script(struct tower *t, const char *path, const char *text)
{
	cleanup(free_ptr) char *whole = path_form("%s/%s", t->at.scripts, path);
	cleanup(free_ptr) char *folder = str_dup(str_bytes(whole, (size_t)(strrchr(whole, '/') - whole)));

	must(fs_mkdir(AT_FDCWD, folder, 0755, e));
	must(fs_write(AT_FDCWD, whole, str_of(text), 0755, e));
}

static inline struct tower_release *tower_release_of(struct tower *t, int64_t number, const char *plan_yaml)
{
	struct tower_release *r = &t->release[t->releases++];
	const char *layer[] = {t->at.scripts};
	cleanup(free_ptr) char *tar = path_form("%s/tar", t->dir);
	cleanup(fd_close) int fd = -1;
	struct manifest m = {.format = 1, .number = number};
	struct pack_facts facts;

	assert_true(t->releases <= TOWER_RELEASES);
	must(fs_create(&fd, AT_FDCWD, tar, 0600, e));
	must(pack_folders(&facts, fd, layer, 1, e));
	r->tar = BUF_MAX(32 * MIB);
	must(fs_read(&r->tar, AT_FDCWD, tar, e));
	must(plan_read(&m.plan, str_of(plan_yaml), "plans/" TOWER_PLAN ".yaml", e));
	m.bundle.sha256 = r->bundle = facts.digest;
	m.bundle.length = (int64_t)facts.length;
	r->number = number;
	manifest_write(&r->manifest, &m);
	r->id = manifest_id(buf_str(&r->manifest));
	manifest_free(&m);
	return r;
}

/* A release of the scripts as they stand, published. `yaml` follows "plan: plan-D\nscripts: [common]\n". */
static inline struct tower_release *tower_release(struct tower *t, int64_t number, const char *yaml)
{
	cleanup(free_ptr) char *whole = path_form("plan: " TOWER_PLAN "\nscripts: [common]\n%s", yaml);
	struct tower_release *r = tower_release_of(t, number, whole);

	tower_publish(t);
	return r;
}

/* --- the host --- */

static inline void tower_open(struct tower *t)
{
	cleanup(free_ptr) char *root = NULL;

	*t = (struct tower){0};
	snprintf(t->dir, sizeof t->dir, "%.100s/tower-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	assert_non_null(mkdtemp(t->dir));
	t->at.config = path_form("%s/etc", t->dir);
	t->at.state = path_form("%s/state", t->dir);
	t->at.results = path_form("%s/results", t->dir);
	t->at.scripts = path_form("%s/scripts", t->dir);
	root = path_form("%s/root.json", t->dir);
	must(secret_new(&t->key, e));
	must(secret_new(&t->thief, e));
	must(secret_public(&t->pub, t->key, e));
	public_keyid(t->keyid, &t->pub);
	tower_new_root(t, 1);
	must(fs_write(AT_FDCWD, root, buf_str(&t->root), 0644, e));
	must(enrol_host(&(struct enrolment){
		.id = "ber-D",
		.plan = TOWER_PLAN,
		.root = root,
		.config_dir = t->at.config,
		.state_dir = t->at.state,
		.results = t->at.results,
		.allow_volatile = true,
	}, e));
	must(config_load(&t->config, t->at.config, NULL, e));
	must(store_open(&t->store, t->config.state, e));
	tower_script(t, "checks/ok.sh", "#!/bin/sh\nexit 0\n");
}

static inline void tower_close(struct tower *t)
{
	for (size_t i = 0; i < t->releases; i++) {
		buf_free(&t->release[i].manifest);
		buf_free(&t->release[i].tar);
	}
	buf_free(&t->root);
	buf_free(&t->newer_root);
	buf_free(&t->timestamp);
	buf_free(&t->snapshot);
	buf_free(&t->targets);
	buf_free(&t->role);
	secret_free(&t->key);
	secret_free(&t->thief);
	public_free(&t->pub);
	store_close(&t->store);
	config_free(&t->config);
	free(t->at.config);
	free(t->at.state);
	free(t->at.results);
	free(t->at.scripts);
	must(fs_remove_tree(AT_FDCWD, t->dir, e));
}

static inline struct digest tower_current(struct tower *t)
{
	struct digest d = {0};

	must(release_current(&d, &t->store, e));
	return d;
}

static inline bool tower_runs(struct tower *t, const struct tower_release *r)
{
	return digest_eq(tower_current(t), r->id);
}

static inline void tower_ledger(struct ledger *out, struct tower *t)
{
	*out = (struct ledger){0};
	must(ledger_load(out, &t->store, e));
}

/* Apply as the product starts it, without an exec: a session of its own that holds the lock. */
static inline bool tower_launch(const struct config *c, const struct store *s, int lock, int said, struct err *e)
{
	pid_t pid = fork();

	(void)e;
	if (pid == 0) {
		struct apply a = {.config = c, .store = s};
		struct err why = {0};
		setsid();
		int null = open("/dev/null", O_RDWR);
		dup2(null, 0);
		dup2(null, 1);
		dup2(said >= 0 ? said : 2, 2);
		for (int fd = 3; fd < 64; fd++)
			if (fd != lock && fd != s->dir)
				close(fd);
		fcntl(lock, F_SETFD, FD_CLOEXEC);
		bool done = apply_run(&a, &why);
		if (!done)
			fprintf(stderr, "apply: %s\n", why.text);
		_exit(done ? 0 : 1);
	}
	return pid > 0;
}

static inline bool tower_launch_none(const struct config *c, const struct store *s, int lock, int said, struct err *e)
{
	(void)c;
	(void)s;
	(void)lock;
	(void)said;
	return err_set(e, ERR_INTERNAL, "the power is off");
}

/* --- the controller --- */

struct answer {
	struct hello hello;
	bool got_receipt, got_refused;
	struct receipt receipt;
	struct err refused;
	struct buf states; /* a line each */
	int status;        /* exit code of serve */
};
static inline void answer_free(struct answer *a)
{
	shape_free(&a->hello, hello_shape);
	receipt_free(&a->receipt);
	buf_free(&a->states);
	*a = (struct answer){0};
}

struct talk {
	struct tower *t;
	int fd;
	pid_t pid;
	struct frame_reader in;
	struct answer *out;
};

static inline void talk_open(struct talk *k, struct tower *t, struct answer *out, launch_apply_fn *launch)
{
	int pair[2];

	*k = (struct talk){.t = t, .out = out};
	*out = (struct answer){0};
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	k->pid = fork();
	if (k->pid == 0) {
		struct session s = {.in = pair[1], .out = pair[1]};
		struct follow f = {.session = &s, .config = &t->config, .store = &t->store, .launch = launch, .caller = t->caller};
		struct err e = {0};
		signal(SIGPIPE, SIG_IGN);
		close(pair[0]);
		bool done = serve_session(&f, &e);
		_exit(done ? 0 : 1);
	}
	close(pair[1]);
	k->fd = pair[0];
	signal(SIGPIPE, SIG_IGN);
}

/* Takes what comes until the frame of that kind, or the end; REFUSED ends it too. */
static inline bool talk_until(struct talk *k, enum frame_kind kind)
{
	for (;;) {
		struct frame f;
		struct err why;
		enum frame_say say = frame_next(&k->in, &f, &why);
		if (say == FRAME_BROKEN)
			fail_msg("%s", why.text);
		if (say == FRAME_MORE) {
			char chunk[4096];
			ssize_t n = read(k->fd, chunk, sizeof chunk);
			if (n <= 0)
				return false;
			must(frame_feed(&k->in, str_bytes(chunk, (size_t)n), e));
			continue;
		}
		if (f.kind == FRAME_HELLO)
			must(message_read(&k->out->hello, hello_shape, f.body, "hello", e));
		if (f.kind == FRAME_STATE) {
			buf_add(&k->out->states, f.body);
			buf_byte(&k->out->states, '\n');
		}
		if (f.kind == FRAME_RECEIPT) {
			must(receipt_read(&k->out->receipt, f.body, e));
			k->out->got_receipt = true;
		}
		if (f.kind == FRAME_REFUSED) {
			refused_read(f.body, &k->out->refused);
			k->out->got_refused = true;
		}
		if (f.kind == kind)
			return true;
		if (f.kind == FRAME_REFUSED)
			return false;
	}
}

static inline void talk_send(struct talk *k, struct str bytes)
{
	struct err e;

	(void)!fs_put(k->fd, bytes, &e);
}

static inline void talk_close(struct talk *k)
{
	int status;

	close(k->fd);
	waitpid(k->pid, &status, 0);
	k->out->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
	frame_reader_free(&k->in);
}

/* An order without papers or payload, to its end. */
static inline void tower_order(struct tower *t, const struct order *o, struct answer *a)
{
	struct talk k;
	cleanup(buf_free) struct buf out = {0};

	talk_open(&k, t, a, tower_launch);
	assert_true(talk_until(&k, FRAME_HELLO));
	buf_text(&out, WIRE_GREETING);
	order_write(&out, o);
	talk_send(&k, buf_str(&out));
	talk_until(&k, FRAME_RECEIPT);
	talk_close(&k);
}

/* How an update is sent, and how it is spoilt. */
struct sending {
	int payload;            /* enum payload_kind */
	const struct tower_release *base;
	bool against;
	const char *rollout;
	bool take;
	struct str instead;     /* payload bytes of another kind, under the right name */
	int64_t cut;            /* the line goes dead after so many bytes of the payload; 0: never */
	bool resume;            /* go on where hello says */
	bool no_papers;
	int root;               /* version of a newer root to send; 0: none */
	launch_apply_fn *launch; /* NULL: tower_launch */
};

static inline void add_paper(struct list *list, struct buf *text, const char *name, struct str bytes)
{
	struct paper *p = list->items = mem_grow(list->items, list->count + 1, sizeof *p);

	p[list->count++] = (struct paper){str_dup(str_of(name)), (int64_t)bytes.len, digest_of(bytes)};
	buf_add(text, bytes);
}

static inline void squeeze_tar(struct tower *t, struct buf *out, const struct sending *how, const struct tower_release *r)
{
	cleanup(free_ptr) char *plain = path_form("%s/plain", t->dir);
	cleanup(free_ptr) char *small = path_form("%s/small", t->dir);
	cleanup(free_ptr) char *old = path_form("%s/old", t->dir);
	cleanup(fd_close) int in = -1;
	cleanup(fd_close) int to = -1;
	cleanup(fd_close) int base = -1;

	must(fs_write(AT_FDCWD, plain, buf_str(&r->tar), 0600, e));
	must(fs_open_read(&in, AT_FDCWD, plain, e));
	must(fs_create(&to, AT_FDCWD, small, 0600, e));
	if (how->payload == PAYLOAD_PATCH) {
		must(fs_write(AT_FDCWD, old, buf_str(&how->base->tar), 0600, e));
		must(fs_open_read(&base, AT_FDCWD, old, e));
		must(squeeze_patch(to, base, in, e));
	} else {
		must(squeeze_file(to, in, e));
	}
	out->max = 32 * MIB;
	must(fs_read(out, AT_FDCWD, small, e));
}

static inline void tower_send(struct tower *t, const struct tower_release *r, const struct sending *how, struct answer *a)
{
	static char who[] = "ann";
	struct talk k;
	cleanup(buf_free) struct buf out = BUF_MAX(64 * MIB);
	cleanup(buf_free) struct buf text = {0};
	cleanup(buf_free) struct buf squeezed = {0};
	cleanup(buf_free) struct buf prefix = {0};
	cleanup(buf_free) struct buf payload = {0};
	struct order o = {.action = ORDER_UPDATE, .release = r->id, .payload = how->payload, .who = who, .take = how->take,
		.against = how->against, .lease_ms = how->rollout ? 60000 : 0};

	o.rollout = how->rollout ? str_dup(str_of(how->rollout)) : NULL;
	talk_open(&k, t, a, how->launch ? how->launch : tower_launch);
	assert_true(talk_until(&k, FRAME_HELLO));
	if (how->root) {
		cleanup(free_ptr) char *name = path_form("%d.root", how->root);
		add_paper(&o.papers, &text, name, buf_str(&t->newer_root));
	}
	if (!how->no_papers) {
		add_paper(&o.papers, &text, "timestamp", buf_str(&t->timestamp));
		add_paper(&o.papers, &text, "snapshot", buf_str(&t->snapshot));
		add_paper(&o.papers, &text, "targets", buf_str(&t->targets));
		add_paper(&o.papers, &text, TOWER_PLAN, buf_str(&t->role));
		add_paper(&o.papers, &text, "manifest", buf_str(&r->manifest));
	}
	if (how->against) {
		must(trustdir_add(&prefix, &t->store, "snapshot", e) && trustdir_add(&prefix, &t->store, TOWER_PLAN, e) &&
			release_manifest(&prefix, &t->store, tower_current(t), e));
		struct digest d = digest_of(buf_str(&prefix));
		assert_memory_equal(d.bytes, a->hello.papers, sizeof a->hello.papers);
	}
	must(squeeze_text(&squeezed, buf_str(&text), buf_str(&prefix), e));
	if (how->payload != PAYLOAD_NONE) {
		squeeze_tar(t, &payload, how, r);
		o.payload_sha256 = digest_of(buf_str(&payload));
		o.payload_length = (int64_t)payload.len;
		o.base = how->base ? how->base->bundle : (struct digest){0};
		if (how->instead.data) {
			buf_clear(&payload);
			buf_add(&payload, how->instead);
			o.payload_length = (int64_t)payload.len;
		}
		const struct partial *part = a->hello.partial.items;
		for (size_t i = 0; how->resume && i < a->hello.partial.count; i++)
			if (digest_eq(part[i].payload, o.payload_sha256))
				o.at = part[i].have;
	}
	buf_text(&out, WIRE_GREETING);
	order_write(&out, &o);
	if (o.papers.count)
		frame_write(&out, FRAME_PAPERS, buf_str(&squeezed));
	for (int64_t at = o.at; at < (int64_t)payload.len; at += PIECE_MAX) {
		size_t n = MIN((size_t)PIECE_MAX, payload.len - (size_t)at);
		if (how->cut)
			n = MIN(n, (size_t)how->cut);
		frame_write(&out, FRAME_PIECE, str_bytes(payload.data + at, n));
		if (how->cut)
			break;
	}
	assert_false(out.failed);
	talk_send(&k, buf_str(&out));
	if (how->cut)
		shutdown(k.fd, SHUT_WR);
	talk_until(&k, FRAME_RECEIPT);
	talk_close(&k);
	for (size_t i = 0; i < o.papers.count; i++)
		free(((struct paper *)o.papers.items)[i].name);
	free(o.papers.items);
	free(o.rollout);
}

/* The usual: full payload, to its end. */
static inline void tower_update(struct tower *t, const struct tower_release *r, struct answer *a)
{
	tower_send(t, r, &(struct sending){.payload = PAYLOAD_FULL}, a);
}

#define assert_verdict(a, v)                                                                                      \
	do {                                                                                                      \
		if (!(a).got_receipt)                                                                             \
			fail_msg("no receipt: %s", (a).refused.text);                                             \
		if ((a).receipt.verdict != (int)(v))                                                              \
			fail_msg("verdict %s, not %s: %s", verdict_words[(a).receipt.verdict], verdict_words[v],  \
				(a).receipt.text);                                                                \
	} while (0)
#define assert_refused(a, c)                                                                                      \
	do {                                                                                                      \
		assert_true((a).got_refused);                                                                     \
		if ((a).refused.code != (c))                                                                      \
			fail_msg("refused as %s: %s", err_word((a).refused.code), (a).refused.text);              \
	} while (0)
