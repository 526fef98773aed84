/* PLAN/rollout.json of each plan of a rollout. */
#include "fleetctl/rollout/pull_sheet.h"

#include <stdlib.h>

#include "base/fs.h"
#include "fleetctl/command.h"
#include "fleetctl/repo/sign.h"
#include "fleetctl/repo/turn.h"

enum { TURN_MS = 10 * 1000 }; /* a refresh takes its turn and is done: that ends no rollout */

void sheets_free(struct sheets *all)
{
	for (size_t i = 0; i < all->count; i++) {
		struct sheet *p = &all->sheet[i];
		free(p->plan);
		free(p->role);
		free(p->path);
		stage_free(&p->stage);
		stage_free(&p->before);
		buf_free(&p->bytes);
	}
	free_ptr(&all->sheet);
	trust_free(&all->trust);
	all->count = 0;
}

struct sheet *sheet_of(struct sheets *all, const char *plan)
{
	for (size_t i = 0; i < all->count; i++)
		if (strcmp(all->sheet[i].plan, plan) == 0)
			return &all->sheet[i];
	all->sheet = mem_grow(all->sheet, all->count + 1, sizeof *all->sheet);
	all->sheet[all->count] = (struct sheet){
		.plan = str_dup(str_of(plan)),
		.role = path_form("rollout-%s", plan),
		.path = path_form("%s/rollout.json", plan),
		.bytes = BUF_MAX(STAGE_BYTES_MAX),
	};
	return &all->sheet[all->count++];
}

/* The seek went well, and led to no target. */
static bool is_nobodys(struct trust *t)
{
	struct trust_target target;
	struct trust_want want;
	struct err why;

	return trust_next(t, &want, &why) == TRUST_DONE && !trust_found(t, &target);
}

bool sheet_read(struct stage *out, bool *there, struct sheets *all, const struct repository *r, const struct sheet *p,
	struct err *e)
{
	static const struct trust_time never = {0, true};
	cleanup(buf_free) struct buf bytes = BUF_MAX(STAGE_BYTES_MAX);

	if (!all->trust && !repository_trust(&all->trust, r, never, 0, e))
		return false;
	*there = repository_target(&bytes, r, all->trust, p->path, e);
	if (!*there)
		return is_nobodys(all->trust);
	return stage_read(out, buf_str(&bytes), e) || err_in(e, "%s", p->path);
}

void sheet_add_host(struct stage *s, const struct host *h)
{
	struct stage_host *host = s->hosts.items = mem_grow(s->hosts.items, s->hosts.count + 1, sizeof *host);

	host[s->hosts.count++] = (struct stage_host){str_dup(str_of(h->id)), h->site ? str_dup(str_of(h->site)) : NULL};
}

bool sheet_add_window(struct stage *s, const struct repository *r, struct err *e)
{
	cleanup(buf_free) struct buf text = BUF_MAX(MANIFEST_MAX);
	cleanup(manifest_free) struct manifest m = {0};

	if (!repository_release(&text, r, s->plan, s->release, e) || !manifest_read(&m, buf_str(&text), NULL, e))
		return false;
	if (!m.plan.has_window)
		return true;
	struct window *w = s->windows.items = mem_new(1, sizeof *w);
	*w = m.plan.window;
	w->zone = str_dup(str_of(m.plan.window.zone));
	s->windows.count = 1;
	return true;
}

static bool write_sheets(struct sheets *all, struct sign_document *document, size_t *count, struct err *e)
{
	*count = 0;
	for (size_t i = 0; i < all->count; i++) {
		struct sheet *p = &all->sheet[i];
		if (!p->changed)
			continue;
		p->stage.counter++;
		buf_clear(&p->bytes);
		stage_write(&p->bytes, &p->stage);
		if (!buf_ok(&p->bytes, e) || !stage_check(&p->stage, e))
			return err_in(e, "%s", p->path);
		document[(*count)++] = (struct sign_document){p->role, p->path, buf_str(&p->bytes)};
	}
	return true;
}

/* Read and signed are two moments: what another one signed between them, an abort above all, is not written over. */
static bool is_as_read(const struct sheets *all, const struct sheet_keys *k, struct err *e)
{
	cleanup(repository_free) struct repository r = {.at = -1};
	cleanup(sheets_free) struct sheets now = {0};

	if (!repository_open(&r, k->fleet->dir, e))
		return false;
	for (size_t i = 0; i < all->count; i++) {
		const struct sheet *p = &all->sheet[i];
		cleanup(stage_free) struct stage is = {0};
		bool there;
		if (!p->changed)
			continue;
		if (!sheet_read(&is, &there, &now, &r, p, e))
			return false;
		if (is.counter != p->stage.counter)
			return err_set(e, ERR_BUSY,
				"%s: somebody else signed it meanwhile: once more, from what it says now", p->path);
	}
	return true;
}

static bool sign_all(struct sheets *all, const struct sheet_keys *k, struct err *e)
{
	cleanup(free_ptr) struct sign_document *document = mem_new(all->count + 1, sizeof *document);
	cleanup(free_ptr) char *dir = k->dir ? str_dup(str_of(k->dir)) : signer_folder(k->fleet->name);
	cleanup(signers_free) struct signers signers = {0};
	cleanup(sign_free) struct sign *sign = NULL;
	struct sign_job job = {.fleet_dir = k->fleet->dir, .document = document};

	return write_sheets(all, document, &job.documents, e) && command_signing_time(&job.now, e) &&
	       signers_open(&signers, dir, NULL, passphrase_ask, k->passphrase, e) &&
	       sign_compute(&sign, &job, &signers, e) && sign_write(sign, &signers, e);
}

bool sheets_sign(bool *news, struct sheets *all, const struct sheet_keys *k, struct err *e)
{
	cleanup(fd_close) int turn = -1;
	bool any = false;

	for (size_t i = 0; i < all->count; i++)
		any = any || all->sheet[i].changed;
	if (!any)
		return true;
	bool done = turn_take(&turn, k->fleet, "rollout", TURN_MS, e) && is_as_read(all, k, e) && sign_all(all, k, e);
	*news = *news || done;
	return done;
}
