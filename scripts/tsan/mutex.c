/* Tells ThreadSanitizer of the slow path of Synchronization.Mutex.
 *
 * On Linux the standard library's mutex is a futex. Its fast path is inlined into our code, so the
 * sanitizer sees its atomic operations; its slow path, taken when two threads want it at once, is
 * in a library that was built without the sanitizer. A thread that waited there seems to hold no
 * lock, and what it then touches is reported as a race. Loaded before the others, this library
 * stands in for the two functions of the slow path and adds what the sanitizer missed: who unlocks
 * releases, and who locked acquires, the clock of the mutex's address, which is the one that the
 * fast path's atomics use. Races beside the mutex are still found.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>

/* Swift's calling convention, with `self` in its register. */
#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context))
typedef void SWIFT lock_slow_function(uint32_t state, SELF void *self);
typedef void SWIFT unlock_slow_function(SELF void *self);

#define LOCK_SLOW "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK_SLOW "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"
lock_slow_function lock_slow __asm__(LOCK_SLOW);
unlock_slow_function unlock_slow __asm__(UNLOCK_SLOW);

/* Missing in the processes that start the tests, which have no sanitizer. */
extern void __tsan_acquire(void *address) __attribute__((weak));
extern void __tsan_release(void *address) __attribute__((weak));

static void *next(const char *name) {
  void *found = dlsym(RTLD_NEXT, name);
  if (!found) abort(); /* Another standard library: this file has to be written anew for it. */
  return found;
}

void SWIFT lock_slow(uint32_t state, SELF void *self) {
  lock_slow_function *real = (lock_slow_function *)next(LOCK_SLOW);
  real(state, self);
  if (__tsan_acquire) __tsan_acquire(self);
}

void SWIFT unlock_slow(SELF void *self) {
  unlock_slow_function *real = (unlock_slow_function *)next(UNLOCK_SLOW);
  if (__tsan_release) __tsan_release(self);
  real(self);
}
