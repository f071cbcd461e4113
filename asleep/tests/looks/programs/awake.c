/* Goes on by itself: the first argument says in which way. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/time.h>
#include <sys/timerfd.h>
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

static int selects_a_timer(void) {
    int timer = timerfd_create(CLOCK_MONOTONIC, 0);
    struct itimerspec every = {.it_interval = {.tv_nsec = 1000000}, .it_value = {.tv_nsec = 1000000}};
    if (timer < 0 || timerfd_settime(timer, 0, &every, NULL) != 0) {
        return 1;
    }
    ready();
    for (;;) {
        fd_set set;
        uint64_t expired;
        FD_ZERO(&set);
        FD_SET(timer, &set);
        if (select(timer + 1, &set, NULL, NULL, NULL) != 1 || read(timer, &expired, sizeof expired) < 0) {
            return 1;
        }
    }
}

static void no_such_calls(int signal) {
    (void)signal;
    static const char message[] = "missing: system calls of 32-bit programs\n";
    _exit(write(STDOUT_FILENO, message, sizeof message - 1) < 0);
}

/* The numbers of system calls are others there: this is nanosleep, and has the number of sync. */
static int calls_as_a_32_bit_program(void) {
#ifdef __x86_64__
    signal(SIGSEGV, no_such_calls);
    /* Below 4 GiB. */
    struct { int32_t seconds, nanoseconds; } *tick =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    if (tick == MAP_FAILED) {
        return 1;
    }
    tick->nanoseconds = 1000000;
    for (int round = 0;; round++) {
        long result = 162;
        __asm__ volatile("int $0x80" : "+a"(result) : "b"(tick), "c"(0) : "memory", "r8", "r9", "r10", "r11");
        if (result != 0) {
            no_such_calls(0);
        }
        if (round == 0) {
            ready();
        }
    }
#else
    no_such_calls(0);
    return 1;
#endif
}

int main(int argc, char **argv) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const char *way = argc > 1 ? argv[1] : "";
    if (strcmp(way, "interval_timer") == 0) {
        interval_timer();
    } else if (strcmp(way, "posix_timer_thread") == 0) {
        return posix_timer_thread();
    } else if (strcmp(way, "selects_a_timer") == 0) {
        return selects_a_timer();
    } else if (strcmp(way, "calls_as_a_32_bit_program") == 0) {
        return calls_as_a_32_bit_program();
    } else if (strcmp(way, "vfork") == 0) {
        signal(SIGCHLD, SIG_IGN);
        return vfork_again_and_again();
    }
    return 1;
}
