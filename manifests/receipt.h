/* What a host states about what it runs and how the last trial ended. Numbered, signed by the host's own key, and chained:
 * each names the digest of the one before. What that proves: fleetctl(1), WHAT RECEIPTS PROVE. */
#pragma once

#include "base/clock.h"
#include "base/shape.h"
#include "keys/secret.h"

enum verdict {
	VERDICT_PASS,        /* committed */
	VERDICT_UNPROVEN,    /* committed, the network was down: path checks said nothing */
	VERDICT_FAIL,        /* the release is guilty; the one before runs again */
	VERDICT_ENVIRONMENT, /* went back, but the one before is red too: not blamed */
	VERDICT_UNDONE,      /* an operator took it back; held */
	VERDICT_REFUSED,     /* never swapped: fetch, verify or unpack said no */
	VERDICT_ENROLLED,    /* the baseline became current */
};
extern const char *const verdict_words[]; /* "pass" "unproven" "fail" "environment" "undone" "refused" "enrolled" */

enum check_result { CHECK_UNKNOWN, CHECK_GREEN, CHECK_RED };
extern const char *const check_result_words[]; /* "unknown" "green" "red" */

struct receipt_check {
	char *name;
	int class;           /* enum check_class */
	int before, after;   /* enum check_result: before the swap, at the verdict */
	int old;             /* the same check after going back, where it was asked */
	int64_t took_ms, status;
	char *output;        /* the last lines of a red one, bounded */
};
enum {
	RECEIPT_FORMAT = 2,
	RECEIPT_OUTPUT_MAX = 2 * KIB,
	RECEIPT_MAX = 64 * KIB,              /* the statement */
	RECEIPT_SEALED_MAX = RECEIPT_MAX + 130, /* and its signature */
	RECEIPTS_KEPT = 64,                  /* by a host, the newest: what can be asked for at once */
};

#define RECEIPT_NUMBER_MAX ((int64_t)1 << 53) /* what every JSON reader holds exactly */

struct receipt {
	int64_t format, number;    /* the first is 1, and none is left out */
	struct digest previous;    /* of the receipt before: receipt_digest; zero: there was none */
	uint8_t key[32];           /* the host's Ed25519 key: this signs itself; whose it is, only hosts.yaml can say */
	char *host, *plan;
	int verdict;
	char *text;                /* one sentence: why */
	char *code;                /* the word of base/err.h for the error that ended it; NULL: none, or a check was red */
	struct digest release;     /* the release tried */
	int64_t release_number;
	bool access;               /* it was an access list: these two are its id and number */
	bool self;                 /* it was an agent: these two are the SHA-256 of its document, and its version's number */
	struct digest current;     /* what runs now */
	int64_t current_number;
	struct digest disk;        /* SHA-256 of the bundle that the tree under `current` packs to, read when this was made: the
	                            * manifest's bundle unless somebody changed a file; zero: it could not be read or packed */
	struct list checks;        /* struct receipt_check */
	int64_t bytes_in;          /* of this update over the wire, as the agent counted it */
	char *rollout;             /* who asked: the rollout's id, or NULL */
	char *boot;                /* boot id */
	int64_t time, took_ms;     /* unix seconds when written */
	bool synced;               /* was the clock */
	bool stale;                /* metadata past its date was let pass because the clock was not */
	char *agent;               /* version of the program */
};
extern const struct shape_field receipt_shape[];
/* The statement of a sealed receipt, or one that is not sealed; nothing is verified. Foreign bytes, of a host: at most
 * RECEIPT_MAX; control characters become '?' (newlines of an output stay); unknown fields are ignored, another format is refused. */
must_check bool receipt_read(struct receipt *out, struct str sealed, struct err *e);
/* The statement: one line of JSON, never above RECEIPT_MAX: where there is no room, outputs lose their beginnings. */
void receipt_write(struct buf *out, const struct receipt *r);

/* Sealed, as it is kept and sent: the statement, a newline, the signature over the statement's bytes (RFC 8032) as 128
 * hexadecimal digits, a newline. The bytes are signed as they are, so that a newer host's fields are signed too. */
must_check bool receipt_seal(struct buf *out, struct str statement, const struct secret_key *k, struct err *e);
/* ERR_SIGNATURE: not signed, or not by this key. */
must_check bool receipt_verify(struct str sealed, const struct public_key *k, struct err *e);
struct digest receipt_digest(struct str sealed); /* of the statement: what the next one's `previous` says */
void receipt_free(struct receipt *r);
enum err_code receipt_code(const struct receipt *r); /* a word that we do not know is none */
bool verdict_committed(enum verdict v); /* pass, unproven */
