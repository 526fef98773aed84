/* The power goes off here, in tests. */
#include "base/fault.h"

#ifdef FLEET_FAULT
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fs.h"

void fault_point(const char *op, const char *path)
{
	static atomic_long passed; /* the one count of the process; no product carries this file's code */
	const char *at = getenv("FLEET_FAULT_AT"), *log = getenv("FLEET_FAULT_LOG");
	cleanup(fd_close) int fd = log ? open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666) : -1;

	if (fd >= 0)
		dprintf(fd, "%s %s\n", op, path);
	if (at && ++passed == atol(at))
		_exit(FAULT_STATUS);
}
#endif
