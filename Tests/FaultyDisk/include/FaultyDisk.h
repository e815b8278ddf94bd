/* A disk that fails when it is told to, between SQLite and the real one.
 *
 * Once installed it stands in the way of every database that is opened in this process afterwards
 * (a VFS of SQLite's, the default one). It counts the calls that change files whose path holds
 * `path`, and fails some of them. One test may arm it at a time.
 */
#ifndef FAULTY_DISK_H
#define FAULTY_DISK_H

#include <stdint.h>

/* What a call does to a file. */
typedef enum {
  FAULTY_WRITE = 1,
  FAULTY_SYNC = 2,
  FAULTY_TRUNCATE = 4,
} faulty_call;

/* Puts the disk in place; again changes nothing. Returns 0, or SQLite's error. */
int faulty_install(void);

/* Has the n-th call (1, 2, …) of the kinds in `calls` fail with an I/O error, and none after it.
 * With `half`, a write that fails has written its first half. */
void faulty_fail(const char *path, int calls, int64_t n, int half);

/* Has every call that changes a file fail with an I/O error until it is disarmed. */
void faulty_break(const char *path);

/* Has every write beyond `bytes`, over all files, find no room. */
void faulty_fill(const char *path, int64_t bytes);

/* Lets everything pass again. */
void faulty_disarm(void);

/* Failures since the disk was armed. */
int64_t faulty_failures(void);

/* Calls counted since the disk was armed. */
int64_t faulty_calls(void);

/* Notes every change to files that are opened from now on below `path`, so that the power can be
 * cut at any of them afterwards. At most 64 MiB and 16 names without their folder. */
void faulty_record(const char *path);

/* Ends the recording. */
void faulty_forget(void);

/* Changes noted so far; -1 when there were too many, or nothing is recorded. */
int64_t faulty_changes(void);

/* Writes the recorded files into `folder` as a power cut after `count` changes leaves them: what a
 * sync of the file came after is there, and of what came later each change, each sector of 512
 * bytes of a write, with a chance of `permille` in 1000. A deletion is safe after any later sync,
 * as file systems with a journal have it. Returns 0, or -1 when it cannot be done. */
int faulty_cut(int64_t count, const char *folder, int permille, uint64_t seed);

#endif
