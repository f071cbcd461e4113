/* Asleep for good: the first argument says in which way. */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int word;

static void *wait_on(void *address) {
    for (;;) {
        syscall(SYS_futex, address, FUTEX_WAIT | (address == &word ? FUTEX_PRIVATE_FLAG : 0), 0, NULL, NULL, 0);
    }
}

int main(int argc, char **argv) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const char *way = argc > 1 ? argv[1] : "";
    void *address = &word;
    if (strcmp(way, "shared_futex") == 0) {
        address = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (address == MAP_FAILED) {
            return 1;
        }
    } else if (strcmp(way, "one_futex") == 0) {
        pthread_t thread;
        for (int i = 0; i < 3; i++) {
            if (pthread_create(&thread, NULL, wait_on, address) != 0) {
                return 1;
            }
        }
    }
    if (strcmp(way, "main_thread_ended") == 0) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, wait_on, address) != 0) {
            return 1;
        }
        puts("ready");
        fflush(stdout);
        pthread_exit(NULL);
    }
    puts("ready");
    fflush(stdout);
    if (strcmp(way, "sleeps_for_processor_time") == 0) {
        /* While it sleeps, it uses none. */
        struct timespec moment = {.tv_nsec = 1000000};
        clock_nanosleep(CLOCK_PROCESS_CPUTIME_ID, 0, &moment, NULL);
        return 1;
    }
    wait_on(address);
}
