#define _GNU_SOURCE
#include "CSQLite.h"
#include "FaultDisk.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

// What was in a file before a write that is not synced yet, newest first.
typedef struct undo {
    struct undo *older;
    char *path;
    sqlite3_int64 offset;
    sqlite3_int64 size_before;  // of the file
    int count;                  // bytes that were written
    int old_count;              // bytes of them that were there before
    unsigned char old[];
} undo;

struct gamekeeper_disk {
    sqlite3_vfs vfs;  // its pAppData is the disk
    sqlite3_vfs *real;
    char *name;
    pthread_mutex_t mutex;
    undo *newest;
    int64_t counts[GAMEKEEPER_DISK_OPERATIONS];
    int64_t fail_at[GAMEKEEPER_DISK_OPERATIONS];  // by the count; 0 never
    int fail_with[GAMEKEEPER_DISK_OPERATIONS];
    int fail_lasting[GAMEKEEPER_DISK_OPERATIONS];
    int64_t room;
    int is_off;
    // Read without the mutex.
    _Atomic int64_t sync_delay;
    _Atomic int remembers;
    _Atomic int lies;
};

typedef struct disk_file {
    sqlite3_file base;
    gamekeeper_disk *disk;
    char *path;          // NULL for a temporary file
    sqlite3_file real[]; // as large as the real one needs
} disk_file;

static disk_file *mine(sqlite3_file *file) { return (disk_file *)file; }

// Counts an operation and says how it fails, if it does.
static int begin(gamekeeper_disk *disk, int operation) {
    int result = SQLITE_OK;
    pthread_mutex_lock(&disk->mutex);
    int64_t count = ++disk->counts[operation];
    int64_t at = disk->fail_at[operation];
    if (disk->is_off) {
        result = operation == GAMEKEEPER_DISK_OPEN ? SQLITE_CANTOPEN : SQLITE_IOERR;
    } else if (at && (count == at || (count > at && disk->fail_lasting[operation]))) {
        result = disk->fail_with[operation];
    }
    pthread_mutex_unlock(&disk->mutex);
    return result;
}

// MARK: Files

static int file_close(sqlite3_file *file) {
    disk_file *f = mine(file);
    int result = f->real->pMethods ? f->real->pMethods->xClose(f->real) : SQLITE_OK;
    free(f->path);
    f->path = 0;
    return result;
}

static int file_read(sqlite3_file *file, void *bytes, int count, sqlite3_int64 offset) {
    int result = begin(mine(file)->disk, GAMEKEEPER_DISK_READ);
    if (result) return result;
    return mine(file)->real->pMethods->xRead(mine(file)->real, bytes, count, offset);
}

// Remembers what is about to be overwritten. 0 when there is no memory.
static int remember(disk_file *f, int count, sqlite3_int64 offset) {
    sqlite3_int64 size = 0;
    f->real->pMethods->xFileSize(f->real, &size);
    sqlite3_int64 there = size - offset;
    int old_count = there <= 0 ? 0 : there < count ? (int)there : count;
    undo *entry = malloc(sizeof(undo) + (size_t)old_count);
    if (!entry) return 0;
    entry->path = strdup(f->path);
    if (!entry->path) {
        free(entry);
        return 0;
    }
    entry->offset = offset;
    entry->size_before = size;
    entry->count = count;
    entry->old_count = old_count;
    if (old_count) f->real->pMethods->xRead(f->real, entry->old, old_count, offset);
    pthread_mutex_lock(&f->disk->mutex);
    entry->older = f->disk->newest;
    f->disk->newest = entry;
    pthread_mutex_unlock(&f->disk->mutex);
    return 1;
}

static int file_write(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 offset) {
    disk_file *f = mine(file);
    int result = begin(f->disk, GAMEKEEPER_DISK_WRITE);
    if (result) return result;
    pthread_mutex_lock(&f->disk->mutex);
    int is_full = f->disk->room >= 0 && f->disk->room < count;
    if (!is_full && f->disk->room >= 0) f->disk->room -= count;
    pthread_mutex_unlock(&f->disk->mutex);
    if (is_full) return SQLITE_FULL;
    if (f->disk->remembers && f->path && !remember(f, count, offset)) return SQLITE_IOERR_NOMEM;
    return f->real->pMethods->xWrite(f->real, bytes, count, offset);
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size) {
    disk_file *f = mine(file);
    int result = begin(f->disk, GAMEKEEPER_DISK_WRITE);
    if (result) return result;
    sqlite3_int64 before = 0;
    f->real->pMethods->xFileSize(f->real, &before);
    if (f->disk->remembers && f->path && before > size) {
        sqlite3_int64 gone = before - size;
        if (gone > 1 << 30 || !remember(f, (int)gone, size)) return SQLITE_IOERR_NOMEM;
    }
    return f->real->pMethods->xTruncate(f->real, size);
}

static void forget_synced(disk_file *f) {
    pthread_mutex_lock(&f->disk->mutex);
    for (undo **place = &f->disk->newest; *place;) {
        undo *entry = *place;
        if (f->path && strcmp(entry->path, f->path) == 0) {
            *place = entry->older;
            free(entry->path);
            free(entry);
        } else {
            place = &entry->older;
        }
    }
    pthread_mutex_unlock(&f->disk->mutex);
}

static int file_sync(sqlite3_file *file, int flags) {
    disk_file *f = mine(file);
    int result = begin(f->disk, GAMEKEEPER_DISK_SYNC);
    if (result) return result;
    int64_t wait = f->disk->sync_delay;
    if (wait > 0) {
        struct timespec delay = {wait / 1000000000, wait % 1000000000};
        nanosleep(&delay, 0);
    }
    if (f->disk->lies) return SQLITE_OK;
    result = f->real->pMethods->xSync(f->real, flags);
    if (result == SQLITE_OK) forget_synced(f);
    return result;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size) {
    return mine(file)->real->pMethods->xFileSize(mine(file)->real, size);
}
static int file_lock(sqlite3_file *file, int level) {
    return mine(file)->real->pMethods->xLock(mine(file)->real, level);
}
static int file_unlock(sqlite3_file *file, int level) {
    return mine(file)->real->pMethods->xUnlock(mine(file)->real, level);
}
static int file_check_lock(sqlite3_file *file, int *is_locked) {
    return mine(file)->real->pMethods->xCheckReservedLock(mine(file)->real, is_locked);
}
static int file_control(sqlite3_file *file, int operation, void *argument) {
    return mine(file)->real->pMethods->xFileControl(mine(file)->real, operation, argument);
}
static int file_sector_size(sqlite3_file *file) {
    return mine(file)->real->pMethods->xSectorSize(mine(file)->real);
}
static int file_characteristics(sqlite3_file *file) {
    (void)file;
    // What a write tears is within what it writes; every disk is taken to be so. It promises nothing else.
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}
static int shm_map(sqlite3_file *file, int page, int size, int extends, void volatile **memory) {
    return mine(file)->real->pMethods->xShmMap(mine(file)->real, page, size, extends, memory);
}
static int shm_lock(sqlite3_file *file, int offset, int count, int flags) {
    return mine(file)->real->pMethods->xShmLock(mine(file)->real, offset, count, flags);
}
static void shm_barrier(sqlite3_file *file) { mine(file)->real->pMethods->xShmBarrier(mine(file)->real); }
static int shm_unmap(sqlite3_file *file, int deletes) {
    return mine(file)->real->pMethods->xShmUnmap(mine(file)->real, deletes);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_lock,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
    .xShmMap = shm_map,
    .xShmLock = shm_lock,
    .xShmBarrier = shm_barrier,
    .xShmUnmap = shm_unmap,
};

// MARK: The file system

static gamekeeper_disk *disk_of(sqlite3_vfs *vfs) { return (gamekeeper_disk *)vfs->pAppData; }

static int disk_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags) {
    gamekeeper_disk *disk = disk_of(vfs);
    disk_file *f = mine(file);
    memset(f, 0, sizeof(disk_file));
    int result = begin(disk, GAMEKEEPER_DISK_OPEN);
    if (result) return result;
    result = disk->real->xOpen(disk->real, name, f->real, flags, out_flags);
    if (result) return result;
    f->disk = disk;
    f->path = name ? strdup(name) : 0;
    f->base.pMethods = &methods;
    return SQLITE_OK;
}

static int disk_delete(sqlite3_vfs *vfs, const char *name, int syncs) {
    gamekeeper_disk *disk = disk_of(vfs);
    int result = begin(disk, GAMEKEEPER_DISK_WRITE);
    return result ? result : disk->real->xDelete(disk->real, name, syncs);
}
static int disk_access(sqlite3_vfs *vfs, const char *name, int flags, int *result) {
    return disk_of(vfs)->real->xAccess(disk_of(vfs)->real, name, flags, result);
}
static int disk_full_path(sqlite3_vfs *vfs, const char *name, int count, char *path) {
    return disk_of(vfs)->real->xFullPathname(disk_of(vfs)->real, name, count, path);
}
static int disk_randomness(sqlite3_vfs *vfs, int count, char *bytes) {
    return disk_of(vfs)->real->xRandomness(disk_of(vfs)->real, count, bytes);
}
static int disk_sleep(sqlite3_vfs *vfs, int microseconds) {
    return disk_of(vfs)->real->xSleep(disk_of(vfs)->real, microseconds);
}
static int disk_time(sqlite3_vfs *vfs, double *time) {
    return disk_of(vfs)->real->xCurrentTime(disk_of(vfs)->real, time);
}
static int disk_last_error(sqlite3_vfs *vfs, int count, char *text) {
    return disk_of(vfs)->real->xGetLastError(disk_of(vfs)->real, count, text);
}

gamekeeper_disk *gamekeeper_disk_make(const char *name) {
    sqlite3_vfs *real = sqlite3_vfs_find(0);
    gamekeeper_disk *disk = calloc(1, sizeof(gamekeeper_disk));
    if (!disk || !real) return 0;
    disk->name = strdup(name);
    disk->real = real;
    disk->room = -1;
    pthread_mutex_init(&disk->mutex, 0);
    disk->vfs = (sqlite3_vfs){
        .iVersion = 1,
        .szOsFile = (int)sizeof(disk_file) + real->szOsFile,
        .mxPathname = real->mxPathname,
        .zName = disk->name,
        .pAppData = disk,
        .xOpen = disk_open,
        .xDelete = disk_delete,
        .xAccess = disk_access,
        .xFullPathname = disk_full_path,
        .xRandomness = disk_randomness,
        .xSleep = disk_sleep,
        .xCurrentTime = disk_time,
        .xGetLastError = disk_last_error,
    };
    sqlite3_vfs_register(&disk->vfs, 0);
    return disk;
}

void gamekeeper_disk_free(gamekeeper_disk *disk) {
    sqlite3_vfs_unregister(&disk->vfs);
    while (disk->newest) {
        undo *entry = disk->newest;
        disk->newest = entry->older;
        free(entry->path);
        free(entry);
    }
    pthread_mutex_destroy(&disk->mutex);
    free(disk->name);
    free(disk);
}

const char *gamekeeper_disk_name(const gamekeeper_disk *disk) { return disk->name; }

// MARK: What it is told

void gamekeeper_disk_fail(gamekeeper_disk *disk, int operation, int64_t nth, int result, int lasting) {
    pthread_mutex_lock(&disk->mutex);
    disk->fail_at[operation] = nth > 0 ? disk->counts[operation] + nth : 0;
    disk->fail_with[operation] = result;
    disk->fail_lasting[operation] = lasting;
    pthread_mutex_unlock(&disk->mutex);
}

int64_t gamekeeper_disk_count(gamekeeper_disk *disk, int operation) {
    pthread_mutex_lock(&disk->mutex);
    int64_t count = disk->counts[operation];
    pthread_mutex_unlock(&disk->mutex);
    return count;
}

void gamekeeper_disk_set_room(gamekeeper_disk *disk, int64_t bytes) {
    pthread_mutex_lock(&disk->mutex);
    disk->room = bytes;
    pthread_mutex_unlock(&disk->mutex);
}

void gamekeeper_disk_set_sync_delay(gamekeeper_disk *disk, int64_t nanoseconds) { disk->sync_delay = nanoseconds; }

void gamekeeper_disk_remember(gamekeeper_disk *disk) {
    disk->remembers = 1;
}

void gamekeeper_disk_lie(gamekeeper_disk *disk) {
    disk->lies = 1;
}

void gamekeeper_disk_cut_power(gamekeeper_disk *disk) {
    pthread_mutex_lock(&disk->mutex);
    disk->is_off = 1;
    pthread_mutex_unlock(&disk->mutex);
}

static uint64_t draw(uint64_t *seed) {
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

// Takes a write back. A torn one keeps its first sectors.
static int take_back(const undo *entry, int kept) {
    int descriptor = open(entry->path, O_WRONLY | O_CLOEXEC);
    if (descriptor < 0) return -1;
    int result = 0;
    if (entry->old_count > kept) {
        size_t count = (size_t)(entry->old_count - kept);
        if (pwrite(descriptor, entry->old + kept, count, entry->offset + kept) != (ssize_t)count) result = -1;
    }
    sqlite3_int64 end = entry->offset + kept;
    if (end < entry->size_before) end = entry->size_before;
    if (entry->offset + entry->count > entry->size_before && ftruncate(descriptor, end) != 0) result = -1;
    close(descriptor);
    return result;
}

int64_t gamekeeper_disk_forget(gamekeeper_disk *disk, uint64_t seed) {
    int64_t forgotten = 0;
    while (disk->newest) {
        undo *entry = disk->newest;
        disk->newest = entry->older;
        int kept = 0;
        if (seed) {
            uint64_t choice = draw(&seed) % 3;
            if (choice == 0) kept = entry->count;
            if (choice == 1) kept = (int)(draw(&seed) % ((uint64_t)entry->count / 512 + 1)) * 512;
        }
        if (kept < entry->count) {
            if (forgotten >= 0) forgotten += 1;
            if (take_back(entry, kept) != 0) forgotten = -1;
        }
        free(entry->path);
        free(entry);
    }
    pthread_mutex_lock(&disk->mutex);
    disk->is_off = 0;
    pthread_mutex_unlock(&disk->mutex);
    return forgotten;
}
