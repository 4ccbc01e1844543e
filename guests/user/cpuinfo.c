/* cpuinfo: the machine's cores, from /proc/cpuinfo: how many, what they are, their APIC ids. */
#include "ulib.h"

/* If line is "KEY<blanks>: value", the value, cut at the end of the line. */
static char *value_of(char *line, const char *key)
{
    if (!starts_with(line, key))
        return NULL;
    char *at = line + strlen(key);
    while (*at == ' ' || *at == '\t')
        at++;
    if (*at++ != ':')
        return NULL;
    return *at == ' ' ? at + 1 : at;
}

int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    long error = 0;
    int cores = 0;
    char *model = "?", *number = NULL;
    char *text = read_file("/proc/cpuinfo", NULL, &error);
    if (!text)
        die(1, "/proc/cpuinfo: %s", error_text(error));
    struct name_list lines = {NULL, 0};
    while (*text) {
        char *end = strchr(text, '\n'), *value;
        if (end)
            *end = 0;
        if ((value = value_of(text, "processor")) != NULL) {
            number = value;
            cores++;
        } else if ((value = value_of(text, "model name")) != NULL) {
            model = value;
        } else if ((value = value_of(text, "apicid")) != NULL && number) {
            char line[64];
            format_text(line, sizeof line, "core %s: APIC id %s", number, value);
            add_name(&lines, line);
        }
        if (!end)
            break;
        text = end + 1;
    }
    print("%d core%s: %s\n", cores, cores == 1 ? "" : "s", model);
    for (size_t i = 0; i < lines.count; i++)
        print("%s\n", lines.names[i]);
    return 0;
}
