// What the adapters in C and C++ share: words in, the lines of a recording out. ../README.md has both.
#ifndef PROBE_H
#define PROBE_H

#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PROBE_LINE = 4096 };

// A callback that was submitted; the words in `then` are obeyed when it runs.
struct callback {
    long id;
    char then[PROBE_LINE];
};

// What a word is called in this loop. The last one has no word.
struct name {
    const char *word, *call;
};

// What an adapter has to have. A word that is not among the names is never said to it.
extern const struct name names[];
static void run(void);                                 // runs the loop until it is stopped
static void submit(struct callback *callback, int safe); // ends in probe_runs(callback)
static void stop(int safe);
static void timer(struct callback *callback, int safe);

static __thread char me[16] = "main";
static pthread_barrier_t barrier;
static sem_t next_run;
static int has_run;
static char *scripts[256]; // what callbacks will obey

// Writes one line by one write, which a pipe takes whole: no lock that the loop might need.
static void say(const char *format, ...) {
    char line[PROBE_LINE];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (length < 0 || length >= (int)sizeof line || write(1, line, length) != length)
        _exit(3);
}

static const char *called(const char *word) {
    for (const struct name *name = names; name->word; name++)
        if (!strcmp(name->word, word))
            return name->call;
    return "?";
}

static void probe_obey(const char *line);

static void probe_runs(struct callback *callback) {
    say("{\"thread\":\"%s\",\"runs\":%ld}\n", me, callback->id);
    char *script = callback->id >= 0 && callback->id < 256 ? scripts[callback->id] : NULL;
    probe_obey(script ? script : callback->then);
    free(callback);
}

static void *probe_run(void *unused) {
    (void)unused;
    for (strcpy(me, "loop");; sem_wait(&next_run)) {
        say("{\"thread\":\"loop\",\"begins\":\"start\"}\n");
        run();
        say("{\"thread\":\"loop\",\"ends\":\"start\",\"result\":\"returned\"}\n");
    }
}

static void probe_thread(void *(*body)(void *), void *argument) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, body, argument))
        _exit(3);
    pthread_detach(thread);
}

static void probe_submit(const char *word, const char *how, long id, const char *then) {
    char name[64];
    int safe = !strcmp(how, "safe");
    struct callback *callback = (struct callback *)calloc(1, sizeof *callback);
    callback->id = id;
    strncpy(callback->then, then, sizeof callback->then - 1);
    snprintf(name, sizeof name, "%s %s", word, how);
    say("{\"thread\":\"%s\",\"begins\":\"submit\",\"callback\":%ld,\"wakes\":%s,\"by\":\"%s\"}\n", me, id,
        safe ? "true" : "false", called(name));
    strcmp(word, "timer") ? submit(callback, safe) : timer(callback, safe);
    say("{\"thread\":\"%s\",\"ends\":\"submit\",\"result\":\"accepted\"}\n", me);
}

struct burst {
    char how[16];
    long first, count, thread;
};

static void *probe_burst(void *argument) {
    struct burst *mine = (struct burst *)argument;
    snprintf(me, sizeof me, "w%ld", mine->thread);
    pthread_barrier_wait(&barrier);
    for (long i = 0; i < mine->count; i++)
        probe_submit("submit", mine->how, mine->first + i, "");
    free(mine);
    return NULL;
}

struct part {
    long thread;
    char words[PROBE_LINE];
};

static void *probe_part(void *argument) {
    struct part *mine = (struct part *)argument;
    snprintf(me, sizeof me, "w%ld", mine->thread);
    pthread_barrier_wait(&barrier);
    probe_obey(mine->words);
    free(mine);
    return NULL;
}

// Lets a thread obey each part of `A ; B | C`, all at once.
static void probe_threads(const char *line) {
    char parts[PROBE_LINE], *place;
    long count = 1, thread = 0;
    strncpy(parts, line, sizeof parts - 1)[sizeof parts - 1] = 0;
    for (const char *bar = parts; (bar = strchr(bar, '|')); bar++)
        count++;
    pthread_barrier_init(&barrier, NULL, count);
    for (char *words = strtok_r(parts, "|\n", &place); words; words = strtok_r(NULL, "|\n", &place)) {
        struct part *part = (struct part *)calloc(1, sizeof *part);
        part->thread = ++thread;
        strcpy(part->words, words);
        probe_thread(probe_part, part);
    }
}

// Obeys `A ; B then C`: C belongs to the callbacks that A and B submit.
static void probe_obey(const char *line) {
    if (!strncmp(line, "threads ", strlen("threads "))) {
        probe_threads(line + strlen("threads "));
        return;
    }
    char commands[PROBE_LINE], how[16], *place;
    strncpy(commands, line, sizeof commands - 1)[sizeof commands - 1] = 0;
    char *then = strstr(commands, " then ");
    if (then)
        *then = 0, then += strlen(" then ");
    for (char *command = strtok_r(commands, ";\n", &place); command; command = strtok_r(NULL, ";\n", &place)) {
        long id, count, threads;
        if (sscanf(command, " submit %15s %ld", how, &id) == 2)
            probe_submit("submit", how, id, then ? then : "");
        else if (sscanf(command, " when %ld", &id) == 1) {
            if (then && id >= 0 && id < 256)
                scripts[id] = strdup(then);
        } else if (sscanf(command, " chain %15s %ld %ld", how, &id, &count) == 3) {
            // A callback that submits the next one, and so on.
            char rest[64] = "";
            if (id < count)
                snprintf(rest, sizeof rest, "chain %s %ld %ld", how, id + 1, count);
            probe_submit("submit", how, id, rest);
        } else if (sscanf(command, " timer %15s %ld", how, &id) == 2)
            probe_submit("timer", how, id, "");
        else if (sscanf(command, " stop %15s", how) == 1) {
            int safe = !strcmp(how, "safe");
            say("{\"thread\":\"%s\",\"begins\":\"stop\",\"wakes\":%s,\"by\":\"%s\"}\n", me, safe ? "true" : "false",
                called(safe ? "stop safe" : "stop plain"));
            stop(safe);
            say("{\"thread\":\"%s\",\"ends\":\"stop\",\"result\":\"returned\"}\n", me);
        } else if (sscanf(command, " burst %15s %ld %ld %ld", how, &id, &count, &threads) == 4) {
            pthread_barrier_init(&barrier, NULL, threads);
            for (long thread = 0; thread < threads; thread++) {
                struct burst *mine = (struct burst *)calloc(1, sizeof *mine);
                strcpy(mine->how, how);
                mine->first = id + thread * count, mine->count = count, mine->thread = thread + 1;
                probe_thread(probe_burst, mine);
            }
        } else if (strstr(command, "run")) {
            if (has_run++)
                sem_post(&next_run);
            else
                probe_thread(probe_run, NULL);
        }
        else if (strstr(command, "quit"))
            _exit(0); // Some loops never return: their threads are left behind on purpose.
    }
}

static int probe_main(const char *loop, const char *version) {
    char line[PROBE_LINE], calls[PROBE_LINE / 2];
    size_t length = 0;
    for (const struct name *name = names; name->word; name++)
        length += snprintf(calls + length, sizeof calls - length, "%s\"%s\":\"%s\"", length ? "," : "", name->word,
                           name->call);
    say("{\"probe\":1,\"loop\":\"%s\",\"version\":\"%s\",\"calls\":{%s,\"when\":\"then\",\"threads\":\"pthread_create\"}}\n", loop, version, calls);
    while (fgets(line, sizeof line, stdin))
        probe_obey(line);
    _exit(0);
}

// A queue of callbacks behind a mutex, for loops that have only a wakeup of their own.
struct queue {
    pthread_mutex_t lock;
    struct callback *items[4096];
    unsigned first, end;
};

static inline void enqueue(struct queue *queue, struct callback *callback) {
    pthread_mutex_lock(&queue->lock);
    queue->items[queue->end++ % 4096] = callback;
    pthread_mutex_unlock(&queue->lock);
}

static inline struct callback *dequeue(struct queue *queue) {
    pthread_mutex_lock(&queue->lock);
    struct callback *callback = queue->first == queue->end ? NULL : queue->items[queue->first++ % 4096];
    pthread_mutex_unlock(&queue->lock);
    return callback;
}
#endif
