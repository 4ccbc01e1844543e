/* ps: list the processes: number, state, the core it ran on last, name.
 *
 * Reads /proc/PID/stat as proc(5) describes it: "pid (name) state ...", the core is field 39. */
#include "ulib.h"

enum { CORE_FIELD = 39 };

/* The n-th field of a stat line; 3 is the first one behind the name. */
static char *field(char *behind_name, int number)
{
    char *at = behind_name;
    for (int i = 3; i < number && at; i++) {
        at = strchr(at, ' ');
        at = at ? at + 1 : NULL;
    }
    return at;
}

static void end_word(char *text)
{
    for (; *text; text++) {
        if (is_space(*text)) {
            *text = 0;
            return;
        }
    }
}

static void show(const char *pid)
{
    char path[64];
    long error = 0;
    format_text(path, sizeof path, "/proc/%s/stat", pid);
    char *line = read_file(path, NULL, &error);
    if (!line)
        return; /* it ended meanwhile */
    char *name = strchr(line, '('), *close = strrchr(line, ')');
    if (name && close && close[1] == ' ') {
        char *state = close + 2, *core = field(close + 2, CORE_FIELD);
        if (core)
            end_word(core);
        *close = 0;
        print("%5s %c %3s %s\n", pid, *state, core ? core : "?", name + 1);
    }
    release(line);
}

static int compare_pids(const char *a, const char *b)
{
    long left = parse_number(a, 1L << 30), right = parse_number(b, 1L << 30);
    return left < right ? -1 : left > right;
}

int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    struct name_list names = {NULL, 0};
    long error = read_directory("/proc", &names);
    if (error < 0)
        die(1, "/proc: %s", error_text(error));
    put("  PID S CPU NAME\n");
    size_t count = 0;
    for (size_t i = 0; i < names.count; i++)
        if (parse_number(names.names[i], 1L << 30) > 0)
            names.names[count++] = names.names[i];
    for (size_t i = 1; i < count; i++) /* by number: nearly sorted by name already */
        for (size_t at = i; at && compare_pids(names.names[at - 1], names.names[at]) > 0; at--) {
            char *name = names.names[at];
            names.names[at] = names.names[at - 1];
            names.names[at - 1] = name;
        }
    for (size_t i = 0; i < count; i++)
        show(names.names[i]);
    return 0;
}
