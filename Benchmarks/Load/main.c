// The load generator of `gamekeeper bench`: one thread that costs as little as it can, so that the server is what is
// measured. Each mode verifies every answer (its length and some bytes of it), and prints one line of JSON.
//
//   load echo|http|fanout|connect --port P [--connections 64] [--depth 1] [--size 100] [--seconds 1] [--warmup 0.2]
//        [--tls] [--sample PID]     PID's processor time is measured over exactly the window of the operations
//        [--raw IN OUT]             no handshake: messages of IN bytes are answered by OUT bytes (against `limit`)
//        [--raw-first IN OUT]       connect: the sizes that stand for the handshake
//   load idle --port P --connections N [--tls]     opens N/10, says `open`, waits for a line, opens the rest, and again
//   load rpc --port P --encoding json|msgpack|cbor|protobuf [--depth 1] [--rate R]     calls of sessions; with a rate they
//        are sent when they are due, and latencies count from then  [--method M --refused CODE]
//   load feed --port P --connections N     sessions in three encodings hear what one of them makes the server publish
//   load login|resume --port P [--tls]     a new socket per operation, to the first answered call
//   load start --rounds N -- COMMAND…              starts COMMAND N times, until its first answer to GET /hello

#include "load.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

struct options options = {
    .host = "127.0.0.1", .connections = 64, .depth = 1, .size = 100, .rounds = 7, .seconds = 1, .warmup = 0.2,
    .encoding = "json", .method = "bench.echo",
};

_Noreturn void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("load: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

static double number(const char *name, const char *text, double min, double max) {
    char *end;
    if (text == NULL) fail("%s needs a number", name);
    double value = strtod(text, &end);
    if (*end != 0 || end == text || !(value >= min && value <= max)) {
        fail("%s takes a number from %g to %g, not %s", name, min, max, text);
    }
    return value;
}

static void read_arguments(int argc, char **argv) {
    static const struct {
        const char *name;
        int *value;
        int min, max;
    } numbers[] = {
        {"--port", &options.port, 1, 65535},      {"--connections", &options.connections, 1, 50000},
        {"--depth", &options.depth, 1, 256},      {"--size", &options.size, 16, 65536},
        {"--rounds", &options.rounds, 1, 1000},   {"--sample", &options.sampled, 1, 1 << 30},
        {"--rate", &options.rate, 1, 1000000},
    };
    if (argc < 2) fail("which mode? echo, http, fanout, idle, connect, start, rpc, feed, login or resume");
    options.mode = argv[1];
    for (int i = 2; i < argc; i++) {
        const char *name = argv[i], *next = i + 1 < argc ? argv[i + 1] : NULL;
        const char *after = next != NULL && i + 2 < argc ? argv[i + 2] : NULL;
        bool found = false;
        for (size_t n = 0; n < sizeof numbers / sizeof *numbers; n++) {
            if (strcmp(name, numbers[n].name) != 0) continue;
            *numbers[n].value = (int)number(name, next, numbers[n].min, numbers[n].max);
            found = true;
            i++;
        }
        if (found) continue;
        if (strcmp(name, "--tls") == 0) options.tls = true;
        else if (strcmp(name, "--session") == 0) options.session = true;
        else if (strcmp(name, "--encoding") == 0 && next != NULL) options.encoding = argv[++i];
        else if (strcmp(name, "--method") == 0 && next != NULL) options.method = argv[++i];
        else if (strcmp(name, "--refused") == 0 && next != NULL) options.refused = argv[++i];
        else if (strcmp(name, "--host") == 0 && next != NULL) options.host = argv[++i];
        else if (strcmp(name, "--path") == 0 && next != NULL) options.path = argv[++i];
        else if (strcmp(name, "--seconds") == 0) options.seconds = number(name, next, 0.01, 600), i++;
        else if (strcmp(name, "--warmup") == 0) options.warmup = number(name, next, 0, 60), i++;
        else if (strcmp(name, "--raw") == 0) {
            options.raw = true;
            options.raw_in = (int)number(name, next, 14, 65536);
            options.raw_out = (int)number(name, after, 2, 65536);
            i += 2;
        } else if (strcmp(name, "--raw-first") == 0) {
            options.raw_first_in = (int)number(name, next, 1, 65536);
            options.raw_first_out = (int)number(name, after, 1, 65536);
            i += 2;
        } else if (strcmp(name, "--") == 0) {
            options.command = argv + i + 1;
            break;
        } else fail("what is %s?", name);
    }
    if (options.port == 0 && strcmp(options.mode, "start") != 0) fail("--port is missing");
}

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        void (*run)(void);
    } modes[] = {
        {"echo", run_echo}, {"http", run_http},       {"fanout", run_fanout},
        {"idle", run_idle}, {"connect", run_connect}, {"start", run_start},
        {"rpc", run_rpc},   {"feed", run_feed},       {"login", run_login},
        {"resume", run_resume},
    };
    read_arguments(argc, argv);
    signal(SIGPIPE, SIG_IGN);
    // No run lasts longer, whatever the server does.
    alarm((unsigned)(options.seconds + options.warmup) + 120);
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        if (strcmp(options.mode, modes[i].name) != 0) continue;
        modes[i].run();
        return 0;
    }
    fail("there is no mode %s", options.mode);
}
