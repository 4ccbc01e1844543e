/* sleep SECONDS: wait; a fraction is allowed. */
#include "ulib.h"

int main(int argc, char **argv)
{
    struct timespec time = {0, 0};
    char *point = argc == 2 ? strchr(argv[1], '.') : NULL;
    if (point) {
        long unit = 100000000;
        *point = 0;
        for (char *digit = point + 1; is_digit(*digit); digit++, unit /= 10)
            time.tv_nsec += (*digit - '0') * unit;
    }
    time.tv_sec = argc != 2 ? -1 : point == argv[1] ? 0 : parse_number(argv[1], 1L << 40);
    if (time.tv_sec < 0)
        die(2, "usage: sleep SECONDS");
    int error = sys_nanosleep(&time);
    if (error < 0)
        die(1, "%s", error_text(error));
    return 0;
}
