/* spin N SECONDS: keep N processes busy for SECONDS, then print how many loops each one made. */
#include "ulib.h"

enum { LOOPS_A_LOOK = 10000, MOST = 1000 };

static u64 spin_until(u64 end_ns)
{
    u64 loops = 0;
    do {
        for (int i = 0; i < LOOPS_A_LOOK; i++)
            __asm__ volatile("" : "+r"(i));
        loops += LOOPS_A_LOOK;
    } while (now_ns() < end_ns);
    return loops;
}

int main(int argc, char **argv)
{
    long count = argc == 3 ? parse_number(argv[1], MOST) : -1;
    long seconds = argc == 3 ? parse_number(argv[2], 1000000) : -1;
    int ends[2];
    if (count < 1 || seconds < 0)
        die(2, "usage: spin N SECONDS, N from 1 to %d", MOST);
    int error = sys_pipe(ends);
    if (error < 0)
        die(1, "pipe: %s", error_text(error));
    u64 end_ns = now_ns() + (u64)seconds * 1000000000;
    for (long i = 0; i < count; i++) {
        int pid = fork();
        if (pid < 0)
            die(1, "fork: %s", error_text(pid));
        if (pid == 0) {
            u64 report[2] = {(u64)i, spin_until(end_ns)};
            sys_exit_group(write_all(ends[1], report, sizeof report) < 0);
        }
    }
    sys_close(ends[1]);
    u64 report[2], total = 0;
    long reports = 0;
    while (sys_read(ends[0], report, sizeof report) == (ssize_t)sizeof report) {
        print("process %lu: %lu loops\n", report[0], report[1]);
        total += report[1];
        reports++;
    }
    while (sys_wait4(-1, NULL, 0) > 0)
        ;
    print("all: %lu loops\n", total);
    return reports != count;
}
