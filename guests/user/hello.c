/* hello: the smallest program that shows something. */
#include "ulib.h"

int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    put("Hello, world!\n");
    return 0;
}
