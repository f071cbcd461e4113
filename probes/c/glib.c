// Drives glib's main loop. Its own calls all wake; the plain one is a GSource of one's own that looks at a queue.
#include "probe.h"
#include <glib.h>

const struct name names[] = {{"submit plain", "a GSource's own queue"}, {"submit safe", "g_source_attach"},
                             {"timer safe", "g_timeout_add(0)"},        {"stop safe", "g_main_loop_quit"},
                             {NULL, NULL}};

static GMainLoop *loop;
static GMainContext *context;
static struct queue queue = {.lock = PTHREAD_MUTEX_INITIALIZER};

static gboolean is_ready(GSource *unused) {
    (void)unused;
    return queue.first != queue.end;
}

static gboolean prepare(GSource *source, gint *timeout) {
    *timeout = -1;
    return is_ready(source);
}

static gboolean dispatch(GSource *source, GSourceFunc unused, gpointer nothing) {
    (void)source, (void)unused, (void)nothing;
    probe_runs(dequeue(&queue));
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs own = {.prepare = prepare, .check = is_ready, .dispatch = dispatch};

static gboolean runs(gpointer callback) {
    probe_runs(callback);
    return G_SOURCE_REMOVE;
}

static void attach(GSource *source, struct callback *callback) {
    g_source_set_callback(source, runs, callback, NULL);
    g_source_attach(source, context);
    g_source_unref(source);
}

static void submit(struct callback *callback, int safe) {
    if (!safe)
        return enqueue(&queue, callback);
    GSource *source = g_idle_source_new();
    g_source_set_priority(source, G_PRIORITY_DEFAULT);
    attach(source, callback);
}

static void timer(struct callback *callback, int safe) {
    (void)safe;
    attach(g_timeout_source_new(0), callback);
}

static void stop(int safe) {
    (void)safe;
    g_main_loop_quit(loop);
}

static void run(void) { g_main_loop_run(loop); }

int main(void) {
    context = g_main_context_new();
    loop = g_main_loop_new(context, FALSE);
    g_source_attach(g_source_new(&own, sizeof(GSource)), context);
    char version[32];
    snprintf(version, sizeof version, "%u.%u.%u", glib_major_version, glib_minor_version, glib_micro_version);
    return probe_main("glib", version);
}
