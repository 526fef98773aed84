/* What a host reads of roles `fleet` and `agent`, forged: access lists, sources, agents. What is accepted is written and read again as the same;
 * of a list, sshd would read one line an operator, each with one command and one key. */
#include <stdlib.h>

#include "manifests/access.h"
#include "manifests/origins.h"
#include "manifests/program.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool so)
{
	if (!so)
		abort();
}

/* Two quotes, and what stands between them ends with the list's id: nothing of a name or a key became a word of sshd's. */
static void check_lines(const struct access *a)
{
	static const char begin[] = "restrict,command=\"/serve --operator ", end[] = " --access 00\" ";
	cleanup(buf_free) struct buf keys = {0};
	size_t lines = 0;

	access_keys(&keys, a, "/serve", "00");
	for (struct str line, rest = buf_str(&keys); rest.len; lines++) {
		struct str key, command;
		line = str_cut(rest, '\n', &rest);
		must(str_starts(line, begin));
		command = str_cut(str_bytes(line.data + strlen("restrict,command=\""), line.len - strlen("restrict,command=\"")),
			'"', &key);
		must(str_ends(command, " --access 00") && !memchr(key.data, '"', key.len));
		must(memmem(line.data, line.len, end, strlen(end)) != NULL);
	}
	must(lines == a->operators.count);
}

static void access(struct str json)
{
	cleanup(access_free) struct access a = {0}, again = {0};
	cleanup(buf_free) struct buf text = {0}, second = {0}, changes = {0};
	struct err e = {0};

	if (!access_read(&a, json, ACCESS_PATH, &e)) {
		must(!a.operators.items && e.code != ERR_NONE);
		return;
	}
	check_lines(&a);
	access_write(&text, &a);
	must(access_read(&again, buf_str(&text), ACCESS_PATH, &e));
	access_write(&second, &again);
	must(str_eq(buf_str(&text), buf_str(&second)));
	access_changes(&changes, &a, &again);
	must(changes.len == 0);
}

static void origins(struct str json)
{
	cleanup(origins_free) struct origins o = {0}, again = {0};
	cleanup(buf_free) struct buf text = {0}, second = {0};
	struct err e = {0};

	if (!origins_read(&o, json, SOURCES_PATH, &e)) {
		must(!o.source.items && e.code != ERR_NONE);
		return;
	}
	origins_write(&text, &o);
	must(origins_read(&again, buf_str(&text), SOURCES_PATH, &e));
	origins_write(&second, &again);
	must(str_eq(buf_str(&text), buf_str(&second)));
}

static void program(struct str json)
{
	cleanup(program_free) struct program p = {0};
	cleanup(buf_free) struct buf text = {0};
	struct err e = {0};

	if (!program_read(&p, json, NULL, &e)) {
		must(!p.platform && !p.version && e.code != ERR_NONE);
		return;
	}
	program_write(&text, &p);
	must(str_eq(buf_str(&text), json) && p.bundle.length >= 0 && !strchr(p.platform, '/'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	access(str_bytes(data, size));
	origins(str_bytes(data, size));
	program(str_bytes(data, size));
	return 0;
}
