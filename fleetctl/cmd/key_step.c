#include "fleetctl/cmd/key_step.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fs.h"
#include "fleetctl/repo/duty.h"
#include "fleetctl/repo/keyset.h"
#include "fleetctl/repo/pubfile.h"
#include "fleetctl/repo/transcript.h"

bool key_note_step(const char *folder, const char *transcript, const char *step, const char *name, const struct public_key *key,
	struct err *e, const char *what, ...)
{
	cleanup(free_ptr) char *path = transcript ? str_dup(str_of(transcript)) : path_form("%s/" TRANSCRIPT_FILE, folder);
	cleanup(free_ptr) char *words = NULL;
	cleanup(doc_free) doc *keys = NULL;
	char brief[KEY_SHORT_SIZE], id[DIGEST_HEX + 1];
	va_list args;
	va_start(args, what);
	int n = vasprintf(&words, what, args);
	va_end(args);
	if (n < 0)
		words = str_dup(str_of(step));
	if (key) {
		doc *one = doc_object();
		public_keyid(id, key);
		key_short(brief, key);
		doc_set_text(one, "name", name);
		doc_set_text(one, "id", id);
		keys = doc_list();
		doc_add(keys, one);
	}
	const struct transcript_step line = { step, str_of(words), key ? brief : NULL, keys };
	return transcript_add(path, &line, e);
}

void key_doubt_plan(int fleet_at, const struct show *show, const char *role)
{
	const char *plan = duty_plan(role);
	cleanup(free_ptr) char *file = path_form("plans/%s.yaml", plan ? plan : role);
	if (plan && strcmp(role, KEYSET_PLANS) != 0 && strcmp(role, KEYSET_ROLLOUTS) != 0 && !fs_exists(fleet_at, file))
		show_note(show, "there is no %s yet: is \"%s\" the plan's name?", file, plan);
}
