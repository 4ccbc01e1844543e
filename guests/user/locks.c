/* locks: the locks that somebody waits for, who has them and for how long; then, of each kind of
 * lock, how often it was taken and how long it was held. */
#include "ulib.h"

static void show(const char *path)
{
    long error = 0;
    size_t size;
    char *text = read_file(path, &size, &error);
    if (!text)
        die(1, "%s: %s", path, error_text(error));
    put_bytes(text, size);
    release(text);
}

int main(void)
{
    show("/proc/lock_waits");
    show("/proc/lock_stat");
    return 0;
}
