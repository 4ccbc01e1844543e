/* mapfile FILE: map a file privately, add up its bytes, and check that the mapping and read(2) agree
 * and that writes to the mapping stay in it. */
#include "ulib.h"

static u64 sum_read(int fd, size_t size)
{
    u8 bytes[1024];
    u64 sum = 0;
    for (size_t at = 0; at < size;) {
        ssize_t got = sys_pread(fd, bytes, sizeof bytes, (long)at);
        if (got <= 0)
            die(1, "read: %s", error_text(got));
        for (ssize_t i = 0; i < got; i++)
            sum += bytes[i];
        at += (size_t)got;
    }
    return sum;
}

int main(int argc, char **argv)
{
    struct stat stat;
    if (argc != 2)
        die(2, "usage: mapfile FILE");
    int fd = sys_open(argv[1], O_RDONLY, 0);
    int error = fd < 0 ? fd : sys_fstat(fd, &stat);
    if (error < 0)
        die(1, "%s: %s", argv[1], error_text(error));
    size_t size = (size_t)stat.st_size;
    if (size == 0)
        die(1, "%s: there is nothing to map", argv[1]);
    u8 *bytes = sys_mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    if ((u64)bytes > (u64)-PAGE_SIZE)
        die(1, "mmap: %s", error_text((long)bytes));
    u64 sum = 0;
    for (size_t i = 0; i < size; i++)
        sum += bytes[i];
    for (size_t i = size; i % PAGE_SIZE; i++)
        if (bytes[i])
            die(1, "byte %lu behind the end is not 0", i);
    for (size_t i = 0; i < size; i += PAGE_SIZE)
        bytes[i] ^= 0xff;
    if (sum != sum_read(fd, size))
        die(1, "the mapping and read disagree, or a private write reached the file");
    error = sys_munmap(bytes, size);
    if (error < 0)
        die(1, "munmap: %s", error_text(error));
    print("%lu bytes, %lu pages, sum %lu\n", size,
          (size + PAGE_SIZE - 1) / PAGE_SIZE, sum);
    return 0;
}
