/* Whole programs for the core, each a pure function of n: natively and on the core they must agree.
 * Freestanding: gcc -O2 -static -nostdlib -mgeneral-regs-only. The first argument picks the program. */
typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long u64;

static u8 arena[1 << 20];

void *memset(void *p, int c, u64 n) { u8 *q = p; while (n--) *q++ = c; return p; }
void *memcpy(void *d, const void *s, u64 n) { u8 *p = d; const u8 *q = s; while (n--) *p++ = *q++; return d; }

static u64 sieve(u64 n) {
    u64 count = 0, sum = 0;
    memset(arena, 1, sizeof arena);
    for (u64 i = 2; i < sizeof arena; i++) {
        if (!arena[i]) continue;
        count++, sum += i;
        for (u64 k = i * 2; k < sizeof arena; k += i) arena[k] = 0;
        if (count > n) break;
    }
    return count * 1000003 + sum;
}

static u64 crc(u64 n) {
    static u32 table[256];
    for (u32 i = 0; i < 256; i++) {
        u32 c = i;
        for (int k = 0; k < 8; k++) c = c & 1 ? 0xEDB88320u ^ (c >> 1) : c >> 1;
        table[i] = c;
    }
    u32 crc = ~0u;
    for (u64 i = 0; i < n; i++) crc = table[(crc ^ (u8)(i * 131)) & 255] ^ (crc >> 8);
    return ~crc;
}

#define ROR(x, n) ((x) >> (n) | (x) << (32 - (n)))
static u64 sha256(u64 n) {
    static u32 k[64];
    u32 h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    for (u32 i = 0, x = 1; i < 64; i++) k[i] = x = x * 1664525 + 1013904223;
    while (n--) {
        u32 w[64], v[8];
        for (int i = 0; i < 16; i++) w[i] = n * 0x9E3779B1u + i;
        for (int i = 16; i < 64; i++) {
            u32 a = w[i - 15], b = w[i - 2];
            w[i] = w[i - 16] + w[i - 7] + (ROR(a, 7) ^ ROR(a, 18) ^ a >> 3) + (ROR(b, 17) ^ ROR(b, 19) ^ b >> 10);
        }
        for (int i = 0; i < 8; i++) v[i] = h[i];
        for (int i = 0; i < 64; i++) {
            u32 e = v[4], a = v[0];
            u32 t = v[7] + (ROR(e, 6) ^ ROR(e, 11) ^ ROR(e, 25)) + ((e & v[5]) ^ (~e & v[6])) + k[i] + w[i];
            u32 m = (ROR(a, 2) ^ ROR(a, 13) ^ ROR(a, 22)) + ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));
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
            if (i <= j) { int t = a[i]; a[i++] = a[j]; a[j--] = t; }
        }
        sort(a, j + 1);
        a += i, n -= i;
    }
}

static u64 quicksort(u64 n) {
    int *a = (int *)arena;
    u64 sum = 0, x = 88172645463325252ul;
    if (n > sizeof arena / 4) n = sizeof arena / 4;
    for (u64 i = 0; i < n; i++) x ^= x << 13, x ^= x >> 7, x ^= x << 17, a[i] = (int)x;
    sort(a, n);
    for (u64 i = 1; i < n; i++) sum = sum * 31 + (u32)a[i] + (a[i] < a[i - 1]);
    return sum;
}

static u64 fib(u64 n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

static u64 bytecode(u64 n) { /* sum of squares modulo m, on a small stack machine */
    static const u8 code[] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
    u64 stack[4], acc = 0, i = 0, pc = 0, sp = 0;
    for (;;) switch (code[pc++]) {
        case 0: stack[sp++] = i; break;
        case 1: stack[sp] = stack[sp - 1], sp++; break;
        case 2: sp--, stack[sp - 1] *= stack[sp]; break;
        case 3: stack[sp - 1] += acc; break;
        case 4: stack[sp - 1] ^= stack[sp - 1] >> 7; break;
        case 5: acc = stack[--sp] % 1000000007; break;
        case 6: i++; break;
        case 7: if (i < n) pc = 0; break;
        case 8: return acc;
    }
}

static u64 wide(u64 n) { /* 128-bit products and quotients, signed ones, shifts over words */
    unsigned __int128 x = 3;
    long y = -7;
    u64 sum = 0;
    for (u64 i = 1; i <= n; i++) {
        x = x * 0x9E3779B97F4A7C15ul + i;
        u64 hi = x >> 64, lo = x;
        sum += hi / i + lo % (i + 3);
        y = y * 31 + (long)(hi >> (i & 63)) / ((long)i - 2 * (long)n - 1);
        sum ^= (u64)y << (i & 31) | __builtin_ctzl(lo | 1ul << 63) | (u64)__builtin_clzl(hi | 1) << 8;
        x ^= x >> 35 | x << 61;
    }
    return sum + (u64)x;
}

static u64 strings(u64 n) { /* rep movs, stos, scas, cmps at all alignments */
    u64 sum = 0;
    for (u64 i = 0; i < n; i++) {
        u8 *d = arena + i % 61, *s = arena + 0x8000 + i % 53;
        u64 c = i % 4099, left;
        asm volatile("rep stosb" : "+D"(d), "+c"(c) : "a"(i) : "memory");
        s[i % 4000] = (u8)(i + 1), d = arena + i % 61, c = i % 4099;
        asm volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(c) : : "memory");
        d = arena + i % 61, left = 5000;
        asm volatile("repne scasb" : "+D"(d), "+c"(left) : "a"(i + 1) : "memory", "cc");
        sum = sum * 33 + left + (u64)(d - arena);
        d = arena, s = arena + 0x8000, left = 1000;
        asm volatile("repe cmpsb" : "+D"(d), "+S"(s), "+c"(left) : : "memory", "cc");
        sum += left;
    }
    return sum;
}

static u64 (*const programs[])(u64) = {sieve, crc, sha256, quicksort, fib, bytecode, wide, strings};

static long call(long number, long a, long b, long c) {
    long result;
    asm volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return result;
}

static u64 number(const char *s) { u64 n = 0; while (*s) n = n * 10 + *s++ - '0'; return n; }

void start(long argc, char **argv) {
    u64 result = programs[number(argv[1])](number(argv[2]));
    (void)argc;
    call(1, 1, (long)&result, 8);
    call(60, 0, 0, 0);
}

asm(".globl _start\n_start: mov (%rsp), %rdi\n lea 8(%rsp), %rsi\n and $-16, %rsp\n call start\n");
