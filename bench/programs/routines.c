/* The routines that bench compares engines by. Usage: routines INDEX ROUNDS WARM_CYCLES [COPIES]
 *
 * The same bytes run natively, on the core, in Unicorn and on a bare QEMU machine, so there is no C
 * library start-up: _start takes the arguments from the stack, and of system calls only write and
 * exit are used, unless there are to be several copies. The time is taken with RDTSC around the rounds, after as much warming up as asked;
 * what each copy prints is "CYCLES CHECKSUM". */
#include <string.h>

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long u64;

static u8 arena[1 << 20];

static u64 sieve(void) {
    u64 sum = 0;
    memset(arena, 1, sizeof arena);
    for (u64 i = 2; i < 1024; i++)
        if (arena[i])
            for (u64 k = i * i; k < sizeof arena; k += i) arena[k] = 0;
    for (u64 i = 2; i < sizeof arena; i++) sum += arena[i] * i;
    return sum;
}

static u64 crc(void) {
    static u32 table[256];
    u32 value = ~0u;
    if (!table[1])
        for (u32 i = 0; i < 256; i++) {
            u32 c = i;
            for (int k = 0; k < 8; k++) c = c & 1 ? 0xEDB88320u ^ (c >> 1) : c >> 1;
            table[i] = c;
        }
    for (u64 i = 0; i < sizeof arena; i++) value = table[(value ^ arena[i]) & 255] ^ (value >> 8);
    return value;
}

#define ROR(x, n) ((x) >> (n) | (x) << (32 - (n)))
static u64 sha256(void) {
    static u32 k[64];
    u32 h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    for (u32 i = 0, x = 1; i < 64; i++) k[i] = x = x * 1664525 + 1013904223;
    for (u64 n = 0; n < 1000; n++) {
        u32 w[64], v[8];
        for (int i = 0; i < 16; i++) w[i] = n * 0x9E3779B1u + i;
        for (int i = 16; i < 64; i++) {
            u32 a = w[i - 15], b = w[i - 2];
            w[i] = w[i - 16] + w[i - 7] + (ROR(a, 7) ^ ROR(a, 18) ^ a >> 3) +
                   (ROR(b, 17) ^ ROR(b, 19) ^ b >> 10);
        }
        for (int i = 0; i < 8; i++) v[i] = h[i];
        for (int i = 0; i < 64; i++) {
            u32 e = v[4], a = v[0];
            u32 t = v[7] + (ROR(e, 6) ^ ROR(e, 11) ^ ROR(e, 25)) + ((e & v[5]) ^ (~e & v[6])) +
                    k[i] + w[i];
            u32 m = (ROR(a, 2) ^ ROR(a, 13) ^ ROR(a, 22)) +
                    ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));
            for (int j = 7; j; j--) v[j] = v[j - 1];
            v[4] += t, v[0] = t + m;
        }
        for (int i = 0; i < 8; i++) h[i] += v[i];
    }
    return (u64)h[0] << 32 | h[7];
}

static void sort(int *a, long n) {
    while (n > 1) {
        int pivot = a[n / 2];
        long i = 0, j = n - 1;
        while (i <= j) {
            while (a[i] < pivot) i++;
            while (a[j] > pivot) j--;
            if (i <= j) {
                int t = a[i];
                a[i++] = a[j];
                a[j--] = t;
            }
        }
        sort(a, j + 1);
        a += i, n -= i;
    }
}

static u64 quicksort(void) {
    int *a = (int *)arena;
    const long n = 50000;
    u64 sum = 0, x = 88172645463325252ul;
    for (long i = 0; i < n; i++) x ^= x << 13, x ^= x >> 7, x ^= x << 17, a[i] = (int)x;
    sort(a, n);
    for (long i = 1; i < n; i++) sum = sum * 31 + (u32)a[i] + (a[i] < a[i - 1]);
    return sum;
}

static u64 bytecode(void) { /* sum of squares modulo a prime, on a small stack machine */
    static const u8 code[] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
    u64 stack[4], total = 0, i = 0, pc = 0, sp = 0;
    for (;;) switch (code[pc++]) {
        case 0: stack[sp++] = i; break;
        case 1: stack[sp] = stack[sp - 1], sp++; break;
        case 2: sp--, stack[sp - 1] *= stack[sp]; break;
        case 3: stack[sp - 1] += total; break;
        case 4: stack[sp - 1] ^= stack[sp - 1] >> 7; break;
        case 5: total = stack[--sp] % 1000000007; break;
        case 6: i++; break;
        case 7: if (i < 100000) pc = 0; break;
        case 8: return total;
        default: return 0;
    }
}

static u64 library(void) { /* memcpy and strlen of the C library, short and long */
    u64 sum = 0;
    memset(arena, 'x', sizeof arena);
    for (u64 i = 0; i < 20000; i++) {
        u64 size = i * 7 % 300;
        arena[size] = 0;
        sum += strlen((char *)arena + i % 8 % (size + 1));
        arena[size] = 'x';
        memcpy(arena + 0x40000 + i % 61, arena + i % 53, size);
        sum += arena[0x40000 + i % 300];
    }
    for (u64 i = 0; i < 8; i++) {
        memcpy(arena + 0x80000 + i, arena + i * 3, 0x40000);
        arena[0x80000 + 0x40000] = 0;
        sum += strlen((char *)arena + 0x80000 + i);
        arena[0x80000 + 0x40000] = 'x';
    }
    return sum;
}

static u64 matrix(void) {
    enum { N = 96 };
    double *a = (double *)arena, *b = a + N * N, *c = b + N * N, sum = 0;
    for (int i = 0; i < N * N; i++) a[i] = i % 7 - 3.5, b[i] = i % 11 * 0.25;
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            double dot = 0;
            for (int k = 0; k < N; k++) dot += a[i * N + k] * b[k * N + j];
            c[i * N + j] = dot;
        }
    for (int i = 0; i < N * N; i++) sum += c[i] * (i % 5);
    return (u64)(long)sum;
}

__attribute__((noinline, optimize("no-optimize-sibling-calls", "no-inline")))
static u64 fib(u64 n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
static u64 recursion(void) { return fib(22); }

#ifdef COLD
u64 cold(void); /* made by bench.cold: each of its instructions runs once */
#define LAST , cold
#else
#define LAST
#endif
static u64 (*const routines[])(void) = {sieve,   crc,    sha256,         quicksort, bytecode,
                                        library, matrix, recursion LAST};

static long call(long number, long a, long b, long c) {
    register long d asm("r10") = 0;
    asm volatile("syscall" : "+a"(number) : "D"(a), "S"(b), "d"(c), "r"(d) : "rcx", "r11", "memory");
    return number;
}
enum { WRITE = 1, FORK = 57, EXIT = 60, WAIT4 = 61 };

static u64 now(void) {
    u32 low, high;
    asm volatile("rdtsc" : "=a"(low), "=d"(high));
    return (u64)high << 32 | low;
}

static u64 number(const char *s) {
    u64 n = 0;
    while (*s) n = n * 10 + *s++ - '0';
    return n;
}

static char *digits(char *end, u64 n) {
    do *--end = '0' + n % 10;
    while (n /= 10);
    return end;
}

void start(long argc, char **argv) {
    u64 (*routine)(void) = routines[number(argv[1])];
    u64 rounds = number(argv[2]), warm = number(argv[3]), copies = argc > 4 ? number(argv[4]) : 1;
    char text[64], *end = text + sizeof text, *from;
    u64 more = copies - 1;
    while (more && call(FORK, 0, 0, 0)) more--;
    u64 sum = 0, began = now();
    while (now() - began < warm) sum = routine();
    began = now();
    while (rounds--) sum = routine();
    u64 cycles = now() - began;
    *--end = '\n';
    from = digits(end, sum);
    *--from = ' ';
    from = digits(from, cycles);
    call(WRITE, 1, (long)from, end + 1 - from);
    if (copies > 1 && !more)
        while (call(WAIT4, -1, 0, 0) > 0);
    call(EXIT, 0, 0, 0);
}

asm(".globl _start\n_start: mov (%rsp), %rdi\n lea 8(%rsp), %rsi\n and $-16, %rsp\n call start\n");
