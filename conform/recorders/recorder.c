/* The test of recorder.h: it records a loop around a mutex, a condvar and a list.
 *
 *     cc -pthread -o recorder recorder.c && ./recorder | wakeproof conform --trace -
 */
#include "recorder.h"

#include <pthread.h>

static recorder record;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t filled = PTHREAD_COND_INITIALIZER;
static unsigned long queue[3];
static int queued, taken;
static bool stopping;

static void submit(unsigned long callback) {
    recorder_submits(&record, "worker", callback, true);
    pthread_mutex_lock(&mutex);
    queue[queued++] = callback;
    pthread_cond_signal(&filled);
    pthread_mutex_unlock(&mutex);
    recorder_submitted(&record, "worker", true);
}

static void *work(void *nothing) {
    for (unsigned long callback = 1; callback <= 3; callback++)
        submit(callback);
    recorder_stops(&record, "worker", true);
    pthread_mutex_lock(&mutex);
    stopping = true;
    pthread_cond_signal(&filled);
    pthread_mutex_unlock(&mutex);
    recorder_returned(&record, "worker", "stop");
    return nothing;
}

int main(void) {
    recorder_open(&record, STDOUT_FILENO, "recorder.c, a loop around a condvar");
    pthread_t worker;
    if (pthread_create(&worker, NULL, work, NULL) != 0)
        return 2;
    recorder_begins(&record, "main", "start");
    pthread_mutex_lock(&mutex);
    for (;;) {
        while (taken == queued && !stopping)
            pthread_cond_wait(&filled, &mutex);
        if (taken == queued)
            break;
        unsigned long callback = queue[taken++];
        pthread_mutex_unlock(&mutex);
        recorder_runs(&record, "main", callback);
        pthread_mutex_lock(&mutex);
    }
    pthread_mutex_unlock(&mutex);
    recorder_returned(&record, "main", "start");
    pthread_join(worker, NULL);
    recorder_end(&record);
    return 0;
}
