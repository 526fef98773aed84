/* Any bytes as TUF metadata of each kind: refused, or read and asked all there is to ask. */
#include "manifests/role.h"
#include "manifests/trust.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const struct role *r)
{
	char name[ROLE_NAME_SIZE];
	struct role_file f;

	for (size_t i = 0; i < r->links && i < 64; i++)
		(void)(role_leads(r, i, "plan-D/manifest.json", name) && role_names(r, i, name));
	(void)role_meta(r, "snapshot", &f);
	if (role_target(r, "plan-D/manifest.json", &f))
		(void)!role_file_check(&f, STR("{}"), NULL);
	(void)role_signed_at(r);
	(void)!role_signed_by(r, &r->ring, &r->keys[r->kind], NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str bytes = str_bytes(data, size);
	struct trust *t = NULL;

	for (enum role_kind kind = ROLE_ROOT; kind < ROLE_KINDS; kind++) {
		struct role r = {0};
		if (role_read(&r, kind, bytes, NULL))
			ask(&r);
		role_free(&r);
	}
	if (trust_new(&t, bytes, (struct trust_time){0}, NULL))
		trust_free(&t);
	return 0;
}
