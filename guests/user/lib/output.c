/* Formatted output, and the ends of a process that must not lose it. */
#include "ulib.h"

enum { BUFFER_SIZE = 4096, LINE_SIZE = PATH_MAX + 512 };

static char buffer[BUFFER_SIZE];
static size_t buffered;
static int line_wise = -1; /* unknown until the first output */

struct sink {
    char *text;
    size_t size;
    size_t length; /* that the whole text would have */
};

static void add(struct sink *sink, char letter)
{
    if (sink->length + 1 < sink->size)
        sink->text[sink->length] = letter;
    sink->length++;
}

static void add_field(struct sink *sink, const char *text, size_t length, int width, int is_left)
{
    for (int i = (int)length; !is_left && i < width; i++)
        add(sink, ' ');
    for (size_t i = 0; i < length; i++)
        add(sink, text[i]);
    for (int i = (int)length; is_left && i < width; i++)
        add(sink, ' ');
}

static void add_number(struct sink *sink, u64 value, u32 base, int is_negative, int width, int flag)
{
    char digits[32];
    int at = sizeof digits;
    do {
        digits[--at] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value);
    while (flag == '0' && (int)sizeof digits - at + is_negative < width && at > 1)
        digits[--at] = '0';
    if (is_negative)
        digits[--at] = '-';
    add_field(sink, digits + at, sizeof digits - (size_t)at, width, flag == '-');
}

static void add_signed(struct sink *sink, long value, int width, int flag)
{
    u64 magnitude = value < 0 ? 0 - (u64)value : (u64)value;
    add_number(sink, magnitude, 10, value < 0, width, flag);
}

/* Knows %d %u %x %o %s %c %p %%, the flags - and 0, a width (or *), and l. */
int format_list(char *text, size_t size, const char *format, va_list list)
{
    struct sink sink = {text, size, 0};
    for (; *format; format++) {
        if (*format != '%') {
            add(&sink, *format);
            continue;
        }
        int flag = 0, width = 0, is_long = 0;
        for (format++; *format == '-' || *format == '0'; format++)
            flag = *format;
        if (*format == '*') {
            width = va_arg(list, int);
            format++;
        }
        for (; is_digit(*format); format++)
            width = width * 10 + (*format - '0');
        for (; *format == 'l' || *format == 'z'; format++)
            is_long = 1;
        u32 base = *format == 'x' || *format == 'p' ? 16 : *format == 'o' ? 8 : 10;
        switch (*format) {
        case 'd':
            add_signed(&sink, is_long ? va_arg(list, long) : va_arg(list, int), width, flag);
            break;
        case 'p':
            is_long = 1; /* fall through */
        case 'u':
        case 'x':
        case 'o':
            add_number(&sink, is_long ? va_arg(list, u64) : va_arg(list, u32), base, 0, width,
                       flag);
            break;
        case 's': {
            const char *string = va_arg(list, const char *);
            add_field(&sink, string, strlen(string), width, flag == '-');
            break;
        }
        case 'c': {
            char letter = (char)va_arg(list, int);
            add_field(&sink, &letter, 1, width, flag == '-');
            break;
        }
        case 0:
            format--;
            break;
        default:
            add(&sink, *format);
        }
    }
    if (size)
        text[sink.length < size ? sink.length : size - 1] = 0;
    return (int)sink.length;
}

int format_text(char *text, size_t size, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    int length = format_list(text, size, format, list);
    va_end(list);
    return length;
}

long write_all(int fd, const void *bytes, size_t size)
{
    const char *at = bytes;
    while (size) {
        ssize_t done = sys_write(fd, at, size);
        if (done == -EINTR)
            continue;
        if (done < 0)
            return done;
        at += done;
        size -= (size_t)done;
    }
    return 0;
}

void flush(void)
{
    size_t size = buffered;
    buffered = 0;
    if (!size)
        return;
    long error = write_all(1, buffer, size);
    if (error < 0) {
        complain("standard output", error);
        sys_exit_group(1);
    }
}

void put_bytes(const void *bytes, size_t size)
{
    const char *from = bytes;
    int has_line = 0;
    if (line_wise < 0)
        line_wise = is_terminal(1);
    for (size_t i = 0; i < size; i++) {
        if (buffered == BUFFER_SIZE)
            flush();
        buffer[buffered++] = from[i];
        has_line |= from[i] == '\n';
    }
    if (line_wise && has_line)
        flush();
}

void put(const char *text)
{
    put_bytes(text, strlen(text));
}

static int print_list(int fd, const char *format, va_list list)
{
    char line[LINE_SIZE];
    int length = format_list(line, sizeof line, format, list);
    size_t size = (size_t)length < sizeof line ? (size_t)length : sizeof line - 1;
    if (fd == 1)
        put_bytes(line, size);
    else
        write_all(fd, line, size);
    return length;
}

int print(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    int length = print_list(1, format, list);
    va_end(list);
    return length;
}

int print_error(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    int length = print_list(2, format, list);
    va_end(list);
    return length;
}

void complain(const char *what, long error)
{
    print_error("%s: %s: %s\n", program_name, what, error_text(error));
}

void die(int status, const char *format, ...)
{
    char line[LINE_SIZE];
    va_list list;
    va_start(list, format);
    format_list(line, sizeof line, format, list);
    va_end(list);
    flush();
    print_error("%s: %s\n", program_name, line);
    sys_exit_group(status);
}

void exit(int status)
{
    flush();
    sys_exit_group(status);
}

int fork(void)
{
    flush();
    return (int)syscall3(SYS_FORK, 0, 0, 0);
}

int is_terminal(int fd)
{
    char settings[64];
    return sys_ioctl(fd, TCGETS, settings) == 0;
}
