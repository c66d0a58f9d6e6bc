// How the store's files are written: a layer between SQLite and the file system.
//
// SQLite writes each page of its log in two calls, a head and the page: a commit of 64 updates makes some 170 of them.
// This layer keeps what is appended to the log in memory until the sync that makes the commit durable, and writes it in
// one call. Nobody can miss it: a page of the log is looked for only after that sync, and a connection that reads what
// it has itself written there has it written out first. Without a sync nothing was promised.
//
// And it can sync a database while it is written, every so many bytes: a checkpoint that leaves tens of megabytes to its
// last sync would keep the disk, and with it the commits, waiting for as long as that takes.
#pragma once
#include <stdint.h>
#include <sqlite3.h>

typedef struct gamekeeper_log_disk gamekeeper_log_disk;

// Makes and registers the layer above a file system; NULL stands for the machine's own. NULL when there is no memory.
gamekeeper_log_disk *gamekeeper_log_disk_make(const char *name_below);

// Every connection is closed by then.
void gamekeeper_log_disk_free(gamekeeper_log_disk *disk);

// The name under which SQLite knows it.
const char *gamekeeper_log_disk_name(const gamekeeper_log_disk *disk);

// Syncs the connection's database after every so many bytes that this connection writes to it. 0: never.
int gamekeeper_log_disk_pace(sqlite3 *database, int64_t bytes);
