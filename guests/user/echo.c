/* echo [-n] [TEXT...]: print the arguments, a space between them; -n leaves the newline out. */
#include "ulib.h"

int main(int argc, char **argv)
{
    int first = 1;
    while (first < argc && !strcmp(argv[first], "-n"))
        first++;
    for (int i = first; i < argc; i++) {
        put(argv[i]);
        if (i + 1 < argc)
            put(" ");
    }
    if (first == 1)
        put("\n");
    return 0;
}
