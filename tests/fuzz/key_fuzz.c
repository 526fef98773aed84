/* Keys and certificates that come from elsewhere: a PEM file with a private key, the certificate that a server shows while the clock is not
 * sure, a TLS session and the ticket around it as they were kept on a disk. The first byte says which. A key that is opened signs what
 * its own public half verifies; a certificate is believed only if it is the one that was issued; a session is never more than an offer. */
#include <openssl/ssl.h>
#include <stdio.h>

#include "keys/issuer.h"
#include "keys/secret.h"
#include "keys/tls.h"
#include "sources/ticket.h"
#include "tests/fuzz/room.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An authority, and what it signed of its one certificate (for pi.example); the private halves are gone. */
static const char authority[] =
	"-----BEGIN CERTIFICATE-----\n"
	"MIIBMDCB46ADAgECAhQLHqXLiQ7fKAXHeXA469jL4kGx4zAFBgMrZXAwDTELMAkG\n"
	"A1UEAwwCY2EwIBcNMjYxMTMwMTQ1ODMzWhgPMjEyNjExMDYxNDU4MzNaMA0xCzAJ\n"
	"BgNVBAMMAmNhMCowBQYDK2VwAyEAbTi672lobhPJkBiS0JiSmRA2NBTBV2KUUhZY\n"
	"sQvw0omjUzBRMB0GA1UdDgQWBBRGeHND7/ngtNLjRE0eNvoRtuvtGTAfBgNVHSME\n"
	"GDAWgBRGeHND7/ngtNLjRE0eNvoRtuvtGTAPBgNVHRMBAf8EBTADAQH/MAUGAytl\n"
	"cANBAFdtEZL2R2jzin8i27WCvHl+WmzJmK+jY6/jONAd+FxRJCcm0Nhe5Y+G329t\n"
	"e0xR95fexEdn+ALTAg/yxdGA5ws=\n"
	"-----END CERTIFICATE-----\n";
static const char issued[] =
	"3081e8a003020102021402b6cd5c649c59648969e987de5fe6536ffaf213300506032b6570300d310b300906035504030c0263613020170d3236313133303134"
	"353833335a180f32313236313130363134353833335a300c310a300806035504030c0173302a300506032b6570032100429ffacae0e6361b70ea9671538273c8"
	"6deaaec9e46bd8fbc5f87b30b6711029a359305730150603551d11040e300c820a70692e6578616d706c65301d0603551d0e041604149f5c4fac7fe62cbb4015"
	"655e3e41221e90e88aa6301f0603551d2304183016801446787343eff9e0b4d2e3444d1e36fa11b6ebed19";
/* How the encrypted key of the corpus is encrypted: what another scrypt would cost is nothing to try a million times. */
#define OUR_SCRYPT                                                           \
	"MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSsGAQQB2kcECzAcBBCJddeyD8Pj0ffZnHX3\n" \
	"203yAgJAAAIBCAIBATAdBglghkgBZQMEASoEEMU1TJw62QDJe1UCEgB1cyoEQM++\n"

/* --- a private key --- */

static void use(const struct secret_key *k, const char *path, bool ours)
{
	cleanup(public_free) struct public_key public = {0}, said = {0};
	cleanup(buf_free) struct buf signature = {0};
	struct err e = {0};

	must(secret_public(&public, k, &e) && public_check_strength(&public, &e));
	must(secret_sign(&signature, k, STR("a text"), &e) && public_verify(&public, STR("a text"), buf_str(&signature)));
	must(!public_verify(&public, STR("another"), buf_str(&signature)));
	if (ours) /* the line in front was compared with it */
		must(secret_peek(&said, path, &e) && digest_eq(said.same, public.same));
}

static void private_key(struct str pem)
{
	struct room r;
	cleanup(secret_free) struct secret_key *plain = NULL, *opened = NULL;
	cleanup(public_free) struct public_key said = {0};
	struct err e = {0};

	room_make(&r);
	room_put(&r, "key.pem", pem);
	cleanup(free_ptr) char *path = path_form("%s/key.pem", r.path);
	bool ours = str_starts(pem, "# fleet"), cheap = memmem(pem.data, pem.len, OUR_SCRYPT, strlen(OUR_SCRYPT));
	if (secret_load(&plain, path, STR(""), &e))
		use(plain, path, ours);
	else
		must(!plain && e.code != ERR_NONE);
	must(!plain || secret_is_plain(path));
	if (secret_peek(&said, path, &e))
		must(said.type == KEY_ED25519 && strlen(said.value) == 64);
	if (cheap && secret_load(&opened, path, STR("p"), &e))
		use(opened, path, ours);
	room_end(&r);
}

/* --- a server's certificate --- */

static bool holds_what_was_issued(struct str certificate)
{
	char hex[2 * 1024 + 1];

	for (size_t i = 0; i + sizeof issued / 2 <= certificate.len; i++) {
		size_t n = sizeof issued / 2;
		for (size_t k = 0; k < n; k++)
			snprintf(hex + 2 * k, 3, "%02x", (unsigned char)certificate.data[i + k]);
		if (strcmp(hex, issued) == 0)
			return true;
	}
	return false;
}

static void certificate(struct str der)
{
	struct room r;
	struct err e = {0};

	room_make(&r);
	room_put(&r, "ca.pem", str_of(authority));
	cleanup(free_ptr) char *ca = path_form("%s/ca.pem", r.path);
	if (issuer_check(der, "pi.example", ca, &e))
		must(holds_what_was_issued(der) && !issuer_check(der, "another.example", ca, &e));
	else
		must(e.code == ERR_HOSTKEY);
	room_end(&r);
}

/* --- a TLS session --- */

/* As far as the first message, which is where it is offered. */
static void session(struct str der)
{
	struct tls_session s = {.offer = der};
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	tls_session_watch(ctx, &s);
	SSL *ssl = SSL_new(ctx);
	BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());

	must(ctx && ssl && in && out);
	SSL_set_bio(ssl, in, out);
	must(SSL_connect(ssl) != 1);
	must(!s.agreed && !s.resumed && s.newest.len == 0 && (der.len || !s.offered));
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	buf_free(&s.newest);
}

/* --- and what is kept around it --- */

static void ticket(struct str text)
{
	const struct moment now = {.unix_s = 1800000000, .boot_ms = 5000000, .synced = true};
	cleanup(ticket_free) struct ticket t = {0}, again = {0};
	cleanup(buf_free) struct buf written = {0}, twice = {0};

	if (!ticket_read(&t, text)) {
		must(!t.session && !t.boot);
		return;
	}
	ticket_write(&written, &t);
	must(ticket_read(&again, buf_str(&written)));
	ticket_write(&twice, &again);
	must(str_eq(buf_str(&written), buf_str(&twice)) && strlen(t.session) <= TICKET_TEXT_MAX);
	must(!ticket_holds(&t, digest_of(STR("another server")), true, now, t.boot));
	if (ticket_holds(&t, t.whose, true, now, ""))
		must(t.sure && t.at_s <= now.unix_s && now.unix_s < t.until_s && now.unix_s - t.at_s < TICKET_AGE_S);
	if (ticket_holds(&t, t.whose, false, now, "this boot"))
		must(strcmp(t.boot, "this boot") == 0 && t.at_ms <= now.boot_ms);
}

static void (*const kinds[])(struct str) = {private_key, certificate, session, ticket};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	kinds[data[0] % COUNT_OF(kinds)](str_bytes(data + 1, size - 1));
	return 0;
}
