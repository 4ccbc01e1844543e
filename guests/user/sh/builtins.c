/* Commands that must run in the shell itself. */
#include "sh.h"

static int run_cd(int argc, char **argv)
{
    char path[PATH_MAX];
    const char *home = variable_get("HOME");
    const char *target = argc > 1 ? argv[1] : home ? home : "/";
    int error = sys_chdir(target);
    if (error < 0) {
        print_error("sh: cd: %s: %s\n", target, error_text(error));
        return 1;
    }
    if (sys_getcwd(path, sizeof path) > 0)
        variable_set("PWD", path);
    return 0;
}

static int run_pwd(int argc, char **argv)
{
    char path[PATH_MAX];
    (void)argc, (void)argv;
    long error = sys_getcwd(path, sizeof path);
    if (error < 0) {
        print_error("sh: pwd: %s\n", error_text(error));
        return 1;
    }
    print("%s\n", path);
    return 0;
}

/* The number in argv[1], or what stands in its place; ends the shell's patience otherwise. */
static int number_argument(int argc, char **argv, int otherwise)
{
    if (argc < 2)
        return otherwise;
    long number = parse_number(argv[1], 1L << 31);
    if (number < 0) {
        print_error("sh: %s: %s: not a number\n", argv[0], argv[1]);
        return 2;
    }
    return (int)number;
}

static int run_exit(int argc, char **argv)
{
    exit(number_argument(argc, argv, shell.status) & 0xff);
}

static int run_export(int argc, char **argv)
{
    if (argc == 1)
        variables_print_exported();
    for (int i = 1; i < argc; i++) {
        size_t length = assignment_length(argv[i]);
        char *name = length ? arena_text(argv[i], length) : argv[i];
        if (!is_name_start(*name)) {
            print_error("sh: export: %s: not a name\n", name);
            return 1;
        }
        if (length)
            variable_set(name, argv[i] + length + 1);
        variable_export(name);
    }
    return 0;
}

static int run_unset(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        variable_unset(argv[i]);
    return 0;
}

static int run_wait(int argc, char **argv)
{
    int status = 0;
    if (argc == 1)
        return wait_jobs(0);
    for (int i = 1; i < argc; i++) {
        long pid = parse_number(argv[i], 1L << 30);
        status = pid > 0 ? wait_jobs((int)pid) : 127;
        if (status == 127)
            print_error("sh: wait: %s: not a child of this shell\n", argv[i]);
    }
    return status;
}

static int leave_loop(int argc, char **argv, int is_continue)
{
    shell.break_depth = number_argument(argc, argv, 1);
    shell.is_continue = is_continue;
    return 0;
}

static int run_break(int argc, char **argv)
{
    return leave_loop(argc, argv, 0);
}

static int run_continue(int argc, char **argv)
{
    return leave_loop(argc, argv, 1);
}

/* read NAME...: one line of standard input into variables, the last takes the rest. */
static int run_read(int argc, char **argv)
{
    struct text line = {0};
    char letter = 0;
    ssize_t got;
    while ((got = sys_read(0, &letter, 1)) == 1 && letter != '\n')
        text_add(&line, letter);
    const char *at = line.bytes ? line.bytes : "";
    for (int i = 1; i < argc; i++) {
        while (is_space(*at))
            at++;
        size_t length = 0;
        while (at[length] && (i + 1 == argc || !is_space(at[length])))
            length++;
        variable_set(argv[i], arena_text(at, length));
        at += length;
    }
    return got == 1 ? 0 : 1;
}

static int run_nothing(int argc, char **argv)
{
    (void)argc, (void)argv;
    return 0;
}

builtin find_builtin(const char *name)
{
    static const struct {
        const char *name;
        builtin function;
    } builtins[] = {
        {"cd", run_cd},       {"pwd", run_pwd},     {"exit", run_exit},
        {"export", run_export}, {"unset", run_unset}, {"wait", run_wait},
        {"break", run_break}, {"continue", run_continue}, {"read", run_read},
        {":", run_nothing},   {"test", run_test},   {"[", run_test},
    };
    for (size_t i = 0; i < COUNT(builtins); i++)
        if (!strcmp(builtins[i].name, name))
            return builtins[i].function;
    return NULL;
}
