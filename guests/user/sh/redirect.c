/* Redirections, for a child for good or around a builtin with the way back. */
#include "sh.h"

enum { SAVED_FROM = 10 };

static int open_target(const struct redirect *redirect, const char *target)
{
    switch (redirect->kind) {
    case REDIRECT_READ:
        return sys_open(target, O_RDONLY, 0);
    case REDIRECT_APPEND:
        return sys_open(target, O_WRONLY | O_CREAT | O_APPEND, 0666);
    default:
        return sys_open(target, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    }
}

static int redirect_one(const struct redirect *redirect)
{
    char *target = expand_text(redirect->target);
    if (redirect->kind == REDIRECT_DUPLICATE && !strcmp(target, "-")) {
        sys_close(redirect->fd);
        return 0;
    }
    if (redirect->kind == REDIRECT_DUPLICATE) {
        long from = parse_number(target, 1 << 20);
        int error = from < 0 ? -EBADF : sys_dup2((int)from, redirect->fd);
        if (error < 0)
            print_error("sh: %s: %s\n", target, error_text(error));
        return error < 0 ? -1 : 0;
    }
    int fd = open_target(redirect, target);
    if (fd < 0) {
        print_error("sh: %s: %s\n", target, error_text(fd));
        return -1;
    }
    if (fd != redirect->fd) {
        sys_dup2(fd, redirect->fd);
        sys_close(fd);
    }
    return 0;
}

int redirect_all(const struct redirect *redirects)
{
    for (; redirects; redirects = redirects->next)
        if (redirect_one(redirects) < 0)
            return -1;
    return 0;
}

int redirect_saving(const struct redirect *redirects, struct saved_fd **saved)
{
    *saved = NULL;
    for (; redirects; redirects = redirects->next) {
        struct saved_fd *entry = arena_take(sizeof *entry);
        entry->fd = redirects->fd;
        entry->copy = sys_fcntl(redirects->fd, F_DUPFD_CLOEXEC, SAVED_FROM);
        entry->next = *saved;
        *saved = entry;
        if (redirect_one(redirects) < 0)
            return -1;
    }
    return 0;
}

void redirect_restore(struct saved_fd *saved)
{
    for (; saved; saved = saved->next) {
        if (saved->copy < 0) {
            sys_close(saved->fd);
            continue;
        }
        sys_dup2(saved->copy, saved->fd);
        sys_close(saved->copy);
    }
}
