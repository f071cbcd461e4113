// Drives libuv. uv_async_send is its one call for other threads; it carries nothing, so a queue stands beside it.
#include "probe.h"
#include <uv.h>

const struct name names[] = {{"submit plain", "uv_idle_start"},   {"submit safe", "uv_async_send"},
                             {"timer plain", "uv_timer_start(0)"}, {"timer safe", "uv_async_send(uv_timer_start)"},
                             {"stop plain", "uv_stop"},            {"stop safe", "uv_async_send(uv_stop)"},
                             {NULL, NULL}};

static uv_loop_t loop;
static uv_async_t async;
static struct queue queue = {.lock = PTHREAD_MUTEX_INITIALIZER};
static struct callback timed, stopping;

static void on_idle(uv_idle_t *idle) {
    uv_idle_stop(idle);
    probe_runs((struct callback *)idle->data);
}

static void on_timer(uv_timer_t *handle) { probe_runs((struct callback *)handle->data); }

static void start_timer(struct callback *callback) {
    uv_timer_t *handle = calloc(1, sizeof *handle);
    handle->data = callback;
    uv_timer_init(&loop, handle);
    uv_timer_start(handle, on_timer, 0, 0);
}

static void on_async(uv_async_t *unused) {
    (void)unused;
    for (struct callback *callback; (callback = dequeue(&queue));)
        if (callback == &stopping)
            uv_stop(&loop);
        else if (callback == &timed)
            start_timer(dequeue(&queue));
        else
            probe_runs(callback);
}

static void submit(struct callback *callback, int safe) {
    if (safe) {
        enqueue(&queue, callback);
        uv_async_send(&async);
        return;
    }
    uv_idle_t *idle = calloc(1, sizeof *idle);
    idle->data = callback;
    uv_idle_init(&loop, idle);
    uv_idle_start(idle, on_idle);
}

static void timer(struct callback *callback, int safe) {
    if (!safe)
        return start_timer(callback);
    enqueue(&queue, &timed);
    enqueue(&queue, callback);
    uv_async_send(&async);
}

static void stop(int safe) {
    if (!safe)
        return uv_stop(&loop);
    enqueue(&queue, &stopping);
    uv_async_send(&async);
}

static void run(void) { uv_run(&loop, UV_RUN_DEFAULT); }

int main(void) {
    uv_loop_init(&loop);
    uv_async_init(&loop, &async, on_async);
    return probe_main("libuv", uv_version_string());
}
