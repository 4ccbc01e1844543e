/* ls [-la] [PATH...]: list directories. -a shows names that begin with a dot, -l one entry a line
 * with mode, links, owner, group, size and time of change. Names stand in columns on a terminal. */
#include "ulib.h"

static int is_long, is_all, status;

static const char kinds[16] = {[1] = 'p', [2] = 'c', [4] = 'd', [6] = 'b',
                               [8] = '-', [10] = 'l', [12] = 's'};

static void format_mode(u32 mode, char text[11])
{
    char kind = kinds[(mode >> 12) & 15];
    text[0] = kind ? kind : '?';
    for (int bit = 0; bit < 9; bit++)
        text[1 + bit] = mode & (0400u >> bit) ? "rwxrwxrwx"[bit] : '-';
    if (mode & 04000)
        text[3] = mode & 0100 ? 's' : 'S';
    if (mode & 02000)
        text[6] = mode & 0010 ? 's' : 'S';
    if (mode & 01000)
        text[9] = mode & 0001 ? 't' : 'T';
    text[10] = 0;
}

/* Civil date of a day since 1970 (era of 400 years, years from March). */
static void format_time(long seconds, char text[20])
{
    long days = seconds / 86400, rest = seconds % 86400;
    if (rest < 0)
        rest += 86400, days--;
    days += 719468;
    long era = (days >= 0 ? days : days - 146096) / 146097;
    long day = days - era * 146097;
    long year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    long of_year = day - (365 * year + year / 4 - year / 100);
    long month = (5 * of_year + 2) / 153;
    long of_month = of_year - (153 * month + 2) / 5 + 1;
    month += month < 10 ? 3 : -9;
    year += era * 400 + (month <= 2);
    format_text(text, 20, "%ld-%02ld-%02ld %02ld:%02ld", year, month, of_month, rest / 3600,
                rest / 60 % 60);
}

static void print_entry(const char *path, const char *name)
{
    struct stat stat;
    long error = sys_lstat(path, &stat);
    if (error < 0) {
        complain(path, error);
        status = 1;
        return;
    }
    char mode[11], time[20], size[24];
    format_mode(stat.st_mode, mode);
    format_time(stat.st_mtim.tv_sec, time);
    u32 kind = stat.st_mode & S_IFMT;
    if (kind == S_IFCHR || kind == S_IFBLK)
        format_text(size, sizeof size, "%lu, %lu", (stat.st_rdev >> 8) & 0xfff,
                    (stat.st_rdev & 0xff) | ((stat.st_rdev >> 12) & 0xfff00));
    else
        format_text(size, sizeof size, "%ld", stat.st_size);
    print("%s %3lu %-4u %-4u %9s %s %s", mode, stat.st_nlink, stat.st_uid, stat.st_gid, size, time,
          name);
    if (kind == S_IFLNK) {
        char target[PATH_MAX];
        ssize_t length = sys_readlink(path, target, sizeof target - 1);
        target[length > 0 ? length : 0] = 0;
        print(" -> %s", target);
    }
    put("\n");
}

static size_t terminal_width(void)
{
    struct winsize size = {0, 0, 0, 0};
    if (!is_terminal(1))
        return 1;
    return sys_ioctl(1, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
}

static void print_columns(struct name_list *list)
{
    size_t widest = 0;
    for (size_t i = 0; i < list->count; i++)
        if (strlen(list->names[i]) > widest)
            widest = strlen(list->names[i]);
    size_t columns = terminal_width() / (widest + 2);
    if (columns == 0)
        columns = 1;
    size_t rows = (list->count + columns - 1) / columns;
    for (size_t row = 0; row < rows; row++) {
        for (size_t i = row; i < list->count; i += rows)
            print("%-*s", i + rows < list->count ? (int)widest + 2 : 0, list->names[i]);
        put("\n");
    }
}

static void print_names(const char *folder, struct name_list *list)
{
    if (!is_long) {
        print_columns(list);
        return;
    }
    for (size_t i = 0; i < list->count; i++) {
        char *path = folder ? join_path(folder, list->names[i]) : copy_text(list->names[i]);
        print_entry(path, list->names[i]);
        release(path);
    }
}

static void list_directory(const char *path)
{
    struct name_list all = {NULL, 0}, shown = {NULL, 0};
    long error = read_directory(path, &all);
    if (error < 0) {
        complain(path, error);
        status = 1;
        return;
    }
    if (is_all) {
        add_name(&shown, ".");
        add_name(&shown, "..");
    }
    for (size_t i = 0; i < all.count; i++)
        if (is_all || all.names[i][0] != '.')
            add_name(&shown, all.names[i]);
    print_names(path, &shown);
}

int main(int argc, char **argv)
{
    int first = 1;
    for (; first < argc && argv[first][0] == '-' && argv[first][1]; first++) {
        for (char *letter = argv[first] + 1; *letter; letter++) {
            if (*letter == 'l')
                is_long = 1;
            else if (*letter == 'a')
                is_all = 1;
            else
                die(2, "unknown option -%c; usage: ls [-la] [PATH...]", *letter);
        }
    }
    if (first == argc) {
        list_directory(".");
        return status;
    }
    struct name_list files = {NULL, 0}, folders = {NULL, 0};
    for (int i = first; i < argc; i++) {
        struct stat stat;
        long error = is_long ? sys_lstat(argv[i], &stat) : sys_stat(argv[i], &stat);
        if (error == -ENOENT)
            error = sys_lstat(argv[i], &stat);
        if (error < 0) {
            complain(argv[i], error);
            status = 1;
        } else {
            add_name((stat.st_mode & S_IFMT) == S_IFDIR ? &folders : &files, argv[i]);
        }
    }
    if (files.count)
        print_names(NULL, &files);
    for (size_t i = 0; i < folders.count; i++) {
        if (argc - first > 1)
            print("%s%s:\n", i || files.count ? "\n" : "", folders.names[i]);
        list_directory(folders.names[i]);
    }
    return status;
}
