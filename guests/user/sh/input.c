/* Reading command text without taking what belongs to the commands.
 *
 * Commands share the shell's standard input. A terminal gives one line a read. From a file the
 * shell reads ahead and goes back before it runs a command. From a pipe nobody can go back, so it
 * is read byte by byte, as POSIX demands. A script opened by the shell itself is nobody else's.
 */
#include "sh.h"

void input_from_text(struct input *input, const char *text)
{
    memset(input, 0, sizeof *input);
    input->fd = -1;
    input->text = text;
    input->size = strlen(text);
}

void input_from_file(struct input *input, int fd)
{
    memset(input, 0, sizeof *input);
    input->fd = fd;
    input->text = input->buffer;
    input->is_interactive = fd == 0 && is_terminal(0);
    if (fd == 0 && !input->is_interactive) {
        input->is_shared = sys_lseek(fd, 0, SEEK_CUR) >= 0;
        input->reads_by_byte = !input->is_shared;
    }
}

/* Reads, unless Ctrl-C came or comes. A handler that only left a mark would lose the one that comes
 * between a look at the mark and the read, so it jumps back here. */
static ssize_t read_unless_interrupted(struct input *input)
{
    size_t size = input->reads_by_byte ? 1 : sizeof input->buffer;
    if (jump_point(shell.before_read)) {
        shell.is_reading = 0;
        return -EINTR;
    }
    shell.is_reading = 1;
    ssize_t got = shell.is_interrupted ? -EINTR : sys_read(input->fd, input->buffer, size);
    shell.is_reading = 0;
    return got;
}

static int fill(struct input *input)
{
    if (input->fd < 0 || input->is_ended)
        return 0;
    ssize_t got;
    do
        got = read_unless_interrupted(input);
    while (got == -EINTR && !shell.is_interrupted);
    input->is_ended = got <= 0;
    input->size = got > 0 ? (size_t)got : 0;
    input->at = 0;
    return got > 0;
}

int input_peek(struct input *input)
{
    while (input->at < input->size || fill(input)) {
        if (input->text[input->at])
            return (u8)input->text[input->at];
        input->at++;
    }
    return 0;
}

int input_next(struct input *input)
{
    int letter = input_peek(input);
    if (letter)
        input->at++;
    return letter;
}

void input_settle(struct input *input)
{
    if (input->is_shared && input->at < input->size) {
        sys_lseek(input->fd, -(long)(input->size - input->at), SEEK_CUR);
        input->size = input->at = 0;
    }
}

void input_drop_line(struct input *input)
{
    input->at = input->size; /* a terminal gives no more than the line */
}

void input_prompt(const struct input *input, const char *text)
{
    if (input->is_interactive)
        write_all(2, text, strlen(text));
}
