/* Bytes and text. The compiler also calls memcpy, memmove, memset and memcmp by itself. */
#include "ulib.h"

void *memcpy(void *to, const void *from, size_t size)
{
    void *result = to;
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
    return result;
}

void *memmove(void *to, const void *from, size_t size)
{
    if ((u64)to - (u64)from >= size)
        return memcpy(to, from, size);
    char *last_to = (char *)to + size - 1;
    const char *last_from = (const char *)from + size - 1;
    __asm__ volatile("std; rep movsb; cld"
                     : "+D"(last_to), "+S"(last_from), "+c"(size) : : "memory");
    return to;
}

void *memset(void *to, int byte, size_t size)
{
    void *result = to;
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(byte) : "memory");
    return result;
}

int memcmp(const void *a, const void *b, size_t size)
{
    const u8 *left = a, *right = b;
    for (size_t i = 0; i < size; i++)
        if (left[i] != right[i])
            return left[i] - right[i];
    return 0;
}

size_t strlen(const char *text)
{
    const char *end = text;
    while (*(const volatile char *)end)
        end++;
    return (size_t)(end - text);
}

int strcmp(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return (u8)*a - (u8)*b;
}

int strncmp(const char *a, const char *b, size_t size)
{
    for (; size; size--, a++, b++)
        if (*a != *b || !*a)
            return (u8)*a - (u8)*b;
    return 0;
}

char *strchr(const char *text, int letter)
{
    for (;; text++) {
        if (*text == (char)letter)
            return (char *)text;
        if (!*text)
            return NULL;
    }
}

char *strrchr(const char *text, int letter)
{
    char *found = NULL;
    for (;; text++) {
        if (*text == (char)letter)
            found = (char *)text;
        if (!*text)
            return found;
    }
}

int starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

int is_space(int letter)
{
    return letter == ' ' || letter == '\t' || letter == '\n';
}

int is_digit(int letter)
{
    return letter >= '0' && letter <= '9';
}

int is_name_start(int letter)
{
    return letter == '_' || (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z');
}

long parse_number(const char *text, long limit)
{
    long value = 0;
    if (!*text)
        return -1;
    for (; *text; text++) {
        if (!is_digit(*text) || value > (limit - (*text - '0')) / 10)
            return -1;
        value = value * 10 + (*text - '0');
    }
    return value;
}

struct numbered {
    int number;
    const char *text;
};

static const struct numbered error_texts[] = {
    {EPERM, "Operation not permitted"}, {ENOENT, "No such file or directory"},
    {ESRCH, "No such process"}, {EINTR, "Interrupted system call"}, {EIO, "Input/output error"},
    {ENXIO, "No such device or address"}, {E2BIG, "Argument list too long"},
    {ENOEXEC, "Exec format error"}, {EBADF, "Bad file descriptor"}, {ECHILD, "No child processes"},
    {EAGAIN, "Resource temporarily unavailable"}, {ENOMEM, "Cannot allocate memory"},
    {EACCES, "Permission denied"}, {EFAULT, "Bad address"}, {EBUSY, "Device or resource busy"},
    {EEXIST, "File exists"}, {ENODEV, "No such device"}, {ENOTDIR, "Not a directory"},
    {EISDIR, "Is a directory"}, {EINVAL, "Invalid argument"},
    {ENFILE, "Too many open files in system"}, {EMFILE, "Too many open files"},
    {ENOTTY, "Inappropriate ioctl for device"}, {ETXTBSY, "Text file busy"},
    {EFBIG, "File too large"}, {ENOSPC, "No space left on device"}, {ESPIPE, "Illegal seek"},
    {EROFS, "Read-only file system"}, {EPIPE, "Broken pipe"},
    {ENAMETOOLONG, "File name too long"}, {ENOSYS, "Function not implemented"},
    {ENOTEMPTY, "Directory not empty"}, {ELOOP, "Too many levels of symbolic links"},
};

static const struct numbered signal_texts[] = {
    {SIGHUP, "Hangup"}, {SIGINT, "Interrupt"}, {SIGQUIT, "Quit"}, {SIGILL, "Illegal instruction"},
    {SIGTRAP, "Trace/breakpoint trap"}, {SIGABRT, "Aborted"}, {SIGBUS, "Bus error"},
    {SIGFPE, "Floating point exception"}, {SIGKILL, "Killed"}, {SIGUSR1, "User defined signal 1"},
    {SIGSEGV, "Segmentation fault"}, {SIGUSR2, "User defined signal 2"}, {SIGPIPE, "Broken pipe"},
    {SIGALRM, "Alarm clock"}, {SIGTERM, "Terminated"},
};

static const struct numbered signal_names[] = {
    {SIGHUP, "HUP"}, {SIGINT, "INT"}, {SIGQUIT, "QUIT"}, {SIGILL, "ILL"}, {SIGTRAP, "TRAP"},
    {SIGABRT, "ABRT"}, {SIGBUS, "BUS"}, {SIGFPE, "FPE"}, {SIGKILL, "KILL"}, {SIGUSR1, "USR1"},
    {SIGSEGV, "SEGV"}, {SIGUSR2, "USR2"}, {SIGPIPE, "PIPE"}, {SIGALRM, "ALRM"},
    {SIGTERM, "TERM"}, {SIGCHLD, "CHLD"}, {SIGCONT, "CONT"}, {SIGSTOP, "STOP"},
    {SIGTSTP, "TSTP"},
};

static const char *look_up(const struct numbered *table, size_t count, int number)
{
    for (size_t i = 0; i < count; i++)
        if (table[i].number == number)
            return table[i].text;
    return NULL;
}

const char *error_text(long error)
{
    const char *text =
        look_up(error_texts, COUNT(error_texts), (int)(error < 0 ? -error : error));
    return text ? text : "Unknown error";
}

const char *signal_text(int signal)
{
    const char *text = look_up(signal_texts, COUNT(signal_texts), signal);
    return text ? text : "Unknown signal";
}

const char *signal_name(int signal)
{
    return look_up(signal_names, COUNT(signal_names), signal);
}
