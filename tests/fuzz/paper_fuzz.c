/* Documents that a repository or a person brings, forged: sources, access, stages of a rollout, SSH keys, receipts' seals.
 * What is accepted is written and read again as the same. */
#include <stdlib.h>

#include "manifests/access.h"
#include "manifests/origins.h"
#include "manifests/receipt.h"
#include "manifests/ssh_key.h"
#include "manifests/stage.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool so)
{
	if (!so)
		abort();
}

static void origins(struct str json)
{
	cleanup(origins_free) struct origins o = {0}, again = {0};
	cleanup(buf_free) struct buf text = {0}, twice = {0};
	struct err e = {0};

	if (!origins_read(&o, json, "sources.json", &e)) {
		must(e.code != ERR_NONE);
		return;
	}
	origins_write(&text, &o);
	must(origins_read(&again, buf_str(&text), "sources.json", &e));
	origins_write(&twice, &again);
	must(str_eq(buf_str(&text), buf_str(&twice)));
}

static void access_list(struct str json)
{
	cleanup(access_free) struct access a = {0}, again = {0};
	cleanup(buf_free) struct buf text = {0}, lines = {0}, changes = {0};
	struct err e = {0};

	if (!access_read(&a, json, NULL, &e)) {
		must(e.code != ERR_NONE);
		return;
	}
	access_write(&text, &a);
	must(access_read(&again, buf_str(&text), NULL, &e));
	access_changes(&changes, &a, &again);
	must(changes.len == 0);
	access_keys(&lines, &a, "fleet-agent serve", "ber-D");
}

static void stage(struct str json)
{
	cleanup(stage_free) struct stage s = {0};
	cleanup(buf_free) struct buf text = {0};
	struct err e = {0};

	if (!stage_read(&s, json, &e)) {
		must(e.code != ERR_NONE);
		return;
	}
	stage_write(&text, &s);
	must(str_eq(buf_str(&text), json) && stage_reaches(&s) <= (int64_t)s.hosts.count);
	struct stage_ask ask = {.host = "ber-D", .plan = s.plan, .now = {.unix_s = 1800000000, .synced = true}};
	must(stage_decide(&s, &ask).why[0]);
}

static void key_and_seal(struct str bytes)
{
	cleanup(free_ptr) char *key = NULL;
	struct public_key nobody = {0};
	struct err e = {0};

	if (ssh_key_read(&key, bytes, &e))
		must(ssh_key_check(str_of(key), &e));
	must(!receipt_verify(bytes, &nobody, &e));
	(void)receipt_digest(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str bytes = str_bytes(data, size);

	origins(bytes);
	access_list(bytes);
	stage(bytes);
	key_and_seal(bytes);
	return 0;
}
