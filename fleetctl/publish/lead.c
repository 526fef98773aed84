/* By the version of the timestamp, which rises with every signing. */
#include "fleetctl/publish/lead.h"

#include "manifests/role.h"

bool lead_check(struct str ours, struct str theirs, const char *where, const char *who, struct err *e)
{
	cleanup(role_free) struct role here = {0};
	cleanup(role_free) struct role there = {0};
	struct err why = {0};

	if (!theirs.len || str_eq(ours, theirs))
		return true;
	if (!role_read(&here, ROLE_TIMESTAMP, ours, e))
		return err_in(e, "repository: timestamp");
	if (!role_read(&there, ROLE_TIMESTAMP, theirs, &why))
		return err_set(e, ERR_REFUSED, "%s holds a timestamp.json that is none (%s): empty it, then publish again", where, why.text);
	if (there.version < here.version)
		return true;
	return err_set(e, ERR_OLDER,
		"%s is ahead of this folder%s%s: timestamp %llu is there, here is %s%llu: pull the fleet's git, sign again if need be, then publish",
		where, who ? ", published by " : "", who ? who : "", (unsigned long long)there.version,
		there.version == here.version ? "another " : "", (unsigned long long)here.version);
}
