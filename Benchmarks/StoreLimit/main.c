// The limit of a store in SQLite: the same statements in a loop, with no queue, no clients and no judge.
//
// The tables, pragmas and statements are those of the real engine, and so is what an update does: it looks for the head
// and for the lock, compares the token, appends a version and moves the head. Checkpoints run as they do there: a
// thread copies and syncs, the writer does the rest. `gamekeeper bench store` compares the real store with this.
//
//   storelimit update --path FILE --documents N --size 1024 --group 32 --seconds S [--sync-delay-us D]
//   storelimit read   --path FILE --documents N --size 1024 --threads 2 --seconds S [--updates-per-second R]
//
// The file is made and filled if it is not there. It prints one line of JSON and ends.

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "CSQLite.h"

enum {
    size_max = 1 << 20,
    group_max = 1024,
    threads_max = 16,
    seconds_max = 600,
    latencies_max = 1 << 22,
    checkpoint_pages = 16384, // as Limits.Store has them
    checkpoint_pages_left = 1024,
    reads_per_transaction = 32,
};

static const char *path;
static const char *file_system; // NULL: the machine's own
static int64_t documents = 10000, size = 1024, group = 32, threads = 2, sync_delay_us, updates_per_second;
static double seconds = 1;

static void fail(const char *what, sqlite3 *database) {
    fprintf(stderr, "storelimit: %s: %s\n", what, database ? sqlite3_errmsg(database) : strerror(errno));
    exit(1);
}

static int64_t now_ns(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static uint64_t draw(uint64_t *state) {
    uint64_t x = *state += 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

// MARK: The file

static void run(sqlite3 *database, const char *text) {
    if (sqlite3_exec(database, text, 0, 0, 0) != SQLITE_OK) fail(text, database);
}

static sqlite3 *open_database(int cache_kilobytes) {
    sqlite3 *database = 0;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(path, &database, flags, file_system) != SQLITE_OK) fail("open", database);
    sqlite3_busy_timeout(database, 2000);
    run(database, "PRAGMA page_size = 4096");
    run(database, "PRAGMA journal_mode = WAL");
    run(database, "PRAGMA synchronous = FULL");
    run(database, "PRAGMA wal_autocheckpoint = 0");
    run(database, "PRAGMA mmap_size = 0");
    char cache[64];
    snprintf(cache, sizeof cache, "PRAGMA cache_size = -%d", cache_kilobytes);
    run(database, cache);
    return database;
}

static sqlite3_stmt *prepare(sqlite3 *database, const char *text) {
    sqlite3_stmt *statement = 0;
    if (sqlite3_prepare_v3(database, text, -1, SQLITE_PREPARE_PERSISTENT, &statement, 0) != SQLITE_OK) {
        fail(text, database);
    }
    return statement;
}

static int64_t number(sqlite3 *database, const char *text) {
    sqlite3_stmt *statement = prepare(database, text);
    int64_t found = sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
    sqlite3_finalize(statement);
    return found;
}

// MARK: Updates

typedef struct {
    sqlite3 *database;
    sqlite3_stmt *begin, *commit, *get_head, *get_lock, *put_row, *put_head;
    int64_t sequence;
    uint64_t seed;
    char *body;
    int log_pages;
} writer;

static int step(writer *w, sqlite3_stmt *statement) {
    int result = sqlite3_step(statement);
    if (result != SQLITE_ROW && result != SQLITE_DONE) fail("step", w->database);
    return result == SQLITE_ROW;
}

static void finish(writer *w, sqlite3_stmt *statement) {
    while (step(w, statement)) {}
    sqlite3_reset(statement);
}

static int name_document(char *name, int64_t index) {
    return snprintf(name, 64, "bench\x1fglobal\x1f" "d%lld", (long long)index);
}

static void update(writer *w, int64_t index) {
    char name[64];
    int name_bytes = name_document(name, index);
    int64_t version = 0, previous = 0, created = now_ns(CLOCK_REALTIME);
    sqlite3_bind_text(w->get_head, 1, name, name_bytes, SQLITE_STATIC);
    if (step(w, w->get_head)) {
        version = sqlite3_column_int64(w->get_head, 0);
        previous = sqlite3_column_int64(w->get_head, 1);
        created = sqlite3_column_int64(w->get_head, 3);
    }
    sqlite3_reset(w->get_head);
    sqlite3_bind_text(w->get_lock, 1, name, name_bytes, SQLITE_STATIC);
    if (step(w, w->get_lock) && sqlite3_column_int64(w->get_lock, 0) != 1) fail("the token is another one", 0);
    sqlite3_reset(w->get_lock);

    w->sequence += 1;
    memcpy(w->body, &w->sequence, sizeof w->sequence);
    sqlite3_bind_int64(w->put_row, 1, w->sequence);
    sqlite3_bind_int64(w->put_row, 2, 0);
    sqlite3_bind_text(w->put_row, 3, name, name_bytes, SQLITE_STATIC);
    sqlite3_bind_int64(w->put_row, 4, version + 1);
    sqlite3_bind_int64(w->put_row, 5, previous);
    sqlite3_bind_int64(w->put_row, 6, created);
    sqlite3_bind_blob(w->put_row, 7, w->body, (int)size, SQLITE_STATIC);
    sqlite3_bind_zeroblob(w->put_row, 8, 0);
    finish(w, w->put_row);
    sqlite3_bind_text(w->put_head, 1, name, name_bytes, SQLITE_STATIC);
    sqlite3_bind_int64(w->put_head, 2, version + 1);
    sqlite3_bind_int64(w->put_head, 3, w->sequence);
    sqlite3_bind_int64(w->put_head, 4, 0);
    sqlite3_bind_int64(w->put_head, 5, created);
    sqlite3_bind_null(w->put_head, 6);
    finish(w, w->put_head);
}

static void fill(writer *w) {
    int64_t there = number(w->database, "SELECT count(*) FROM head");
    sqlite3_stmt *put_lock =
        prepare(w->database, "INSERT OR REPLACE INTO lock VALUES (?1, 1, 1, ?2, 'bench', 0, x'', '', 0)");
    while (there < documents) {
        finish(w, w->begin);
        for (int in_group = 0; in_group < 1000 && there < documents; in_group += 1, there += 1) {
            char name[64], owner[16] = {1};
            sqlite3_bind_text(put_lock, 1, name, name_document(name, there), SQLITE_STATIC);
            sqlite3_bind_blob(put_lock, 2, owner, 16, SQLITE_STATIC);
            finish(w, put_lock);
            update(w, there);
        }
        finish(w, w->commit);
        sqlite3_wal_checkpoint_v2(w->database, 0, SQLITE_CHECKPOINT_PASSIVE, 0, 0);
    }
    sqlite3_finalize(put_lock);
}

static void open_writer(writer *w) {
    sqlite3 *database = w->database = open_database(64 << 10);
    gamekeeper_sqlite_watch_log(database, &w->log_pages);
    run(database,
        "CREATE TABLE IF NOT EXISTS head (name TEXT PRIMARY KEY, version INTEGER NOT NULL, sequence INTEGER NOT NULL, "
        "deleted INTEGER NOT NULL, created INTEGER NOT NULL, expires INTEGER) STRICT, WITHOUT ROWID;"
        "CREATE INDEX IF NOT EXISTS head_expires ON head (expires) WHERE expires IS NOT NULL;"
        "CREATE TABLE IF NOT EXISTS log (sequence INTEGER PRIMARY KEY, kind INTEGER NOT NULL, name TEXT NOT NULL, "
        "version INTEGER NOT NULL, previous INTEGER NOT NULL, at INTEGER NOT NULL, body BLOB NOT NULL, "
        "notes BLOB NOT NULL) STRICT;"
        "CREATE TABLE IF NOT EXISTS lock (name TEXT PRIMARY KEY, token INTEGER NOT NULL, boot INTEGER NOT NULL, "
        "owner BLOB, owner_name TEXT NOT NULL, until INTEGER NOT NULL, wish_owner BLOB, wish_name TEXT NOT NULL, "
        "wish_since INTEGER NOT NULL) STRICT, WITHOUT ROWID;");
    w->begin = prepare(database, "BEGIN IMMEDIATE");
    w->commit = prepare(database, "COMMIT");
    w->get_head = prepare(database, "SELECT version, sequence, deleted, created, expires FROM head WHERE name = ?1");
    w->get_lock = prepare(
        database,
        "SELECT token, boot, owner, owner_name, until, wish_owner, wish_name, wish_since FROM lock WHERE name = ?1");
    w->put_row = prepare(database, "INSERT INTO log VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
    w->put_head = prepare(
        database,
        "INSERT INTO head (name, version, sequence, deleted, created, expires) VALUES (?1, ?2, ?3, ?4, ?5, ?6) "
        "ON CONFLICT (name) DO UPDATE SET version = excluded.version, sequence = excluded.sequence, "
        "deleted = excluded.deleted, created = excluded.created, expires = excluded.expires");
    w->sequence = number(database, "SELECT max(sequence) FROM log");
    w->seed = (uint64_t)now_ns(CLOCK_MONOTONIC);
    w->body = malloc((size_t)size + 8);
    if (!w->body) fail("no memory", 0);
    for (int64_t place = 0; place < size; place += 8) {
        uint64_t word = draw(&w->seed);
        memcpy(w->body + place, &word, 8);
    }
    fill(w);
}

// MARK: Checkpoints

enum phase { idle, copying, finishing, stopped };

static _Atomic int phase = idle;
static _Atomic int pages_now;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t bell = PTHREAD_COND_INITIALIZER;

static void *copy(void *unused) {
    (void)unused;
    sqlite3 *database = open_database(2 << 10);
    while (1) {
        pthread_mutex_lock(&mutex);
        while (phase != copying && phase != stopped) pthread_cond_wait(&bell, &mutex);
        pthread_mutex_unlock(&mutex);
        if (phase == stopped) break;
        int before = 0;
        for (int pass = 0; pass < 16; pass += 1) {
            int pages = 0, copied = 0;
            sqlite3_wal_checkpoint_v2(database, 0, SQLITE_CHECKPOINT_PASSIVE, &pages, &copied);
            gamekeeper_sqlite_sync_database(database);
            if (pages_now - copied <= checkpoint_pages_left || copied <= before || phase == stopped) break;
            before = copied;
        }
        int expected = copying;
        atomic_compare_exchange_strong(&phase, &expected, finishing);
    }
    sqlite3_close_v2(database);
    return 0;
}

static void after_commit(writer *w) {
    pages_now = w->log_pages;
    if (phase == finishing) {
        sqlite3_wal_checkpoint_v2(w->database, 0, SQLITE_CHECKPOINT_PASSIVE, 0, 0);
        phase = idle;
    } else if (phase == idle && w->log_pages >= checkpoint_pages) {
        pthread_mutex_lock(&mutex);
        phase = copying;
        pthread_cond_signal(&bell);
        pthread_mutex_unlock(&mutex);
    }
}

static void stop_checkpoints(pthread_t copier) {
    pthread_mutex_lock(&mutex);
    phase = stopped;
    pthread_cond_signal(&bell);
    pthread_mutex_unlock(&mutex);
    pthread_join(copier, 0);
}

static void update_group(writer *w, int64_t count) {
    finish(w, w->begin);
    for (int64_t index = 0; index < count; index += 1) update(w, (int64_t)(draw(&w->seed) % (uint64_t)documents));
    finish(w, w->commit);
    after_commit(w);
}

// MARK: What is measured

static int compare(const void *left, const void *right) {
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return a < b ? -1 : a > b;
}

static void measure_updates(void) {
    writer w = {0};
    open_writer(&w);
    pthread_t copier;
    if (pthread_create(&copier, 0, copy, 0)) fail("thread", 0);
    uint32_t *taken = malloc(latencies_max * sizeof *taken);
    if (!taken) fail("no memory", 0);
    for (int64_t warm = now_ns(CLOCK_MONOTONIC) + 100000000; now_ns(CLOCK_MONOTONIC) < warm;) update_group(&w, group);
    int64_t begun = now_ns(CLOCK_MONOTONIC), cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID);
    int64_t end = begun + (int64_t)(seconds * 1e9), moment = begun, groups = 0, log_pages = 0;
    while (moment < end) {
        int before = w.log_pages;
        update_group(&w, group);
        log_pages += w.log_pages > before ? w.log_pages - before : w.log_pages;
        int64_t after = now_ns(CLOCK_MONOTONIC);
        if (groups < latencies_max) taken[groups] = (uint32_t)((after - moment) / 1000);
        groups += 1;
        moment = after;
    }
    cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    int64_t kept = groups < latencies_max ? groups : latencies_max;
    qsort(taken, (size_t)kept, sizeof *taken, compare);
    printf("{\"operations\": %lld, \"seconds\": %.6f, \"sampled_cpu_ns\": %lld, \"errors\": 0, ", (long long)(groups * group),
           (double)(moment - begun) / 1e9, (long long)cpu);
    printf("\"p50_us\": %u, \"p99_us\": %u, \"p999_us\": %u, \"max_us\": %u, \"log_bytes\": %lld}\n", taken[kept / 2],
           taken[kept * 99 / 100], taken[kept * 999 / 1000], taken[kept - 1], (long long)log_pages * 4120);
    fflush(stdout);
    stop_checkpoints(copier);
    sqlite3_close_v2(w.database);
}

// MARK: Reads

static _Atomic int reading_ends;

typedef struct {
    pthread_t thread;
    int64_t reads, cpu;
    uint64_t seed, sum;
} reader;

static void *read_documents(void *argument) {
    reader *r = argument;
    sqlite3 *database = open_database(16 << 10);
    run(database, "PRAGMA query_only = ON");
    sqlite3_stmt *begin = prepare(database, "BEGIN"), *end = prepare(database, "COMMIT");
    sqlite3_stmt *get = prepare(
        database,
        "SELECT log.sequence, log.kind, log.name, log.version, log.previous, log.at, log.body, log.notes, "
        "head.created, head.expires "
        "FROM head JOIN log ON log.sequence = head.sequence WHERE head.name = ?1 AND head.deleted = 0");
    char *copy_of_body = malloc(size_max);
    if (!copy_of_body) fail("no memory", 0);
    int64_t cpu = now_ns(CLOCK_THREAD_CPUTIME_ID);
    while (!reading_ends) {
        sqlite3_step(begin);
        sqlite3_reset(begin);
        for (int in_group = 0; in_group < reads_per_transaction; in_group += 1) {
            char name[64];
            int name_bytes = name_document(name, (int64_t)(draw(&r->seed) % (uint64_t)documents));
            sqlite3_bind_text(get, 1, name, name_bytes, SQLITE_STATIC);
            if (sqlite3_step(get) != SQLITE_ROW) fail("a document is not there", database);
            const void *body = sqlite3_column_blob(get, 6);
            int count = sqlite3_column_bytes(get, 6);
            memcpy(copy_of_body, body, (size_t)count);
            r->sum += (uint64_t)copy_of_body[count / 2] + (uint64_t)sqlite3_column_int64(get, 3);
            sqlite3_reset(get);
            r->reads += 1;
        }
        sqlite3_step(end);
        sqlite3_reset(end);
    }
    r->cpu = now_ns(CLOCK_THREAD_CPUTIME_ID) - cpu;
    sqlite3_close_v2(database);
    return 0;
}

static void measure_reads(void) {
    writer w = {0};
    open_writer(&w);
    pthread_t copier;
    if (pthread_create(&copier, 0, copy, 0)) fail("thread", 0);
    reader readers[threads_max] = {0};
    int64_t begun = now_ns(CLOCK_MONOTONIC), end = begun + (int64_t)(seconds * 1e9), updates = 0;
    for (int64_t index = 0; index < threads; index += 1) {
        readers[index].seed = w.seed + (uint64_t)index * 7919;
        if (pthread_create(&readers[index].thread, 0, read_documents, &readers[index])) fail("thread", 0);
    }
    for (int64_t moment = begun; moment < end; moment = now_ns(CLOCK_MONOTONIC)) {
        int64_t due = (int64_t)((double)(moment - begun) / 1e9 * (double)updates_per_second);
        if (due - updates >= group) {
            update_group(&w, group);
            updates += group;
        } else {
            struct timespec pause = {0, 200000};
            nanosleep(&pause, 0);
        }
    }
    reading_ends = 1;
    int64_t reads = 0, cpu = 0;
    for (int64_t index = 0; index < threads; index += 1) {
        pthread_join(readers[index].thread, 0);
        reads += readers[index].reads;
        cpu += readers[index].cpu;
    }
    double took = (double)(now_ns(CLOCK_MONOTONIC) - begun) / 1e9;
    printf("{\"operations\": %lld, \"seconds\": %.6f, \"sampled_cpu_ns\": %lld, \"errors\": 0, \"updates\": %lld}\n",
           (long long)reads, took, (long long)cpu, (long long)updates);
    fflush(stdout);
    stop_checkpoints(copier);
    sqlite3_close_v2(w.database);
}

// MARK: The command line

static int64_t whole(const char *text, int64_t least, int64_t most) {
    char *end = 0;
    long long value = strtoll(text, &end, 10);
    if (*end || value < least || value > most) {
        fprintf(stderr, "storelimit: %s is not between %lld and %lld\n", text, (long long)least, (long long)most);
        exit(2);
    }
    return value;
}

int main(int count, char **arguments) {
    for (int index = 2; index + 1 < count; index += 2) {
        const char *option = arguments[index], *value = arguments[index + 1];
        if (strcmp(option, "--path") == 0) path = value;
        else if (strcmp(option, "--documents") == 0) documents = whole(value, 1, 100000000);
        else if (strcmp(option, "--size") == 0) size = whole(value, 16, size_max);
        else if (strcmp(option, "--group") == 0) group = whole(value, 1, group_max);
        else if (strcmp(option, "--threads") == 0) threads = whole(value, 1, threads_max);
        else if (strcmp(option, "--sync-delay-us") == 0) sync_delay_us = whole(value, 0, 1000000);
        else if (strcmp(option, "--updates-per-second") == 0) updates_per_second = whole(value, 0, 10000000);
        else if (strcmp(option, "--seconds") == 0) seconds = strtod(value, 0);
        else path = 0, count = 0;
    }
    if (!path || !(seconds > 0) || seconds > seconds_max) {
        fprintf(stderr, "usage: storelimit update|read --path FILE [--documents N] …: its first lines say more\n");
        return 2;
    }
    gamekeeper_disk *disk = 0;
    if (sync_delay_us > 0) {
        disk = gamekeeper_disk_make("slow disk");
        if (!disk) fail("no memory", 0);
        file_system = gamekeeper_disk_name(disk);
    }
    if (disk) gamekeeper_disk_set_sync_delay(disk, sync_delay_us * 1000);
    if (strcmp(arguments[1], "read") == 0) measure_reads();
    else measure_updates();
    return 0;
}
