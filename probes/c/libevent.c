// Drives libevent. With -DTHREADS, evthread_use_pthreads is called first, and event_active wakes the loop.
#include "probe.h"
#include <event2/event.h>
#include <event2/thread.h>

#ifdef THREADS
#define LOOP "libevent, threads"
const struct name names[] = {{"submit safe", "event_active"},
                             {"timer safe", "event_base_once(0)"},
                             {"stop safe", "event_base_loopbreak"},
                             {NULL, NULL}};
#else
#define LOOP "libevent"
const struct name names[] = {{"submit plain", "event_active"},
                             {"timer plain", "event_base_once(0)"},
                             {"stop plain", "event_base_loopbreak"},
                             {NULL, NULL}};
#endif

static struct event_base *base;

static void runs(evutil_socket_t unused, short what, void *callback) {
    (void)unused, (void)what;
    probe_runs(callback);
}

static void submit(struct callback *callback, int safe) {
    (void)safe;
    event_active(event_new(base, -1, 0, runs, callback), EV_TIMEOUT, 0);
}

static void timer(struct callback *callback, int safe) {
    (void)safe;
    event_base_once(base, -1, EV_TIMEOUT, runs, callback, NULL);
}

static void stop(int safe) {
    (void)safe;
    event_base_loopbreak(base);
}

static void run(void) { event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY); }

int main(void) {
#ifdef THREADS
    evthread_use_pthreads();
#endif
    base = event_base_new();
    return probe_main(LOOP, event_get_version());
}
