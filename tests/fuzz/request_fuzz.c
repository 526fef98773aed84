/* Any bytes as a signing request, as an answer, and as a carried public key: refused, or told and asked all there is.
 */
#include "fleetctl/repo/pubfile.h"
#include "fleetctl/repo/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(struct request *r, struct str bytes)
{
	cleanup(buf_free) struct buf words = {0}, again = BUF_MAX(REQUEST_MAX), notes = {0};
	const struct signers none = {0};
	char digest[SIGN_DIGEST_SIZE];

	request_words(&words, r);
	sign_digest(digest, r->sign);
	(void)!sign_standing(&words, r->sign, &none);
	(void)(sign_wants(r->sign, &none) || sign_within_reach(r->sign, &none));
	request_write(&again, r);
	(void)!answer_add(r, &notes, bytes, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str bytes = str_bytes(data, size);
	struct request r = {0};
	struct public_key key = {0};
	char *name = NULL;

	if (request_read(&r, bytes, NULL))
		ask(&r, bytes);
	request_free(&r);
	if (pubfile_of(&name, &key, bytes, NULL)) {
		public_free(&key);
		free_ptr(&name);
	}
	return 0;
}
