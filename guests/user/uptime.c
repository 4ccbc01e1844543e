/* uptime: how long the machine has been up, and how much of its cores' time was idle. */
#include "ulib.h"

static long whole(const char *text)
{
    long value = 0;
    for (; is_digit(*text); text++)
        value = value * 10 + (*text - '0');
    return value;
}

int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    long error = 0;
    char *text = read_file("/proc/uptime", NULL, &error);
    if (!text)
        die(1, "/proc/uptime: %s", error_text(error));
    long up = whole(text);
    const char *space = strchr(text, ' ');
    print("up %ld:%02ld:%02ld", up / 3600, up / 60 % 60, up % 60);
    if (space)
        print(", idle %ld s over all cores", whole(space + 1));
    put("\n");
    return 0;
}
