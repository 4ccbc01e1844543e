/* From the kernel's first stack to main. */
#include "ulib.h"

char **environ;
const char *program_name = "?";
u64 *auxiliary_vector;

int main(int argc, char **argv);

NORETURN void start_main(u64 *stack);

NORETURN void start_main(u64 *stack)
{
    int argc = (int)stack[0];
    char **argv = (char **)(stack + 1);
    environ = argv + argc + 1;
    char **end = environ;
    while (*end)
        end++;
    auxiliary_vector = (u64 *)(end + 1);
    if (argc > 0) {
        const char *slash = strrchr(argv[0], '/');
        program_name = slash ? slash + 1 : argv[0];
    }
    exit(main(argc, argv));
}
