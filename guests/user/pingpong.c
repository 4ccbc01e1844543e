/* pingpong N: two processes pass a byte to and fro N times; prints the time of one round trip. */
#include "ulib.h"

static NORETURN void answer(int from, int to)
{
    char byte;
    while (sys_read(from, &byte, 1) == 1) {
        byte++;
        if (sys_write(to, &byte, 1) != 1)
            break;
    }
    sys_exit_group(0);
}

int main(int argc, char **argv)
{
    long rounds = argc == 2 ? parse_number(argv[1], 1L << 40) : -1;
    int there[2], back[2];
    if (rounds < 1)
        die(2, "usage: pingpong N, N at least 1");
    if (sys_pipe(there) < 0 || sys_pipe(back) < 0)
        die(1, "no pipe to be had");
    int pid = fork();
    if (pid < 0)
        die(1, "fork: %s", error_text(pid));
    if (pid == 0) {
        sys_close(there[1]);
        sys_close(back[0]);
        answer(there[0], back[1]);
    }
    sys_close(there[0]);
    sys_close(back[1]);
    u64 start = now_ns();
    for (long i = 0; i < rounds; i++) {
        char sent = (char)i, got = 0;
        if (sys_write(there[1], &sent, 1) != 1 || sys_read(back[0], &got, 1) != 1)
            die(1, "the other process went away in round %ld", i);
        if (got != (char)(sent + 1))
            die(1, "round %ld: sent %d, got %d", i, sent, got);
    }
    u64 tenths = (now_ns() - start) / (u64)rounds / 100;
    sys_close(there[1]);
    sys_wait4(pid, NULL, 0);
    print("%ld round trips, %lu.%lu us each\n", rounds, tenths / 10, tenths % 10);
    return 0;
}
