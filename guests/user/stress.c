/* stress SECONDS run PROGRAM [ARG]...   run a program again and again; each time it must succeed
 * stress SECONDS do SEED WORD           have the kernel do WORD (/dev/debug), each time with the
 *                                       next seed; each time it must succeed
 *
 * Ends with the number of rounds on standard output; the first failure ends it with status 1.
 */
#include "ulib.h"

static int rounds;

static NORETURN void fail(const char *what, int status)
{
    die(1, "round %d of %s fails with %d", rounds, what, status);
}

static void run(char **argv)
{
    int pid = fork();
    if (!pid) {
        int quiet = (int)sys_open("/dev/null", O_WRONLY, 0);
        char path[PATH_MAX];
        sys_dup2(quiet, 1);
        format_text(path, sizeof path, "/bin/%s", argv[0]);
        sys_execve(path, argv, environ);
        sys_exit_group(127);
    }
    int status = 0;
    int got = sys_wait4(pid, &status, 0);
    if (got != pid || status)
        fail(argv[0], got == pid ? status : got);
}

static void have_done(int fd, long seed, const char *word)
{
    char line[100];
    int size = format_text(line, sizeof line, "%s %ld", word, seed);
    long written = sys_write(fd, line, (size_t)size);
    if (written != size)
        fail(word, (int)written);
}

int main(int argc, char **argv)
{
    long seconds = argc > 3 ? parse_number(argv[1], 1000000) : -1;
    int does = seconds >= 0 && !strcmp(argv[2], "do");
    if (seconds < 0 || (does ? argc != 5 : strcmp(argv[2], "run")))
        die(2, "give SECONDS run PROGRAM [ARG]..., or SECONDS do SEED WORD");
    long seed = does ? parse_number(argv[3], 1L << 40) : 0;
    int fd = does ? (int)sys_open("/dev/debug", O_WRONLY, 0) : -1;
    if (does && fd < 0)
        die(1, "/dev/debug: %s", error_text(fd));
    u64 end = now_ns() + (u64)seconds * 1000000000;
    for (; now_ns() < end; rounds++) {
        if (does)
            have_done(fd, seed + rounds, argv[4]);
        else
            run(argv + 3);
    }
    print("%s %d rounds\n", argv[does ? 4 : 3], rounds);
    return 0;
}
