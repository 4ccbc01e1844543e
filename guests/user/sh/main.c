/* sh                      commands from standard input, with prompts on a terminal
 * sh -c TEXT [NAME [ARG...]]   commands from TEXT
 * sh FILE [ARG...]        commands from FILE */
#include "sh.h"

struct shell shell = {.name = "sh"};

static void on_interrupt(int signal)
{
    (void)signal;
    shell.is_interrupted = 1;
    if (shell.is_reading)
        jump_back(shell.before_read);
}

static void start_interactive(void)
{
    enum { SA_RESTORER = 0x04000000, SA_NODEFER = 0x40000000 }; /* it may not return */
    const struct sigaction interrupt = {
        on_interrupt, SA_RESTORER | SA_NODEFER, signal_return, 0,
    };
    const struct sigaction ignored = {.handler = (void (*)(int))1};
    shell.is_interactive = 1;
    sys_sigaction(SIGINT, &interrupt);
    sys_sigaction(SIGQUIT, &ignored);
}

static enum parse_result read_line(struct input *input, struct node **line)
{
    if (input->is_interactive) {
        jobs_report();
        shell.is_interrupted = 0;
        input_prompt(input, "# ");
    }
    enum parse_result result = parse_line(input, line);
    if (!shell.is_interrupted)
        return result;
    print_error("\n");
    input->is_ended = 0;
    input->at = input->size;
    shell.status = 128 + SIGINT;
    return PARSE_EMPTY;
}

int execute_input(struct input *input)
{
    for (;;) {
        struct node *line = NULL;
        size_t mark = arena_mark();
        switch (read_line(input, &line)) {
        case PARSE_END:
            if (input->is_interactive)
                print_error("\n");
            return shell.status;
        case PARSE_ERROR:
            shell.status = 2;
            if (!input->is_interactive)
                return 2;
            input_drop_line(input);
            break;
        case PARSE_OK:
            input_settle(input);
            execute(line);
            shell.break_depth = 0;
            break;
        case PARSE_EMPTY:
            break;
        }
        flush();
        arena_reset(mark);
    }
}

int main(int argc, char **argv)
{
    struct input input;
    int used = 1;
    program_name = "sh";
    shell.pid = sys_getpid();
    variables_start();
    if (argc > 1 && !strcmp(argv[1], "-c")) {
        if (argc < 3)
            die(2, "-c needs a text");
        input_from_text(&input, argv[2]);
        used = 3;
        if (argc > 3)
            shell.name = argv[used++];
    } else if (argc > 1) {
        int fd = sys_open(argv[1], O_RDONLY | O_CLOEXEC, 0);
        if (fd < 0)
            die(127, "%s: %s", argv[1], error_text(fd));
        input_from_file(&input, fd);
        shell.name = argv[1];
        used = 2;
    } else {
        input_from_file(&input, 0);
        if (input.is_interactive)
            start_interactive();
    }
    shell.arguments = argv + used;
    shell.argument_count = argc - used;
    exit(execute_input(&input));
}
