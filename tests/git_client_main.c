/* A host's asks of a git remote, for shell tests: one source, files in order, each to its place below --out.
 *
 *   git-client --helper FILE --url URL --dir DIR --out DIR [--OPTION VALUE]... PART/NAME...
 *
 * A line on stdout for each: "bytes LENGTH FROM MARK FILE", "absent FILE", "unchanged FILE"; a failure's code and sentence
 * on stderr, which ends it with 1. What --out holds of a file is where it goes on. --known MARK goes with the first. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/opts.h"
#include "sources/git.h"

struct words {
	const char *helper, *url, *dir, *out, *branch, *plan, *key, *ca, *known, *pin[2];
	bool unsure;
	int64_t idle_ms, total_ms, max;
	struct opt_words files;
};

static bool keep(struct source_answer *out, struct source *s, const struct source_ask *ask, const char *path, struct err *e)
{
	cleanup(free_ptr) char *folder = str_dup(str_of(path));
	struct source_ask rest = *ask;

	*strrchr(folder, '/') = 0;
	if (!fs_mkdir(AT_FDCWD, folder, 0755, e))
		return false;
	cleanup(fd_close) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_sys(e, "%s", path);
	rest.from = (uint64_t)lseek(fd, 0, SEEK_END);
	return source_get_file(out, s, &rest, fd, e);
}

static bool get(struct source *s, const struct words *w, const char *file, bool first, struct err *e)
{
	struct str name, part = str_cut(str_of(file), '/', &name);
	struct source_mark known = {0};
	struct source_answer answer;
	struct source_ask ask = {.name = name.data, .max = (uint64_t)w->max};
	cleanup(free_ptr) char *path = path_form("%s/%s", w->out, file);

	while (ask.part + 1 < SOURCE_PARTS && !str_is(part, source_part_words[ask.part]))
		ask.part++;
	if (w->known && first) {
		snprintf(known.etag, sizeof known.etag, "%s", w->known);
		ask.known = &known;
	}
	if (!keep(&answer, s, &ask, path, e))
		return false;
	if (answer.say == SOURCE_BYTES)
		printf("bytes %llu %llu %s %s\n", (unsigned long long)answer.length, (unsigned long long)answer.from,
			answer.mark.etag, file);
	else
		printf("%s %s\n", answer.say == SOURCE_ABSENT ? "absent" : "unchanged", file);
	return fflush(stdout) == 0 || err_sys(e, "stdout");
}

static bool get_all(const struct words *w, struct err *e)
{
	struct source *s = NULL;
	const struct git g = {
		.helper = w->helper,
		.url = w->url,
		.branch = w->branch,
		.plan = w->plan,
		.dir = w->dir,
		.key = w->key,
		.host_keys = w->pin,
		.ca = w->ca,
		.clock_unsure = w->unsure,
		.idle_ms = w->idle_ms,
		.total_ms = w->total_ms,
	};
	bool ok = source_git(&s, &g, e);

	for (size_t i = 0; ok && i < w->files.count; i++)
		ok = get(s, w, w->files.word[i].data, i == 0, e);
	source_free(&s);
	return ok;
}

int main(int argc, char **argv)
{
	struct words w = {.max = 64 * MIB};
	const struct opt table[] = {
		{"helper", 0, OPT_TEXT, &w.helper, "FILE", "fleet-fetch-git", .required = true},
		{"url", 0, OPT_TEXT, &w.url, "URL", "the remote", .required = true},
		{"dir", 0, OPT_TEXT, &w.dir, "DIR", "what was fetched", .required = true},
		{"out", 0, OPT_TEXT, &w.out, "DIR", "where files go", .required = true},
		{"branch", 0, OPT_TEXT, &w.branch, "NAME", "of the remote"},
		{"plan", 0, OPT_TEXT, &w.plan, "NAME", "whose patches come along"},
		{"key", 0, OPT_TEXT, &w.key, "FILE", "private key"},
		{"pin", 0, OPT_TEXT, &w.pin[0], "KEY", "host key"},
		{"ca", 0, OPT_TEXT, &w.ca, "FILE", "certificates"},
		{"known", 0, OPT_TEXT, &w.known, "MARK", "of the first file"},
		{"unsure", 0, OPT_FLAG, &w.unsure, NULL, "the clock is not sure"},
		{"idle", 0, OPT_MS, &w.idle_ms, "TIME", "longest without a byte", .max = 3600000},
		{"total", 0, OPT_MS, &w.total_ms, "TIME", "of one file", .max = 3600000},
		{"max", 0, OPT_COUNT, &w.max, "BYTES", "of one file", .max = INT64_MAX},
		{"FILES", 0, OPT_REST, &w.files, NULL, "PART/NAME"},
		{0},
	};
	struct err e = {0};

	if (opts_read(table, argc, argv, &e) && get_all(&w, &e)) {
		opt_words_free(&w.files);
		return 0;
	}
	fprintf(stderr, "%s: %s\n", err_word(e.code), e.text);
	opt_words_free(&w.files);
	return 1;
}
