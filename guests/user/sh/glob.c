/* Patterns: * ? [set], a backslash makes the next letter itself. */
#include "sh.h"

/* Matches one [set] at *pattern (behind the bracket) and moves behind it; -1 when it never ends. */
static int set_matches(const char **pattern, char letter)
{
    const char *at = *pattern;
    int is_negated = *at == '!' || *at == '^', found = 0;
    at += is_negated;
    const char *first = at;
    for (; *at != ']' || at == first; at++) {
        if (*at == '\\' && at[1])
            at++;
        if (!*at)
            return -1;
        char low = *at;
        if (at[1] == '-' && at[2] && at[2] != ']')
            at += 2;
        found |= low <= letter && letter <= *at;
    }
    *pattern = at + 1;
    return found != is_negated;
}

/* Whether one letter matches the pattern's first element; moves behind it. */
static int element_matches(const char **pattern, char letter)
{
    char element = *(*pattern)++;
    if (element == '?')
        return 1;
    if (element == '[') {
        int matches = set_matches(pattern, letter);
        if (matches >= 0)
            return matches;
    } else if (element == '\\' && **pattern) {
        element = *(*pattern)++;
    }
    return element == letter;
}

int pattern_matches(const char *pattern, const char *name)
{
    const char *star = NULL, *retry = NULL;
    for (;;) {
        if (*pattern == '*') {
            star = ++pattern;
            retry = name;
            continue;
        }
        if (!*name && !*pattern)
            return 1;
        if (*name && *pattern && element_matches(&pattern, *name)) {
            name++;
            continue;
        }
        if (!star || !*retry)
            return 0;
        pattern = star;
        name = ++retry;
    }
}

static int is_pattern(const char *text)
{
    for (; *text; text++) {
        if (*text == '\\' && text[1])
            text++;
        else if (strchr("*?[", *text))
            return 1;
    }
    return 0;
}

char *unescape(const char *text)
{
    char *plain = arena_take(strlen(text) + 1), *to = plain;
    for (; *text; text++) {
        if (*text == '\\' && text[1])
            text++;
        *to++ = *text;
    }
    *to = 0;
    return plain;
}

/* Adds the paths below folder ("" or ending in a slash) that match the rest of a pattern. */
static void match_below(const char *folder, const char *pattern, struct name_list *out)
{
    const char *slash = strchr(pattern, '/');
    char *part = arena_text(pattern, slash ? (size_t)(slash - pattern) : strlen(pattern));
    struct name_list names = {NULL, 0};
    if (is_pattern(part))
        read_directory(*folder ? folder : ".", &names);
    else
        add_name(&names, unescape(part));
    for (size_t i = 0; i < names.count; i++) {
        char *name = names.names[i];
        struct text path = {0};
        if (is_pattern(part) &&
            (!pattern_matches(part, name) || (name[0] == '.' && part[0] != '.')))
            continue;
        text_add_all(&path, folder);
        text_add_all(&path, name);
        if (slash)
            text_add(&path, '/');
        struct stat stat;
        if (slash && slash[1])
            match_below(path.bytes, slash + 1, out);
        else if (sys_lstat(path.bytes, &stat) == 0)
            add_name(out, path.bytes);
    }
    for (size_t i = 0; i < names.count; i++)
        release(names.names[i]);
    release(names.names);
}

/* Paths that match a pattern, sorted; none when it is not a pattern or nothing matches. */
void match_paths(const char *pattern, struct name_list *out)
{
    if (!is_pattern(pattern))
        return;
    if (*pattern == '/')
        match_below("/", pattern + 1, out);
    else
        match_below("", pattern, out);
}
