/* poweroff [STATUS]: switch the machine off, which then ends with STATUS (0 to 255, else 0).
 *
 * The status is the fourth argument of reboot(2), which Linux leaves unused for this command. */
#include "ulib.h"

int main(int argc, char **argv)
{
    enum { POWER_OFF = 0x4321fedc };
    long status = argc > 1 ? parse_number(argv[1], 255) : 0;
    if (status < 0 || argc > 2)
        die(2, "usage: poweroff [STATUS], STATUS at most 255");
    int error = sys_reboot(POWER_OFF, status);
    die(1, "%s", error_text(error));
}
