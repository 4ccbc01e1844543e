/* wc [FILE...]: count lines, words and bytes of files, or of standard input. */
#include "ulib.h"

struct counts {
    u64 lines, words, bytes;
};

static long count(int fd, struct counts *counts)
{
    static char bytes[16 * 1024];
    int is_in_word = 0;
    ssize_t got;
    while ((got = sys_read(fd, bytes, sizeof bytes)) > 0) {
        counts->bytes += (u64)got;
        for (ssize_t i = 0; i < got; i++) {
            int is_blank = is_space(bytes[i]) || (bytes[i] >= '\v' && bytes[i] <= '\r');
            counts->lines += bytes[i] == '\n';
            counts->words += !is_blank && !is_in_word;
            is_in_word = !is_blank;
        }
    }
    return got;
}

static void show(const struct counts *counts, const char *name)
{
    print("%7lu %7lu %7lu%s%s\n", counts->lines, counts->words, counts->bytes, *name ? " " : "",
          name);
}

int main(int argc, char **argv)
{
    struct counts all = {0, 0, 0};
    int status = 0;
    for (int i = 1; i < argc || i == 1; i++) {
        struct counts counts = {0, 0, 0};
        int fd = argc > 1 ? sys_open(argv[i], O_RDONLY, 0) : 0;
        long error = fd < 0 ? fd : count(fd, &counts);
        if (fd > 0)
            sys_close(fd);
        if (error < 0) {
            complain(argc > 1 ? argv[i] : "standard input", error);
            status = 1;
            continue;
        }
        show(&counts, argc > 1 ? argv[i] : "");
        all.lines += counts.lines;
        all.words += counts.words;
        all.bytes += counts.bytes;
    }
    if (argc > 2)
        show(&all, "total");
    return status;
}
