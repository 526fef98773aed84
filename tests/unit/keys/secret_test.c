/* Private keys in files: what is written, who may open it, and what a damaged or borrowed file does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/hex.h"
#include "keys/secret.h"

#define PASSPHRASE STR("correct horse")
/* RFC 8032, 7.1, test 2. */
#define SEED      "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"
#define PUBLIC    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
#define SIGNATURE "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
#define LINE_1    "# fleet public key: ed25519 " PUBLIC "\n"

static int to_new_folder(void **state)
{
	char folder[] = "/tmp/secret-test-XXXXXX";

	*state = mkdtemp(folder) ? strdup(folder) : NULL;
	return *state ? chdir(folder) : -1;
}

static int remove_folder(void **state)
{
	struct err e;
	bool removed = chdir("/") == 0 && fs_remove_tree(AT_FDCWD, *state, &e);

	free(*state);
	return removed ? 0 : -1;
}

static struct secret_key *key_of_seed(void)
{
	struct secret_key *k = NULL;
	uint8_t seed[32];
	struct err e = { 0 };

	assert_true(hex_read(seed, sizeof seed, STR(SEED)));
	assert_true(secret_of_seed(&k, seed, &e));
	return k;
}

static void save(const char *path, struct str passphrase)
{
	cleanup(secret_free) struct secret_key *k = key_of_seed();
	struct err e = { 0 };

	assert_true(secret_save(k, path, passphrase, passphrase.len == 0, &e));
}

static void put(const char *path, struct str text, mode_t mode)
{
	cleanup(fd_close) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text.data, text.len), text.len);
	assert_int_equal(fchmod(fd, mode), 0);
}

static struct buf get(const char *path)
{
	struct buf text = { 0 };
	struct err e = { 0 };

	assert_true(fs_read(&text, AT_FDCWD, path, &e));
	return text;
}

/* How opening ended; a key that came of it must be that of the seed. */
static enum err_code load(const char *path, struct str passphrase)
{
	cleanup(secret_free) struct secret_key *k = NULL;
	cleanup(public_free) struct public_key is = { 0 };
	struct err e = { 0 };

	if (!secret_load(&k, path, passphrase, &e)) {
		assert_null(k);
		assert_int_not_equal(e.code, ERR_NONE);
		return e.code;
	}
	assert_true(secret_public(&is, k, &e));
	assert_string_equal(is.value, PUBLIC);
	return ERR_NONE;
}

static int run(const char *command)
{
	int status = system(command);

	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* --- made and used --- */

static void a_seed_makes_the_key_and_signature_of_rfc_8032(void **state)
{
	(void)state;
	cleanup(secret_free) struct secret_key *k = key_of_seed();
	cleanup(public_free) struct public_key is = { 0 };
	cleanup(buf_free) struct buf signature = { 0 };
	char hex[129];
	struct err e = { 0 };

	assert_true(secret_public(&is, k, &e));
	assert_int_equal(is.type, KEY_ED25519);
	assert_string_equal(is.value, PUBLIC);
	assert_true(secret_sign(&signature, k, STR("\x72"), &e));
	assert_int_equal(signature.len, 64);
	hex_write(hex, signature.data, 64);
	assert_string_equal(hex, SIGNATURE);
	assert_true(public_verify(&is, STR("\x72"), buf_str(&signature)));
	buf_clear(&signature);
	assert_true(secret_sign(&signature, k, (struct str){ 0 }, &e));
	assert_true(public_verify(&is, (struct str){ 0 }, buf_str(&signature)));
}

static void two_new_keys_differ(void **state)
{
	(void)state;
	cleanup(secret_free) struct secret_key *a = NULL;
	cleanup(secret_free) struct secret_key *b = NULL;
	cleanup(public_free) struct public_key pa = { 0 };
	cleanup(public_free) struct public_key pb = { 0 };
	struct err e = { 0 };

	assert_true(secret_new(&a, &e) && secret_new(&b, &e));
	assert_true(secret_public(&pa, a, &e) && secret_public(&pb, b, &e));
	assert_false(digest_eq(pa.same, pb.same));
}

static void a_signature_that_does_not_fit_the_buffer_is_an_error(void **state)
{
	(void)state;
	cleanup(secret_free) struct secret_key *k = key_of_seed();
	cleanup(buf_free) struct buf small = BUF_MAX(63);
	struct err e = { 0 };

	assert_false(secret_sign(&small, k, STR("x"), &e));
	assert_int_equal(e.code, ERR_LIMIT);
	assert_int_equal(small.len, 0);
}

/* --- into files and out --- */

static void a_key_comes_back_with_its_passphrase_and_not_without(void **state)
{
	(void)state;
	save("ann.pem", PASSPHRASE);
	assert_int_equal(load("ann.pem", PASSPHRASE), ERR_NONE);
	assert_int_equal(load("ann.pem", STR("correct horsf")), ERR_PASSPHRASE);
	assert_int_equal(load("ann.pem", STR("correct horse ")), ERR_PASSPHRASE);
	assert_int_equal(load("ann.pem", STR("c")), ERR_PASSPHRASE);
	assert_int_equal(load("ann.pem", (struct str){ 0 }), ERR_PASSPHRASE);
	assert_false(secret_is_plain("ann.pem"));
}

static void the_file_is_private_begins_with_the_public_half_and_hides_the_seed(void **state)
{
	(void)state;
	struct stat st;

	umask(0);
	save("ann.pem", PASSPHRASE);
	umask(022);
	cleanup(buf_free) struct buf text = get("ann.pem");
	assert_int_equal(stat("ann.pem", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_true(str_starts(buf_str(&text), LINE_1 "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
	assert_true(str_ends(buf_str(&text), "-----END ENCRYPTED PRIVATE KEY-----\n"));
}

/* openssl(1) shows how it is protected, and opens it. */
static void the_file_is_scrypt_16384_8_1_and_opens_elsewhere(void **state)
{
	(void)state;
	save("ann.pem", PASSPHRASE);
	assert_int_equal(run("openssl asn1parse -in ann.pem >parsed 2>&1 && grep -q ':scrypt' parsed && "
			     "grep -q 'INTEGER *:4000' parsed && grep -q ':aes-256-cbc' parsed"),
		0);
	assert_int_equal(run("openssl pkey -in ann.pem -passin 'pass:correct horse' -noout -text | tr -d ' :\\n' | "
			     "grep -q 4ccd089b28ff96da9db6c346ec114e"),
		0);
	assert_int_equal(run("openssl pkey -in ann.pem -passin 'pass:wrong' -noout 2>/dev/null"), 1);
}

static void two_files_of_one_key_and_passphrase_differ(void **state)
{
	(void)state;
	save("a.pem", PASSPHRASE);
	save("b.pem", PASSPHRASE);
	cleanup(buf_free) struct buf a = get("a.pem");
	cleanup(buf_free) struct buf b = get("b.pem");
	assert_false(str_eq(buf_str(&a), buf_str(&b)));
}

static void an_existing_file_is_not_overwritten(void **state)
{
	(void)state;
	cleanup(secret_free) struct secret_key *k = NULL;
	struct err e = { 0 };

	save("ann.pem", PASSPHRASE);
	assert_true(secret_new(&k, &e));
	assert_false(secret_save(k, "ann.pem", PASSPHRASE, false, &e));
	assert_int_equal(e.code, ERR_EXISTS);
	assert_int_equal(load("ann.pem", PASSPHRASE), ERR_NONE);
	assert_int_equal(symlink("nowhere", "link.pem"), 0);
	assert_false(secret_save(k, "link.pem", PASSPHRASE, false, &e));
	assert_int_equal(e.code, ERR_EXISTS);
	assert_int_equal(access("nowhere", F_OK), -1);
}

static void an_empty_passphrase_is_refused_unless_plain_is_asked_for(void **state)
{
	(void)state;
	cleanup(secret_free) struct secret_key *k = key_of_seed();
	struct err e = { 0 };

	assert_false(secret_save(k, "ann.pem", (struct str){ 0 }, false, &e));
	assert_int_equal(e.code, ERR_PASSPHRASE);
	assert_false(fs_exists(AT_FDCWD, "ann.pem"));
	assert_true(secret_save(k, "ann.pem", (struct str){ 0 }, true, &e));
	assert_true(secret_is_plain("ann.pem"));
	assert_int_equal(load("ann.pem", (struct str){ 0 }), ERR_NONE);
	assert_true(secret_save(k, "bob.pem", PASSPHRASE, true, &e));
	assert_false(secret_is_plain("bob.pem"));
}

static void a_passphrase_of_any_bytes_works_and_one_too_long_is_refused(void **state)
{
	(void)state;
	static char text[1025];
	struct str odd = STR("a\0b\xff"), cut = STR("a\0c"), most = { text, 1024 };
	cleanup(secret_free) struct secret_key *k = key_of_seed();
	struct err e = { 0 };

	memset(text, 'p', sizeof text);
	save("odd.pem", odd);
	assert_int_equal(load("odd.pem", odd), ERR_NONE);
	assert_int_equal(load("odd.pem", cut), ERR_PASSPHRASE);
	save("most.pem", most);
	assert_int_equal(load("most.pem", most), ERR_NONE);
	assert_int_equal(load("most.pem", str_bytes(text, 1025)), ERR_PASSPHRASE);
	assert_false(secret_save(k, "more.pem", str_bytes(text, 1025), false, &e));
	assert_int_equal(e.code, ERR_PASSPHRASE);
	assert_false(fs_exists(AT_FDCWD, "more.pem"));
}

static void a_folder_that_is_not_there_is_named(void **state)
{
	(void)state;
	cleanup(secret_free) struct secret_key *k = key_of_seed();
	struct err e = { 0 };

	assert_false(secret_save(k, "none/ann.pem", PASSPHRASE, false, &e));
	assert_int_equal(e.code, ERR_MISSING);
	assert_non_null(strstr(e.text, "none/ann.pem"));
	assert_int_equal(load("none/ann.pem", PASSPHRASE), ERR_MISSING);
}

/* --- files that others could reach --- */

static void a_file_open_to_group_or_others_is_refused(void **state)
{
	(void)state;
	static const mode_t modes[] = { 0640, 0604, 0644, 0660, 0610, 0601, 0602, 0620, 0777 };
	cleanup(public_free) struct public_key is = { 0 };
	struct err e = { 0 };

	save("ann.pem", (struct str){ 0 });
	for (size_t i = 0; i < COUNT_OF(modes); i++) {
		assert_int_equal(chmod("ann.pem", modes[i]), 0);
		assert_int_equal(load("ann.pem", (struct str){ 0 }), ERR_UNSAFE);
		assert_false(secret_peek(&is, "ann.pem", &e));
		assert_int_equal(e.code, ERR_UNSAFE);
	}
	assert_int_equal(chmod("ann.pem", 0400), 0);
	assert_int_equal(load("ann.pem", (struct str){ 0 }), ERR_NONE);
}

static void links_folders_and_pipes_are_refused(void **state)
{
	(void)state;
	save("ann.pem", (struct str){ 0 });
	assert_int_equal(symlink("ann.pem", "link.pem"), 0);
	assert_int_equal(mkdir("folder.pem", 0700), 0);
	assert_int_equal(mkfifo("pipe.pem", 0600), 0);
	assert_int_equal(load("link.pem", (struct str){ 0 }), ERR_UNSAFE);
	assert_int_equal(load("folder.pem", (struct str){ 0 }), ERR_UNSAFE);
	assert_int_equal(load("pipe.pem", (struct str){ 0 }), ERR_UNSAFE);
	assert_false(secret_is_plain("link.pem"));
	assert_false(secret_is_plain("absent.pem"));
}

/* --- files that are not what they should be --- */

static void the_public_half_is_read_without_a_passphrase(void **state)
{
	(void)state;
	cleanup(public_free) struct public_key is = { 0 };
	struct err e = { 0 };

	save("ann.pem", PASSPHRASE);
	assert_true(secret_peek(&is, "ann.pem", &e));
	assert_string_equal(is.value, PUBLIC);
}

static void a_first_line_that_is_not_ours_shows_no_public_half(void **state)
{
	(void)state;
	static const char *const lines[] = {
		"",
		"\n",
		"# fleet public key: ed25519 \n",
		"# fleet public key: ed25519 3d40\n",
		"# fleet public key: ed25519 " PUBLIC "0\n",
		"# fleet public key: rsa " PUBLIC "\n",
		" " LINE_1,
		"# fleet public key: ed25519 0100000000000000000000000000000000000000000000000000000000000000\n",
	};

	for (size_t i = 0; i < COUNT_OF(lines); i++) {
		struct public_key is = { 0 };
		struct err e = { 0 };
		put("ann.pem", str_of(lines[i]), 0600);
		assert_false(secret_peek(&is, "ann.pem", &e));
		assert_true(e.code == ERR_SYNTAX || e.code == ERR_UNSAFE);
		assert_null(is.value);
	}
}

static void a_first_line_that_names_another_key_is_refused(void **state)
{
	(void)state;
	save("ann.pem", (struct str){ 0 });
	cleanup(buf_free) struct buf text = get("ann.pem");
	char *digit = strstr(text.data, "3d4017");

	assert_non_null(digit);
	*digit = '4';
	put("ann.pem", buf_str(&text), 0600);
	assert_int_equal(load("ann.pem", (struct str){ 0 }), ERR_DIGEST);
	*digit = 'g';
	put("ann.pem", buf_str(&text), 0600);
	assert_int_equal(load("ann.pem", (struct str){ 0 }), ERR_SYNTAX);
}

/* Every bit of the block, turned: some decrypt to another key without any error of OpenSSL's. */
static void a_damaged_file_never_gives_another_key(void **state)
{
	(void)state;
	save("ann.pem", PASSPHRASE);
	cleanup(buf_free) struct buf text = get("ann.pem");
	cleanup(buf_free) struct buf plain = { 0 };

	for (size_t i = strlen(LINE_1); i < text.len; i += 11) {
		text.data[i] ^= 1;
		put("damaged.pem", buf_str(&text), 0600);
		(void)load("damaged.pem", PASSPHRASE); /* asserts that what opens is the right key */
		text.data[i] ^= 1;
	}
	save("plain.pem", (struct str){ 0 });
	plain = get("plain.pem");
	for (size_t i = strlen(LINE_1); i < plain.len; i++) {
		plain.data[i] ^= 1;
		put("damaged.pem", buf_str(&plain), 0600);
		(void)load("damaged.pem", (struct str){ 0 });
		plain.data[i] ^= 1;
	}
}

static void a_file_cut_anywhere_is_refused(void **state)
{
	(void)state;
	save("ann.pem", (struct str){ 0 });
	cleanup(buf_free) struct buf text = get("ann.pem");

	for (size_t len = 0; len < text.len - 1; len++) {
		put("cut.pem", str_bytes(text.data, len), 0600);
		assert_int_not_equal(load("cut.pem", (struct str){ 0 }), ERR_NONE);
	}
}

static void a_file_of_endless_bytes_is_refused(void **state)
{
	(void)state;
	static char text[40000];

	memset(text, '\n', sizeof text);
	put("ann.pem", str_bytes(text, sizeof text), 0600);
	assert_int_equal(load("ann.pem", PASSPHRASE), ERR_LIMIT);
}

static void keys_of_openssh_are_sent_to_the_agent(void **state)
{
	(void)state;
	cleanup(secret_free) struct secret_key *k = NULL;
	struct err e = { 0 };

	assert_int_equal(run("ssh-keygen -q -t ed25519 -N '' -f ssh.key"), 0);
	assert_false(secret_load(&k, "ssh.key", (struct str){ 0 }, &e));
	assert_int_equal(e.code, ERR_UNSAFE);
	assert_non_null(strstr(e.text, "ssh-agent"));
}

static void a_key_of_openssls_own_signs(const char *make, enum key_type type)
{
	cleanup(secret_free) struct secret_key *k = NULL;
	cleanup(public_free) struct public_key is = { 0 };
	cleanup(buf_free) struct buf signature = { 0 };
	struct err e = { 0 };

	assert_int_equal(run("rm -f other.pem"), 0);
	assert_int_equal(run(make), 0);
	assert_int_equal(chmod("other.pem", 0600), 0);
	assert_true(secret_load(&k, "other.pem", (struct str){ 0 }, &e));
	assert_true(secret_public(&is, k, &e));
	assert_int_equal(is.type, type);
	assert_true(secret_sign(&signature, k, STR("text"), &e));
	assert_true(public_verify(&is, STR("text"), buf_str(&signature)));
	assert_false(public_verify(&is, STR("texu"), buf_str(&signature)));
	if (type != KEY_ED25519)
		assert_false(secret_save(k, "kept.pem", PASSPHRASE, false, &e));
}

static void keys_made_by_openssl_sign_by_their_type(void **state)
{
	(void)state;
	a_key_of_openssls_own_signs("openssl genpkey -algorithm ED25519 -out other.pem", KEY_ED25519);
	a_key_of_openssls_own_signs("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out other.pem", KEY_P256);
	a_key_of_openssls_own_signs("openssl genpkey -quiet -algorithm RSA -out other.pem 2>/dev/null || "
				    "openssl genpkey -algorithm RSA -out other.pem 2>/dev/null", KEY_RSA);
}

/* What it signed nobody could verify, and only the hosts would say so. */
static void a_key_with_the_public_half_of_another_is_refused(void **state)
{
	(void)state;
	static const char both[] = "for k in a b; do openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 | openssl pkcs8 -topk8 -nocrypt -outform DER -out $k.der || exit 1; done;"
				   "for k in a b; do { echo '-----BEGIN PRIVATE KEY-----'; { head -c -65 a.der; tail -c 65 $k.der; } | openssl base64;"
				   " echo '-----END PRIVATE KEY-----'; } >$k.pem; chmod 600 $k.pem; done";
	cleanup(secret_free) struct secret_key *whole = NULL, *mixed = NULL;
	struct err e = { 0 };

	assert_int_equal(run(both), 0);
	assert_true(secret_load(&whole, "a.pem", (struct str){ 0 }, &e));
	assert_false(secret_load(&mixed, "b.pem", (struct str){ 0 }, &e));
	assert_int_equal(e.code, ERR_DIGEST);
}

static void keys_that_cannot_sign_metadata_are_refused(void **state)
{
	(void)state;
	static const char *const makers[] = {
		"openssl genpkey -algorithm X25519 -out other.pem",
		"openssl genpkey -algorithm ED448 -out other.pem",
		"openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out other.pem",
		"openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out other.pem 2>/dev/null",
		"openssl genpkey -algorithm ED25519 | openssl pkey -pubout -out other.pem",
	};

	for (size_t i = 0; i < COUNT_OF(makers); i++) {
		assert_int_equal(run("rm -f other.pem"), 0);
		assert_int_equal(run(makers[i]), 0);
		assert_int_equal(chmod("other.pem", 0600), 0);
		enum err_code code = load("other.pem", (struct str){ 0 });
		assert_true(code == ERR_UNSAFE || code == ERR_SYNTAX);
	}
}

/* --- the process --- */

static void a_guarded_process_leaves_no_core_and_is_not_traced(void **state)
{
	(void)state;
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		struct rlimit core = { 1, 1 };
		secret_guard_process();
		_exit(getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_cur == 0 && core.rlim_max == 0 &&
				prctl(PR_GET_DUMPABLE) == 0
				? 0
				: 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void wiping_twice_and_wiping_nothing_are_legal(void **state)
{
	(void)state;
	struct buf b = { 0 };

	secret_wipe(&b);
	buf_text(&b, "secret");
	secret_wipe(&b);
	assert_null(b.data);
	assert_int_equal(b.len, 0);
	secret_wipe(&b);
}

#define in_folder(test) cmocka_unit_test_setup_teardown(test, to_new_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_seed_makes_the_key_and_signature_of_rfc_8032),
		cmocka_unit_test(two_new_keys_differ),
		cmocka_unit_test(a_signature_that_does_not_fit_the_buffer_is_an_error),
		in_folder(a_key_comes_back_with_its_passphrase_and_not_without),
		in_folder(the_file_is_private_begins_with_the_public_half_and_hides_the_seed),
		in_folder(the_file_is_scrypt_16384_8_1_and_opens_elsewhere),
		in_folder(two_files_of_one_key_and_passphrase_differ),
		in_folder(an_existing_file_is_not_overwritten),
		in_folder(an_empty_passphrase_is_refused_unless_plain_is_asked_for),
		in_folder(a_passphrase_of_any_bytes_works_and_one_too_long_is_refused),
		in_folder(a_folder_that_is_not_there_is_named),
		in_folder(a_file_open_to_group_or_others_is_refused),
		in_folder(links_folders_and_pipes_are_refused),
		in_folder(the_public_half_is_read_without_a_passphrase),
		in_folder(a_first_line_that_is_not_ours_shows_no_public_half),
		in_folder(a_first_line_that_names_another_key_is_refused),
		in_folder(a_damaged_file_never_gives_another_key),
		in_folder(a_file_cut_anywhere_is_refused),
		in_folder(a_file_of_endless_bytes_is_refused),
		in_folder(keys_of_openssh_are_sent_to_the_agent),
		in_folder(keys_made_by_openssl_sign_by_their_type),
		in_folder(a_key_with_the_public_half_of_another_is_refused),
		in_folder(keys_that_cannot_sign_metadata_are_refused),
		cmocka_unit_test(a_guarded_process_leaves_no_core_and_is_not_traced),
		cmocka_unit_test(wiping_twice_and_wiping_nothing_are_legal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
