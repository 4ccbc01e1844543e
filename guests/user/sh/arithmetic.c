/* $((expression)): C's integer operators over 64-bit numbers and variables, no assignment. */
#include "sh.h"

enum { MAX_NESTING = 100 };

struct reader {
    const char *at;
    const char *error;
    int depth;
};

struct operator {
    const char *sign;
    int rank; /* higher binds closer */
};

/* Longer signs stand before their beginnings. */
static const struct operator operators[] = {
    {"||", 1}, {"&&", 2}, {"|", 3}, {"^", 4}, {"&", 5}, {"==", 6}, {"!=", 6}, {"<<", 8},
    {">>", 8}, {"<=", 7}, {">=", 7}, {"<", 7}, {">", 7}, {"+", 9}, {"-", 9}, {"*", 10},
    {"/", 10}, {"%", 10},
};

static long read_level(struct reader *reader, int least);

static void skip_blanks(struct reader *reader)
{
    while (is_space(*reader->at))
        reader->at++;
}

static long read_digits(const char **at)
{
    u64 value = 0;
    u32 base = (*at)[0] == '0' && ((*at)[1] | 32) == 'x' ? 16 : (*at)[0] == '0' ? 8 : 10;
    *at += base == 16 ? 2 : 0;
    for (;; (*at)++) {
        u32 digit = is_digit(**at) ? (u32)(**at - '0') : (u32)((**at | 32) - 'a' + 10);
        if (digit >= base)
            return (long)value;
        value = value * base + digit;
    }
}

static long read_variable(struct reader *reader)
{
    size_t length = 0;
    while (is_name_start(reader->at[length]) || is_digit(reader->at[length]))
        length++;
    const char *value = variable_get(arena_text(reader->at, length));
    reader->at += length;
    if (!value || !*value)
        return 0;
    int is_negative = *value == '-';
    value += is_negative;
    long number = read_digits(&value);
    if (*value)
        reader->error = "a variable is not a number";
    return is_negative ? (long)(0 - (u64)number) : number;
}

static long read_operand(struct reader *reader)
{
    skip_blanks(reader);
    char letter = *reader->at;
    if (++reader->depth > MAX_NESTING)
        reader->error = "nested too deeply";
    long value = 0;
    if (reader->error) {
        return 0;
    } else if (is_digit(letter)) {
        value = read_digits(&reader->at);
    } else if (is_name_start(letter)) {
        value = read_variable(reader);
    } else if (letter == '(') {
        reader->at++;
        value = read_level(reader, 1);
        skip_blanks(reader);
        if (*reader->at++ != ')') {
            reader->at--;
            reader->error = "( without )";
        }
    } else if (letter && strchr("+-!~", letter)) {
        reader->at++;
        value = read_operand(reader);
        value = letter == '-' ? (long)(0 - (u64)value) : letter == '!' ? !value
                : letter == '~' ? ~value : value;
    } else {
        reader->error = "a number is missing";
    }
    reader->depth--;
    return value;
}

static long divide(struct reader *reader, char sign, long a, long b)
{
    if (b == 0) {
        reader->error = "division by 0";
        return 0;
    }
    if (b == -1) /* the least number has no counterpart */
        return sign == '/' ? (long)(0 - (u64)a) : 0;
    return sign == '/' ? a / b : a % b;
}

static long compare(const char *sign, long a, long b)
{
    int is_or_equal = sign[1] == '=';
    switch (sign[0]) {
    case '=':
        return a == b;
    case '!':
        return a != b;
    case '<':
        return is_or_equal ? a <= b : a < b;
    default:
        return is_or_equal ? a >= b : a > b;
    }
}

static long apply(struct reader *reader, const struct operator *op, long a, long b)
{
    if (op->rank == 6 || op->rank == 7)
        return compare(op->sign, a, b);
    switch (op->sign[0]) {
    case '|':
        return op->rank == 1 ? a || b : a | b;
    case '&':
        return op->rank == 2 ? a && b : a & b;
    case '^':
        return a ^ b;
    case '<':
        return (long)((u64)a << (b & 63));
    case '>':
        return a >> (b & 63);
    case '+':
        return (long)((u64)a + (u64)b);
    case '-':
        return (long)((u64)a - (u64)b);
    case '*':
        return (long)((u64)a * (u64)b);
    default:
        return divide(reader, op->sign[0], a, b);
    }
}

static const struct operator *find_operator(const char *at)
{
    for (size_t i = 0; i < COUNT(operators); i++)
        if (starts_with(at, operators[i].sign))
            return &operators[i];
    return NULL;
}

static long read_level(struct reader *reader, int least)
{
    long value = read_operand(reader);
    for (;;) {
        skip_blanks(reader);
        const struct operator *op = find_operator(reader->at);
        if (!op || op->rank < least || reader->error)
            return value;
        reader->at += strlen(op->sign);
        value = apply(reader, op, value, read_level(reader, op->rank + 1));
    }
}

int evaluate(const char *text, long *value)
{
    struct reader reader = {text, NULL, 0};
    *value = read_level(&reader, 1);
    skip_blanks(&reader);
    if (!reader.error && *reader.at)
        reader.error = "an operator is missing";
    if (reader.error)
        print_error("sh: $((%s)): %s\n", text, reader.error);
    return reader.error ? -1 : 0;
}
