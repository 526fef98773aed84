/* fleet-agent verify: is what runs still what was signed? */
#include <stdio.h>

#include "agent/command.h"
#include "agent/store/bundle.h"
#include "agent/store/release.h"
#include "agent/store/tree.h"

static void tell(void *ctx, const char *path, const char *what)
{
	(void)ctx;
	printf("%s %s\n", what, path);
}

static bool verify(size_t *differences, struct release *r, const struct host *h, struct err *e)
{
	struct digest current;

	return release_current(&current, &h->store, e) && release_open(r, &h->store, current, e) &&
	       bundle_check(&h->store, r->manifest.bundle.sha256, (uint64_t)r->manifest.bundle.length, e) &&
	       tree_compare(differences, &h->store, r->manifest.bundle.sha256, tell, NULL, e);
}

static int run(const struct command *me, int argc, char **argv)
{
	struct where w = {0};
	const struct opt table[] = {WHERE_OPTS(w), {0}};
	cleanup(host_close) struct host h = {0};
	cleanup(release_close) struct release r = {0};
	size_t differences = 0;
	char text[48];
	struct err e;
	int code;

	if (!command_begin(me, table, argc, argv, &code))
		return code;
	if (!host_open(&h, &w, &e) || !verify(&differences, &r, &h, &e))
		return command_fail(me, &e);
	release_text(text, r.manifest.number, r.id);
	if (!differences) {
		printf("release %s is what was signed\n", text);
		return COMMAND_OK;
	}
	err_set(&e, ERR_DIGEST, "release %s: %zu files differ from what was signed", text, differences);
	return command_fail(me, &e);
}

const struct command cmd_verify = {
	"verify", NULL, "Read the release that runs back from the disk, and name what differs", run};
