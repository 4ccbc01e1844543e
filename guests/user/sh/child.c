/* Processes of the shell: making one, becoming a program, waiting for its end. */
#include "sh.h"

static NORETURN void run_script(const char *path, char **argv)
{
    struct input input;
    int fd = sys_open(path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        die(126, "%s: %s", path, error_text(fd));
    shell.name = path;
    shell.arguments = argv + 1;
    for (shell.argument_count = 0; argv[1 + shell.argument_count];)
        shell.argument_count++;
    input_from_file(&input, fd);
    exit(execute_input(&input));
}

/* A text file without "#!" is a script; anything that looks binary is not. */
static int is_script(const char *path)
{
    char start[64];
    int fd = sys_open(path, O_RDONLY, 0);
    ssize_t got = fd < 0 ? fd : sys_read(fd, start, sizeof start);
    sys_close(fd);
    for (ssize_t i = 0; i < got; i++)
        if (!start[i] || start[i] == 0x7f)
            return 0;
    return got > 0;
}

static int try_exec(const char *path, char **argv)
{
    int error = sys_execve(path, argv, variables_environment());
    if (error == -ENOEXEC && is_script(path))
        run_script(path, argv);
    return error;
}

void exec_command(char **argv)
{
    int error = -ENOENT;
    const char *path = variable_get("PATH");
    if (strchr(argv[0], '/')) {
        error = try_exec(argv[0], argv);
    } else {
        while (path && *path) {
            const char *colon = strchr(path, ':');
            size_t length = colon ? (size_t)(colon - path) : strlen(path);
            char *folder = length ? arena_text(path, length) : ".";
            int got = try_exec(join_path(folder, argv[0]), argv);
            if (got != -ENOENT && got != -ENOTDIR) {
                error = got;
                break;
            }
            path += length + (colon != NULL);
        }
    }
    int is_missing = error == -ENOENT && !strchr(argv[0], '/');
    print_error("sh: %s: %s\n", argv[0], is_missing ? "not found" : error_text(error));
    sys_exit_group(error == -ENOENT ? 127 : 126);
}

static void start_child(int is_background)
{
    const struct sigaction by_default = {0}, ignored = {.handler = (void (*)(int))1};
    shell.is_child = 1;
    shell.is_interactive = 0;
    jobs_forget();
    sys_sigaction(SIGINT, is_background ? &ignored : &by_default);
    sys_sigaction(SIGQUIT, is_background ? &ignored : &by_default);
}

int fork_child(int is_background)
{
    int pid = fork();
    if (pid < 0)
        print_error("sh: fork: %s\n", error_text(pid));
    if (pid == 0)
        start_child(is_background);
    return pid;
}

int finish_child(int pid)
{
    int status = wait_child(pid);
    int signal = end_signal(status);
    if (signal == SIGINT) {
        shell.is_interrupted = shell.is_interactive;
        if (shell.is_interactive)
            print_error("\n");
    } else if (signal && signal != SIGPIPE) {
        print_error("%s\n", signal_text(signal));
    }
    return shell_status(status);
}

char *capture_output(const char *command)
{
    struct text output = {0};
    char bytes[512];
    int ends[2];
    if (sys_pipe(ends) < 0)
        return "";
    int pid = fork_child(0);
    if (pid == 0) {
        struct input input;
        sys_close(ends[0]);
        sys_dup2(ends[1], 1);
        sys_close(ends[1]);
        input_from_text(&input, command);
        exit(execute_input(&input));
    }
    sys_close(ends[1]);
    ssize_t got;
    while ((got = sys_read(ends[0], bytes, sizeof bytes)) > 0 || got == -EINTR)
        for (ssize_t i = 0; i < got; i++)
            if (bytes[i])
                text_add(&output, bytes[i]);
    sys_close(ends[0]);
    if (pid > 0)
        shell.status = finish_child(pid);
    while (output.length && output.bytes[output.length - 1] == '\n')
        output.bytes[--output.length] = 0;
    return output.bytes ? output.bytes : "";
}
