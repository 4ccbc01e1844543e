/* hostile SEED ROUNDS: system calls with senseless arguments, each in a child; the kernel must live.
 *
 * Calls that end, stop or wait for ever by their meaning are killed by the parent after a while.
 */
#include "ulib.h"

enum { CALLS = 460, ALIVE = 10000000 };

static u64 state;
static char area[65536];

static u64 next(void)
{
    state = state * 6364136223846793005UL + 1442695040888963407UL;
    return state >> 33;
}

static long argument(void)
{
    switch (next() % 10) {
    case 0: return 0;
    case 1: return -1;
    case 2: return (long)next() % 8;
    case 3: return (long)(area + next() % sizeof area);
    case 4: return 0x7ffffffff000 - (long)(next() % 32);
    case 5: return (long)(1UL << 63);
    case 6: return (long)(next() << 33 | next());
    case 7: return (long)"/bin/sh";
    case 8: return 4096 * (long)(next() % 16);
    default: return (long)area;
    }
}

static int is_left_out(long call)
{
    return call == 62 || call == 169 || call == 200 || call == 234 || call == 129;
}

int main(int argc, char **argv)
{
    state = (u64)(argc > 1 ? parse_number(argv[1], 1000000000) : 1) * 7919 + 1;
    long rounds = argc > 2 ? parse_number(argv[2], 1000000) : 100;
    for (long i = 0; i < rounds; i++) {
        u64 seed = next();
        int child = fork();
        if (child == 0) {
            state = seed;
            for (int j = 0; j < 50; j++) {
                long call = (long)(next() % CALLS);
                if (!is_left_out(call))
                    syscall6(call, argument(), argument(), argument(), argument(), argument(),
                             argument());
            }
            sys_exit_group(0);
        }
        print_error("round %ld\n", i);
        struct timespec time = { 0, ALIVE };
        for (int turn = 0; sys_wait4(child, NULL, WNOHANG) == 0; turn++) {
            if (turn == 5)
                sys_kill(child, SIGKILL);
            sys_nanosleep(&time);
        }
    }
    while (sys_wait4(-1, NULL, WNOHANG) > 0)
        ;
    print("%ld rounds, the kernel lives\n", rounds);
    return 0;
}
