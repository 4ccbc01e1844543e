/* Running the tree. */
#include "sh.h"

static int run_in_child(const struct node *node);

static int run_builtin(builtin function, const struct node *node, int argc, char **argv)
{
    struct saved_fd *saved;
    int status = 1;
    flush();
    if (redirect_saving(node->redirects, &saved) == 0)
        status = function(argc, argv);
    flush();
    redirect_restore(saved);
    return status;
}

static void assign(const struct word *words, int is_exported)
{
    for (size_t length; words && (length = assignment_length(words->text)); words = words->next) {
        char *name = arena_text(words->text, length);
        variable_set(name, expand_text(words->text + length + 1));
        if (is_exported)
            variable_export(name);
    }
}

/* Runs a simple command; in a child that has nothing else to do it takes the child's place. */
static int run_command(const struct node *node, int may_replace)
{
    const struct word *words = node->words;
    int argc, status_before = shell.status;
    shell.status = 0; /* unless a $(command) in the words sets it */
    while (words && assignment_length(words->text))
        words = words->next;
    struct word *first = node->words;
    if (words)
        shell.status = status_before;
    char **argv = expand_words(words, &argc);
    if (argc == 0) {
        struct saved_fd *saved;
        assign(first, 0);
        int is_done = redirect_saving(node->redirects, &saved) == 0;
        redirect_restore(saved);
        return is_done ? shell.status : 1;
    }
    builtin function = find_builtin(argv[0]);
    if (function) {
        assign(first, 0);
        return run_builtin(function, node, argc, argv);
    }
    int pid = may_replace ? 0 : fork_child(0);
    if (pid < 0)
        return 126;
    if (pid > 0)
        return finish_child(pid);
    flush();
    assign(first, 1);
    if (redirect_all(node->redirects) < 0)
        sys_exit_group(1);
    exec_command(argv);
}

static int run_pipeline(const struct node *node)
{
    int pids[64], count = 0, input = -1;
    for (;;) {
        int is_last = node->kind != NODE_PIPELINE || count == (int)COUNT(pids) - 1;
        const struct node *command = is_last ? node : node->left;
        int ends[2] = {-1, -1};
        if (!is_last && sys_pipe(ends) < 0) {
            print_error("sh: no pipe to be had\n");
            break;
        }
        int pid = fork_child(0);
        if (pid == 0) {
            if (input >= 0) {
                sys_dup2(input, 0);
                sys_close(input);
            }
            if (!is_last) {
                sys_close(ends[0]);
                sys_dup2(ends[1], 1);
                sys_close(ends[1]);
            }
            exit(run_in_child(command));
        }
        if (input >= 0)
            sys_close(input);
        if (!is_last)
            sys_close(ends[1]);
        input = ends[0];
        if (pid > 0)
            pids[count++] = pid;
        if (is_last || pid < 0)
            break;
        node = node->right;
    }
    if (input >= 0)
        sys_close(input);
    int status = 126;
    for (int i = 0; i < count; i++)
        status = finish_child(pids[i]);
    return status;
}

static int run_background(const struct node *node)
{
    int pid = fork_child(1);
    if (pid < 0)
        return 126;
    if (pid == 0) {
        int null = is_terminal(0) ? -1 : sys_open("/dev/null", O_RDONLY, 0);
        if (null > 0) {
            sys_dup2(null, 0);
            sys_close(null);
        }
        exit(run_in_child(node->left));
    }
    shell.last_background = pid;
    if (!job_add(pid))
        print_error("sh: too many jobs, %d is not remembered\n", pid);
    if (shell.is_interactive)
        print_error("[%d]\n", pid);
    return 0;
}

static int run_subshell(const struct node *node)
{
    int pid = fork_child(0);
    if (pid < 0)
        return 126;
    if (pid == 0)
        exit(redirect_all(node->redirects) < 0 ? 1 : execute(node->left));
    return finish_child(pid);
}

/* After one round of a loop: whether it goes on. */
static int goes_on(void)
{
    if (shell.is_interrupted)
        return 0;
    if (!shell.break_depth)
        return 1;
    return --shell.break_depth == 0 && shell.is_continue;
}

static int run_while(const struct node *node)
{
    int status = 0;
    for (;;) {
        size_t mark = arena_mark();
        int is_true = execute(node->left) == 0;
        if (is_true == (node->kind == NODE_WHILE) && !shell.break_depth)
            status = execute(node->right);
        else if (!shell.break_depth)
            return status;
        arena_reset(mark);
        if (!goes_on())
            return status;
    }
}

static int run_for(const struct node *node)
{
    int count, status = 0;
    char **values = expand_words(node->words, &count);
    for (int i = 0; i < count; i++) {
        size_t mark = arena_mark();
        variable_set(node->name, values[i]);
        status = execute(node->left);
        arena_reset(mark);
        if (!goes_on())
            break;
    }
    return status;
}

static int run_if(const struct node *node)
{
    if (execute(node->left) == 0)
        return execute(node->right);
    return node->otherwise ? execute(node->otherwise) : 0;
}

static int run_compound(const struct node *node)
{
    struct saved_fd *saved;
    int status = 1;
    flush();
    if (redirect_saving(node->redirects, &saved) == 0) {
        if (node->kind == NODE_IF)
            status = run_if(node);
        else if (node->kind == NODE_FOR)
            status = run_for(node);
        else if (node->kind == NODE_GROUP)
            status = execute(node->left);
        else
            status = run_while(node);
    }
    redirect_restore(saved);
    return status;
}

static int is_over(void)
{
    return shell.is_interrupted || shell.break_depth;
}

static int run(const struct node *node)
{
    int status;
    switch (node->kind) {
    case NODE_COMMAND:
        return run_command(node, 0);
    case NODE_PIPELINE:
        return run_pipeline(node);
    case NODE_AND:
        status = execute(node->left);
        return status == 0 && !is_over() ? execute(node->right) : status;
    case NODE_OR:
        status = execute(node->left);
        return status != 0 && !is_over() ? execute(node->right) : status;
    case NODE_NOT:
        return !execute(node->left);
    case NODE_SEQUENCE:
        status = execute(node->left);
        return is_over() ? status : execute(node->right);
    case NODE_BACKGROUND:
        return run_background(node);
    case NODE_SUBSHELL:
        return run_subshell(node);
    default:
        return run_compound(node);
    }
}

int execute(const struct node *node)
{
    if (shell.is_interrupted)
        return shell.status = 128 + SIGINT;
    return shell.status = run(node);
}

static int run_in_child(const struct node *node)
{
    if (node->kind == NODE_COMMAND)
        return run_command(node, 1);
    if (node->kind == NODE_SUBSHELL) /* the child is the subshell */
        return redirect_all(node->redirects) < 0 ? 1 : execute(node->left);
    return execute(node);
}
