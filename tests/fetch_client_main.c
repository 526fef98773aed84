/* One file from a web server through the helper, for tests: what came is one line on stdout.
 *   fetch-client BASE NAME FILE MAX [ETAG [ALSO]]
 * FILE's bytes are those that are held; ETAG is how it looked ("": unknown); ALSO is an origin where redirects may lead.
 *   bytes FROM LENGTH ETAG | unchanged | absent
 * In the environment: FLEET_CA, FLEET_FETCH_HTTPS (the helper), FLEET_SESSION (a file), FLEET_CLOCK_UNSURE, FLEET_DOCUMENT
 * (it is fetched as documents are: into memory, written when it is whole). Exits 1, the reason on stderr, when it failed. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fs.h"
#include "sources/fetch.h"

static bool get_document(struct source_answer *answer, struct source *s, const struct source_ask *ask, int fd, struct err *e)
{
	cleanup(buf_free) struct buf text = BUF_MAX(ask->max);

	return source_get(answer, s, ask, &text, e) && fs_put(fd, buf_str(&text), e);
}

static bool get(int argc, char **argv, struct err *e)
{
	const char *also[] = {argc > 6 ? argv[6] : NULL, NULL};
	const struct fetch f = {
		.helper = getenv("FLEET_FETCH_HTTPS"),
		.ca = getenv("FLEET_CA"),
		.session = getenv("FLEET_SESSION"),
		.clock_unsure = getenv("FLEET_CLOCK_UNSURE") != NULL,
		.at = {argv[1]},
		.also = also};
	struct source_ask ask = {.part = SOURCE_METADATA, .name = argv[2]};
	cleanup(fd_close) int fd = open(argv[3], O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	struct source_mark known = {0};
	struct source_answer answer;
	struct source *s = NULL;

	if (fd < 0)
		return err_sys(e, "%s", argv[3]);
	if (!str_number(&ask.max, str_of(argv[4]), INT64_MAX))
		return err_set(e, ERR_USAGE, "%s: not a number", argv[4]);
	ask.from = (uint64_t)lseek(fd, 0, SEEK_END);
	if (argc > 5 && argv[5][0]) {
		snprintf(known.etag, sizeof known.etag, "%s", argv[5]);
		ask.known = &known;
	}
	if (!source_fetch(&s, &f, e))
		return false;
	bool ok = (getenv("FLEET_DOCUMENT") ? get_document : source_get_file)(&answer, s, &ask, fd, e);
	source_free(&s);
	if (ok && answer.say == SOURCE_BYTES)
		printf("bytes %llu %llu %s\n", (unsigned long long)answer.from, (unsigned long long)answer.length,
			answer.mark.etag);
	else if (ok)
		puts(answer.say == SOURCE_ABSENT ? "absent" : "unchanged");
	return ok;
}

int main(int argc, char **argv)
{
	struct err e = {0};

	if (argc >= 5 && getenv("FLEET_FETCH_HTTPS") && get(argc, argv, &e))
		return 0;
	fprintf(stderr, "fetch-client: %s: %s\n", err_word(e.code), e.text);
	return 1;
}
