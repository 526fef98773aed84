#include "fleetctl/fleet/fleet.h"

#include <fcntl.h>
#include <stdlib.h>
#include <strings.h>

#include "base/fs.h"
#include "base/hex.h"
#include "base/name.h"
#include "base/opts.h"
#include "manifests/yaml.h"

static const struct shape_field defaults_shape[] = {
	{ "parallel", SHAPE_INT, offsetof(struct fleet_defaults, parallel), .min = 1, .max = 1024, .number = 8 },
	{ "connect", SHAPE_MS, offsetof(struct fleet_defaults, connect_ms), .min = 1000, .max = 600000, .number = 30000 },
	{ "silence", SHAPE_MS, offsetof(struct fleet_defaults, silence_ms), .min = 1000, .max = 3600000, .number = 60000 },
	{ 0 },
};
static const struct shape_field ssh_shape[] = {
	{ "identity", SHAPE_TEXT, 0 },
	{ 0 },
};
static const struct shape_field fleet_shape[] = {
	{ "name", SHAPE_NAME, offsetof(struct fleet, name), .required = true },
	{ "defaults", SHAPE_OBJECT, offsetof(struct fleet, defaults), .of = defaults_shape },
	{ "releases", SHAPE_INT, offsetof(struct fleet, releases), .min = 1, .max = 32, .number = 5 },
	{ "ssh", SHAPE_OBJECT, offsetof(struct fleet, ssh), .of = ssh_shape },
	{ "publish", SHAPE_LIST, offsetof(struct fleet, publish), .of = place_shape, .size = sizeof(struct fleet_place), .key = "name", .max = 16 },
	{ "receipts", SHAPE_DOC, offsetof(struct fleet, receipts_said) },
	{ 0 },
};
const struct shape_field host_shape[] = {
	{ "id", SHAPE_NAME, offsetof(struct host, id), .required = true },
	{ "plan", SHAPE_PLAN, offsetof(struct host, plan), .required = true },
	{ "site", SHAPE_NAME, offsetof(struct host, site) },
	{ "address", SHAPE_TEXT, offsetof(struct host, address), .required = true, .max = 255 },
	{ "port", SHAPE_INT, offsetof(struct host, port), .min = 1, .max = 65535 },
	{ "user", SHAPE_NAME, offsetof(struct host, user), .text = "fleet-agent" },
	{ "host_key", SHAPE_TEXT, offsetof(struct host, host_key) },
	{ "receipt_key", SHAPE_TEXT, offsetof(struct host, receipt_key) },
	{ "labels", SHAPE_MAP, offsetof(struct host, labels), .max = 64 },
	{ 0 },
};
/* The file is the list itself. */
static const struct shape_field hosts_shape[] = {
	{ "", SHAPE_LIST, offsetof(struct fleet, hosts), .of = host_shape, .size = sizeof(struct host), .key = "id", .max = 100000 },
	{ 0 },
};
enum { HOSTS_FILE_MAX = 64 * MIB, FLEET_FILE_MAX = 256 * KIB };

static bool find_dir(char **out, const char *dir, struct err *e)
{
	if (dir) {
		*out = realpath(dir, NULL);
		return *out ? true : err_sys(e, "fleet folder %s", dir);
	}
	cleanup(free_ptr) char *at = realpath(".", NULL);
	while (at) {
		cleanup(free_ptr) char *file = path_form("%s/fleet.yaml", at);
		if (fs_exists(AT_FDCWD, file)) {
			*out = at;
			at = NULL;
			return true;
		}
		char *slash = strrchr(at, '/');
		if (!slash || slash == at)
			break;
		*slash = 0;
	}
	return err_set(e, ERR_MISSING, "no fleet.yaml here or in a folder above: go to the fleet's folder, name it with --fleet DIR, or begin one with `fleetctl init DIR`");
}

/* "~/.ssh/fleet" is in the user's home, "key" in the fleet's folder. Takes over `path`. */
static char *resolve(const struct fleet *f, char *path)
{
	const char *home = getenv("HOME");
	if (!path || path[0] == '/' || (path[0] == '~' && !home))
		return path;
	char *whole = path[0] == '~' && path[1] == '/' ? path_form("%s/%s", home, path + 2) : path_form("%s/%s", f->dir, path);
	free(path);
	return whole;
}

static bool check_places(struct fleet *f, const struct yaml *y, struct err *e)
{
	for (size_t i = 0; i < f->publish.count; i++) {
		struct fleet_place *p = (struct fleet_place *)f->publish.items + i;
		struct err why = { 0 };
		if (!place_check(p, &why))
			return err_set(e, ERR_SYNTAX, "fleet.yaml:%d: publish[%zu]: %s",
				yaml_line(y, doc_at(doc_get(y->root, "publish"), i)), i, why.text);
		p->path = resolve(f, p->path);
		p->identity = resolve(f, p->identity);
		p->ca = resolve(f, p->ca);
	}
	return true;
}

static bool read_home(struct fleet *f, const struct shape_from *from, struct err *e)
{
	if (!home_place_read(&f->receipts, f->receipts_said, from, e))
		return false;
	f->receipts.path = resolve(f, f->receipts.path);
	f->receipts.identity = resolve(f, f->receipts.identity);
	return true;
}

static bool read_fleet(struct fleet *f, struct err *e)
{
	cleanup(buf_free) struct buf text = BUF_MAX(FLEET_FILE_MAX);
	cleanup(yaml_free) struct yaml y = { 0 };
	if (!fs_read(&text, f->at, "fleet.yaml", e) || !yaml_read(&y, buf_str(&text), "fleet.yaml", e))
		return false;
	struct shape_from from = yaml_from(&y);
	struct fleet read = { 0 };
	if (!shape_read(&read, fleet_shape, y.root, &from, e))
		return false;
	f->name = read.name;
	f->defaults = read.defaults;
	f->releases = read.releases;
	f->ssh.identity = resolve(f, read.ssh.identity);
	f->receipts_said = read.receipts_said;
	f->publish = read.publish;
	return check_places(f, &y, e) && read_home(f, &from, e);
}

static int by_id_without_case(const void *a, const void *b)
{
	const struct host *l = *(const struct host *const *)a, *r = *(const struct host *const *)b;
	int order = strcasecmp(l->id, r->id);
	return order ? order : (l > r) - (l < r);
}

static void sort_hosts(struct fleet *f)
{
	f->by_id = mem_new(f->hosts.count + 1, sizeof *f->by_id);
	for (size_t i = 0; i < f->hosts.count; i++)
		f->by_id[i] = fleet_host(f, i);
	qsort(f->by_id, f->hosts.count, sizeof *f->by_id, by_id_without_case);
}

static bool check_case(const struct fleet *f, const struct yaml *y, struct err *e)
{
	const struct host **sorted = f->by_id;
	for (size_t i = 1; i < f->hosts.count; i++) {
		if (!name_same_but_case(str_of(sorted[i - 1]->id), str_of(sorted[i]->id)))
			continue;
		size_t at = (size_t)(sorted[i] - fleet_host(f, 0));
		return err_set(e, ERR_SYNTAX, "hosts.yaml:%d: [%zu].id: \"%s\" differs from \"%s\" only in case",
			yaml_line(y, doc_at(y->root, at)), at, sorted[i]->id, sorted[i - 1]->id);
	}
	return true;
}

static bool is_receipt_key(const char *text)
{
	uint8_t raw[32];
	return hex_read(raw, sizeof raw, str_of(text));
}

static bool check_hosts(const struct fleet *f, const struct yaml *y, struct err *e)
{
	if (!check_case(f, y, e))
		return false;
	for (size_t i = 0; i < f->hosts.count; i++) {
		const struct host *h = fleet_host(f, i);
		if (h->receipt_key && !is_receipt_key(h->receipt_key))
			return err_set(e, ERR_SYNTAX, "hosts.yaml:%d: [%zu].receipt_key: expected 64 hexadecimal digits, as `fleet-agent status` shows them on %s",
				yaml_line(y, doc_at(y->root, i)), i, h->id);
		if (h->host_key && !strchr(h->host_key, ' '))
			return err_set(e, ERR_SYNTAX, "hosts.yaml:%d: [%zu].host_key: expected \"TYPE BASE64\" as in a .pub file",
				yaml_line(y, doc_at(y->root, i)), i);
	}
	return true;
}

static bool read_hosts_text(struct fleet *f, struct str text, struct err *e)
{
	cleanup(yaml_free) struct yaml y = { 0 };
	if (!yaml_read(&y, text, "hosts.yaml", e))
		return false;
	if (doc_kind(y.root) == DOC_OBJECT && doc_count(y.root) == 0)
		return true;
	if (doc_kind(y.root) != DOC_LIST)
		return err_set(e, ERR_SYNTAX, "hosts.yaml:%d: expected a list of hosts: `- {id: ..., plan: ..., address: ...}`", yaml_line(&y, y.root));
	struct shape_from from = yaml_from(&y);
	struct fleet read = { 0 };
	if (!shape_read(&read, hosts_shape, y.root, &from, e))
		return false;
	f->hosts = read.hosts;
	sort_hosts(f);
	return check_hosts(f, &y, e);
}

static bool read_hosts(struct fleet *f, struct err *e)
{
	cleanup(buf_free) struct buf text = BUF_MAX(HOSTS_FILE_MAX);
	return fs_read(&text, f->at, "hosts.yaml", e) && read_hosts_text(f, buf_str(&text), e);
}

bool fleet_open(struct fleet *out, const char *dir, struct err *e)
{
	cleanup(fleet_free) struct fleet f = { .at = -1 };
	if (!find_dir(&f.dir, dir, e) || !fs_open_dir(&f.at, AT_FDCWD, f.dir, e))
		return false;
	if (!fs_exists(f.at, "fleet.yaml"))
		return err_set(e, ERR_USAGE, "%s has no fleet.yaml: begin a fleet with `fleetctl init DIR`", f.dir);
	if (!read_fleet(&f, e) || !read_hosts(&f, e))
		return false;
	*out = f;
	f = (struct fleet){ .at = -1 };
	return true;
}

void fleet_free(struct fleet *f)
{
	shape_free(f, fleet_shape);
	shape_free(f, hosts_shape);
	home_place_free(&f->receipts);
	free_ptr(&f->by_id);
	if (f->dir) /* zero is empty: 0 is no descriptor of ours then */
		fd_close(&f->at);
	free_ptr(&f->dir);
	f->at = -1;
}

struct host *fleet_find(const struct fleet *f, struct str id)
{
	size_t low = 0, high = f->hosts.count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct host *h = f->by_id[middle];
		int order = strncasecmp(h->id, id.data, id.len);
		if (order == 0 && strlen(h->id) == id.len) /* no two differ only in case */
			return str_eq(str_of(h->id), id) ? (struct host *)h : NULL;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

bool fleet_find_or_say(struct host **out, const struct fleet *f, struct str id, struct err *e)
{
	*out = fleet_find(f, id);
	if (*out)
		return true;
	cleanup(free_ptr) const char **ids = mem_new(f->hosts.count + 1, sizeof *ids);
	for (size_t i = 0; i < f->hosts.count; i++)
		ids[i] = fleet_host(f, i)->id;
	const char *near = opts_nearest(id, ids);
	return err_set(e, ERR_USAGE, "no host \"" STR_FMT "\" in hosts.yaml: %s%s%s", STR_ARG(id), near ? "did you mean \"" : "`fleetctl host list` shows them",
		near ? near : "", near ? "\"?" : "");
}

/* A flow mapping's value in single quotes, where YAML needs nothing but doubling them. */
static void quoted(struct buf *out, const char *name, const char *value)
{
	if (!value)
		return;
	buf_form(out, ", %s: '", name);
	for (const char *c = value; *c; c++) {
		if (*c == '\'')
			buf_byte(out, '\'');
		buf_byte(out, *c);
	}
	buf_byte(out, '\'');
}

/* The whole file is good, and its last host is the one that was meant: no value became YAML of its own. */
static bool reads_back(struct str text, const struct host *h, struct err *e)
{
	struct fleet after = { .at = -1 };
	cleanup(doc_free) doc *meant = shape_write(h, host_shape);
	cleanup(doc_free) doc *read = NULL;
	if (!read_hosts_text(&after, text, e)) {
		fleet_free(&after);
		return err_in(e, "hosts.yaml with %s added", h->id);
	}
	if (after.hosts.count)
		read = shape_write(fleet_host(&after, after.hosts.count - 1), host_shape);
	bool same = doc_equal(meant, read);
	fleet_free(&after);
	return same || err_set(e, ERR_SYNTAX, "host %s was not added: a value of it can't stand in one line of hosts.yaml", h->id);
}

bool fleet_add_host(const struct fleet *f, const struct host *h, struct err *e)
{
	cleanup(buf_free) struct buf text = BUF_MAX(HOSTS_FILE_MAX);
	if (!fs_read(&text, f->at, "hosts.yaml", e))
		return false;
	/* An empty list written as `[]` gives way to the first host. */
	if (f->hosts.count == 0) {
		char *empty = text.data ? strstr(text.data, "\n[]") : NULL;
		if (text.data && strncmp(text.data, "[]", 2) == 0)
			memcpy(text.data, "  ", 2);
		else if (empty)
			memcpy(empty + 1, "  ", 2);
	}
	if (text.len && text.data[text.len - 1] != '\n')
		buf_byte(&text, '\n');
	buf_form(&text, "- {id: %s, plan: %s", h->id, h->plan);
	quoted(&text, "site", h->site);
	quoted(&text, "address", h->address);
	if (h->port)
		buf_form(&text, ", port: %d", (int)h->port);
	quoted(&text, "user", h->user);
	quoted(&text, "host_key", h->host_key);
	quoted(&text, "receipt_key", h->receipt_key);
	const struct shape_pair *label = h->labels.items;
	for (size_t i = 0; i < h->labels.count; i++) {
		buf_form(&text, "%s%s: '%s'", i ? ", " : ", labels: {", label[i].key, label[i].value);
		if (i + 1 == h->labels.count)
			buf_byte(&text, '}');
	}
	buf_text(&text, "}\n");
	return reads_back(buf_str(&text), h, e) && buf_ok(&text, e) && fs_write(f->at, "hosts.yaml", buf_str(&text), 0644, e);
}

bool fleet_state_dir(int *out, const struct fleet *f, struct err *e)
{
	return fs_mkdir(f->at, FLEET_STATE, 0755, e) && fs_open_dir(out, f->at, FLEET_STATE, e);
}
