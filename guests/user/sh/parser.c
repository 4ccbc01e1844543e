/* From tokens to a tree, by recursive descent. On an error the token becomes TOKEN_ERROR and
 * stays, so that every rule ends; parse_line alone looks for it. */
#include "sh.h"

enum { MAX_DEPTH = 200 };

struct parser {
    struct lexer lexer;
    int depth;
};

static struct node *parse_list(struct parser *parser);

static struct node *make_node(enum node_kind kind, struct node *left, struct node *right)
{
    struct node *node = arena_take(sizeof *node);
    memset(node, 0, sizeof *node);
    node->kind = kind;
    node->left = left;
    node->right = right;
    return node;
}

static void *fail(struct parser *parser, const char *message)
{
    if (parser->lexer.token != TOKEN_ERROR) {
        parser->lexer.token = TOKEN_ERROR;
        parser->lexer.error = message;
    }
    return NULL;
}

static void advance(struct parser *parser)
{
    if (parser->lexer.token != TOKEN_ERROR)
        lexer_advance(&parser->lexer);
}

static int at(const struct parser *parser, enum token token)
{
    return parser->lexer.token == token;
}

static int at_word(const struct parser *parser, const char *word)
{
    return at(parser, TOKEN_WORD) && !strcmp(parser->lexer.word, word);
}

/* Words that end a list: the parts of compound commands. */
static int at_closing_word(const struct parser *parser)
{
    static const char *const words[] = {"then", "else", "elif", "fi", "do", "done", "}"};
    for (size_t i = 0; i < COUNT(words); i++)
        if (at_word(parser, words[i]))
            return 1;
    return 0;
}

static void skip_newlines(struct parser *parser)
{
    while (at(parser, TOKEN_NEWLINE)) {
        input_prompt(parser->lexer.input, "> ");
        advance(parser);
    }
}

static void expect_word(struct parser *parser, const char *word, const char *message)
{
    if (at_word(parser, word))
        advance(parser);
    else
        fail(parser, message);
}

static struct redirect **parse_redirect(struct parser *parser, struct redirect **tail)
{
    struct redirect *redirect = arena_take(sizeof *redirect);
    redirect->fd = parser->lexer.redirect_fd;
    redirect->kind = parser->lexer.redirect_kind;
    redirect->next = NULL;
    advance(parser);
    if (!at(parser, TOKEN_WORD)) {
        fail(parser, "a redirection needs a file");
        return tail;
    }
    redirect->target = parser->lexer.word;
    advance(parser);
    *tail = redirect;
    return &redirect->next;
}

static struct word **add_word(struct parser *parser, struct word **tail)
{
    struct word *word = arena_take(sizeof *word);
    word->text = parser->lexer.word;
    word->next = NULL;
    *tail = word;
    advance(parser);
    return &word->next;
}

static struct node *parse_simple(struct parser *parser)
{
    struct node *node = make_node(NODE_COMMAND, NULL, NULL);
    struct word **words = &node->words;
    struct redirect **redirects = &node->redirects;
    for (;;) {
        if (at(parser, TOKEN_WORD))
            words = add_word(parser, words);
        else if (at(parser, TOKEN_REDIRECT))
            redirects = parse_redirect(parser, redirects);
        else
            break;
    }
    if (!node->words && !node->redirects)
        return fail(parser, "a command is missing");
    return node;
}

static struct node *parse_if(struct parser *parser)
{
    advance(parser);
    struct node *node = make_node(NODE_IF, parse_list(parser), NULL);
    expect_word(parser, "then", "if without then");
    node->right = parse_list(parser);
    if (at_word(parser, "elif")) {
        node->otherwise = parse_if(parser);
        return node;
    }
    if (at_word(parser, "else")) {
        advance(parser);
        node->otherwise = parse_list(parser);
    }
    expect_word(parser, "fi", "if without fi");
    return node;
}

static struct node *parse_do(struct parser *parser)
{
    expect_word(parser, "do", "loop without do");
    struct node *body = parse_list(parser);
    expect_word(parser, "done", "loop without done");
    return body;
}

static struct node *parse_for(struct parser *parser)
{
    struct node *node = make_node(NODE_FOR, NULL, NULL);
    struct word **words = &node->words;
    advance(parser);
    if (!at(parser, TOKEN_WORD))
        return fail(parser, "for needs a name");
    node->name = parser->lexer.word;
    advance(parser);
    skip_newlines(parser);
    expect_word(parser, "in", "for without in");
    while (at(parser, TOKEN_WORD))
        words = add_word(parser, words);
    if (at(parser, TOKEN_SEMICOLON))
        advance(parser);
    skip_newlines(parser);
    node->left = parse_do(parser);
    return node;
}

static struct node *parse_bracketed(struct parser *parser)
{
    int is_subshell = at(parser, TOKEN_OPEN);
    advance(parser);
    struct node *node =
        make_node(is_subshell ? NODE_SUBSHELL : NODE_GROUP, parse_list(parser), NULL);
    if (!is_subshell)
        expect_word(parser, "}", "{ without }");
    else if (at(parser, TOKEN_CLOSE))
        advance(parser);
    else
        fail(parser, "( without )");
    return node;
}

static struct node *parse_command(struct parser *parser)
{
    struct node *node;
    if (at_word(parser, "if")) {
        node = parse_if(parser);
    } else if (at_word(parser, "while") || at_word(parser, "until")) {
        enum node_kind kind = at_word(parser, "while") ? NODE_WHILE : NODE_UNTIL;
        advance(parser);
        struct node *condition = parse_list(parser);
        node = make_node(kind, condition, parse_do(parser));
    } else if (at_word(parser, "for")) {
        node = parse_for(parser);
    } else if (at(parser, TOKEN_OPEN) || at_word(parser, "{")) {
        node = parse_bracketed(parser);
    } else if (at_closing_word(parser)) {
        return fail(parser, "a command is missing");
    } else {
        return parse_simple(parser);
    }
    struct redirect **redirects = node ? &node->redirects : NULL;
    while (redirects && at(parser, TOKEN_REDIRECT))
        redirects = parse_redirect(parser, redirects);
    return node;
}

static struct node *parse_pipeline(struct parser *parser)
{
    if (at_word(parser, "!")) {
        if (++parser->depth > MAX_DEPTH)
            return fail(parser, "nested too deeply");
        advance(parser);
        struct node *node = make_node(NODE_NOT, parse_pipeline(parser), NULL);
        parser->depth--;
        return node;
    }
    struct node *node = parse_command(parser);
    if (!at(parser, TOKEN_PIPE))
        return node;
    advance(parser);
    skip_newlines(parser);
    return make_node(NODE_PIPELINE, node, parse_pipeline(parser));
}

static struct node *parse_and_or(struct parser *parser)
{
    struct node *node = parse_pipeline(parser);
    while (at(parser, TOKEN_AND) || at(parser, TOKEN_OR)) {
        enum node_kind kind = at(parser, TOKEN_AND) ? NODE_AND : NODE_OR;
        advance(parser);
        skip_newlines(parser);
        struct node *right = parse_pipeline(parser);
        node = make_node(kind, node, right);
    }
    return node;
}

/* One pipeline of a list with its ; or & ; joined to what stands before it. */
static struct node *parse_item(struct parser *parser, struct node *before)
{
    struct node *node = parse_and_or(parser);
    if (at(parser, TOKEN_AMPERSAND)) {
        node = make_node(NODE_BACKGROUND, node, NULL);
        advance(parser);
    } else if (at(parser, TOKEN_SEMICOLON)) {
        advance(parser);
    } else if (!at(parser, TOKEN_NEWLINE) && !at(parser, TOKEN_END) && !at(parser, TOKEN_CLOSE) &&
               !at_closing_word(parser)) {
        fail(parser, "; or a new line is missing");
    }
    return before ? make_node(NODE_SEQUENCE, before, node) : node;
}

/* The list inside a compound command: goes over lines, ends at a closing word. */
static struct node *parse_list(struct parser *parser)
{
    struct node *list = NULL;
    if (++parser->depth > MAX_DEPTH)
        return fail(parser, "nested too deeply");
    skip_newlines(parser);
    do {
        list = parse_item(parser, list);
        skip_newlines(parser);
    } while (!at_closing_word(parser) && !at(parser, TOKEN_CLOSE) && !at(parser, TOKEN_END) &&
             !at(parser, TOKEN_ERROR));
    parser->depth--;
    return list;
}

enum parse_result parse_line(struct input *input, struct node **out)
{
    struct parser parser = {.lexer = {.input = input}, .depth = 0};
    struct node *line = NULL;
    lexer_advance(&parser.lexer);
    if (at(&parser, TOKEN_END))
        return PARSE_END;
    if (at(&parser, TOKEN_NEWLINE))
        return PARSE_EMPTY;
    while (!at(&parser, TOKEN_NEWLINE) && !at(&parser, TOKEN_END) && !at(&parser, TOKEN_ERROR)) {
        line = parse_item(&parser, line);
        if (at(&parser, TOKEN_CLOSE) || at_closing_word(&parser))
            fail(&parser, "it closes nothing");
    }
    if (at(&parser, TOKEN_ERROR)) {
        print_error("sh: syntax error: %s\n", parser.lexer.error);
        return PARSE_ERROR;
    }
    *out = line;
    return PARSE_OK;
}
