/* The two things that a host is reached by: its keys and its agent. */
#include "base/version.h"
#include "fleetctl/push/renew.h"
#include "fleetctl/repo/programs.h"

enum { ACCESS_TRIES = 10, AGENT_TRIES = 40 };

/* --- the access list and the sources --- */

bool renew_papers_are(const struct renew_papers *wanted, const struct hello *h)
{
	return (digest_zero(wanted->access) || digest_eq(h->access.sha256, wanted->access)) &&
	       (digest_zero(wanted->sources) || digest_eq(h->sources.sha256, wanted->sources));
}

static bool access_is_current(const struct renew_ask *ask, const struct hello *h)
{
	return renew_papers_are(ask->wanted, h);
}

static bool is_about_access(const struct receipt *r)
{
	return r->access;
}

const struct renew_kind renew_access = {ORDER_ACCESS, ACCESS_TRIES, access_is_current, is_about_access};

/* --- the agent --- */

/* One that is newer than what is signed was brought by its package, and stays. */
static bool agent_is_current(const struct renew_ask *ask, const struct hello *h)
{
	const struct program *wanted = h->platform ? programs_of(ask->wanted, h->platform) : NULL;
	int64_t runs;

	return wanted && version_read(&runs, str_of(h->agent ? h->agent : ""), NULL) && runs >= wanted->number;
}

static bool is_about_agent(const struct receipt *r)
{
	return r->self;
}

const struct renew_kind renew_agent = {ORDER_AGENT, AGENT_TRIES, agent_is_current, is_about_agent};
