// A disk that fails when it is told to: a file system for SQLite that stands on the machine's own.
//
// It can forget on a power cut what was written and not synced, tear what it forgets, fail the Nth operation, fill up, and
// be slow to sync. Tests and `gamekeeper bench` use it; a store that is not told to never comes near it.
#pragma once
#include <stdint.h>

typedef struct gamekeeper_disk gamekeeper_disk;

// What can be made to fail.
enum gamekeeper_disk_operation {
    GAMEKEEPER_DISK_OPEN = 0,
    GAMEKEEPER_DISK_READ = 1,
    GAMEKEEPER_DISK_WRITE = 2,
    GAMEKEEPER_DISK_SYNC = 3,
    GAMEKEEPER_DISK_OPERATIONS = 4,
};

// Registers a disk under a name of its own. NULL when there is no memory.
gamekeeper_disk *gamekeeper_disk_make(const char *name);
// Takes it away again, when every file on it is closed.
void gamekeeper_disk_free(gamekeeper_disk *disk);
const char *gamekeeper_disk_name(const gamekeeper_disk *disk);

// Fails the Nth operation of its kind from now on (1 is the next), and `lasting` ones all that follow too, with SQLite's
// result code. 0 fails none.
void gamekeeper_disk_fail(gamekeeper_disk *disk, int operation, int64_t nth, int result, int lasting);
// How many operations of a kind there were.
int64_t gamekeeper_disk_count(gamekeeper_disk *disk, int operation);
// How many bytes may still be written before the disk is full; negative: any number.
void gamekeeper_disk_set_room(gamekeeper_disk *disk, int64_t bytes);
// How long each sync takes in addition, in nanoseconds.
void gamekeeper_disk_set_sync_delay(gamekeeper_disk *disk, int64_t nanoseconds);

// Remembers from now on what is written and not synced.
void gamekeeper_disk_remember(gamekeeper_disk *disk);
// Says from now on that it has synced, and has not: the control of every test with power cuts.
void gamekeeper_disk_lie(gamekeeper_disk *disk);
// The power goes: every operation fails from now on.
void gamekeeper_disk_cut_power(gamekeeper_disk *disk);
// Makes the files what the disk had when the power went, once every connection is closed, and turns the power on. Of each
// write that was not synced nothing stays; with a `seed` other than 0 some stay whole and some are torn.
// Returns how many writes were forgotten, or -1 when a file could not be changed.
int64_t gamekeeper_disk_forget(gamekeeper_disk *disk, uint64_t seed);
