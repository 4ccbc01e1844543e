/* Executes system calls that stand in a file, one a line, and prints what came of each.
 *
 *     NUMBER SHOW ARGUMENT...      ARGUMENT: dN a number, sHEX a string, bN a buffer of N bytes,
 *                                            xHEX bytes, rN the result of line N
 *     SHOW: - the result only, b also the buffer's bytes, s a struct stat, e directory entries,
 *           p pollfd, 4 two ints (pipe)
 */
#include "ulib.h"

enum { LINES = 4096, ARENA = 1 << 20 };

static long results[LINES];
static u8 arena[ARENA];
static size_t used;

static long call(long number, const long *a)
{
    long result;
    register long r10 __asm__("r10") = a[3];
    register long r8 __asm__("r8") = a[4];
    register long r9 __asm__("r9") = a[5];
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a[0]), "S"(a[1]), "d"(a[2]),
                     "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
    return result;
}

static int digit(int letter)
{
    return letter <= '9' ? letter - '0' : letter - 'a' + 10;
}

static long number_of(const char **at)
{
    int minus = **at == '-';
    unsigned long value = 0;
    *at += minus;
    while (is_digit(**at))
        value = value * 10 + (unsigned long)(*(*at)++ - '0');
    return minus ? -(long)value : (long)value;
}

static long argument(const char **at, u8 **buffer)
{
    int kind = *(*at)++;
    u8 *start = arena + used;
    if (kind == 'd')
        return number_of(at);
    if (kind == 'r')
        return results[number_of(at)];
    if (kind == 'b') {
        size_t size = (size_t)number_of(at);
        memset(start, 0, size);
        used += (size + 15) & ~15ul;
        *buffer = start;
        return (long)start;
    }
    size_t size = 0;
    while (**at > ' ') {
        start[size++] = (u8)(digit((*at)[0]) << 4 | digit((*at)[1]));
        *at += 2;
    }
    start[size] = 0;
    used += (size + 16) & ~15ul;
    if (kind == 'x')
        *buffer = start;
    return (long)start;
}

static void show_bytes(const u8 *bytes, long size)
{
    unsigned hash = 5381;
    for (long i = 0; i < size; i++)
        hash = hash * 33 + bytes[i];
    print(" %x", hash);
    for (long i = 0; i < size && i < 40; i++)
        print(bytes[i] < 16 ? " 0%x" : " %x", (unsigned)bytes[i]);
}

static void show_stat(const u8 *bytes)
{
    const u64 *words = (const u64 *)bytes;
    unsigned mode = ((const unsigned *)bytes)[6];
    int is_directory = (mode & 0170000) == 0040000;
    print(" mode %x links %lu size %lu device %lu", mode, words[2], is_directory ? 0 : words[6],
          words[5]);
}

static void show_entries(const u8 *bytes, long size)
{
    struct name_list names = {0};
    for (long at = 0; at < size; at += *(const u16 *)(bytes + at + 16)) {
        char text[300];
        format_text(text, sizeof text, "%s:%d", (const char *)bytes + at + 19, bytes[at + 18]);
        add_name(&names, text);
    }
    sort_names(&names);
    for (size_t i = 0; i < names.count; i++)
        print(" %s", names.names[i]);
}

static void show(int how, const u8 *buffer, long result)
{
    if (how == 'b' && result > 0)
        show_bytes(buffer, result);
    if (how == 's' && result == 0)
        show_stat(buffer);
    if (how == 'e' && result > 0)
        show_entries(buffer, result);
    if (how == 'p' && result >= 0)
        print(" %x", (unsigned)buffer[6]);
    if (how == '4' && result == 0)
        print(" %d %d", ((int *)buffer)[0], ((int *)buffer)[1]);
}

int main(int count, char **arguments)
{
    size_t size;
    long error;
    char *text = count == 2 ? read_file(arguments[1], &size, &error) : NULL;
    if (!text)
        die(1, "cannot read the calls: %s", error_text(error));
    const char *at = text;
    for (int line = 0; *at && line < LINES; line++) {
        long values[6] = {0};
        u8 *buffer = arena;
        long number = number_of(&at);
        int how = at[1];
        at += 2;
        used = 0;
        for (int i = 0; *at == ' '; i++) {
            at++;
            values[i] = argument(&at, &buffer);
        }
        at++;
        results[line] = call(number, values);
        print("%d: %ld", line, results[line]);
        show(how, buffer, results[line]);
        put("\n");
    }
    return 0;
}
