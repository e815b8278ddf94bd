#include "FaultyDisk.h"

#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A file of ours, with the real one's memory behind it. */
typedef struct {
  sqlite3_file base;
  int watched;
  /* Its place among the names of the recording, or -1. */
  int name;
  sqlite3_file *real;
} faulty_file;

static struct {
  pthread_mutex_t lock;
  char path[512];
  int armed, calls, half, broken;
  int64_t n, room, counted, failed;
} state = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* What has changed the files since the recording began, in order. */
typedef enum { CHANGE_WRITE, CHANGE_TRUNCATE, CHANGE_SYNC, CHANGE_DELETE } change_kind;

typedef struct {
  change_kind kind;
  int name;
  int64_t at;
  size_t size;
  unsigned char *bytes;
} change;

#define NAMES 16
#define RECORDED_BYTES (64u << 20)

static struct {
  int on;
  char names[NAMES][64];
  int name_count;
  change *changes;
  size_t count, room, bytes;
} recording;

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
    if (state.counted == state.n || (state.broken && state.counted >= state.n)) {
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

/* The place of a file's name without its folder; -1 when there are too many. Locked by callers. */
static int name_of(const char *path) {
  const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
  for (int i = 0; i < recording.name_count; i++)
    if (strcmp(recording.names[i], name) == 0) return i;
  if (recording.name_count == NAMES || strlen(name) >= sizeof recording.names[0]) return -1;
  strcpy(recording.names[recording.name_count], name);
  return recording.name_count++;
}

/* Ends a recording that does not fit, so that nobody takes a part of it for the whole. */
static void record(int name, change_kind kind, const void *from, size_t size, int64_t at) {
  pthread_mutex_lock(&state.lock);
  if (recording.on && name >= 0) {
    if (recording.count == recording.room) {
      size_t room = recording.room ? 2 * recording.room : 1024;
      change *grown = realloc(recording.changes, room * sizeof *grown);
      if (grown) {
        recording.changes = grown;
        recording.room = room;
      }
    }
    unsigned char *bytes = kind == CHANGE_WRITE ? malloc(size) : NULL;
    int fits = recording.count < recording.room && (kind != CHANGE_WRITE || bytes) &&
               recording.bytes + size <= RECORDED_BYTES;
    if (fits) {
      if (bytes) {
        memcpy(bytes, from, size);
        recording.bytes += size;
      }
      recording.changes[recording.count++] = (change){kind, name, at, size, bytes};
    } else {
      free(bytes);
      recording.on = 0;
    }
  }
  pthread_mutex_unlock(&state.lock);
}

static int f_close(sqlite3_file *file) { return real(file)->pMethods->xClose(real(file)); }

static int f_read(sqlite3_file *file, void *to, int bytes, sqlite3_int64 at) {
  return real(file)->pMethods->xRead(real(file), to, bytes, at);
}

static int f_write(sqlite3_file *file, const void *from, int bytes, sqlite3_int64 at) {
  int failure = fails(file, FAULTY_WRITE, bytes);
  if (failure == SQLITE_OK) {
    int result = real(file)->pMethods->xWrite(real(file), from, bytes, at);
    if (result == SQLITE_OK)
      record(((faulty_file *)file)->name, CHANGE_WRITE, from, (size_t)bytes, at);
    return result;
  }
  if (state.half) real(file)->pMethods->xWrite(real(file), from, bytes / 2, at);
  return failure;
}

static int f_truncate(sqlite3_file *file, sqlite3_int64 size) {
  int failure = fails(file, FAULTY_TRUNCATE, 0);
  if (failure) return failure;
  int result = real(file)->pMethods->xTruncate(real(file), size);
  if (result == SQLITE_OK) record(((faulty_file *)file)->name, CHANGE_TRUNCATE, NULL, 0, size);
  return result;
}

static int f_sync(sqlite3_file *file, int flags) {
  int failure = fails(file, FAULTY_SYNC, 0);
  if (failure) return failure;
  int result = real(file)->pMethods->xSync(real(file), flags);
  if (result == SQLITE_OK) record(((faulty_file *)file)->name, CHANGE_SYNC, NULL, 0, 0);
  return result;
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
  ours->name = ours->watched && recording.on ? name_of(name) : -1;
  pthread_mutex_unlock(&state.lock);
  /* No newer than what the real one has. */
  int version = ours->real->pMethods->iVersion;
  ours->base.pMethods = &methods[(version < 1 ? 1 : version > 3 ? 3 : version) - 1];
  return result;
}

static int f_delete(sqlite3_vfs *self, const char *path, int sync_folder) {
  sqlite3_vfs *below = self->pAppData;
  int result = below->xDelete(below, path, sync_folder);
  if (result != SQLITE_OK) return result;
  pthread_mutex_lock(&state.lock);
  int watched = recording.on && strstr(path, state.path) != NULL;
  int name = watched ? name_of(path) : -1;
  pthread_mutex_unlock(&state.lock);
  record(name, CHANGE_DELETE, NULL, 0, 0);
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
    vfs.xDelete = f_delete;
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
  state.broken = 0;
  state.n = n;
  state.room = room;
  state.counted = 0;
  state.failed = 0;
  pthread_mutex_unlock(&state.lock);
}

void faulty_fail(const char *path, int calls, int64_t n, int half) {
  arm(path, calls, n, half, -1);
}

void faulty_break(const char *path) {
  arm(path, FAULTY_WRITE | FAULTY_SYNC | FAULTY_TRUNCATE, 1, 0, -1);
  pthread_mutex_lock(&state.lock);
  state.broken = 1;
  pthread_mutex_unlock(&state.lock);
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

void faulty_record(const char *path) {
  faulty_forget();
  pthread_mutex_lock(&state.lock);
  strncpy(state.path, path, sizeof(state.path) - 1);
  state.armed = 0;
  recording.on = 1;
  pthread_mutex_unlock(&state.lock);
}

void faulty_forget(void) {
  pthread_mutex_lock(&state.lock);
  for (size_t i = 0; i < recording.count; i++) free(recording.changes[i].bytes);
  free(recording.changes);
  memset(&recording, 0, sizeof recording);
  pthread_mutex_unlock(&state.lock);
}

int64_t faulty_changes(void) {
  pthread_mutex_lock(&state.lock);
  int64_t count = recording.on ? (int64_t)recording.count : -1;
  pthread_mutex_unlock(&state.lock);
  return count;
}

/* SplitMix64 (Steele et al. 2014), for which writes survive. */
static uint64_t draw(uint64_t *seed) {
  uint64_t z = (*seed += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

#define SECTOR 512

/* Writes what survives: whole, or the sectors that luck lets through. */
static int put(int file, const change *one, int is_safe, int permille, uint64_t *seed) {
  for (size_t at = 0; at < one->size;) {
    size_t end = is_safe ? one->size : at + SECTOR < one->size ? at + SECTOR : one->size;
    if (is_safe || (int)(draw(seed) % 1000) < permille) {
      ssize_t done = pwrite(file, one->bytes + at, end - at, (off_t)(one->at + (int64_t)at));
      if (done != (ssize_t)(end - at)) return -1;
    }
    at = end;
  }
  return 0;
}

/* One file as it is found after the cut. */
static int restore(const char *folder, int name, size_t count, int permille, uint64_t *seed) {
  char path[1024];
  snprintf(path, sizeof path, "%s/%s", folder, recording.names[name]);
  /* The file's own last sync saves its contents; any sync saves what became of its name. */
  size_t saved = 0, named = 0;
  for (size_t i = 0; i < count; i++)
    if (recording.changes[i].kind == CHANGE_SYNC) {
      named = i + 1;
      if (recording.changes[i].name == name) saved = i + 1;
    }
  int file = -1, result = 0;
  for (size_t i = 0; i < count && result == 0; i++) {
    const change *one = &recording.changes[i];
    if (one->name != name || one->kind == CHANGE_SYNC) continue;
    int is_safe = i < (one->kind == CHANGE_DELETE ? named : saved);
    int survives = is_safe || (int)(draw(seed) % 1000) < permille;
    if (one->kind == CHANGE_DELETE) {
      if (survives) {
        if (file >= 0) close(file);
        file = -1;
        unlink(path);
      }
      continue;
    }
    if (file < 0) file = open(path, O_RDWR | O_CREAT, 0600);
    if (file < 0) return -1;
    if (one->kind == CHANGE_WRITE) result = put(file, one, is_safe, permille, seed);
    if (one->kind == CHANGE_TRUNCATE && survives) result = ftruncate(file, (off_t)one->at);
  }
  if (file >= 0) close(file);
  return result;
}

int faulty_cut(int64_t count, const char *folder, int permille, uint64_t seed) {
  pthread_mutex_lock(&state.lock);
  int result = recording.on && count >= 0 && (size_t)count <= recording.count ? 0 : -1;
  for (int name = 0; name < recording.name_count && result == 0; name++)
    result = restore(folder, name, (size_t)count, permille, &seed);
  pthread_mutex_unlock(&state.lock);
  return result;
}
