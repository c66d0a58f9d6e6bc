#include "CSQLite.h"
#include "LogDisk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    kept_max = 1 << 20,          // what is kept of the log before it is written
    write_max = 64 << 10,        // SQLite's own file system takes up to 128 KB at once and calls more a full disk
    control_pace = 0x474B0001,   // a file control of ours; SQLite's own are small numbers
};

struct gamekeeper_log_disk {
    sqlite3_vfs vfs; // its pAppData is the file system below
    char name[256];
};

typedef struct log_file {
    sqlite3_file base;
    int is_log;
    // Of a log: what was appended and is not written, and where it begins.
    unsigned char *kept;
    sqlite3_int64 kept_from;
    int kept_count;
    // Of a database: how often it is synced while it is written.
    int64_t pace;
    int64_t written;
    sqlite3_file below[]; // as large as the file system below needs
} log_file;

static log_file *mine(sqlite3_file *file) { return (log_file *)file; }
static const sqlite3_io_methods *methods_below(sqlite3_file *file) { return mine(file)->below->pMethods; }

// Writes what was kept. What could not be written is forgotten: whoever syncs is told, and begins again.
static int write_kept(log_file *f) {
    if (f->kept_count == 0) return SQLITE_OK;
    int count = f->kept_count;
    f->kept_count = 0;
    for (int done = 0; done < count; done += write_max) {
        int part = count - done < write_max ? count - done : write_max;
        int result = f->below->pMethods->xWrite(f->below, f->kept + done, part, f->kept_from + done);
        if (result) return result;
    }
    return SQLITE_OK;
}

static int file_close(sqlite3_file *file) {
    log_file *f = mine(file);
    // What is kept still was never synced, so nobody was promised it.
    free(f->kept);
    f->kept = 0;
    return f->below->pMethods ? f->below->pMethods->xClose(f->below) : SQLITE_OK;
}

static int file_read(sqlite3_file *file, void *bytes, int count, sqlite3_int64 offset) {
    log_file *f = mine(file);
    int result = write_kept(f);
    return result ? result : f->below->pMethods->xRead(f->below, bytes, count, offset);
}

static int write_to_log(log_file *f, const void *bytes, int count, sqlite3_int64 offset) {
    if (f->kept_count > 0 && (offset != f->kept_from + f->kept_count || f->kept_count + count > kept_max)) {
        int result = write_kept(f);
        if (result) return result;
    }
    // Where a torn write may harm its neighbours SQLite goes on writing a commit after its sync, and nothing may be kept.
    int is_safe = f->below->pMethods->xDeviceCharacteristics(f->below) & SQLITE_IOCAP_POWERSAFE_OVERWRITE;
    if (!f->kept && is_safe) f->kept = malloc(kept_max);
    if (!f->kept || count > kept_max) return f->below->pMethods->xWrite(f->below, bytes, count, offset);
    if (f->kept_count == 0) f->kept_from = offset;
    memcpy(f->kept + f->kept_count, bytes, (size_t)count);
    f->kept_count += count;
    return SQLITE_OK;
}

static int file_write(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 offset) {
    log_file *f = mine(file);
    if (f->is_log) return write_to_log(f, bytes, count, offset);
    int result = f->below->pMethods->xWrite(f->below, bytes, count, offset);
    if (result || f->pace == 0) return result;
    f->written += count;
    if (f->written < f->pace) return SQLITE_OK;
    f->written = 0;
    return f->below->pMethods->xSync(f->below, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY);
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size) {
    int result = write_kept(mine(file));
    return result ? result : methods_below(file)->xTruncate(mine(file)->below, size);
}

static int file_sync(sqlite3_file *file, int flags) {
    mine(file)->written = 0;
    int result = write_kept(mine(file));
    return result ? result : methods_below(file)->xSync(mine(file)->below, flags);
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size) {
    int result = write_kept(mine(file));
    return result ? result : methods_below(file)->xFileSize(mine(file)->below, size);
}

static int file_lock(sqlite3_file *file, int level) { return methods_below(file)->xLock(mine(file)->below, level); }
static int file_unlock(sqlite3_file *file, int level) { return methods_below(file)->xUnlock(mine(file)->below, level); }
static int file_check_lock(sqlite3_file *file, int *is_locked) {
    return methods_below(file)->xCheckReservedLock(mine(file)->below, is_locked);
}
static int file_control(sqlite3_file *file, int operation, void *argument) {
    if (operation == control_pace) {
        mine(file)->pace = *(int64_t *)argument;
        return SQLITE_OK;
    }
    return methods_below(file)->xFileControl(mine(file)->below, operation, argument);
}
static int file_sector_size(sqlite3_file *file) { return methods_below(file)->xSectorSize(mine(file)->below); }
static int file_characteristics(sqlite3_file *file) {
    return methods_below(file)->xDeviceCharacteristics(mine(file)->below);
}
static int shm_map(sqlite3_file *file, int page, int size, int extends, void volatile **memory) {
    return methods_below(file)->xShmMap(mine(file)->below, page, size, extends, memory);
}
static int shm_lock(sqlite3_file *file, int offset, int count, int flags) {
    return methods_below(file)->xShmLock(mine(file)->below, offset, count, flags);
}
static void shm_barrier(sqlite3_file *file) { methods_below(file)->xShmBarrier(mine(file)->below); }
static int shm_unmap(sqlite3_file *file, int deletes) {
    return methods_below(file)->xShmUnmap(mine(file)->below, deletes);
}

// Version 2: nothing is mapped into memory, where a failing disk would be a signal.
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

static sqlite3_vfs *below(sqlite3_vfs *vfs) { return (sqlite3_vfs *)vfs->pAppData; }

static int disk_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags) {
    log_file *f = mine(file);
    memset(f, 0, sizeof(log_file));
    int result = below(vfs)->xOpen(below(vfs), name, f->below, flags, out_flags);
    // Without methods SQLite does not close it; a file below that failed and has methods wants to be closed.
    if (result) {
        if (f->below->pMethods) f->below->pMethods->xClose(f->below);
        return result;
    }
    f->is_log = (flags & SQLITE_OPEN_WAL) != 0;
    f->base.pMethods = &methods;
    return SQLITE_OK;
}

static int disk_delete(sqlite3_vfs *vfs, const char *name, int syncs) {
    return below(vfs)->xDelete(below(vfs), name, syncs);
}
static int disk_access(sqlite3_vfs *vfs, const char *name, int flags, int *result) {
    return below(vfs)->xAccess(below(vfs), name, flags, result);
}
static int disk_full_path(sqlite3_vfs *vfs, const char *name, int count, char *path) {
    return below(vfs)->xFullPathname(below(vfs), name, count, path);
}
static int disk_randomness(sqlite3_vfs *vfs, int count, char *bytes) {
    return below(vfs)->xRandomness(below(vfs), count, bytes);
}
static int disk_sleep(sqlite3_vfs *vfs, int microseconds) { return below(vfs)->xSleep(below(vfs), microseconds); }
static int disk_time(sqlite3_vfs *vfs, double *time) { return below(vfs)->xCurrentTime(below(vfs), time); }
static int disk_last_error(sqlite3_vfs *vfs, int count, char *text) {
    return below(vfs)->xGetLastError(below(vfs), count, text);
}
static int disk_time_in_milliseconds(sqlite3_vfs *vfs, sqlite3_int64 *time) {
    return below(vfs)->xCurrentTimeInt64(below(vfs), time);
}

gamekeeper_log_disk *gamekeeper_log_disk_make(const char *name_below) {
    sqlite3_vfs *real = sqlite3_vfs_find(name_below);
    gamekeeper_log_disk *disk = calloc(1, sizeof(gamekeeper_log_disk));
    if (!disk || !real) return 0;
    snprintf(disk->name, sizeof disk->name, "log on %.240s", real->zName);
    int knows_milliseconds = real->iVersion >= 2 && real->xCurrentTimeInt64;
    disk->vfs = (sqlite3_vfs){
        .iVersion = knows_milliseconds ? 2 : 1,
        .szOsFile = (int)sizeof(log_file) + real->szOsFile,
        .mxPathname = real->mxPathname,
        .zName = disk->name,
        .pAppData = real,
        .xOpen = disk_open,
        .xDelete = disk_delete,
        .xAccess = disk_access,
        .xFullPathname = disk_full_path,
        .xRandomness = disk_randomness,
        .xSleep = disk_sleep,
        .xCurrentTime = disk_time,
        .xGetLastError = disk_last_error,
        .xCurrentTimeInt64 = knows_milliseconds ? disk_time_in_milliseconds : 0,
    };
    sqlite3_vfs_register(&disk->vfs, 0);
    return disk;
}

void gamekeeper_log_disk_free(gamekeeper_log_disk *disk) {
    sqlite3_vfs_unregister(&disk->vfs);
    free(disk);
}

const char *gamekeeper_log_disk_name(const gamekeeper_log_disk *disk) { return disk->name; }

int gamekeeper_log_disk_pace(sqlite3 *database, int64_t bytes) {
    return sqlite3_file_control(database, "main", control_pace, &bytes);
}
