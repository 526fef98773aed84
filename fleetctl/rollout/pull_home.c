/* Receipts that came home. */
#include "fleetctl/rollout/pull_home.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fs.h"
#include "fleetctl/receipts/chain.h"

enum { LOOK_BACK = 16 }; /* receipts of one host: what was tried after the rollout's trial is passed over */

static int newest_first(const void *a, const void *b)
{
	int64_t l = *(const int64_t *)a, r = *(const int64_t *)b;

	return (l < r) - (l > r);
}

static bool list(int64_t **out, size_t *count, const char *dir, struct err *e)
{
	cleanup(fs_names_free) struct fs_names names = {0};

	*out = NULL;
	*count = 0;
	if (!fs_exists(AT_FDCWD, dir))
		return true;
	if (!fs_names(&names, AT_FDCWD, dir, e))
		return err_in(e, "receipts");
	*out = mem_new(names.count + 1, sizeof **out);
	for (size_t i = 0; i < names.count; i++) {
		struct str name = str_of(names.name[i]);
		uint64_t n;
		if (str_ends(name, ".json") && str_number(&n, str_bytes(name.data, name.len - 5), INT64_MAX))
			(*out)[(*count)++] = (int64_t)n;
	}
	qsort(*out, *count, sizeof **out, newest_first);
	return true;
}

static bool believe(char doubt[300], struct db *db, const struct host *h, struct str bytes, struct err *e)
{
	struct chain_heard heard = {.host = h->id, .key = h->receipt_key, .newest = bytes};
	struct chain_found found = {0};
	struct err why;

	if (!chain_check(&found, db, &heard, e))
		return false;
	if (!chain_believe(&found, &why))
		snprintf(doubt, 300, "%.299s", why.text);
	return true;
}

static bool is_of(const struct receipt *r, const struct host *h, const char *rollout)
{
	return r->rollout && strcmp(r->rollout, rollout) == 0 && r->host && strcmp(r->host, h->id) == 0;
}

bool pull_home(struct receipt *out, struct buf *bytes, bool *found, char doubt[300], const struct fleet *f,
	struct db *db, const struct host *h, const char *rollout, struct err *e)
{
	cleanup(free_ptr) char *dir = path_form("%s/%s", f->receipts, h->id);
	cleanup(free_ptr) int64_t *number = NULL;
	size_t count = 0;

	*found = false;
	doubt[0] = 0;
	if (!list(&number, &count, dir, e))
		return false;
	for (size_t i = 0; i < MIN(count, (size_t)LOOK_BACK) && !*found && !doubt[0]; i++) {
		cleanup(free_ptr) char *path = path_form("%s/%lld.json", dir, (long long)number[i]);
		cleanup(receipt_free) struct receipt r = {0};
		struct err why;
		*bytes = (buf_free(bytes), BUF_MAX(RECEIPT_SEALED_MAX));
		if (!fs_read(bytes, AT_FDCWD, path, &why) || !receipt_read(&r, buf_str(bytes), &why)) {
			snprintf(doubt, 300, "%.299s", why.text);
			return true;
		}
		if (!is_of(&r, h, rollout))
			continue;
		if (!believe(doubt, db, h, buf_str(bytes), e))
			return false;
		*found = !doubt[0];
		if (*found) {
			*out = r;
			r = (struct receipt){0};
		}
	}
	return true;
}
