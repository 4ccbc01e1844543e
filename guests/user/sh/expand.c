/* From words to fields: parameters, $(commands), $((sums)), splitting at blanks, patterns, quote removal.
 *
 * While a field grows, letters that came quoted and would be special in a pattern are kept behind
 * a backslash; it is removed when the field ends.
 */
#include "sh.h"

struct expansion {
    struct text field;
    int has_field;    /* also an empty one, when quotes were seen */
    int is_splitting;
    char **fields;
    size_t count, room;
};

static void add_field(struct expansion *expansion, char *field)
{
    if (expansion->count + 1 >= expansion->room) {
        size_t room = expansion->room ? 2 * expansion->room : 8;
        char **bigger = arena_take(room * sizeof *bigger);
        memcpy(bigger, expansion->fields, expansion->count * sizeof *bigger);
        expansion->fields = bigger;
        expansion->room = room;
    }
    expansion->fields[expansion->count++] = field;
    expansion->fields[expansion->count] = NULL;
}

static void end_field(struct expansion *expansion)
{
    struct name_list paths = {NULL, 0};
    if (!expansion->has_field)
        return;
    const char *pattern = expansion->field.bytes ? expansion->field.bytes : "";
    match_paths(pattern, &paths);
    for (size_t i = 0; i < paths.count; i++) {
        add_field(expansion, arena_text(paths.names[i], strlen(paths.names[i])));
        release(paths.names[i]);
    }
    release(paths.names);
    if (!paths.count)
        add_field(expansion, unescape(pattern));
    expansion->field = (struct text){0};
    expansion->has_field = 0;
}

static void add_letter(struct expansion *expansion, char letter, int is_quoted)
{
    if (letter == '\\' || (is_quoted && strchr("*?[]", letter)))
        text_add(&expansion->field, '\\');
    text_add(&expansion->field, letter);
    expansion->has_field = 1;
}

static void add_value(struct expansion *expansion, const char *value, int is_quoted)
{
    for (; *value; value++) {
        if (is_space(*value) && !is_quoted && expansion->is_splitting)
            end_field(expansion);
        else
            add_letter(expansion, *value, is_quoted);
    }
}

static void add_arguments(struct expansion *expansion, int is_quoted)
{
    for (int i = 0; i < shell.argument_count; i++) {
        if (i && expansion->is_splitting)
            end_field(expansion);
        else if (i)
            add_letter(expansion, ' ', is_quoted);
        add_value(expansion, shell.arguments[i], is_quoted);
        expansion->has_field |= is_quoted;
    }
}

static const char *number_text(int number)
{
    char text[16];
    return arena_text(text, (size_t)format_text(text, sizeof text, "%d", number));
}

static const char *special_value(char letter)
{
    switch (letter) {
    case '?':
        return number_text(shell.status);
    case '$':
        return number_text(shell.pid);
    case '!':
        return shell.last_background ? number_text(shell.last_background) : "";
    case '#':
        return number_text(shell.argument_count);
    case '0':
        return shell.name;
    }
    return letter - '1' < shell.argument_count ? shell.arguments[letter - '1'] : "";
}

/* Length of the $(...) whose "$(" was taken; quotes inside hide parentheses. */
static size_t substitution_length(const char *text)
{
    int depth = 1, quote = 0;
    size_t at = 0;
    for (; text[at]; at++) {
        if (text[at] == '\\' && quote != '\'' && text[at + 1])
            at++;
        else if (quote)
            quote = text[at] == quote ? 0 : quote;
        else if (text[at] == '\'' || text[at] == '"')
            quote = text[at];
        else if (text[at] == '(')
            depth++;
        else if (text[at] == ')' && --depth == 0)
            break;
    }
    return at;
}

static void add_number(struct expansion *expansion, const char *expression, int is_quoted)
{
    char text[24];
    long value;
    if (evaluate(expand_text(expression), &value) < 0) {
        shell.status = 2;
        return;
    }
    format_text(text, sizeof text, "%ld", value);
    add_value(expansion, text, is_quoted);
}

/* Expands what follows "$(", up to and with its closing parenthesis. */
static const char *expand_parentheses(struct expansion *expansion, const char *at, int is_quoted)
{
    size_t length = substitution_length(at);
    char *inner = arena_text(at, length);
    if (inner[0] == '(' && length > 1 && substitution_length(inner + 1) == length - 2)
        add_number(expansion, arena_text(inner + 1, length - 2), is_quoted);
    else
        add_value(expansion, capture_output(inner), is_quoted);
    return at + length + (at[length] == ')');
}

/* Expands what follows a dollar; returns the text behind it. */
static const char *expand_dollar(struct expansion *expansion, const char *at, int is_quoted)
{
    if (*at == '(')
        return expand_parentheses(expansion, at + 1, is_quoted);
    int is_braced = *at == '{';
    const char *name = at + is_braced;
    size_t length = 0;
    if (is_name_start(*name))
        while (is_name_start(name[length]) || is_digit(name[length]))
            length++;
    else if (*name && (strchr("?$!#@*", *name) || is_digit(*name)))
        length = 1;
    if (!length || (is_braced && name[length] != '}')) {
        add_letter(expansion, '$', is_quoted);
        return at;
    }
    if (*name == '@' || *name == '*') {
        add_arguments(expansion, is_quoted);
    } else {
        const char *value = is_name_start(*name) ? variable_get(arena_text(name, length))
                                                 : special_value(*name);
        add_value(expansion, value ? value : "", is_quoted);
    }
    return name + length + is_braced;
}

static const char *expand_double_quotes(struct expansion *expansion, const char *at)
{
    int was_arguments = !strncmp(at, "$@\"", 3);
    expansion->has_field |= !was_arguments;
    while (*at && *at != '"') {
        if (*at == '$') {
            at = expand_dollar(expansion, at + 1, 1);
            continue;
        }
        if (*at == '\\' && at[1] && strchr("$`\"\\\n", at[1])) {
            at++;
            if (*at++ == '\n')
                continue;
            at--;
        }
        add_letter(expansion, *at++, 1);
    }
    return *at ? at + 1 : at;
}

static const char *expand_tilde(struct expansion *expansion, const char *word)
{
    const char *home = variable_get("HOME");
    if (word[0] != '~' || (word[1] && word[1] != '/') || !home)
        return word;
    add_value(expansion, home, 1);
    return word + 1;
}

static void expand_word(struct expansion *expansion, const char *word)
{
    const char *at = expand_tilde(expansion, word);
    while (*at) {
        char letter = *at++;
        if (letter == '\'') {
            expansion->has_field = 1;
            for (; *at && *at != '\''; at++)
                add_letter(expansion, *at, 1);
            at += *at == '\'';
        } else if (letter == '"') {
            at = expand_double_quotes(expansion, at);
        } else if (letter == '$') {
            at = expand_dollar(expansion, at, 0);
        } else if (letter == '\\' && *at) {
            add_letter(expansion, *at++, 1);
        } else {
            add_letter(expansion, letter, 0);
        }
    }
}

char **expand_words(const struct word *words, int *count)
{
    struct expansion expansion = {.is_splitting = 1};
    for (; words; words = words->next) {
        expand_word(&expansion, words->text);
        end_field(&expansion);
    }
    *count = (int)expansion.count;
    return expansion.fields;
}

char *expand_text(const char *word)
{
    struct expansion expansion = {.is_splitting = 0};
    expand_word(&expansion, word);
    return unescape(expansion.field.bytes ? expansion.field.bytes : "");
}
