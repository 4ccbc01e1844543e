/* primes N: print the primes below N, one a line (sieve of Eratosthenes). */
#include "ulib.h"

int main(int argc, char **argv)
{
    long limit = argc == 2 ? parse_number(argv[1], 1L << 30) : -1;
    if (limit < 0)
        die(2, "usage: primes N, N at most 1073741824");
    u8 *is_composite = allocate((size_t)limit + 1);
    memset(is_composite, 0, (size_t)limit + 1);
    for (long i = 2; i * i < limit; i++)
        if (!is_composite[i])
            for (long multiple = i * i; multiple < limit; multiple += i)
                is_composite[multiple] = 1;
    for (long i = 2; i < limit; i++)
        if (!is_composite[i])
            print("%ld\n", i);
    return 0;
}
