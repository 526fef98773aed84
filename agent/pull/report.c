/* Receipts on their way home. */
#include "agent/pull/report.h"

#include "agent/pull/reach.h"
#include "agent/store/ledger.h"
#include "agent/store/receipts.h"
#include "sources/deliver.h"

#define LOGIN "pull/put-login"
enum { LOGIN_MAX = 512 };

static bool send_one(struct deliver *d, const struct config *c, const struct store *s, int64_t number, struct err *e)
{
	cleanup(buf_free) struct buf bytes = {0};
	cleanup(free_ptr) char *name = path_form("%s/%lld.json", c->id, (long long)number);

	if (!receipts_bytes(&bytes, s, number, e))
		return e->code == ERR_MISSING; /* a gap stays one */
	return deliver_put(d, name, buf_str(&bytes), e);
}

/* The host's own: what one thief can write is one host's receipts, which are signed besides. */
static bool read_login(struct buf *out, const struct store *s, struct err *e)
{
	if (!fs_exists(s->dir, LOGIN))
		return true;
	if (!fs_read(out, s->dir, LOGIN, e))
		return false;
	if (!out->len)
		return err_set(e, ERR_SYNTAX, LOGIN ": it is empty");
	out->len = str_trim(buf_str(out)).len;
	out->data[out->len] = 0;
	return strchr(out->data, ':') || err_set(e, ERR_SYNTAX, LOGIN ": expected USER:PASSWORD");
}

static bool open_put(struct deliver **out, const struct origin *to, const struct store *s, struct err *e)
{
	cleanup(free_ptr) char *helper = NULL;
	cleanup(free_ptr) char *ca = NULL;
	cleanup(buf_free) struct buf login = BUF_MAX(LOGIN_MAX);

	if (to->kind != ORIGIN_PUT)
		return err_set(e, ERR_USAGE, "receipts do not go to a place of kind %s yet", origin_words[to->kind]);
	if (!reach_helper(&helper, "fleet-fetch-https", e) || !reach_ca(&ca, to, "ca-receipts", s, e) ||
		!read_login(&login, s, e))
		return false;
	return deliver_open(out, &(struct delivery){helper, to->url, ca, login.data, !clock_now().synced}, e);
}

bool report_home(
	struct pull_state *state, const struct origin *to, const struct config *c, const struct store *s, struct err *e)
{
	cleanup(ledger_free) struct ledger l = {0};
	cleanup(deliver_close) struct deliver *d = NULL;

	if (!ledger_load(&l, s, e))
		return false;
	int64_t first = MAX(state->sent, l.receipt - REPORT_MAX) + 1;
	if (first > l.receipt)
		return true;
	if (!open_put(&d, to, s, e))
		return false;
	for (int64_t n = first; n <= l.receipt; n++) {
		if (!send_one(d, c, s, n, e))
			return err_in(e, "receipt %lld", (long long)n);
		state->sent = n;
	}
	return true;
}
