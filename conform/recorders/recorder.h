/* Writes what a loop does, one line each, for `wakeproof conform --trace`.
 *
 * Include this file. Each line is a single write to a file descriptor, best to a pipe, where a write of
 * less than 4,096 bytes stays in one piece: the threads under test share no lock because of the recorder.
 * Names must need no escapes in JSON. Its test is recorder.c.
 */
#ifndef WAKEPROOF_RECORDER_H
#define WAKEPROOF_RECORDER_H

#include <assert.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    int fd;
    atomic_ulong lines;
} recorder;

static inline void recorder_write(recorder *r, const char *format, ...) {
    char line[4096];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    assert(0 < length && (size_t)length < sizeof line);
    atomic_fetch_add(&r->lines, 1);
    ssize_t written = write(r->fd, line, (size_t)length);
    assert(written == length);
    (void)written;
}

/* The first line. `made` says how the recording was made. */
static inline void recorder_open(recorder *r, int fd, const char *made) {
    r->fd = fd;
    recorder_write(r, "{\"recording\":\"wakeproof\",\"version\":2,\"against\":\"EventLoop\",\"made\":\"%s\"}\n", made);
    atomic_store(&r->lines, 0);
}

/* Just before a call, and just after it. */
static inline void recorder_submits(recorder *r, const char *thread, unsigned long callback, bool wakes) {
    recorder_write(r, "{\"thread\":\"%s\",\"begins\":\"submit\",\"callback\":%lu,\"wakes\":%s}\n", thread, callback,
                   wakes ? "true" : "false");
}
static inline void recorder_submitted(recorder *r, const char *thread, bool accepted) {
    recorder_write(r, "{\"thread\":\"%s\",\"ends\":\"submit\",\"result\":\"%s\"}\n", thread,
                   accepted ? "accepted" : "refused");
}
static inline void recorder_stops(recorder *r, const char *thread, bool wakes) {
    recorder_write(r, "{\"thread\":\"%s\",\"begins\":\"stop\",\"wakes\":%s}\n", thread, wakes ? "true" : "false");
}
/* start, close */
static inline void recorder_begins(recorder *r, const char *thread, const char *call) {
    recorder_write(r, "{\"thread\":\"%s\",\"begins\":\"%s\"}\n", thread, call);
}
/* stop, start, close */
static inline void recorder_returned(recorder *r, const char *thread, const char *call) {
    recorder_write(r, "{\"thread\":\"%s\",\"ends\":\"%s\",\"result\":\"returned\"}\n", thread, call);
}

/* The first thing that a callback does. */
static inline void recorder_runs(recorder *r, const char *thread, unsigned long callback) {
    recorder_write(r, "{\"thread\":\"%s\",\"runs\":%lu}\n", thread, callback);
}

/* The last line, when nobody writes any more. */
static inline void recorder_end(recorder *r) { recorder_write(r, "{\"end\":%lu}\n", atomic_load(&r->lines)); }

#endif
