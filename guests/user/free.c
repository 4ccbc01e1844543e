/* free: memory in all, used and free, in KiB, from /proc/meminfo. */
#include "ulib.h"

/* Value of the line "NAME:   value kB"; -1 when there is none. */
static long find(const char *text, const char *name)
{
    size_t length = strlen(name);
    while (text && *text) {
        if (!strncmp(text, name, length) && text[length] == ':') {
            long value = 0;
            for (text += length + 1; *text == ' ' || *text == '\t'; text++)
                ;
            for (; is_digit(*text); text++)
                value = value * 10 + (*text - '0');
            return value;
        }
        text = strchr(text, '\n');
        text = text ? text + 1 : NULL;
    }
    return -1;
}

int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    long error = 0;
    char *text = read_file("/proc/meminfo", NULL, &error);
    if (!text)
        die(1, "/proc/meminfo: %s", error_text(error));
    long total = find(text, "MemTotal"), unused = find(text, "MemFree");
    long cached = find(text, "Cached");
    if (total < 0 || unused < 0)
        die(1, "/proc/meminfo has no MemTotal or no MemFree");
    print("%8s %10s %10s %10s %10s\n", "KiB", "total", "used", "free", "cached");
    print("%8s %10ld %10ld %10ld ", "memory", total, total - unused, unused);
    if (cached < 0)
        print("%10s\n", "?");
    else
        print("%10ld\n", cached);
    return 0;
}
