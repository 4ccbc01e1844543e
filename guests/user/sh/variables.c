/* Shell variables: "name=value" texts; exported ones are the commands' environment. */
#include "sh.h"

static struct variable {
    char *entry; /* name=value, or name alone: exported, not yet set */
    size_t name_length;
    int is_exported;
} *variables;
static size_t count, room;

static size_t name_length(const char *text)
{
    size_t length = 0;
    if (!is_name_start(*text))
        return 0;
    while (is_name_start(text[length]) || is_digit(text[length]))
        length++;
    return length;
}

size_t assignment_length(const char *text)
{
    size_t length = name_length(text);
    return length && text[length] == '=' ? length : 0;
}

static struct variable *find(const char *name, size_t length)
{
    for (size_t i = 0; i < count; i++)
        if (variables[i].name_length == length && !memcmp(variables[i].entry, name, length))
            return &variables[i];
    return NULL;
}

static struct variable *make(const char *name, size_t length)
{
    struct variable *variable = find(name, length);
    if (variable)
        return variable;
    if (count == room) {
        room = room ? 2 * room : 32;
        variables = reallocate(variables, room * sizeof *variables);
    }
    variable = &variables[count++];
    variable->entry = allocate(length + 1);
    memcpy(variable->entry, name, length);
    variable->entry[length] = 0;
    variable->name_length = length;
    variable->is_exported = 0;
    return variable;
}

const char *variable_get(const char *name)
{
    struct variable *variable = find(name, strlen(name));
    return variable && variable->entry[variable->name_length]
               ? variable->entry + variable->name_length + 1 : NULL;
}

void variable_set(const char *name, const char *value)
{
    struct variable *variable = make(name, strlen(name));
    size_t size = strlen(name) + strlen(value) + 2;
    char *entry = allocate(size);
    format_text(entry, size, "%s=%s", name, value);
    release(variable->entry);
    variable->entry = entry;
}

void variable_export(const char *name)
{
    make(name, strlen(name))->is_exported = 1;
}

void variable_unset(const char *name)
{
    struct variable *variable = find(name, strlen(name));
    if (!variable)
        return;
    release(variable->entry);
    *variable = variables[--count];
}

void variables_start(void)
{
    for (char **entry = environ; *entry; entry++) {
        size_t length = assignment_length(*entry);
        if (!length)
            continue;
        char *name = arena_text(*entry, length);
        variable_set(name, *entry + length + 1);
        variable_export(name);
    }
    if (!variable_get("PATH"))
        variable_set("PATH", "/bin");
}

void variables_print_exported(void)
{
    for (size_t i = 0; i < count; i++)
        if (variables[i].is_exported)
            print("export %s\n", variables[i].entry);
}

char **variables_environment(void)
{
    char **entries = arena_take((count + 1) * sizeof *entries);
    size_t used = 0;
    for (size_t i = 0; i < count; i++)
        if (variables[i].is_exported && variables[i].entry[variables[i].name_length])
            entries[used++] = variables[i].entry;
    entries[used] = NULL;
    return entries;
}
