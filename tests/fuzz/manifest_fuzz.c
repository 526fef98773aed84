/* Manifests, agents, receipts and rollouts, forged. What is accepted is written again byte for byte. */
#include <stdlib.h>

#include "manifests/manifest.h"
#include "manifests/program.h"
#include "manifests/receipt.h"
#include "manifests/stage.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void manifest(struct str json)
{
	cleanup(manifest_free) struct manifest m = {0};
	cleanup(buf_free) struct buf again = {0}, changes = {0};
	struct err e = {0};

	if (!manifest_read(&m, json, NULL, &e)) {
		if (m.plan.plan || e.code == ERR_NONE)
			abort();
		return;
	}
	manifest_write(&again, &m);
	if (!str_eq(buf_str(&again), json))
		abort();
	manifest_changes(&changes, &m, &m);
	if (changes.len)
		abort();
	manifest_changes(&changes, NULL, &m);
}

static void receipt(struct str json)
{
	cleanup(receipt_free) struct receipt r = {0}, again = {0};
	cleanup(buf_free) struct buf text = {0};
	struct err e = {0};

	if (!receipt_read(&r, json, &e)) {
		if (r.host || e.code == ERR_NONE)
			abort();
		return;
	}
	receipt_write(&text, &r);
	if (!buf_ok(&text, &e) || text.len > RECEIPT_MAX || !receipt_read(&again, buf_str(&text), &e))
		abort();
}

static void agent(struct str json)
{
	cleanup(program_free) struct program p = {0};
	cleanup(buf_free) struct buf again = {0};
	struct err e = {0};

	if (!program_read(&p, json, NULL, &e)) {
		if (p.platform || e.code == ERR_NONE)
			abort();
		return;
	}
	program_write(&again, &p);
	if (!str_eq(buf_str(&again), json))
		abort();
}

static void rollout(struct str json)
{
	cleanup(stage_free) struct stage s = {0};
	cleanup(buf_free) struct buf again = {0};
	struct err e = {0};

	if (!stage_read(&s, json, &e)) {
		if (s.plan || e.code == ERR_NONE)
			abort();
		return;
	}
	stage_write(&again, &s);
	if (!str_eq(buf_str(&again), json))
		abort();
	for (size_t i = 0; i < s.hosts.count; i++) {
		struct stage_ask ask = {.host = ((struct stage_host *)s.hosts.items)[i].id, .plan = s.plan};
		if (!stage_decide(&s, &ask).why[0])
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	rollout(str_bytes(data, size));
	manifest(str_bytes(data, size));
	agent(str_bytes(data, size));
	receipt(str_bytes(data, size));
	return 0;
}
