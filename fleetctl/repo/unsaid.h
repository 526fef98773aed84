/* What a body changes that sign_words has no words for, field by field: whoever signs a request of another's making sees all of
 * it, whatever program made it. */
#pragma once

#include "manifests/role.h"

/* A line each: "  consistent_snapshot: false (was true)", and each key that is listed for the first time with its short digest:
 * its name is only what somebody calls it. `before` NULL: what differs from an empty body of ours. */
void unsaid_words(struct buf *out, enum role_kind kind, const char *role, doc *before, doc *body);
/* Every field that differs, for a document that nobody has words for. `a` NULL: all of `b`. */
void unsaid_document(struct buf *out, doc *a, doc *b);
/* Every field that differs but the dates, for a body that should be the same; "" when none does. */
void unsaid_fields(struct buf *out, doc *a, doc *b);
