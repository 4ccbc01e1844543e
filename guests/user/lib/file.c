/* Whole files, directories, paths, the environment and the clock. */
#include "ulib.h"

char *read_file(const char *path, size_t *size, long *error)
{
    int fd = sys_open(path, O_RDONLY, 0);
    if (fd < 0) {
        *error = fd;
        return NULL;
    }
    size_t used = 0, room = PAGE_SIZE;
    char *bytes = allocate(room + 1);
    for (;;) {
        if (used == room) {
            room *= 2;
            bytes = reallocate(bytes, room + 1);
        }
        ssize_t got = sys_read(fd, bytes + used, room - used);
        if (got == -EINTR)
            continue;
        if (got <= 0) {
            *error = got;
            break;
        }
        used += (size_t)got;
    }
    sys_close(fd);
    if (*error < 0) {
        release(bytes);
        return NULL;
    }
    bytes[used] = 0;
    if (size)
        *size = used;
    return bytes;
}

void add_name(struct name_list *list, const char *name)
{
    if ((list->count & (list->count - 1)) == 0) {
        size_t room = list->count ? 2 * list->count : 1;
        list->names = reallocate(list->names, room * sizeof *list->names);
    }
    list->names[list->count++] = copy_text(name);
}

static void sift(char **names, size_t at, size_t count)
{
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= count)
            return;
        if (child + 1 < count && strcmp(names[child], names[child + 1]) < 0)
            child++;
        if (strcmp(names[at], names[child]) >= 0)
            return;
        char *name = names[at];
        names[at] = names[child];
        names[child] = name;
        at = child;
    }
}

void sort_names(struct name_list *list)
{
    for (size_t i = list->count / 2; i-- > 0;)
        sift(list->names, i, list->count);
    for (size_t end = list->count; end-- > 1;) {
        char *name = list->names[0];
        list->names[0] = list->names[end];
        list->names[end] = name;
        sift(list->names, 0, end);
    }
}

long read_directory(const char *path, struct name_list *out)
{
    char buffer[2048] __attribute__((aligned(8)));
    int fd = sys_open(path, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return fd;
    ssize_t got;
    while ((got = sys_getdents64(fd, buffer, sizeof buffer)) > 0) {
        for (ssize_t at = 0; at < got;) {
            struct dirent64 *entry = (struct dirent64 *)(buffer + at);
            if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
                add_name(out, entry->d_name);
            at += entry->d_reclen;
        }
    }
    sys_close(fd);
    sort_names(out);
    return got;
}

char *join_path(const char *folder, const char *name)
{
    size_t size = strlen(folder) + strlen(name) + 2;
    char *path = allocate(size);
    const char *slash = *folder && folder[strlen(folder) - 1] == '/' ? "" : "/";
    format_text(path, size, "%s%s%s", folder, slash, name);
    return path;
}

char *get_environment(const char *name)
{
    size_t length = strlen(name);
    for (char **entry = environ; *entry; entry++)
        if (!strncmp(*entry, name, length) && (*entry)[length] == '=')
            return *entry + length + 1;
    return NULL;
}

u64 now_ns(void)
{
    struct timespec now;
    sys_clock_gettime(CLOCK_MONOTONIC, &now);
    return (u64)now.tv_sec * 1000000000 + (u64)now.tv_nsec;
}
