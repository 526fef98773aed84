/* The power goes off here, in tests. Built with FLEET_FAULT, what passes the door (base/door.h) is numbered, and the environment
 * says what becomes of it; built without, there is nothing of this. Manual: tests/fault/README.md
 *   FLEET_FAULT_AT=N[:before|after|torn]   the process ends with FAULT_STATUS at operation N; torn: half of its bytes are written
 *   FLEET_FAULT_ERR=N:WORD[+]              operation N fails so, and with + every later one; `short` writes half and says so,
 *                                          `rot` writes another byte and does not say so
 *   FLEET_FAULT_READ=N:WORD                the N-th opening for reading, read, listed entry or read link fails so; these are numbered
 *                                          for themselves, and nothing else happens at them
 *   FLEET_FAULT_READS=FILE                 each of them is added: number, word, path
 *   FLEET_FAULT_LOG=FILE                   each operation that was done is added: number, word, offset, length, path, second
 *                                          path or reason, with tabs between; behind the line the bytes that were written
 *   FLEET_FAULT_COUNT=FILE                 twice eight bytes, in which several processes count together, the operations and the reads;
 *                                          else each for itself
 *   FLEET_FAULT_BOOT=FILE                  its text is the boot id */
#pragma once

enum { FAULT_STATUS = 99 };

#ifdef FLEET_FAULT
/* An operation that is made elsewhere, in a database or on a line: numbered, and the process may end before it. */
void fault_point(const char *what, const char *where);
/* Where the boot id stands. */
const char *fault_boot_id(const char *usual);
#else
static inline void fault_point(const char *what, const char *where)
{
	(void)what;
	(void)where;
}
static inline const char *fault_boot_id(const char *usual)
{
	return usual;
}
#endif
