/* The rules for the paths of a bundle, over a hash table of them. */
#include "bundles/tree.h"

#include <stdlib.h>

#include "bundles/link.h"

enum { SLOTS_FIRST = 64, HOPS_MAX = 16 };

const char *tree_kind_word(enum tree_kind kind)
{
	static const char *const words[] = {
		[TREE_FOLDER] = "a folder",
		[TREE_FILE] = "a file",
		[TREE_LINK] = "a link",
	};

	return words[kind];
}

/* FNV-1a. Names that collide on purpose cost time, bounded by BUNDLE_ENTRIES_MAX. */
static uint32_t hash_of(struct str s)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < s.len; i++)
		h = (h ^ (uint8_t)s.data[i]) * 16777619u;
	return h;
}

/* The slot that holds `path`, or the free one where it belongs. */
static uint32_t *slot_of(const struct tree *t, struct str path, uint32_t hash)
{
	for (size_t i = hash & (t->slots - 1);; i = (i + 1) & (t->slots - 1)) {
		uint32_t at = t->slot[i];
		if (at == 0)
			return &t->slot[i];
		const struct tree_node *n = &t->node[at - 1];
		if (n->hash == hash && str_is(path, n->path))
			return &t->slot[i];
	}
}

static struct tree_node *find(const struct tree *t, struct str path)
{
	uint32_t at = t->slots ? *slot_of(t, path, hash_of(path)) : 0;

	return at ? &t->node[at - 1] : NULL;
}

const struct tree_node *tree_find(const struct tree *t, struct str path)
{
	return find(t, path);
}

static void grow(struct tree *t)
{
	if (t->count == t->room) {
		t->room = t->room ? t->room * 2 : SLOTS_FIRST / 2;
		t->node = mem_grow(t->node, t->room, sizeof *t->node);
	}
	if (t->slots >= t->room * 2)
		return;
	free_ptr(&t->slot);
	t->slots = t->room * 2;
	t->slot = mem_new(t->slots, sizeof *t->slot);
	for (size_t i = 0; i < t->count; i++)
		*slot_of(t, str_of(t->node[i].path), t->node[i].hash) = (uint32_t)i + 1;
}

static bool insert(struct tree *t, struct str path, const struct tree_node *node, struct err *e)
{
	struct tree_node n = *node;

	if (t->count >= BUNDLE_ENTRIES_MAX)
		return err_set(e, ERR_LIMIT, STR_FMT ": more than %d entries", STR_ARG(path), BUNDLE_ENTRIES_MAX);
	if (n.size > BUNDLE_BYTES_MAX - t->bytes)
		return err_set(e, ERR_LIMIT, STR_FMT ": more than %llu bytes in all", STR_ARG(path),
			(unsigned long long)BUNDLE_BYTES_MAX);
	grow(t);
	n.hash = hash_of(path);
	n.path = str_dup(path);
	n.link = node->link ? str_dup(str_of(node->link)) : NULL;
	t->node[t->count++] = n;
	t->bytes += n.size;
	*slot_of(t, path, n.hash) = (uint32_t)t->count;
	return true;
}

/* Everything above `path` is a folder, or becomes one. */
static bool insert_above(struct tree *t, const char *path, struct err *e)
{
	for (const char *slash = path; (slash = strchr(slash, '/')); slash++) {
		struct str above = str_bytes(path, (size_t)(slash - path));
		const struct tree_node *n = find(t, above);
		if (n && n->kind != TREE_FOLDER)
			return err_set(e, ERR_UNSAFE, "%s: lies below %s", path, tree_kind_word(n->kind));
		if (!n && !insert(t, above, &(struct tree_node){.kind = TREE_FOLDER, .implied = true}, e))
			return false;
	}
	return true;
}

bool tree_add(struct tree *t, const struct tree_node *node, struct err *e)
{
	char lead[PATH_LEN_MAX + 1];

	if (!name_check_path(str_of(node->path), e))
		return false;
	if (node->kind == TREE_LINK && !link_lead(lead, node->path, node->link, e))
		return false;
	struct tree_node *old = find(t, str_of(node->path));
	if (old && old->implied && node->kind == TREE_FOLDER) {
		old->implied = false;
		return true;
	}
	if (old)
		return err_set(e, ERR_UNSAFE, "%s: there twice, as %s and as %s", node->path, tree_kind_word(old->kind),
			tree_kind_word(node->kind));
	return insert_above(t, node->path, e) && insert(t, str_of(node->path), node, e);
}

/* The first link on the way along `path`, with the rest of the way behind it; NULL: there is none, *there says whether
 * the whole way exists. */
static const struct tree_node *first_link(const struct tree *t, const char *path, const char **rest, bool *there)
{
	for (const char *end = path;; end++) {
		end = strchrnul(end, '/');
		const struct tree_node *n = find(t, str_bytes(path, (size_t)(end - path)));
		*there = n && (n->kind == TREE_FOLDER || *end == 0);
		*rest = end;
		if (n && n->kind == TREE_LINK)
			return n;
		if (!*there || *end == 0)
			return NULL;
	}
}

bool tree_leads(const struct tree *t, const struct tree_node *n)
{
	char at[PATH_LEN_MAX + 1], next[PATH_LEN_MAX + 1];
	const char *rest = "";
	bool there = true;

	at[0] = 0;
	for (int hops = 0; n && hops < HOPS_MAX; hops++) {
		if (!link_lead(next, n->path, n->link, NULL) || strlen(next) + strlen(rest) > PATH_LEN_MAX)
			return false;
		strcat(next, next[0] || !rest[0] ? rest : rest + 1);
		strcpy(at, next);
		if (at[0] == 0)
			return true; /* the top */
		n = first_link(t, at, &rest, &there);
	}
	return !n && there;
}

static int by_path(const void *a, const void *b)
{
	const struct tree_node *const *x = a, *const *y = b;

	return strcmp((*x)->path, (*y)->path);
}

const struct tree_node **tree_sorted(const struct tree *t)
{
	const struct tree_node **all = mem_new(MAX(t->count, 1), sizeof(struct tree_node *));

	for (size_t i = 0; i < t->count; i++)
		all[i] = &t->node[i];
	qsort(all, t->count, sizeof *all, by_path);
	return all;
}

void tree_free(struct tree *t)
{
	for (size_t i = 0; i < t->count; i++) {
		free_ptr(&t->node[i].path);
		free_ptr(&t->node[i].link);
	}
	free_ptr(&t->node);
	free_ptr(&t->slot);
	*t = (struct tree){0};
}
