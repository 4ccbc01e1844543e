/* A program whose instructions a debugger can count: no time, no addresses that differ, few steps.
 * Freestanding; the argument is how often it goes round. Branches, calls, strings with REP, a
 * repeated comparison that ends early, divisions, and a system call at each end. */
typedef unsigned long u64;

static char from[200], to[200];
static volatile u64 result;

static u64 fib(u64 n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

static u64 strings(u64 round)
{
    u64 count = 40 + round % 100, left = 0;
    void *source = from, *target = to;
    __asm__ volatile("rep movsb" : "+S"(source), "+D"(target), "+c"(count) : : "memory");
    to[20 + round % 10] ^= 1;
    source = from, target = to, count = 60;
    __asm__ volatile("repe cmpsb" : "+S"(source), "+D"(target), "+c"(count) : : "memory", "cc");
    left = count, target = to, count = 0;
    __asm__ volatile("rep stosq" : "+D"(target), "+c"(count) : "a"(1) : "memory");
    target = from, count = 25;
    __asm__ volatile("repne scasb" : "+D"(target), "+c"(count) : "a"(7) : "memory", "cc");
    return left * 31 + count;
}

int run(u64 *stack)
{
    u64 rounds = 0, sum = 0;
    for (const char *digit = (const char *)stack[2]; *digit; digit++) rounds = rounds * 10 + (u64)(*digit - '0');
    for (u64 k = 0; k < sizeof from; k++) from[k] = (char)(k * 7);
    for (u64 k = 0; k < rounds; k++) {
        sum = sum * 1000003 + strings(k) + fib(k % 7);
        sum ^= sum / (k + 3) << (k & 7);
        if (sum & 1) sum += k % 5;
    }
    result = sum;
    __asm__ volatile("syscall" : : "a"(1), "D"(1), "S"(&result), "d"(8) : "rcx", "r11", "memory");
    return 0;
}

__asm__(".globl _start\n_start: mov %rsp, %rdi; and $-16, %rsp; call run; xor %edi, %edi; mov $60, %eax; syscall\n");
