/* sh: a small POSIX shell. Text is read (input.c), cut into tokens (lexer.c), made into a tree
 * (parser.c), and the tree is run (execute.c) with its words expanded (expand.c) each time. */
#ifndef SH_H
#define SH_H

#include "ulib.h"

/* input.c: where the text comes from. */
struct input {
    int fd;               /* -1 for text in memory */
    const char *text;     /* of size bytes, from a string or the last read */
    size_t size, at;
    int is_interactive;   /* prompts are shown */
    int reads_by_byte;    /* the file offset is shared with commands and cannot go back */
    int is_shared;        /* the offset is shared and can go back */
    int is_ended;
    char buffer[512];
};
void input_from_text(struct input *input, const char *text);
void input_from_file(struct input *input, int fd);
int input_peek(struct input *input); /* the next byte, or 0 at the end */
int input_next(struct input *input);
void input_settle(struct input *input); /* before a command runs: leave it what is its own */
void input_drop_line(struct input *input); /* of a terminal */
void input_prompt(const struct input *input, const char *text);

/* arena.c: memory of one command, given back all at once. */
void *arena_take(size_t size);
char *arena_text(const char *text, size_t length);
size_t arena_mark(void);
void arena_reset(size_t mark);

/* A text that grows, in the arena. */
struct text {
    char *bytes;
    size_t length, room;
};
void text_add(struct text *text, char letter);
void text_add_all(struct text *text, const char *letters);

/* lexer.c */
enum token {
    TOKEN_END, TOKEN_NEWLINE, TOKEN_WORD, TOKEN_SEMICOLON, TOKEN_AMPERSAND, TOKEN_AND, TOKEN_OR,
    TOKEN_PIPE, TOKEN_OPEN, TOKEN_CLOSE, TOKEN_REDIRECT, TOKEN_ERROR,
};
enum redirect_kind { REDIRECT_READ, REDIRECT_WRITE, REDIRECT_APPEND, REDIRECT_DUPLICATE };
struct lexer {
    struct input *input;
    enum token token;
    char *word;              /* TOKEN_WORD: as written, quotes included */
    int redirect_fd;         /* TOKEN_REDIRECT */
    enum redirect_kind redirect_kind;
    const char *error;       /* TOKEN_ERROR */
};
void lexer_advance(struct lexer *lexer);

/* parser.c */
struct redirect {
    int fd;
    enum redirect_kind kind;
    char *target; /* a word */
    struct redirect *next;
};
struct word {
    char *text;
    struct word *next;
};
enum node_kind {
    NODE_COMMAND, NODE_PIPELINE, NODE_AND, NODE_OR, NODE_NOT, NODE_SEQUENCE, NODE_BACKGROUND,
    NODE_SUBSHELL, NODE_GROUP, NODE_IF, NODE_WHILE, NODE_UNTIL, NODE_FOR,
};
struct node {
    enum node_kind kind;
    struct node *left, *right; /* condition and body of if, while, until; body of for in left */
    struct node *otherwise;    /* else */
    struct word *words;        /* of a command, or the values of for */
    struct redirect *redirects;
    char *name;                /* variable of for */
};
enum parse_result { PARSE_OK, PARSE_EMPTY, PARSE_END, PARSE_ERROR };
/* Reads one complete command line into *out. */
enum parse_result parse_line(struct input *input, struct node **out);

/* variables.c */
void variables_start(void);
const char *variable_get(const char *name); /* NULL when unset */
void variable_set(const char *name, const char *value);
void variable_export(const char *name);
void variable_unset(const char *name);
void variables_print_exported(void);
char **variables_environment(void);
/* Length of the name in "name=...", or 0. */
size_t assignment_length(const char *text);

/* expand.c */
/* Fields of the words, in the arena, ended by NULL. */
char **expand_words(const struct word *words, int *count);
/* One text without splitting: of an assignment, or of a redirection's target. */
char *expand_text(const char *word);

/* glob.c */
int pattern_matches(const char *pattern, const char *name);
char *unescape(const char *text);
void match_paths(const char *pattern, struct name_list *out);

/* jobs.c */
int job_add(int pid);
void jobs_forget(void);
void jobs_report(void);
int wait_child(int pid);
int wait_jobs(int pid);

/* redirect.c: -1 after a message when one fails. */
struct saved_fd {
    int fd, copy; /* copy is negative when fd was closed */
    struct saved_fd *next;
};
int redirect_all(const struct redirect *redirects);
int redirect_saving(const struct redirect *redirects, struct saved_fd **saved);
void redirect_restore(struct saved_fd *saved);

/* arithmetic.c: -1 after a message when the text is no expression. */
int evaluate(const char *text, long *value);

/* condition.c */
int run_test(int argc, char **argv);

/* execute.c */
int execute(const struct node *node); /* sets and returns shell.status */
int execute_input(struct input *input);

/* child.c */
NORETURN void exec_command(char **argv); /* found in $PATH; a message and 126 or 127 if not */
int fork_child(int is_background);       /* as fork, after a message when it fails */
int finish_child(int pid);               /* waits; the status for $?, after a word on its signal */
char *capture_output(const char *command); /* of $(command), in the arena */

/* builtins.c */
typedef int (*builtin)(int argc, char **argv);
builtin find_builtin(const char *name);

struct shell {
    int status;              /* $? */
    int pid;                 /* $$ */
    int last_background;     /* $! */
    int is_interactive;
    int is_child;            /* a subshell: reports nothing of its own */
    volatile int is_interrupted; /* by Ctrl-C, since the last prompt */
    volatile int is_reading;     /* before_read is valid */
    u64 before_read[8];
    const char *name;        /* $0 */
    char **arguments;        /* $1 and on */
    int argument_count;
    int break_depth;         /* loops still to leave, by break or continue */
    int is_continue;
};
extern struct shell shell;

#endif
