/* mkdir FOLDER...: make directories. */
#include "ulib.h"

int main(int argc, char **argv)
{
    int status = 0;
    if (argc < 2)
        die(2, "usage: mkdir FOLDER...");
    for (int i = 1; i < argc; i++) {
        int error = sys_mkdir(argv[i], 0777);
        if (error < 0) {
            complain(argv[i], error);
            status = 1;
        }
    }
    return status;
}
