/* Words and open files from one process to another over a Unix socket (unix(7), SCM_RIGHTS): how a unit that systemd keeps
 * gets from its caller what it works on. One message each way, then the socket's end says that the caller is gone. */
#pragma once

#include "base/buf.h"

enum { HANDOVER_FILES_MAX = 4, HANDOVER_WORDS_MAX = 64 * KIB };

/* ERR_UNREACHABLE when nobody listens there. */
must_check bool handover_connect(int *out, const char *path, struct err *e);
must_check bool handover_send(int socket, struct str words, const int *file, size_t files, struct err *e);
/* `words` holds at most HANDOVER_WORDS_MAX; exactly `files` files must come. Ends at the sender's end of a message, which is a
 * newline: words have none inside. Within timeout_ms, else ERR_TIMEOUT. */
must_check bool handover_take(int socket, struct buf *words, int *file, size_t files, int64_t timeout_ms, struct err *e);
