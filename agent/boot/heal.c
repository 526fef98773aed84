/* Is a release still what was signed? */
#include "agent/boot/heal.h"

#include <fcntl.h>
#include <time.h>

#include "agent/store/bundle.h"
#include "agent/store/linked.h"
#include "agent/store/release.h"
#include "agent/store/tree.h"
#include "bundles/pack.h"

#define STAGED "staging/heal.tar"

static bool pack_tree(int fd, const struct store *s, const struct bundle_named *b, struct err *e)
{
	char hex[DIGEST_HEX + 1];
	struct pack_facts facts;

	digest_hex(hex, b->sha256);
	cleanup(free_ptr) char *tree = path_form("%s/trees/%s", s->path, hex);
	const char *layer[] = {tree};
	if (!pack_folders(&facts, fd, layer, 1, e))
		return false;
	return digest_eq(facts.digest, b->sha256) ||
	       err_set(e, ERR_DIGEST, "neither its bundle nor its tree is what was signed");
}

static bool write_bundle(const struct store *s, const struct bundle_named *b, struct err *e)
{
	cleanup(fd_close) int fd = -1;

	return fs_create(&fd, s->dir, STAGED, 0644, e) && pack_tree(fd, s, b, e) && fs_sync_fd(fd, e) &&
	       bundle_keep(s, b->sha256, STAGED, e);
}

/* The same tree packs to the same bytes: a bundle that rotted is made again of it. Where there is no room for that now, the tree
 * is whole all the same. */
static bool check_bundle(struct heal *h, const struct store *s, const struct bundle_named *b, struct err *e)
{
	cleanup(fd_close) int nowhere = -1;
	struct err why, drop;

	if (bundle_check(s, b->sha256, (uint64_t)b->length, &why))
		return true;
	nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (nowhere < 0)
		return err_sys(e, "/dev/null");
	if (!pack_tree(nowhere, s, b, e))
		return false;
	h->bundle = write_bundle(s, b, &why);
	h->unhealed = !h->bundle;
	(void)!fs_remove(s->dir, STAGED, &drop);
	return true;
}

static bool check_tree(struct heal *h, const struct store *s, const struct bundle_named *b, struct err *e)
{
	struct err why;

	if (h->unhealed) /* it was packed just now, and is right */
		return true;
	if (tree_compare(&h->differences, s, b->sha256, NULL, NULL, &why) && !h->differences)
		return true;
	h->tree = tree_heal(s, b->sha256, e);
	return h->tree;
}

bool heal_again(int *looks, const struct err *why)
{
	static const struct timespec nap = {.tv_nsec = HEAL_NAP_MS * 1000000L};

	if (why->code != ERR_IO || ++*looks >= HEAL_LOOKS)
		return false;
	nanosleep(&nap, NULL);
	return true;
}

bool heal_release(struct heal *out, const struct store *s, struct digest id, struct err *e)
{
	cleanup(buf_free) struct buf text = BUF_MAX(MANIFEST_MAX);
	cleanup(manifest_free) struct manifest m = {0};
	struct heal h = {0};

	*out = h;
	if (!release_manifest(&text, s, id, e) || !manifest_read(&m, buf_str(&text), NULL, e))
		return false;
	out->number = h.number = m.number;
	if (!check_bundle(&h, s, &m.bundle, e) || !check_tree(&h, s, &m.bundle, e))
		return false;
	h.link = !release_has(s, id);
	if (h.link && !release_add(s, id, buf_str(&text), e))
		return false;
	*out = h;
	return true;
}

static bool linked_bundle(struct bundle_named *out, const struct store *s, struct err *e)
{
	cleanup(fd_close) int fd = -1;
	uint64_t length = 0;
	struct digest is;

	if (!linked_current(&out->sha256, s, e))
		return false;
	if (!digest_zero(out->sha256) && bundle_open(&fd, s, out->sha256, e) && digest_fd(&is, &length, fd, e))
		out->length = (int64_t)length;
	return true;
}

bool heal_linked(enum heal_agent *out, const struct store *s, struct err *e)
{
	struct err why;
	int looks = 0;

	do {
		struct bundle_named b = {0};
		struct heal h = {0};
		*out = AGENT_NONE;
		bool linked = linked_bundle(&b, s, &why);
		if (linked && digest_zero(b.sha256))
			return true;
		if (linked && check_bundle(&h, s, &b, &why) && check_tree(&h, s, &b, &why)) {
			*out = h.bundle || h.tree ? AGENT_HEALED : AGENT_WHOLE;
			return true;
		}
	} while (heal_again(&looks, &why));
	*out = AGENT_DROPPED;
	return linked_swap(s, (struct digest){0}, e);
}
