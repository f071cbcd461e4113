/* Goes on by itself: the first argument says in which way. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static void ready(void) {
    puts("ready");
    fflush(stdout);
}

/* A handler that sets the timer again. */
static void again(int signal) {
    (void)signal;
    struct itimerval once = {.it_value = {.tv_usec = 1000}};
    setitimer(ITIMER_REAL, &once, NULL);
}

static void interval_timer(void) {
    struct sigaction action = {.sa_handler = again};
    sigaction(SIGALRM, &action, NULL);
    again(SIGALRM);
    ready();
    for (;;) {
        pause();
    }
}

static void notify(union sigval value) {
    (void)value;
}

/* The C library has a thread of its own that waits for the timer's signal. */
static int posix_timer_thread(void) {
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = notify};
    struct itimerspec every = {.it_interval = {.tv_nsec = 1000000}, .it_value = {.tv_nsec = 1000000}};
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0 || timer_settime(timer, 0, &every, NULL) != 0) {
        return 1;
    }
    ready();
    for (;;) {
        pause();
    }
}

/* The parent waits in the kernel until its child, which has the same memory, ends. */
static int vfork_again_and_again(void) {
    ready();
    for (;;) {
        pid_t child = vfork();
        if (child == 0) {
            struct timespec tick = {.tv_nsec = 1000000};
            nanosleep(&tick, NULL);
            _exit(0);
        }
        if (child < 0) {
            return 1;
        }
    }
}

int main(int argc, char **argv) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const char *way = argc > 1 ? argv[1] : "";
    if (strcmp(way, "interval_timer") == 0) {
        interval_timer();
    } else if (strcmp(way, "posix_timer_thread") == 0) {
        return posix_timer_thread();
    } else if (strcmp(way, "vfork") == 0) {
        signal(SIGCHLD, SIG_IGN);
        return vfork_again_and_again();
    }
    return 1;
}
