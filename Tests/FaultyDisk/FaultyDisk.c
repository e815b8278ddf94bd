#include "FaultyDisk.h"

#include <pthread.h>
#include <sqlite3.h>
#include <string.h>

/* A file of ours, with the real one's memory behind it. */
typedef struct {
  sqlite3_file base;
  int watched;
  sqlite3_file *real;
} faulty_file;

static struct {
  pthread_mutex_t lock;
  char path[512];
  int armed, calls, half;
  int64_t n, room, counted, failed;
} state = {.lock = PTHREAD_MUTEX_INITIALIZER};

static sqlite3_vfs vfs;
static sqlite3_io_methods methods[3];

static sqlite3_file *real(sqlite3_file *file) { return ((faulty_file *)file)->real; }

/* Whether this call is to fail; `bytes` are those that it would write. */
static int fails(sqlite3_file *file, int call, int bytes) {
  int result = SQLITE_OK;
  if (!((faulty_file *)file)->watched) return result;
  pthread_mutex_lock(&state.lock);
  if (state.armed && (state.calls & call)) {
    state.counted++;
    if (state.counted == state.n) {
      result = call == FAULTY_SYNC       ? SQLITE_IOERR_FSYNC
               : call == FAULTY_TRUNCATE ? SQLITE_IOERR_TRUNCATE
                                         : SQLITE_IOERR_WRITE;
    }
  }
  if (state.armed && state.room >= 0 && call == FAULTY_WRITE) {
    if (bytes > state.room) {
      result = SQLITE_FULL;
    } else {
      state.room -= bytes;
    }
  }
  if (result != SQLITE_OK) state.failed++;
  pthread_mutex_unlock(&state.lock);
  return result;
}

static int f_close(sqlite3_file *file) { return real(file)->pMethods->xClose(real(file)); }

static int f_read(sqlite3_file *file, void *to, int bytes, sqlite3_int64 at) {
  return real(file)->pMethods->xRead(real(file), to, bytes, at);
}

static int f_write(sqlite3_file *file, const void *from, int bytes, sqlite3_int64 at) {
  int failure = fails(file, FAULTY_WRITE, bytes);
  if (failure == SQLITE_OK) return real(file)->pMethods->xWrite(real(file), from, bytes, at);
  if (state.half) real(file)->pMethods->xWrite(real(file), from, bytes / 2, at);
  return failure;
}

static int f_truncate(sqlite3_file *file, sqlite3_int64 size) {
  int failure = fails(file, FAULTY_TRUNCATE, 0);
  return failure ? failure : real(file)->pMethods->xTruncate(real(file), size);
}

static int f_sync(sqlite3_file *file, int flags) {
  int failure = fails(file, FAULTY_SYNC, 0);
  return failure ? failure : real(file)->pMethods->xSync(real(file), flags);
}

static int f_size(sqlite3_file *file, sqlite3_int64 *size) {
  return real(file)->pMethods->xFileSize(real(file), size);
}

static int f_lock(sqlite3_file *file, int level) {
  return real(file)->pMethods->xLock(real(file), level);
}

static int f_unlock(sqlite3_file *file, int level) {
  return real(file)->pMethods->xUnlock(real(file), level);
}

static int f_reserved(sqlite3_file *file, int *result) {
  return real(file)->pMethods->xCheckReservedLock(real(file), result);
}

static int f_control(sqlite3_file *file, int op, void *argument) {
  return real(file)->pMethods->xFileControl(real(file), op, argument);
}

static int f_sector(sqlite3_file *file) { return real(file)->pMethods->xSectorSize(real(file)); }

static int f_traits(sqlite3_file *file) {
  return real(file)->pMethods->xDeviceCharacteristics(real(file));
}

static int f_map(sqlite3_file *file, int page, int size, int extend, void volatile **to) {
  return real(file)->pMethods->xShmMap(real(file), page, size, extend, to);
}

static int f_shm_lock(sqlite3_file *file, int offset, int n, int flags) {
  return real(file)->pMethods->xShmLock(real(file), offset, n, flags);
}

static void f_barrier(sqlite3_file *file) { real(file)->pMethods->xShmBarrier(real(file)); }

static int f_unmap(sqlite3_file *file, int remove) {
  return real(file)->pMethods->xShmUnmap(real(file), remove);
}

static int f_fetch(sqlite3_file *file, sqlite3_int64 at, int bytes, void **to) {
  return real(file)->pMethods->xFetch(real(file), at, bytes, to);
}

static int f_unfetch(sqlite3_file *file, sqlite3_int64 at, void *from) {
  return real(file)->pMethods->xUnfetch(real(file), at, from);
}

static int f_open(
    sqlite3_vfs *self, const char *name, sqlite3_file *file, int flags, int *out_flags) {
  faulty_file *ours = (faulty_file *)file;
  sqlite3_vfs *below = self->pAppData;
  ours->base.pMethods = NULL;
  ours->real = (sqlite3_file *)(ours + 1);
  ours->real->pMethods = NULL;
  int result = below->xOpen(below, name, ours->real, flags, out_flags);
  if (ours->real->pMethods == NULL) return result;
  pthread_mutex_lock(&state.lock);
  ours->watched = name != NULL && state.path[0] != 0 && strstr(name, state.path) != NULL;
  pthread_mutex_unlock(&state.lock);
  /* No newer than what the real one has. */
  int version = ours->real->pMethods->iVersion;
  ours->base.pMethods = &methods[(version < 1 ? 1 : version > 3 ? 3 : version) - 1];
  return result;
}

int faulty_install(void) {
  pthread_mutex_lock(&state.lock);
  int result = SQLITE_OK;
  if (vfs.zName == NULL) {
    sqlite3_vfs *below = sqlite3_vfs_find(NULL);
    vfs = *below;
    vfs.zName = "faulty-disk";
    vfs.pAppData = below;
    vfs.szOsFile = (int)sizeof(faulty_file) + below->szOsFile;
    vfs.xOpen = f_open;
    for (int version = 1; version <= 3; version++) {
      methods[version - 1] = (sqlite3_io_methods){
          version, f_close, f_read, f_write, f_truncate, f_sync, f_size, f_lock, f_unlock,
          f_reserved, f_control, f_sector, f_traits, f_map, f_shm_lock, f_barrier, f_unmap,
          f_fetch, f_unfetch,
      };
    }
    result = sqlite3_vfs_register(&vfs, 1);
  }
  pthread_mutex_unlock(&state.lock);
  return result;
}

static void arm(const char *path, int calls, int64_t n, int half, int64_t room) {
  pthread_mutex_lock(&state.lock);
  strncpy(state.path, path, sizeof(state.path) - 1);
  state.armed = 1;
  state.calls = calls;
  state.half = half;
  state.n = n;
  state.room = room;
  state.counted = 0;
  state.failed = 0;
  pthread_mutex_unlock(&state.lock);
}

void faulty_fail(const char *path, int calls, int64_t n, int half) {
  arm(path, calls, n, half, -1);
}

void faulty_fill(const char *path, int64_t bytes) { arm(path, FAULTY_WRITE, 0, 0, bytes); }

void faulty_disarm(void) {
  pthread_mutex_lock(&state.lock);
  state.armed = 0;
  pthread_mutex_unlock(&state.lock);
}

int64_t faulty_failures(void) {
  pthread_mutex_lock(&state.lock);
  int64_t failed = state.failed;
  pthread_mutex_unlock(&state.lock);
  return failed;
}

int64_t faulty_calls(void) {
  pthread_mutex_lock(&state.lock);
  int64_t counted = state.counted;
  pthread_mutex_unlock(&state.lock);
  return counted;
}
