/* The power goes off here, in tests: built with FLEET_FAULT, the process ends with FAULT_STATUS before its n-th durable
 * operation (FLEET_FAULT_AT=n), and every operation it came to is a line in FLEET_FAULT_LOG. Built without, nothing. */
#pragma once

enum { FAULT_STATUS = 99 };

#ifdef FLEET_FAULT
void fault_point(const char *op, const char *path);
#else
static inline void fault_point(const char *op, const char *path)
{
	(void)op;
	(void)path;
}
#endif
