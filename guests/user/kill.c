/* kill [-SIGNAL] PID...: send a signal, by number or name (TERM unless given). kill -l lists
 * the names. */
#include "ulib.h"

enum { LAST_SIGNAL = 64 };

static int parse_signal(const char *text)
{
    const char *name = starts_with(text, "SIG") ? text + 3 : text;
    long number = parse_number(text, LAST_SIGNAL);
    if (number >= 0)
        return (int)number;
    for (int signal = 1; signal <= LAST_SIGNAL; signal++)
        if (signal_name(signal) && !strcmp(signal_name(signal), name))
            return signal;
    die(2, "unknown signal %s", text);
}

static int list_signals(void)
{
    for (int signal = 1; signal <= LAST_SIGNAL; signal++)
        if (signal_name(signal))
            print("%2d %s\n", signal, signal_name(signal));
    return 0;
}

int main(int argc, char **argv)
{
    int first = 1, signal = SIGTERM, status = 0;
    if (argc == 2 && !strcmp(argv[1], "-l"))
        return list_signals();
    if (argc > 1 && argv[1][0] == '-' && strcmp(argv[1], "--"))
        signal = parse_signal(argv[first++] + 1);
    if (first < argc && !strcmp(argv[first], "--"))
        first++;
    if (first >= argc)
        die(2, "usage: kill [-SIGNAL] PID...");
    for (int i = first; i < argc; i++) {
        int is_group = argv[i][0] == '-';
        long pid = parse_number(argv[i] + is_group, 1L << 30);
        if (pid < 0)
            die(2, "%s is not a process number", argv[i]);
        int error = sys_kill((int)(is_group ? -pid : pid), signal);
        if (error < 0) {
            complain(argv[i], error);
            status = 1;
        }
    }
    return status;
}
