/* taskset MASK PROGRAM [ARGUMENT...]: run a program on the cores of a mask only (hexadecimal). */
#include "ulib.h"

static long parse_mask(const char *text)
{
    long mask = 0;
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
        text += 2;
    if (!*text || strlen(text) > 15)
        return -1;
    for (; *text; text++) {
        char digit = *text | 0x20;
        int value = is_digit(*text) ? *text - '0'
                  : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
        if (value < 0)
            return -1;
        mask = mask << 4 | value;
    }
    return mask;
}

int main(int argc, char **argv)
{
    long mask = argc > 2 ? parse_mask(argv[1]) : -1;
    if (mask < 0)
        die(2, "usage: taskset MASK PROGRAM [ARGUMENT...]");
    int error = sys_sched_setaffinity(0, sizeof mask, &mask);
    if (error < 0)
        die(1, "%s", error_text(error));
    const char *name = argv[2];
    char path[256] = "/bin/";
    if (!strchr(name, '/') && strlen(name) < 200)
        name = (memcpy(path + 5, name, strlen(name) + 1), path);
    error = sys_execve(name, argv + 2, environ);
    die(127, "%s: %s", argv[2], error_text(error));
}
