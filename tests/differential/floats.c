// Floating point on the machine and on the host: what is printed must be the same, byte for byte.
#define _GNU_SOURCE
#include <fenv.h>
#include <float.h>
#include <math.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define ARCH_SET_GS 0x1001
#define ARCH_GET_GS 0x1004

static uint64_t seed = 88172645463325252;

static uint64_t draw(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    return seed ^= seed << 17;
}

static long double draw_long(void)
{
    return ldexpl((long double)(int64_t)draw(), (int)(draw() % 40) - 60);
}

// Arithmetic and conversions of all three types, in each rounding mode.
static void numbers(void)
{
    static const int modes[] = {FE_TONEAREST, FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO};
    for (int round = 0; round < 400; round++) {
        fesetround(modes[round % 4]);
        volatile long double a = draw_long(), b = draw_long();
        volatile double c = a * b, d = a / b;
        volatile float e = a + b;
        printf("%La %La %La %a %a %a\n", a + b, a * b, a / b, c, d, (double)e);
        printf("%La %lld %ld %d\n", sqrtl(fabsl(a)), (long long)a, lrintl(b), (int)d);
        printf("%La %La %La\n", fmodl(a, b), remainderl(a, b), rintl(a));
    }
    fesetround(FE_TONEAREST);
}

static void decimals(void)
{
    for (int round = 0; round < 200; round++) {
        long double a = draw_long();
        char text[64];
        snprintf(text, sizeof text, "%.21Lg", a);
        printf("%s %d %f %e %g\n", text, strtold(text, NULL) == a, (double)a, (double)a, (double)a);
    }
    printf("%Lg %Lg %Lg %Lf\n", LDBL_MAX, LDBL_MIN, strtold("4e-4950", NULL), 1.0L / 3);
    printf("%d %d %d\n", isnan(nanl("")), isinf(LDBL_MAX * 2), fpclassify(LDBL_MIN / 2));
}

// Functions that a C library may leave to x87, printed to fewer digits than they have.
static void functions(void)
{
    for (int round = 0; round < 100; round++) {
        long double x = fabsl(draw_long()) / 1e9L;
        printf("%.15Lg %.15Lg %.15Lg %.15Lg\n", sinl(x), cosl(x), tanl(x), atanl(x));
        printf("%.15Lg %.15Lg %.15Lg\n", logl(x), expl(-x), powl(x, 0.3L));
    }
}

static volatile sig_atomic_t seen;

static void on_fault(int number, siginfo_t *info, void *context)
{
    (void)context;
    printf("signal %d code %d\n", number, info->si_code);
    fflush(stdout);
    _exit(3);
}

static void on_usr1(int number, siginfo_t *info, void *context)
{
    ucontext_t *user = context;
    fpregset_t state = user->uc_mcontext.fpregs;
    (void)number, (void)info;
    unsigned short control;
    __asm__ volatile("fnstcw %0" : "=m"(control));
    printf("in handler: %x, was %x %x\n", control, state->cwd, state->ftw & 0xff);
    printf("st0 %016llx\n", *(unsigned long long *)state->_st);
    // what the handler does to the registers does not last
    __asm__ volatile("fninit; fld1; fldz; pxor %%xmm6, %%xmm6" ::: "xmm6");
    *(unsigned long long *)state->_st = 0xC000000000000000; // but this does: 3.0 for 2.0
    *(unsigned short *)((char *)state->_st + 8) = 0x4000;
    seen++;
}

static void frames(void)
{
    struct sigaction action = {.sa_sigaction = on_usr1, .sa_flags = SA_SIGINFO};
    sigaction(SIGUSR1, &action, NULL);
    unsigned short control = 0x27f;
    double two = 2.0, result = 0, kept = 0, vector = 7.25;
    long pid = getpid();
    long number = SIGUSR1, call = SYS_kill;
    __asm__ volatile(
        "fldcw %[control]; fldpi; fldl %[two]; movsd %[vector], %%xmm6; syscall;"
        "fstpl %[result]; fstp %%st(0); movsd %%xmm6, %[kept]; fninit"
        : [result] "=m"(result), [kept] "=m"(kept), "+a"(call)
        : [control] "m"(control), [two] "m"(two), [vector] "m"(vector), "D"(pid), "S"(number)
        : "rcx", "r11", "memory", "xmm6");
    printf("after: %g %g, %d\n", result, kept, (int)seen);
    for (int k = 0; k < 4; k++) {
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            action.sa_sigaction = on_fault;
            sigaction(SIGFPE, &action, NULL);
            volatile long double zero = 0, huge = LDBL_MAX, tiny = LDBL_MIN;
            static const int unmasked[] = {FE_DIVBYZERO, FE_INVALID, FE_OVERFLOW, FE_INEXACT};
            unsigned short word = 0x37f & ~unmasked[k];
            __asm__ volatile("fldcw %0" : : "m"(word));
            volatile long double r = k == 0   ? huge / zero
                                     : k == 1 ? zero / zero
                                     : k == 2 ? huge * huge
                                              : tiny / 3;
            r = r + 1;
            __asm__ volatile("fwait");
            _exit(0);
        }
        int status;
        waitpid(child, &status, 0);
        printf("child %d\n", WEXITSTATUS(status));
    }
}

// All of a task's registers from a seed, a switch, and all of them again; 0 if none has changed.
static uint64_t one_switch(uint64_t value)
{
    uint64_t image[64] __attribute__((aligned(16))), after[64] __attribute__((aligned(16)));
    memset(image, 0, sizeof image);
    __asm__ volatile("fninit; fxsave64 %0" : "=m"(image));
    image[0] = 0x37f | (value % 8) << 27 | 0xffull << 32;
    image[3] = 0x1f80 | (value & 0x3f) | 0xffffull << 32;
    for (int k = 0; k < 8; k++) {
        image[4 + 2 * k] = 1ull << 63 | (value * (k + 3)), image[5 + 2 * k] = 0x3fff + k;
    }
    for (int k = 0; k < 32; k++) {
        image[20 + k] = value * (k + 11);
    }
    syscall(SYS_arch_prctl, ARCH_SET_GS, value & 0x7ffffffff000);
    register uint64_t wanted __asm__("r8") = value, flags __asm__("r9");
    uint64_t bad;
    flags = 0x202 | (value & 0x8d5);
    __asm__ volatile(
        "push %%rbp; fxrstor64 (%[image]); mov %[value], %%rbx; mov %[value], %%rbp;"
        "mov %[value], %%r12; not %%r12; mov %[value], %%r13; rol $7, %%r13;"
        "mov %%r13, %%r14; rol $7, %%r14; lea 1(%%r14), %%r15;"
        "push %[flags]; popfq; mov $24, %%eax; syscall; pushfq; pop %%rcx;"
        "fxsave64 (%[after]); xor %[flags], %%rcx; and $0x8d5, %%ecx; mov %%rcx, %%rdx;"
        "xor %[value], %%rbx; or %%rbx, %%rdx; xor %[value], %%rbp; or %%rbp, %%rdx;"
        "not %%r12; xor %[value], %%r12; or %%r12, %%rdx;"
        "dec %%r15; xor %%r14, %%r15; or %%r15, %%rdx; ror $7, %%r14; xor %%r13, %%r14;"
        "or %%r14, %%rdx; pop %%rbp; fninit; movl $0x1f80, -8(%%rsp); ldmxcsr -8(%%rsp); cld"
        : "=&d"(bad)
        : [image] "D"(image), [after] "S"(after), [value] "r"(wanted), [flags] "r"(flags)
        : "rax", "rbx", "rcx", "r11", "r12", "r13", "r14", "r15", "memory", "cc");
    uint64_t base;
    syscall(SYS_arch_prctl, ARCH_GET_GS, &base);
    bad |= base ^ (value & 0x7ffffffff000);
    image[3] &= 0xffffffff, after[3] &= 0xffffffff;
    return bad | (uint64_t)memcmp(image, after, 416);
}

// Sixteen tasks that switch all the time.
static void switches(void)
{
    int failed = 0, status;
    for (int task = 0; task < 16; task++) {
        if (fork() == 0) {
            seed += (uint64_t)task << 40;
            for (int round = 0; round < 150; round++) {
                if (one_switch(draw())) {
                    _exit(1);
                }
            }
            _exit(0);
        }
    }
    while (wait(&status) > 0) {
        failed += status != 0;
    }
    printf("%d of 16 tasks lost a register\n", failed);
}

int main(int count, char **arguments)
{
    const char *name = count > 1 ? arguments[1] : "";
    void (*cases[])(void) = {numbers, decimals, functions, frames, switches};
    const char *names[] = {"numbers", "decimals", "functions", "frames", "switches"};
    for (int k = 0; k < 5; k++) {
        if (!strcmp(name, names[k])) {
            cases[k]();
        }
    }
    return 0;
}
