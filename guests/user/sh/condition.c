/* test EXPRESSION, [ EXPRESSION ]: what a file is, what a text is, how numbers compare.
 *
 * The number of arguments says what an expression is, as POSIX has it; there is no -a and no -o. */
#include "sh.h"

enum { WRONG = 2, R_OK = 4, W_OK = 2, X_OK = 1, SYS_ACCESS = 21 };

static int wrong(const char *text, const char *message)
{
    print_error("sh: test: %s: %s\n", text, message);
    return WRONG;
}

static int test_file(char option, const char *path)
{
    static const struct {
        char option;
        u32 kind;
    } kinds[] = {{'f', S_IFREG}, {'d', S_IFDIR}, {'p', S_IFIFO}, {'c', S_IFCHR},
                 {'b', S_IFBLK}, {'h', S_IFLNK}, {'L', S_IFLNK}, {'S', S_IFSOCK}};
    struct stat stat;
    int is_link = option == 'h' || option == 'L';
    if ((is_link ? sys_lstat(path, &stat) : sys_stat(path, &stat)) < 0)
        return 1;
    if (option == 'e')
        return 0;
    if (option == 's')
        return stat.st_size == 0;
    for (size_t i = 0; i < COUNT(kinds); i++)
        if (kinds[i].option == option)
            return (stat.st_mode & S_IFMT) != kinds[i].kind;
    int right = option == 'r' ? R_OK : option == 'w' ? W_OK : X_OK;
    return syscall3(SYS_ACCESS, (long)path, right, 0) < 0;
}

static int test_one(const char *option, const char *text)
{
    if (option[0] != '-' || !option[1] || option[2])
        return wrong(option, "not known");
    if (option[1] == 'n')
        return !*text;
    if (option[1] == 'z')
        return *text != 0;
    if (option[1] == 't')
        return !is_terminal((int)parse_number(text, 1 << 20));
    if (strchr("esfdpcbhLSrwx", option[1]))
        return test_file(option[1], text);
    return wrong(option, "not known");
}

static int parse_signed(const char *text, long *value)
{
    int is_negative = *text == '-';
    *value = parse_number(text + is_negative, (long)(~0UL >> 1));
    if (*value < 0)
        return wrong(text, "not a number");
    *value = is_negative ? -*value : *value;
    return 0;
}

static int test_two(const char *left, const char *sign, const char *right)
{
    static const char signs[][4] = {"-eq", "-ne", "-lt", "-le", "-gt", "-ge"};
    long a, b;
    if (!strcmp(sign, "="))
        return strcmp(left, right) != 0;
    if (!strcmp(sign, "!="))
        return strcmp(left, right) == 0;
    for (size_t i = 0; i < COUNT(signs); i++) {
        if (strcmp(sign, signs[i]))
            continue;
        if (parse_signed(left, &a) || parse_signed(right, &b))
            return WRONG;
        const int results[] = {a == b, a != b, a < b, a <= b, a > b, a >= b};
        return !results[i];
    }
    return wrong(sign, "not known");
}

static int negate(int status)
{
    return status == WRONG ? WRONG : !status;
}

static int test_arguments(int count, char **words)
{
    if (count == 0)
        return 1;
    if (count == 1)
        return !*words[0];
    if (count == 3 && strcmp(words[0], "!"))
        return test_two(words[0], words[1], words[2]);
    if (!strcmp(words[0], "!"))
        return negate(test_arguments(count - 1, words + 1));
    if (count == 2)
        return test_one(words[0], words[1]);
    return wrong(words[0], "too many arguments");
}

int run_test(int argc, char **argv)
{
    if (!strcmp(argv[0], "[") && strcmp(argv[--argc], "]"))
        return wrong("[", "without ]");
    return test_arguments(argc - 1, argv + 1);
}
