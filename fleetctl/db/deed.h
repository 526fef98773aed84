/* Whose database this is: an id that its folder made, written in the database and in the file `deed` beside it, with the file's
 * inode and time of birth, and with how many rollouts it has had. A copy, one that was put back from a backup, or another
 * folder's differs in one of them: what it says of rollouts may be long past, and two may go on with the same one. */
#pragma once

#include "fleetctl/db/inside.h"

#define DEED_FILE "deed"

/* Within the transaction that settles the schema. A database without a deed, new or of an older fleetctl, gets one. ERR_REFUSED. */
must_check bool deed_check(struct db *db, struct err *e);
/* After a rollout was added. */
must_check bool deed_count(struct db *db, struct err *e);
