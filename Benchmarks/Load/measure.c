// Time: the clock, the histogram of latencies, the window, and what the server used of the processor in it.
#define _GNU_SOURCE
#include "load.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void histogram_add(struct histogram *h, int64_t nanoseconds) {
    uint64_t value = nanoseconds < 0 ? 0 : (uint64_t)nanoseconds;
    uint64_t cell = value;
    if (value >= 2 * histogram_steps) {
        int shift = 63 - __builtin_clzll(value) - 6; // leaves 7 bits: one that is always set, six for the step
        cell = (uint64_t)(shift + 1) * histogram_steps + ((value >> shift) - histogram_steps);
    }
    if (cell >= histogram_cells) cell = histogram_cells - 1;
    h->cells[cell]++;
    h->total++;
    if (nanoseconds > h->max) h->max = nanoseconds;
}

double histogram_us(const struct histogram *h, double quantile) {
    uint64_t wanted = (uint64_t)(quantile * (double)h->total), seen = 0;
    for (uint64_t cell = 0; cell < histogram_cells; cell++) {
        seen += h->cells[cell];
        if (seen <= wanted || h->cells[cell] == 0) continue;
        if (cell < 2 * histogram_steps) return (double)cell / 1000;
        uint64_t shift = cell / histogram_steps - 1;
        return (double)((cell % histogram_steps + histogram_steps) << shift) / 1000;
    }
    return (double)h->max / 1000;
}

// The process's own clock counts all its threads, to the nanosecond and up to now; /proc/PID/schedstat would count the
// first thread only. The split into user and system is known in ticks.
struct usage usage_of(pid_t process) {
    struct usage usage = {0};
    clockid_t clock;
    struct timespec t;
    if (process == 0) return usage;
    if (clock_getcpuclockid(process, &clock) != 0 || clock_gettime(clock, &t) != 0) {
        fail("process %d can't be sampled", (int)process);
    }
    usage.total_ns = (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)process);
    FILE *file = fopen(path, "r");
    if (file == NULL) return usage;
    size_t size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[size] = 0;
    // The name, in parentheses, may hold anything; fields are counted from the last one.
    const char *rest = strrchr(text, ')');
    if (rest != NULL) {
        sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld", &usage.user_ticks,
               &usage.system_ticks);
    }
    return usage;
}

void window_plan(struct window *w) {
    w->opens = now_ns() + (int64_t)(options.warmup * 1e9);
    w->closes = w->opens + (int64_t)(options.seconds * 1e9);
}

bool window_runs(struct window *w, int64_t now) {
    if (w->opened == 0 && now >= w->opens) {
        w->before = usage_of(options.sampled);
        w->opened = now_ns();
        w->closes += w->opened - w->opens;
    } else if (now >= w->closes && w->closed == 0) {
        w->after = usage_of(options.sampled);
        w->closed = now_ns();
    }
    return w->closed == 0;
}

void print_outcome(const struct outcome *o) {
    const struct window *w = &o->window;
    printf("{\"operations\": %llu, \"seconds\": %.6f, \"p50_us\": %.2f, \"p99_us\": %.2f, \"p999_us\": %.2f, "
           "\"max_us\": %.2f, \"errors\": %llu, ",
           (unsigned long long)o->operations, (double)(w->closed - w->opened) / 1e9, histogram_us(&o->latency, 0.5),
           histogram_us(&o->latency, 0.99), histogram_us(&o->latency, 0.999), (double)o->latency.max / 1000,
           (unsigned long long)o->errors);
    printf("\"request_bytes\": %d, \"reply_bytes\": %d, \"handshake_bytes\": %d, \"handshake_reply_bytes\": %d, ",
           o->request_bytes, o->reply_bytes, o->handshake_bytes, o->handshake_reply_bytes);
    printf("\"sampled_cpu_ns\": %lld, \"sampled_user_ticks\": %ld, \"sampled_system_ticks\": %ld}\n",
           (long long)(w->after.total_ns - w->before.total_ns), w->after.user_ticks - w->before.user_ticks,
           w->after.system_ticks - w->before.system_ticks);
    fflush(stdout);
}
