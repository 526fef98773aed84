/* Keys on machines that never met: a request goes out, answers come back, and nothing is written until nobody is
 * missing. Beside each way that works stands the forgery of it. */
#include "fleetctl/repo/collect.h"
#include "fleetctl/repo/keyset_edit.h"
#include "tests/unit/fleetctl/repo/yard.h"
#include "tests/unit/keys/samples.h"

#define TEST(name) static void name(void **state)
/* root 2 of ann, bob and cy, each on a machine of her own; ann's has the fleet's folder, and the online key. */
#define BEGIN                                                                                                          \
	(void)state;                                                                                                   \
	cleanup(yard_free) struct yard y;                                                                              \
	yard_make(&y);                                                                                                 \
	yard_keys(&y);                                                                                                 \
	key_on(&y, "bob", "bob", "root targets");                                                                      \
	key_on(&y, "cy", "cy", "root targets");                                                                        \
	must(keyset_set_threshold(y.fleet, "root", 2, &y.why), &y);                                                    \
	yard_release(&y, "plan-D", "soracom.io", STR("bundle one"))

static void must(bool good, const struct yard *y)
{
	if (!good)
		fail_msg("%s", y->why.text);
}

static void key_on(struct yard *y, const char *machine, const char *name, const char *roles)
{
	char *here = y->keys;

	y->keys = path_form("%s/%s", y->top, machine);
	yard_key(y, name, roles);
	free(y->keys);
	y->keys = here;
}

static void signers_on(struct signers *out, struct yard *y, const char *machine)
{
	char *dir = path_form("%s/%s", y->top, machine);

	must(signers_open(out, dir, "", NULL, NULL, &y->why), y);
	free(dir);
}

static struct sign_job job_of(struct yard *y, struct sign_release release[YARD_RELEASES], const struct sign *asked)
{
	for (size_t i = 0; i < y->releases; i++)
		release[i] = (struct sign_release){&y->manifest[i], y->tar[i]};
	return (struct sign_job){
		.fleet_dir = y->fleet, .release = release, .releases = y->releases, .now = y->now, .asked = asked,
		.document = y->document, .documents = y->documents};
}

/* What `sign --request` writes on ann's machine. */
static enum err_code ask(struct yard *y, struct buf *out)
{
	struct sign_release release[YARD_RELEASES];
	struct sign_job job = job_of(y, release, NULL);
	struct signers here = {0};
	struct sign *s = NULL;
	struct request r = {0};
	cleanup(buf_free) struct buf first = {0};

	y->why = (struct err){0};
	buf_free(out);
	signers_on(&here, y, "keys");
	bool good = sign_compute(&s, &job, NULL, &y->why) &&
		    request_compose(&first, s, &here, "tower", NULL, 0, y->now, &y->why) &&
		    request_read(&r, buf_str(&first), &y->why) && sign_part(r.sign, &here, &y->why);
	if (good)
		request_write(out, &r);
	request_free(&r);
	sign_free(&s);
	signers_free(&here);
	return good ? ERR_NONE : y->why.code;
}

/* What `sign --answer` reads, says and writes on another machine. */
static enum err_code answer(struct yard *y, struct buf *out, const char *machine, const struct buf *request)
{
	struct signers there = {0};
	struct request r = {0};

	y->why = (struct err){0};
	buf_free(out);
	buf_clear(&y->words);
	signers_on(&there, y, machine);
	bool good = request_read(&r, buf_str(request), &y->why);
	if (good) {
		request_words(&y->words, &r);
		sign_digest(y->digest, r.sign);
	}
	good = good && (sign_wants(r.sign, &there) || err_set(&y->why, ERR_MISSING, "nothing to sign")) &&
	       sign_part(r.sign, &there, &y->why);
	if (good)
		answer_write(out, &r);
	request_free(&r);
	signers_free(&there);
	return good ? ERR_NONE : y->why.code;
}

static enum err_code collect(struct yard *y, const struct buf *request, const struct buf *const *answers, size_t count)
{
	struct sign_release release[YARD_RELEASES];
	struct signers here = {0};
	struct sign *s = NULL;
	struct request r = {0};

	y->why = (struct err){0};
	buf_clear(&y->words);
	signers_on(&here, y, "keys");
	bool good = request_read(&r, buf_str(request), &y->why);
	for (size_t i = 0; good && i < count; i++)
		good = answer_add(&r, &y->words, buf_str(answers[i]), &y->why);
	struct sign_job job = job_of(y, release, r.sign);
	good = good && sign_compute(&s, &job, &here, &y->why) && collect_take(s, &r, &y->why) &&
	       sign_write(s, &here, &y->why);
	sign_free(&s);
	request_free(&r);
	signers_free(&here);
	return good ? ERR_NONE : y->why.code;
}

static void swap_text(struct buf *in, const char *from, const char *to)
{
	struct buf out = {0};
	char *at = strstr(buf_str(in).data, from);

	assert_non_null(at);
	buf_add(&out, str_bytes(in->data, (size_t)(at - in->data)));
	buf_text(&out, to);
	buf_text(&out, at + strlen(from));
	buf_free(in);
	*in = out;
}

static bool why_says(const struct yard *y, const char *words)
{
	if (!strstr(y->why.text, words))
		print_message("%s\n", y->why.text);
	return strstr(y->why.text, words) != NULL;
}

/* --- the road --- */

TEST(a_root_of_two_of_three_machines_that_never_met_is_signed_and_verifies)
{
	BEGIN;
	cleanup(buf_free) struct buf request = {0}, bob = {0};
	char digest[SIGN_DIGEST_SIZE];

	assert_int_equal(ask(&y, &request), ERR_NONE);
	assert_int_equal(answer(&y, &bob, "bob", &request), ERR_NONE);
	assert_true(yard_says(&y, "root 1 (new)") && yard_says(&y, "new key cy: ed25519 "));
	memcpy(digest, y.digest, sizeof digest);
	cleanup(buf_free) struct buf cy = {0};
	assert_int_equal(answer(&y, &cy, "cy", &request), ERR_NONE);
	assert_string_equal(digest, y.digest);
	assert_int_equal(collect(&y, &request, (const struct buf *const[]){&bob}, 1), ERR_NONE);
	assert_int_equal(yard_version(&y, "root"), 1);
	must(yard_verify(&y, NULL) == ERR_NONE, &y);
}

TEST(answers_come_in_any_order_and_twice)
{
	BEGIN;
	cleanup(buf_free) struct buf request = {0}, bob = {0}, cy = {0};

	assert_int_equal(ask(&y, &request), ERR_NONE);
	assert_int_equal(answer(&y, &bob, "bob", &request), ERR_NONE);
	assert_int_equal(answer(&y, &cy, "cy", &request), ERR_NONE);
	must(collect(&y, &request, (const struct buf *const[]){&cy, &bob, &cy}, 3) == ERR_NONE, &y);
	must(yard_verify(&y, NULL) == ERR_NONE, &y);
}

TEST(with_one_missing_nothing_is_written)
{
	BEGIN;
	cleanup(buf_free) struct buf request = {0};

	assert_int_equal(ask(&y, &request), ERR_NONE);
	assert_int_equal(collect(&y, &request, NULL, 0), ERR_SIGNATURE);
	assert_true(why_says(&y, "not here: bob, cy"));
	assert_false(yard_has(&y, "repository"));
}

/* The first signing of BEGIN, done. */
static void settle(struct yard *y)
{
	struct buf request = {0}, bob = {0};

	must(ask(y, &request) == ERR_NONE && answer(y, &bob, "bob", &request) == ERR_NONE &&
			collect(y, &request, (const struct buf *const[]){&bob}, 1) == ERR_NONE,
		y);
	buf_free(&request);
	buf_free(&bob);
}

TEST(a_lost_key_is_replaced_by_the_two_others_and_the_new_root_is_signed_by_old_and_new)
{
	BEGIN;
	struct public_key dee = {0};
	struct repository r = {.at = -1};
	cleanup(buf_free) struct buf request = {0}, cy = {0}, lost = {0}, root = {0};
	char *dir = path_form("%s/dee", y.top);

	settle(&y);
	must(signer_make(&dee, dir, "dee", STR(""), true, &y.why) &&
			keyset_replace(y.fleet, "bob", "dee", &dee, &y.why),
		&y);
	assert_int_equal(ask(&y, &request), ERR_NONE);
	assert_int_equal(
		answer(&y, &lost, "bob", &request), ERR_NONE); /* he counts for the root before, until this is done */
	assert_int_equal(answer(&y, &cy, "cy", &request), ERR_NONE);
	must(collect(&y, &request, (const struct buf *const[]){&cy}, 1) == ERR_NONE, &y);
	assert_int_equal(yard_version(&y, "root"), 2);
	must(yard_verify(&y, NULL) == ERR_NONE, &y);
	must(repository_open(&r, y.fleet, &y.why) && repository_meta(&root, &r, "root", 2, &y.why), &y);
	repository_free(&r);
	public_free(&dee);
	free(dir);
}

TEST(a_timestamp_that_was_refreshed_meanwhile_does_no_harm)
{
	BEGIN;
	cleanup(buf_free) struct buf request = {0}, bob = {0};

	settle(&y);
	must(keyset_grant(y.fleet, "online", "plans", &y.why) && keyset_set_threshold(y.fleet, "targets", 2, &y.why),
		&y);
	assert_int_equal(ask(&y, &request), ERR_NONE);
	assert_int_equal(answer(&y, &bob, "bob", &request), ERR_NONE);
	cleanup(buf_free) struct buf text = {0};
	yard_read(&y, &text, "keys.yaml");
	must(keyset_set_threshold(y.fleet, "targets", 1, &y.why) && keyset_revoke(y.fleet, "online", "plans", &y.why),
		&y);
	y.refresh = true;
	yard_sign(&y);
	assert_int_equal(yard_version(&y, "timestamp"), 2);
	yard_write(&y, "keys.yaml", buf_str(&text));
	must(collect(&y, &request, (const struct buf *const[]){&bob}, 1) == ERR_NONE, &y);
	assert_int_equal(yard_version(&y, "timestamp"), 3);
	must(yard_verify(&y, NULL) == ERR_NONE, &y);
}

/* --- what is refused --- */

TEST(a_request_whose_bytes_were_changed_is_refused_or_shows_another_digest)
{
	BEGIN;
	cleanup(buf_free) struct buf request = {0}, bob = {0}, forged = {0};
	char digest[SIGN_DIGEST_SIZE];

	assert_int_equal(ask(&y, &request), ERR_NONE);
	assert_int_equal(answer(&y, &bob, "bob", &request), ERR_NONE);
	memcpy(digest, y.digest, sizeof digest);
	buf_add(&forged, buf_str(&request));
	swap_text(&forged, "\"threshold\": 2", "\"threshold\": 1");
	assert_int_equal(answer(&y, &bob, "cy", &forged), ERR_SIGNATURE); /* ann has not signed this */
	assert_true(why_says(&y, "what ann signed is not this"));
	doc *whole = NULL;
	assert_true(doc_read(&whole, buf_str(&forged), NULL));
	doc_set(doc_get(doc_get(whole, "asked"), "root"), "signatures", doc_list());
	buf_free(&forged);
	doc_pretty(&forged, whole);
	doc_free(&whole);
	cleanup(buf_free) struct buf cy = {0};
	assert_int_equal(answer(&y, &cy, "cy", &forged), ERR_NONE);
	assert_string_not_equal(digest, y.digest);
	assert_int_equal(collect(&y, &request, (const struct buf *const[]){&cy}, 1), ERR_FOREIGN);
	assert_false(yard_has(&y, "repository"));
}

/* Changes the asked root by hand; the signatures go. */
static void forge_root(struct buf *request, void (*change)(doc *body))
{
	doc *whole = NULL;

	assert_true(doc_read(&whole, buf_str(request), NULL));
	doc *root = doc_get(doc_get(whole, "asked"), "root");
	doc_set(root, "signatures", doc_list());
	change(doc_get(root, "signed"));
	buf_free(request);
	doc_pretty(request, whole);
	doc_free(&whole);
}
static void add_field(doc *body)
{
	doc_set_text(body, "x-evil", "yes\nroot 7 (was 6)");
}
static doc *first_key(doc *body, const char **id)
{
	void *i = doc_first(doc_get(body, "keys"));

	*id = doc_key(i);
	return doc_value(i);
}
static void rename_key(doc *body)
{
	const char *id;

	doc_set_text(first_key(body, &id), "x-fleet-name", "ann\n  root: nothing changes");
}
static void same_key_twice(doc *body)
{
	const char *id;
	doc *key = doc_ref(first_key(body, &id)), *ids = doc_get(doc_get(doc_get(body, "roles"), "root"), "keyids");

	doc_set(doc_get(body, "keys"), "aa", key);
	doc_add_str(ids, STR("aa"));
}
static void turn_off_snapshots(doc *body)
{
	doc_set_bool(body, "consistent_snapshot", false);
}
static void add_p256(doc *body)
{
	struct public_key key = {0};
	char id[DIGEST_HEX + 1];

	assert_true(public_of(&key, KEY_P256, STR(P256_PEM), NULL));
	public_keyid(id, &key);
	doc_set(doc_get(body, "keys"), id, public_doc(&key));
	public_free(&key);
}
static void version_leap(doc *body)
{
	doc_set_int(body, "version", 7);
}

TEST(what_no_words_tell_is_said_field_by_field_and_cannot_pass_for_a_line_of_ours)
{
	BEGIN;
	cleanup(buf_free) struct buf request = {0}, cy = {0};

	assert_int_equal(ask(&y, &request), ERR_NONE);
	forge_root(&request, add_field);
	assert_int_equal(answer(&y, &cy, "cy", &request), ERR_NONE);
	assert_true(yard_says(&y, "x-evil: \"yes?root 7 (was 6)\" (was nothing)"));
	assert_int_equal(ask(&y, &request), ERR_NONE);
	forge_root(&request, turn_off_snapshots);
	assert_int_equal(answer(&y, &cy, "cy", &request), ERR_NONE);
	assert_true(yard_says(&y, "consistent_snapshot: false (was true)"));
	assert_int_equal(ask(&y, &request), ERR_NONE);
	forge_root(&request, add_p256);
	must(answer(&y, &cy, "cy", &request) == ERR_NONE, &y);
	assert_true(yard_says(&y, "new key ") && yard_says(&y, ": ecdsa "));
}

TEST(a_key_under_a_name_that_is_none_or_a_keyid_that_is_not_its_own_is_refused)
{
	BEGIN;
	cleanup(buf_free) struct buf request = {0}, cy = {0};

	assert_int_equal(ask(&y, &request), ERR_NONE);
	forge_root(&request, rename_key);
	assert_int_equal(answer(&y, &cy, "cy", &request), ERR_UNSAFE);
	assert_true(why_says(&y, "x-fleet-name"));
	assert_int_equal(ask(&y, &request), ERR_NONE);
	forge_root(&request, same_key_twice); /* one person would count as two */
	assert_int_equal(answer(&y, &cy, "cy", &request), ERR_SIGNATURE);
	assert_true(why_says(&y, "key aa: its digest is"));
	assert_int_equal(ask(&y, &request), ERR_NONE);
	forge_root(&request, version_leap);
	assert_int_equal(answer(&y, &cy, "cy", &request), ERR_OLDER);
}

TEST(what_is_said_to_be_signed_now_must_be_signed)
{
	BEGIN;
	cleanup(buf_free) struct buf request = {0}, cy = {0};
	doc *whole = NULL;

	settle(&y);
	must(keyset_set_threshold(y.fleet, "targets", 2, &y.why), &y);
	assert_int_equal(ask(&y, &request), ERR_NONE);
	assert_true(doc_read(&whole, buf_str(&request), NULL));
	doc *held = doc_get(doc_get(doc_get(whole, "held"), "root"), "signed");
	doc_set_int(doc_get(doc_get(held, "roles"), "targets"), "threshold", 2); /* "nothing changes" */
	buf_free(&request);
	doc_pretty(&request, whole);
	doc_free(&whole);
	assert_int_equal(answer(&y, &cy, "cy", &request), ERR_SIGNATURE);
	assert_true(why_says(&y, "what it says is the root of now is not signed"));
}

TEST(a_manifest_that_is_not_the_one_to_be_signed_is_refused)
{
	BEGIN;
	cleanup(buf_free) struct buf request = {0}, dee = {0};

	key_on(&y, "dee", "dee", "plan-D"); /* the plan's own signer, elsewhere */
	assert_int_equal(ask(&y, &request), ERR_NONE);
	assert_int_equal(answer(&y, &dee, "dee", &request), ERR_NONE);
	assert_true(yard_says(&y, "probe dns: run probes/dns.sh, args [soracom.io]"));
	swap_text(&request, "\"soracom.io\"", "\"evil.example\"");
	assert_int_equal(answer(&y, &dee, "dee", &request), ERR_DIGEST);
	assert_true(why_says(&y, "plan-D: its manifest in the request"));
}

TEST(a_wrong_signature_is_named_and_refused)
{
	BEGIN;
	cleanup(buf_free) struct buf request = {0}, bob = {0}, cy = {0};
	doc *whole = NULL;

	assert_int_equal(ask(&y, &request), ERR_NONE);
	assert_int_equal(answer(&y, &bob, "bob", &request), ERR_NONE);
	assert_int_equal(answer(&y, &cy, "cy", &request), ERR_NONE);
	assert_true(doc_read(&whole, buf_str(&bob), NULL));
	doc *line = doc_at(doc_get(whole, "signatures"), 0);
	cleanup(free_ptr) char *sig = str_dup(doc_str(doc_get(line, "sig")));
	sig[5] = sig[5] == '0' ? '1' : '0';
	doc_set_text(line, "sig", sig);
	buf_free(&bob);
	doc_pretty(&bob, whole);
	doc_free(&whole);
	assert_int_equal(collect(&y, &request, (const struct buf *const[]){&cy, &bob}, 2), ERR_SIGNATURE);
	assert_true(why_says(&y, "root: what bob signed is not this"));
	assert_false(yard_has(&y, "repository"));
}

TEST(a_key_that_was_revoked_does_not_count)
{
	BEGIN;
	cleanup(buf_free) struct buf request = {0}, bob = {0}, forged = {0};
	doc *from = NULL, *to = NULL;

	assert_int_equal(ask(&y, &request), ERR_NONE);
	assert_int_equal(answer(&y, &bob, "bob", &request), ERR_NONE);
	must(keyset_revoke(y.fleet, "bob", NULL, &y.why), &y);
	assert_int_equal(ask(&y, &request), ERR_NONE);
	assert_int_equal(answer(&y, &forged, "bob", &request), ERR_MISSING); /* he has nothing to sign */
	/* His signature of before, put into an answer to this request. */
	cleanup(buf_free) struct buf cy = {0};
	assert_int_equal(answer(&y, &cy, "cy", &request), ERR_NONE);
	assert_true(doc_read(&from, buf_str(&bob), NULL) && doc_read(&to, buf_str(&cy), NULL));
	doc_set(to, "signatures", doc_ref(doc_get(from, "signatures")));
	doc_pretty(&forged, to);
	doc_free(&from);
	doc_free(&to);
	assert_int_equal(collect(&y, &request, (const struct buf *const[]){&forged}, 1), ERR_SIGNATURE);
	assert_true(yard_says(&y, "(it says: bob) does not count for root"));
	assert_true(why_says(&y, "not here: cy"));
	assert_false(yard_has(&y, "repository"));
}

TEST(what_changed_since_the_request_is_refused_with_its_name)
{
	BEGIN;
	cleanup(buf_free) struct buf request = {0}, bob = {0};

	settle(&y);
	must(keyset_set_threshold(y.fleet, "targets", 2, &y.why), &y);
	assert_int_equal(ask(&y, &request), ERR_NONE);
	assert_int_equal(answer(&y, &bob, "bob", &request), ERR_NONE);
	must(keyset_set_threshold(y.fleet, "targets", 3, &y.why), &y);
	assert_int_equal(collect(&y, &request, (const struct buf *const[]){&bob}, 1), ERR_REFUSED);
	assert_true(why_says(&y, "roles.targets.threshold: 3 (was 2)"));
	must(keyset_set_threshold(y.fleet, "targets", 1, &y.why), &y);
	assert_int_equal(collect(&y, &request, (const struct buf *const[]){&bob}, 1), ERR_REFUSED);
	assert_true(why_says(&y, "superseded"));
	must(keyset_set_threshold(y.fleet, "targets", 2, &y.why), &y);
	must(collect(&y, &request, (const struct buf *const[]){&bob}, 1) == ERR_NONE, &y);
	assert_int_equal(collect(&y, &request, (const struct buf *const[]){&bob}, 1), ERR_REFUSED);
	assert_int_equal(yard_version(&y, "root"), 2);
	must(yard_verify(&y, NULL) == ERR_NONE, &y);
}

TEST(where_the_keys_here_are_enough_nothing_is_asked)
{
	BEGIN;
	cleanup(buf_free) struct buf request = {0};

	must(keyset_set_threshold(y.fleet, "root", 1, &y.why), &y);
	assert_int_equal(ask(&y, &request), ERR_USAGE);
}

/* --- documents of role fleet --- */

#define ANN "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAcWPBM+DS7ECY9UQ3m6pPHhZvVqkQnGHqkMmZTqYWwH"
#define BOB "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBcWPBM+DS7ECY9UQ3m6pPHhZvVqkQnGHqkMmZTqYWwH"
#define LIST_1                                                                                                         \
	"{\"format\":1,\"number\":1,\"operators\":[{\"name\":\"ann\",\"key\":\"" ANN "\",\"may\":[\"look\",\"roll\"]}]}"
#define LIST_2                                                                                                         \
	"{\"format\":1,\"number\":2,\"operators\":[{\"name\":\"bob\",\"key\":\"" BOB                                       \
	"\",\"may\":[\"look\",\"roll\"]}]}"
#define SOURCES_1 "{\"format\":1,\"number\":1,\"sources\":[{\"kind\":\"https\",\"url\":\"https://one.example/f/\"}]}"
#define SOURCES_2 "{\"format\":1,\"number\":2,\"sources\":[{\"kind\":\"https\",\"url\":\"https://two.example/f/\"}]}"

/* Dee signs for who comes in, on her own machine; the first lists are signed. */
static void fleet_documents(struct yard *y)
{
	struct buf request = {0}, bob = {0}, dee = {0};

	key_on(y, "dee", "dee", "fleet");
	yard_document(y, "fleet", "fleet/access.json", LIST_1);
	yard_document(y, "fleet", "fleet/sources.json", SOURCES_1);
	must(ask(y, &request) == ERR_NONE && answer(y, &bob, "bob", &request) == ERR_NONE &&
			answer(y, &dee, "dee", &request) == ERR_NONE,
		y);
	assert_true(yard_says(y, "access list 1:\n+ operator ann may look, roll\nsources 1:\n+ source https https://one"));
	must(collect(y, &request, (const struct buf *const[]){&bob, &dee}, 2) == ERR_NONE, y);
	y->documents = 0;
	yard_document(y, "fleet", "fleet/access.json", LIST_2);
	yard_document(y, "fleet", "fleet/sources.json", SOURCES_2);
	buf_free(&request);
	buf_free(&bob);
	buf_free(&dee);
}

/* What of the request carries that document, changed by hand: "new" or "before" becomes `text`, NULL: is left out. */
static void forge_document(struct buf *request, const char *path, const char *field, const char *text)
{
	doc *whole = NULL, *left = doc_object();

	assert_true(doc_read(&whole, buf_str(request), NULL));
	doc *all = doc_get(whole, "documents"), *pair = doc_get(all, path);
	for (void *i = doc_first(pair); i; i = doc_next(pair, i))
		if (strcmp(doc_key(i), field) != 0)
			doc_set(left, doc_key(i), doc_ref(doc_value(i)));
	if (text)
		doc_set_text(left, field, text);
	doc_set(all, path, left);
	buf_free(request);
	doc_pretty(request, whole);
	doc_free(&whole);
}

TEST(who_comes_in_and_where_from_is_told_on_a_machine_without_the_folder)
{
	BEGIN;
	cleanup(buf_free) struct buf request = {0}, dee = {0};

	fleet_documents(&y);
	assert_int_equal(ask(&y, &request), ERR_NONE);
	must(answer(&y, &dee, "dee", &request) == ERR_NONE, &y);
	assert_true(yard_says(&y, "  fleet: fleet/access.json changes\n"));
	assert_true(yard_says(&y, "access list 2:\n- operator ann\n+ operator bob may look, roll\n"));
	assert_true(yard_says(&y, "sources 2:\n- source https https://one.example/f/\n+ source https https://two."));
	must(collect(&y, &request, (const struct buf *const[]){&dee}, 1) == ERR_NONE, &y);
	assert_int_equal(yard_version(&y, "fleet"), 2);
	must(yard_verify(&y, NULL) == ERR_NONE, &y);
}

TEST(a_document_changed_after_the_body_was_made_is_refused)
{
	BEGIN;
	cleanup(buf_free) struct buf request = {0}, dee = {0};

	fleet_documents(&y);
	assert_int_equal(ask(&y, &request), ERR_NONE);
	forge_document(&request, "fleet/access.json", "new", LIST_1); /* "nobody new comes in" */
	assert_int_equal(answer(&y, &dee, "dee", &request), ERR_DIGEST);
	assert_true(why_says(&y, "documents: fleet/access.json: new: its SHA-256 is not the one signed"));
	assert_int_equal(ask(&y, &request), ERR_NONE);
	forge_document(&request, "fleet/access.json", "before", LIST_2); /* "bob was there all along" */
	assert_int_equal(answer(&y, &dee, "dee", &request), ERR_DIGEST);
	assert_true(why_says(&y, "documents: fleet/access.json: before: its SHA-256 is not"));
	assert_int_equal(dee.len, 0);
	assert_int_equal(yard_version(&y, "fleet"), 1);
}

TEST(of_a_document_that_is_not_in_the_request_only_the_digest_is_told)
{
	BEGIN;
	cleanup(buf_free) struct buf request = {0}, dee = {0};
	char hex[DIGEST_HEX + 1];

	fleet_documents(&y);
	assert_int_equal(ask(&y, &request), ERR_NONE);
	forge_document(&request, "fleet/access.json", "new", NULL);
	forge_document(&request, "fleet/sources.json", "before", NULL);
	must(answer(&y, &dee, "dee", &request) == ERR_NONE, &y);
	digest_hex(hex, digest_of(STR(LIST_2)));
	assert_true(yard_says(&y, "fleet/access.json: the request does not carry it: only its digest is known, SHA-256 "));
	assert_true(yard_says(&y, hex));
	assert_false(yard_says(&y, "operator bob"));
	assert_true(yard_says(&y, "fleet/sources.json: of the one before only the digest is known"));
	assert_true(yard_says(&y, "sources 2:\n+ source https https://two.") && !yard_says(&y, "https://one."));
}

TEST(documents_that_nothing_asks_for_and_unknown_fields_are_refused)
{
	static const struct {
		const char *path, *field, *text;
		enum err_code code;
		const char *says;
	} bad[] = {
		{"fleet/other.json", "new", "{}", ERR_SYNTAX, "fleet/other.json: nothing that is asked changes it"},
		{"plan-D/manifest.json", "new", "{}", ERR_SYNTAX, "nothing that is asked changes it"},
		{"fleet/access.json", "words", "nothing", ERR_SYNTAX, "words: no such field"},
	};
	BEGIN;
	cleanup(buf_free) struct buf request = {0}, dee = {0};

	fleet_documents(&y);
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		assert_int_equal(ask(&y, &request), ERR_NONE);
		forge_document(&request, bad[i].path, bad[i].field, bad[i].text);
		assert_int_equal(answer(&y, &dee, "dee", &request), bad[i].code);
		assert_true(why_says(&y, bad[i].says));
	}
	y.documents = 0; /* no list at all, although properly named */
	yard_document(&y, "fleet", "fleet/access.json", "{\"format\":1}");
	assert_int_equal(ask(&y, &request), ERR_SYNTAX);
	assert_true(why_says(&y, "fleet/access.json"));
}

TEST(a_document_without_words_of_its_own_is_told_field_by_field)
{
	BEGIN;
	cleanup(buf_free) struct buf request = {0}, dee = {0};

	key_on(&y, "dee", "dee", "fleet");
	yard_document(&y, "fleet", "fleet/more.json", "{\"expires\":\"never\\nfleet 9\"}");
	yard_document(&y, "fleet", "fleet/noise", "no JSON");
	yard_document(&y, "fleet", "fleet/raw", "\xff\xfe");
	assert_int_equal(ask(&y, &request), ERR_NONE);
	must(answer(&y, &dee, "dee", &request) == ERR_NONE, &y);
	assert_true(yard_says(&y, "fleet/more.json:\n  expires: \"never?fleet 9\" (was nothing)\n"));
	assert_true(yard_says(&y, "fleet/noise: 7 bytes, which no words tell\n"));
	assert_true(yard_says(&y, "fleet/raw: the request does not carry it"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_root_of_two_of_three_machines_that_never_met_is_signed_and_verifies),
		cmocka_unit_test(answers_come_in_any_order_and_twice),
		cmocka_unit_test(with_one_missing_nothing_is_written),
		cmocka_unit_test(a_lost_key_is_replaced_by_the_two_others_and_the_new_root_is_signed_by_old_and_new),
		cmocka_unit_test(a_timestamp_that_was_refreshed_meanwhile_does_no_harm),
		cmocka_unit_test(a_request_whose_bytes_were_changed_is_refused_or_shows_another_digest),
		cmocka_unit_test(what_no_words_tell_is_said_field_by_field_and_cannot_pass_for_a_line_of_ours),
		cmocka_unit_test(a_key_under_a_name_that_is_none_or_a_keyid_that_is_not_its_own_is_refused),
		cmocka_unit_test(what_is_said_to_be_signed_now_must_be_signed),
		cmocka_unit_test(a_manifest_that_is_not_the_one_to_be_signed_is_refused),
		cmocka_unit_test(a_wrong_signature_is_named_and_refused),
		cmocka_unit_test(a_key_that_was_revoked_does_not_count),
		cmocka_unit_test(what_changed_since_the_request_is_refused_with_its_name),
		cmocka_unit_test(where_the_keys_here_are_enough_nothing_is_asked),
		cmocka_unit_test(who_comes_in_and_where_from_is_told_on_a_machine_without_the_folder),
		cmocka_unit_test(a_document_changed_after_the_body_was_made_is_refused),
		cmocka_unit_test(of_a_document_that_is_not_in_the_request_only_the_digest_is_told),
		cmocka_unit_test(documents_that_nothing_asks_for_and_unknown_fields_are_refused),
		cmocka_unit_test(a_document_without_words_of_its_own_is_told_field_by_field),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
