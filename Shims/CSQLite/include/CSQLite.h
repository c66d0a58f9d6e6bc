// SQLite, and the few things of it that Swift cannot say.
#pragma once
#include <sqlite3.h>
#include "FaultDisk.h"
#include "LogDisk.h"

// Binds a copy of the bytes: Swift has no name for SQLITE_TRANSIENT, and its arrays promise no address.
static inline int gamekeeper_sqlite_bind_blob(sqlite3_stmt *statement, int place, const void *bytes, int count) {
    if (count == 0) return sqlite3_bind_zeroblob(statement, place, 0);
    return sqlite3_bind_blob(statement, place, bytes, count, SQLITE_TRANSIENT);
}

static inline int gamekeeper_sqlite_bind_text(sqlite3_stmt *statement, int place, const void *utf8, int count) {
    return sqlite3_bind_text(statement, place, count == 0 ? "" : (const char *)utf8, count, SQLITE_TRANSIENT);
}

// sqlite3_db_config is variadic.
static inline int gamekeeper_sqlite_configure(sqlite3 *database, int option, int value) {
    return sqlite3_db_config(database, option, value, (int *)0);
}

// Has SQLite count no memory: its count is behind one lock for all threads, which readers then wait for. Before anything
// else is asked of SQLite; later it does nothing.
static inline void gamekeeper_sqlite_count_no_memory(void) { sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }

// Syncs the database file (not its log) through the connection's own descriptor. Opening another one and closing it
// would drop the locks that SQLite holds.
int gamekeeper_sqlite_sync_database(sqlite3 *database);

// Has the number of pages in the write-ahead log noted there after each commit of this connection; NULL stops it.
void gamekeeper_sqlite_watch_log(sqlite3 *database, int *pages);
