/* The helper's own end: it is asked on its stdin and answers on its stdout, which are one socket. */
#pragma once

#include "sources/parcel.h"

/* Answers the ask in `body`; false: the asker hears FAILED with `why`. */
typedef bool desk_answer(void *ctx, struct str body, struct err *why);
/* Until there are no more asks. False: who asks breaks the rules, or has gone. */
must_check bool desk_serve(desk_answer *answer, void *ctx);

must_check bool desk_start(const struct parcel_start *words, struct err *e);
must_check bool desk_bytes(struct str bytes, struct err *e);
must_check bool desk_end(struct err *e);
