/* nullcall N: make N system calls that do nothing (getppid); prints the time of one. */
#include "ulib.h"

int main(int argc, char **argv)
{
    long calls = argc == 2 ? parse_number(argv[1], 1L << 40) : -1;
    if (calls < 1)
        die(2, "usage: nullcall N, N at least 1");
    int parent = sys_getppid();
    u64 start = now_ns();
    for (long i = 0; i < calls; i++)
        if (sys_getppid() != parent)
            die(1, "the parent changed");
    u64 each = (now_ns() - start) / (u64)calls;
    print("%ld calls, %lu.%03lu us each\n", calls, each / 1000, each % 1000);
    return 0;
}
