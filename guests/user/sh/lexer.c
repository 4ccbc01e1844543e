/* From text to tokens. A word keeps its quotes, backslashes and dollars for expand.c. */
#include "sh.h"

/* Copies a $(...) to its closing parenthesis; the "$(" is taken already. */
static int take_substitution(struct lexer *lexer, struct text *word)
{
    int depth = 1, quote = 0;
    for (int letter; (letter = input_next(lexer->input)) != 0;) {
        text_add(word, (char)letter);
        if (letter == '\\' && quote != '\'') {
            if (input_peek(lexer->input))
                text_add(word, (char)input_next(lexer->input));
        } else if (quote) {
            quote = letter == quote ? 0 : quote;
        } else if (letter == '\'' || letter == '"') {
            quote = letter;
        } else if (letter == '(') {
            depth++;
        } else if (letter == ')' && --depth == 0) {
            return 1;
        }
    }
    lexer->error = "$( without )";
    return 0;
}

static int take_dollar(struct lexer *lexer, struct text *word)
{
    if (input_peek(lexer->input) != '(')
        return 1;
    text_add(word, (char)input_next(lexer->input));
    return take_substitution(lexer, word);
}

static int take_quoted(struct lexer *lexer, struct text *word, int quote)
{
    for (int letter; (letter = input_next(lexer->input)) != 0;) {
        text_add(word, (char)letter);
        if (letter == quote)
            return 1;
        if (letter == '\n')
            input_prompt(lexer->input, "> ");
        if (quote == '"' && letter == '\\' && input_peek(lexer->input))
            text_add(word, (char)input_next(lexer->input));
        else if (quote == '"' && letter == '$' && !take_dollar(lexer, word))
            return 0;
    }
    lexer->error = "quote without its end";
    return 0;
}

static int ends_word(int letter)
{
    return !letter || is_space(letter) || strchr(";&|<>()", letter);
}

static int take_word(struct lexer *lexer, struct text *word)
{
    while (!ends_word(input_peek(lexer->input))) {
        int letter = input_next(lexer->input);
        if (letter == '\\' && input_peek(lexer->input) == '\n') {
            input_next(lexer->input);
            input_prompt(lexer->input, "> ");
            continue;
        }
        text_add(word, (char)letter);
        if (letter == '\\' && input_peek(lexer->input))
            text_add(word, (char)input_next(lexer->input));
        else if ((letter == '\'' || letter == '"') && !take_quoted(lexer, word, letter))
            return 0;
        else if (letter == '$' && !take_dollar(lexer, word))
            return 0;
    }
    return 1;
}

static enum token take_redirect(struct lexer *lexer, int fd)
{
    int is_read = input_next(lexer->input) == '<';
    int next = input_peek(lexer->input);
    lexer->redirect_fd = fd >= 0 ? fd : !is_read;
    lexer->redirect_kind = is_read ? REDIRECT_READ : REDIRECT_WRITE;
    if (next == '&')
        lexer->redirect_kind = REDIRECT_DUPLICATE;
    else if (next == '>' && !is_read)
        lexer->redirect_kind = REDIRECT_APPEND;
    else if (next == '<' || (next == '>' && is_read)) {
        lexer->error = "<< and <> are not known";
        return TOKEN_ERROR;
    } else
        return TOKEN_REDIRECT;
    input_next(lexer->input);
    return TOKEN_REDIRECT;
}

static enum token take_operator(struct lexer *lexer)
{
    int letter = input_peek(lexer->input);
    if (letter == '<' || letter == '>')
        return take_redirect(lexer, -1);
    input_next(lexer->input);
    int is_double = (letter == '&' || letter == '|') && input_peek(lexer->input) == letter;
    if (is_double)
        input_next(lexer->input);
    switch (letter) {
    case '\n':
        return TOKEN_NEWLINE;
    case ';':
        return TOKEN_SEMICOLON;
    case '&':
        return is_double ? TOKEN_AND : TOKEN_AMPERSAND;
    case '|':
        return is_double ? TOKEN_OR : TOKEN_PIPE;
    case '(':
        return TOKEN_OPEN;
    default:
        return TOKEN_CLOSE;
    }
}

static void skip_blanks(struct input *input)
{
    for (;;) {
        int letter = input_peek(input);
        if (letter == '#') {
            while (input_peek(input) && input_peek(input) != '\n')
                input_next(input);
            return;
        }
        if (letter != ' ' && letter != '\t' && letter != '\r')
            return;
        input_next(input);
    }
}

static enum token take_token(struct lexer *lexer)
{
    struct text word = {0};
    skip_blanks(lexer->input);
    int letter = input_peek(lexer->input);
    if (!letter)
        return TOKEN_END;
    if (ends_word(letter))
        return take_operator(lexer);
    if (!take_word(lexer, &word))
        return TOKEN_ERROR;
    if (!word.bytes) /* a line that was only continued */
        return take_token(lexer);
    letter = input_peek(lexer->input);
    if ((letter == '<' || letter == '>') && word.length == 1 && is_digit(word.bytes[0]))
        return take_redirect(lexer, word.bytes[0] - '0');
    lexer->word = word.bytes;
    return TOKEN_WORD;
}

void lexer_advance(struct lexer *lexer)
{
    lexer->word = NULL;
    lexer->token = take_token(lexer);
}
