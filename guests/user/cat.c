/* cat [FILE...]: copy files, or standard input (also named "-"), to standard output. */
#include "ulib.h"

static char bytes[16 * 1024];

static int copy(int fd, const char *name)
{
    for (;;) {
        ssize_t got = sys_read(fd, bytes, sizeof bytes);
        if (got == -EINTR)
            continue;
        if (got == 0)
            return 0;
        if (got < 0) {
            complain(name, got);
            return 1;
        }
        long error = write_all(1, bytes, (size_t)got);
        if (error < 0)
            die(1, "standard output: %s", error_text(error));
    }
}

int main(int argc, char **argv)
{
    int status = 0;
    if (argc < 2)
        return copy(0, "standard input");
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "-")) {
            status |= copy(0, "standard input");
            continue;
        }
        int fd = sys_open(argv[i], O_RDONLY, 0);
        if (fd < 0) {
            complain(argv[i], fd);
            status = 1;
            continue;
        }
        status |= copy(fd, argv[i]);
        sys_close(fd);
    }
    return status;
}
