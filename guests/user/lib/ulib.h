/* The programs' library: strings, output, memory, directories. Freestanding, no global state but
 * what a process owns anyway (output buffer, heap, environment). */
#ifndef ULIB_H
#define ULIB_H

#include "syscall.h"

#include <stdarg.h>

#define NULL ((void *)0)
#define NORETURN __attribute__((noreturn))
#define PRINTF(text, first) __attribute__((format(printf, text, first)))
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { PAGE_SIZE = 4096, PATH_MAX = 4096 };

/* start.c: what the kernel put on the first stack. */
extern char **environ;
extern const char *program_name; /* last part of argv[0] */
extern u64 *auxiliary_vector;    /* pairs of type and value, ended by type 0 */

/* start.S */
long thread_clone(unsigned long flags, void *stack_top, void (*body)(void *), void *argument);
void signal_return(void);
/* C's setjmp and longjmp; the function that called jump_point must not have returned. */
int jump_point(u64 place[8]) __attribute__((returns_twice));
NORETURN void jump_back(u64 place[8]);

/* string.c */
void *memcpy(void *to, const void *from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);
int memcmp(const void *a, const void *b, size_t size);
size_t strlen(const char *text);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t size);
char *strchr(const char *text, int letter);
char *strrchr(const char *text, int letter);
int starts_with(const char *text, const char *prefix);
int is_space(int letter);
int is_digit(int letter);
int is_name_start(int letter); /* may begin a variable's name */
/* Value of a whole decimal number from 0 to limit; -1 when text is anything else. */
long parse_number(const char *text, long limit);
const char *error_text(long error);  /* takes errno or -errno */
const char *signal_text(int signal); /* "Segmentation fault" */
const char *signal_name(int signal); /* "SEGV", or NULL */

/* output.c: standard output is buffered; it is flushed when full, at exit, by fork, and at each
 * line on a terminal. Standard error is not buffered. */
void put(const char *text);
void put_bytes(const void *bytes, size_t size);
void flush(void);
int print(const char *format, ...) PRINTF(1, 2);
int print_error(const char *format, ...) PRINTF(1, 2);
/* At most size bytes with the final 0; the length the whole text would have. */
int format_text(char *buffer, size_t size, const char *format, ...) PRINTF(3, 4);
int format_list(char *buffer, size_t size, const char *format, va_list list);
/* "NAME: message" on standard error, then exit(status). */
NORETURN void die(int status, const char *format, ...) PRINTF(2, 3);
/* "NAME: what: text of the error" on standard error. */
void complain(const char *what, long error);
NORETURN void exit(int status);
int fork(void);
int is_terminal(int fd);
/* All of it, or the negative errno. */
long write_all(int fd, const void *bytes, size_t size);

/* heap.c: first fit over the break, merged when freed; ends the program when memory is out. */
void *allocate(size_t size);
void *reallocate(void *block, size_t size);
void release(void *block);
char *copy_text(const char *text);

/* file.c */
/* The whole file with a 0 after it, in allocated memory; NULL and *error when it cannot be read. */
char *read_file(const char *path, size_t *size, long *error);
struct name_list {
    char **names;
    size_t count;
};
/* All names of a directory but "." and "..", sorted; the negative errno when it cannot be read. */
long read_directory(const char *path, struct name_list *out);
void sort_names(struct name_list *list);
void add_name(struct name_list *list, const char *name);
char *join_path(const char *folder, const char *name);
/* Value of an environment variable, or NULL. */
char *get_environment(const char *name);
/* Monotonic time in nanoseconds. */
u64 now_ns(void);

#endif
