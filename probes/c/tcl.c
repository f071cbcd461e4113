// Drives Tcl's event loop. Tcl_ThreadQueueEvent puts an event in a thread's queue; Tcl_ThreadAlert wakes it.
#include "probe.h"
#include <tcl.h>

const struct name names[] = {{"submit plain", "Tcl_ThreadQueueEvent"},
                             {"submit safe", "Tcl_ThreadQueueEvent, Tcl_ThreadAlert"},
                             {"stop plain", "an event that ends the loop"},
                             {"stop safe", "an event that ends the loop, Tcl_ThreadAlert"},
                             {NULL, NULL}};

struct event {
    Tcl_Event event;
    struct callback *callback;
};

static Tcl_ThreadId thread;
static struct queue before;
static pthread_mutex_t started = PTHREAD_MUTEX_INITIALIZER;
static struct callback stopping;
static int is_stopping;

static int runs(Tcl_Event *event, int flags) {
    (void)flags;
    struct callback *callback = ((struct event *)event)->callback;
    if (callback == &stopping)
        is_stopping = 1;
    else
        probe_runs(callback);
    return 1;
}

static void submit(struct callback *callback, int safe) {
    pthread_mutex_lock(&started);
    if (!thread) {
        enqueue(&before, callback);
    } else {
        struct event *event = (struct event *)Tcl_Alloc(sizeof *event);
        event->event.proc = runs;
        event->callback = callback;
        Tcl_ThreadQueueEvent(thread, &event->event, TCL_QUEUE_TAIL);
        if (safe)
            Tcl_ThreadAlert(thread);
    }
    pthread_mutex_unlock(&started);
}

static void timer(struct callback *callback, int safe) { submit(callback, safe); }

static void stop(int safe) { submit(&stopping, safe); }

// Tcl's loop belongs to the thread that runs it, so what was submitted before has to wait for that thread.
static void run(void) {
    if (!thread) {
        Tcl_CreateInterp();
        pthread_mutex_lock(&started);
        thread = Tcl_GetCurrentThread();
        pthread_mutex_unlock(&started);
        for (struct callback *callback; (callback = dequeue(&before));)
            submit(callback, 0);
    }
    while (!is_stopping)
        Tcl_DoOneEvent(TCL_ALL_EVENTS);
    is_stopping = 0;
}

int main(int count, char **arguments) {
    (void)count;
    Tcl_FindExecutable(arguments[0]);
    return probe_main("Tcl", TCL_PATCH_LEVEL);
}
