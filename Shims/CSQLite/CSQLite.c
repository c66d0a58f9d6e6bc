#include "CSQLite.h"

int gamekeeper_sqlite_sync_database(sqlite3 *database) {
    sqlite3_file *file = 0;
    int result = sqlite3_file_control(database, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    if (result != SQLITE_OK) return result;
    if (!file || !file->pMethods) return SQLITE_OK;  // a database in memory
    return file->pMethods->xSync(file, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY);
}

static int note_log_pages(void *note, sqlite3 *database, const char *name, int pages) {
    (void)database;
    (void)name;
    *(int *)note = pages;
    return SQLITE_OK;
}

void gamekeeper_sqlite_watch_log(sqlite3 *database, int *pages) {
    sqlite3_wal_hook(database, pages ? note_log_pages : 0, pages);
}
