/* Waits for the time limit of an io_uring, which nobody outside can see. */
#include <linux/io_uring.h>
#include <linux/time_types.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct io_uring_params parameters;
    memset(&parameters, 0, sizeof parameters);
    int ring = (int)syscall(SYS_io_uring_setup, 4, &parameters);
    if (ring < 0) {
        /* Forbidden, in many containers. */
        puts("missing: io_uring");
        return 0;
    }
    size_t size = parameters.sq_off.array + parameters.sq_entries * sizeof(unsigned);
    size_t completions = parameters.cq_off.cqes + parameters.cq_entries * sizeof(struct io_uring_cqe);
    if (completions > size) {
        size = completions;
    }
    char *queue = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
    struct io_uring_sqe *entries = mmap(NULL, parameters.sq_entries * sizeof *entries, PROT_READ | PROT_WRITE,
                                        MAP_SHARED, ring, IORING_OFF_SQES);
    if (queue == MAP_FAILED || entries == MAP_FAILED) {
        return 1;
    }
    unsigned *tail = (unsigned *)(queue + parameters.sq_off.tail);
    unsigned *array = (unsigned *)(queue + parameters.sq_off.array);
    unsigned *cq_head = (unsigned *)(queue + parameters.cq_off.head);
    unsigned mask = *(unsigned *)(queue + parameters.sq_off.ring_mask);
    struct __kernel_timespec tick = {.tv_nsec = 1000000};
    puts("ready");
    fflush(stdout);
    for (;;) {
        unsigned index = *tail & mask;
        memset(&entries[index], 0, sizeof entries[index]);
        entries[index].opcode = IORING_OP_TIMEOUT;
        entries[index].addr = (unsigned long)&tick;
        entries[index].len = 1;
        array[index] = index;
        __atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
        if (syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0) {
            return 1;
        }
        __atomic_store_n(cq_head, *cq_head + 1, __ATOMIC_RELEASE);
    }
}
