// A loop around libuv with a queue of its own, built as uvloop is: whatever is ready runs in an idle handle.
//
// libuv has no queue of callbacks. uv_async_send only wakes; other threads append to the queue before it, and
// the handle's callback starts the idle handle. record_system_calls.py drives this by the words of ../../probes.
#include "../../probes/c/probe.h"
#include <uv.h>

const struct name names[] = {{"submit plain", "append, uv_idle_start"}, // on the loop's own thread only
                             {"submit safe", "append, uv_async_send"},
                             {"stop plain", "uv_stop"},
                             {NULL, NULL}};

static uv_loop_t loop;
static uv_async_t async;
static uv_idle_t idle;
static struct queue queue = {.lock = PTHREAD_MUTEX_INITIALIZER};

static unsigned length(void) {
    pthread_mutex_lock(&queue.lock);
    unsigned length = queue.end - queue.first;
    pthread_mutex_unlock(&queue.lock);
    return length;
}

// An iteration: what is ready when it begins.
static void on_idle(uv_idle_t *unused) {
    (void)unused;
    for (unsigned todo = length(); todo; todo--)
        probe_runs(dequeue(&queue));
    if (!length())
        uv_idle_stop(&idle);
}

static void on_async(uv_async_t *unused) {
    (void)unused;
    uv_idle_start(&idle, on_idle);
}

static void submit(struct callback *callback, int safe) {
    enqueue(&queue, callback);
    if (safe)
        uv_async_send(&async);
    else
        uv_idle_start(&idle, on_idle);
}

static void timer(struct callback *callback, int safe) { (void)callback, (void)safe; }

static void stop(int safe) {
    (void)safe;
    uv_stop(&loop);
}

static void run(void) { uv_run(&loop, UV_RUN_DEFAULT); }

int main(void) {
    uv_loop_init(&loop);
    uv_async_init(&loop, &async, on_async);
    uv_idle_init(&loop, &idle);
    return probe_main("libuv", uv_version_string());
}
