/* args [ARG...]: print all that the kernel gives a new program: arguments, environment and
 * auxiliary vector, an item a line. */
#include "ulib.h"

enum { AT_RANDOM = 25, AT_EXECFN = 31 };

int main(int argc, char **argv)
{
    print("argc=%d\n", argc);
    for (int i = 0; i < argc; i++)
        print("argv[%d]=%s\n", i, argv[i]);
    print("argv[argc]=%s\n", argv[argc] ? argv[argc] : "null");
    for (int i = 0; environ[i]; i++)
        print("envp[%d]=%s\n", i, environ[i]);
    for (u64 *entry = auxiliary_vector; entry[0]; entry += 2) {
        if (entry[0] == AT_EXECFN)
            print("auxv[%lu]=%s\n", entry[0], (const char *)entry[1]);
        else if (entry[0] == AT_RANDOM)
            print("auxv[%lu]=%s\n", entry[0], entry[1] ? "16 bytes" : "null");
        else
            print("auxv[%lu]=0x%lx\n", entry[0], entry[1]);
    }
    print("stack is %s\n", ((u64)(argv - 1) & 15) == 0 ? "aligned" : "not aligned");
    return 0;
}
