/* rm [-r] [-f] PATH...: remove files; -r also directories with all below, -f says nothing of
 * what is not there. */
#include "ulib.h"

static int is_recursive, is_forced;

static int remove_path(const char *path);

static int remove_below(const char *path)
{
    struct name_list names = {NULL, 0};
    int status = 0;
    long error = read_directory(path, &names);
    if (error < 0) {
        complain(path, error);
        return 1;
    }
    for (size_t i = 0; i < names.count; i++) {
        char *below = join_path(path, names.names[i]);
        status |= remove_path(below);
        release(below);
        release(names.names[i]);
    }
    release(names.names);
    return status;
}

static int remove_path(const char *path)
{
    struct stat stat;
    long error = sys_lstat(path, &stat);
    if (error == -ENOENT && is_forced)
        return 0;
    if (error == 0 && (stat.st_mode & S_IFMT) == S_IFDIR) {
        if (is_recursive && remove_below(path))
            return 1;
        error = is_recursive ? sys_rmdir(path) : -EISDIR;
    } else if (error == 0) {
        error = sys_unlink(path);
    }
    if (error < 0)
        complain(path, error);
    return error < 0;
}

int main(int argc, char **argv)
{
    int first = 1, status = 0;
    for (; first < argc && argv[first][0] == '-' && argv[first][1]; first++) {
        for (char *letter = argv[first] + 1; *letter; letter++) {
            if (*letter == 'r')
                is_recursive = 1;
            else if (*letter == 'f')
                is_forced = 1;
            else
                die(2, "unknown option -%c; usage: rm [-rf] PATH...", *letter);
        }
    }
    if (first == argc && !is_forced)
        die(2, "usage: rm [-rf] PATH...");
    for (; first < argc; first++)
        status |= remove_path(argv[first]);
    return status;
}
