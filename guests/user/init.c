/* init [ARG...]: process 1. Opens the console, runs "/bin/sh ARG...", adopts orphans, and ends
 * with the shell's status (128 + n when signal n killed it).
 *
 * The end of process 1 is the end of the machine: the kernel powers off with its status.
 */
#include "ulib.h"

static void open_console(void)
{
    int fd = sys_open("/dev/console", O_RDWR, 0);
    while (fd >= 0 && fd < 2)
        fd = sys_dup(fd);
    if (fd > 2)
        sys_close(fd);
}

static void set_default(char **entries, size_t *count, const char *name, char *entry)
{
    if (!get_environment(name))
        entries[(*count)++] = entry;
}

static char **make_environment(void)
{
    size_t count = 0;
    while (environ[count])
        count++;
    char **entries = allocate((count + 4) * sizeof *entries);
    memcpy(entries, environ, count * sizeof *entries);
    set_default(entries, &count, "PATH", "PATH=/bin");
    set_default(entries, &count, "HOME", "HOME=/root");
    set_default(entries, &count, "TERM", "TERM=linux");
    entries[count] = NULL;
    return entries;
}

static void greet(void)
{
    long error = 0;
    char *text = is_terminal(0) ? read_file("/etc/motd", NULL, &error) : NULL;
    if (text)
        put(text);
    release(text);
}

static NORETURN void run_shell(char **argv)
{
    sys_setsid();
    sys_ioctl(0, TIOCSCTTY, NULL);
    argv[0] = "sh";
    int error = sys_execve("/bin/sh", argv, make_environment());
    die(127, "/bin/sh: %s", error_text(error));
}

int main(int argc, char **argv)
{
    open_console();
    if (argc < 2)
        greet();
    int shell = fork();
    if (shell < 0)
        die(1, "cannot start the shell: %s", error_text(shell));
    if (shell == 0)
        run_shell(argv);
    for (;;) {
        int status = 0;
        int pid = sys_wait4(-1, &status, 0);
        if (pid == shell)
            return shell_status(status);
        if (pid < 0 && pid != -EINTR)
            die(1, "wait: %s", error_text(pid));
    }
}
