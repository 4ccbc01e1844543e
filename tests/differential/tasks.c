/* tasks CASE ROUNDS: what belongs to one task stays its own, however often another one runs.
 *
 *   switches   16 tasks fill all registers at random, give up the core or wait to lose it, compare
 *   bases      8 threads with FS bases by clone and GS bases by call, moved from core to core
 *   spaces     64 tasks keep 64 values at one address
 *   owners     8 tasks that never call the kernel, each with its name in r15
 *   clock      two threads on two cores hand a word to and fro; the TSC never goes back
 *
 * Each prints the same on the host's kernel.
 */
#include "ulib.h"

enum { SYS_CLONE = 56, SYS_ARCH_PRCTL = 158, SET_GS = 0x1001, SET_FS, GET_FS, GET_GS };
enum { CLONE_SETTLS = 0x80000, TASKS = 16, THREADS = 8, SPACES = 64, OWNERS = 8 };
enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R15 = 15, FLAGS, FS_WORD, GS_WORD, WORDS };
/* CF, PF, AF, ZF, SF, DF, OF and ID */
#define FLAG_BITS 0x200cd5ul

/* What one_round loads and what it finds; [RCX] is how often it turns before it looks. */
u64 wanted[WORDS], found[WORDS], own_stack, is_yield;
u64 vectors_wanted[64] __attribute__((aligned(16))), vectors_found[64] __attribute__((aligned(16)));
void one_round(void);

/* MOV, LOOP and FXSAVE change no flag, so nothing of the task's is out of place but rcx. */
__asm__(".text\none_round:\n"
        "push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
        "mov %rsp, own_stack(%rip)\n"
        "fxrstor64 vectors_wanted(%rip)\n"
        "pushq wanted+8*16(%rip); popfq\n"
        "mov wanted+8*0(%rip), %rax; mov wanted+8*1(%rip), %rcx; mov wanted+8*2(%rip), %rdx\n"
        "mov wanted+8*3(%rip), %rbx; mov wanted+8*4(%rip), %rsp; mov wanted+8*5(%rip), %rbp\n"
        "mov wanted+8*6(%rip), %rsi; mov wanted+8*7(%rip), %rdi; mov wanted+8*8(%rip), %r8\n"
        "mov wanted+8*9(%rip), %r9; mov wanted+8*10(%rip), %r10; mov wanted+8*11(%rip), %r11\n"
        "mov wanted+8*12(%rip), %r12; mov wanted+8*13(%rip), %r13; mov wanted+8*14(%rip), %r14\n"
        "mov wanted+8*15(%rip), %r15\n"
        "1: loop 1b\n"
        "mov is_yield(%rip), %rcx; jrcxz 2f\n"
        "mov $24, %eax; syscall; mov wanted(%rip), %rax; mov wanted+8*11(%rip), %r11\n"
        "2:\n"
        "mov %rax, found+8*0(%rip); mov %rdx, found+8*2(%rip); mov %rbx, found+8*3(%rip)\n"
        "mov %rsp, found+8*4(%rip); mov %rbp, found+8*5(%rip); mov %rsi, found+8*6(%rip)\n"
        "mov %rdi, found+8*7(%rip); mov %r8, found+8*8(%rip); mov %r9, found+8*9(%rip)\n"
        "mov %r10, found+8*10(%rip); mov %r11, found+8*11(%rip); mov %r12, found+8*12(%rip)\n"
        "mov %r13, found+8*13(%rip); mov %r14, found+8*14(%rip); mov %r15, found+8*15(%rip)\n"
        "mov own_stack(%rip), %rsp; pushfq; popq found+8*16(%rip)\n"
        "mov %fs:0, %rax; mov %rax, found+8*17(%rip); mov %gs:0, %rax; mov %rax, found+8*18(%rip)\n"
        "fxsave64 vectors_found(%rip)\n"
        "cld; fninit; pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx; ret\n");

static u64 seed;

static u64 draw(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    return seed ^= seed << 17;
}

static long prctl(int what, u64 value) { return syscall3(SYS_ARCH_PRCTL, what, (long)value, 0); }

static u64 get_base(int what)
{
    u64 base = 0;
    prctl(what, (u64)&base);
    return base;
}

static void *map(void *at, size_t size, int flags)
{
    void *place = sys_mmap(at, size, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
    if ((u64)place > (u64)-PAGE_SIZE)
        die(1, "mmap: %s", error_text((long)place));
    return place;
}

/* Fork so many children; wait for all; how many said that something was wrong. */
static int failures(int tasks, int (*body)(int task, long rounds), long rounds)
{
    int failed = 0, status;
    flush();
    for (int task = 0; task < tasks; task++)
        if (fork() == 0)
            sys_exit_group(body(task, rounds));
    for (int task = 0; task < tasks; task++) {
        sys_wait4(-1, &status, 0);
        failed += status != 0;
    }
    return failed;
}

static void fill_vectors(void)
{
    __asm__ volatile("fninit; fxsave64 %0" : "=m"(vectors_wanted));
    vectors_wanted[0] = 0x37f | (draw() & 0xc00) | (draw() & 7) << 27 | 0xfful << 32;
    vectors_wanted[3] = (0x1f80 | (draw() & 0x3f)) | vectors_wanted[3] >> 32 << 32;
    for (int k = 4; k < 20; k += 2)
        vectors_wanted[k] = draw() | 1ul << 63, vectors_wanted[k + 1] = 0x3f00 + (draw() & 0xff);
    for (int k = 20; k < 52; k++)
        vectors_wanted[k] = draw();
}

static int switching(int task, long rounds)
{
    static u64 all_words[TASKS][2];
    u64 *words = all_words[task]; /* at an address of its own, or a base lost would go unseen */
    seed = 88172645463325252ul + ((u64)task << 40);
    prctl(SET_FS, (u64)&words[0]), prctl(SET_GS, (u64)&words[1]);
    for (long round = 0; round < rounds; round++) {
        for (int k = 0; k < R15 + 1; k++)
            wanted[k] = draw();
        wanted[FLAGS] = 0x202 | (draw() & FLAG_BITS);
        wanted[FS_WORD] = words[0] = draw(), wanted[GS_WORD] = words[1] = draw();
        is_yield = round % 8 != 0;
        wanted[RCX] = is_yield ? 1 : 2000000;
        fill_vectors();
        one_round();
        found[RCX] = wanted[RCX];
        if (memcmp(wanted, found, sizeof wanted) || memcmp(vectors_wanted, vectors_found, 416))
            return 1;
        if (get_base(GET_FS) != (u64)&words[0] || get_base(GET_GS) != (u64)&words[1])
            return 2;
    }
    return 0;
}

static void switches(long rounds)
{
    print("%d of %d tasks lost a register\n", failures(TASKS, switching, rounds), TASKS);
}

/* long clone_with_base(u64 flags, void *stack, u64 base, void (*body)(void)) */
long clone_with_base(u64 flags, void *stack, u64 base, void (*body)(void));
__asm__(".text\nclone_with_base:\n"
        "mov %rdx, %r8; mov %rcx, %r9; xor %edx, %edx; xor %r10d, %r10d; mov $56, %eax; syscall\n"
        "test %rax, %rax; jnz 1f; xor %ebp, %ebp; call *%r9\n"
        "xor %edi, %edi; mov $60, %eax; syscall\n"
        "1: ret\n");

static u64 thread_words[THREADS][2];
static u32 threads_done, threads_failed;
static long thread_rounds;

static void with_bases(void)
{
    u64 own;
    __asm__ volatile("mov %%fs:0, %0" : "=r"(own));
    u64 fs = (u64)thread_words[own], gs = (u64)&thread_words[own][1];
    thread_words[own][1] = own + 100;
    prctl(SET_GS, gs);
    int is_wrong = 0;
    for (long round = 0; round < thread_rounds; round++) {
        long core = 1l << ((u64)round + own) % 2;
        u64 by_fs, by_gs;
        if (round % 4 == 0)
            sys_sched_setaffinity(0, sizeof core, &core);
        else if (round % 4 == 1)
            for (volatile int k = 0; k < 100000; k++)
                ;
        else
            sys_sched_yield();
        __asm__ volatile("mov %%fs:0, %0; mov %%gs:0, %1" : "=r"(by_fs), "=r"(by_gs));
        is_wrong |= by_fs != own || by_gs != own + 100;
        is_wrong |= get_base(GET_FS) != fs || get_base(GET_GS) != gs;
    }
    __atomic_fetch_add(&threads_failed, (u32)is_wrong, __ATOMIC_SEQ_CST);
    __atomic_fetch_add(&threads_done, 1, __ATOMIC_SEQ_CST);
}

static void bases(long rounds)
{
    long flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
    thread_rounds = rounds;
    for (u64 k = 0; k < THREADS; k++) {
        thread_words[k][0] = k;
        char *stack = map(NULL, 4 * PAGE_SIZE, MAP_PRIVATE);
        clone_with_base((u64)flags | CLONE_SETTLS, stack + 4 * PAGE_SIZE - 8, (u64)thread_words[k],
                        with_bases);
    }
    while (__atomic_load_n(&threads_done, __ATOMIC_SEQ_CST) < THREADS)
        sys_sched_yield();
    print("%u of %d threads saw another's base\n", threads_failed, THREADS);
}

static u64 *const same_place = (u64 *)0x7000000000ul;
static u32 *arrived;

static int in_own_space(int task, long rounds)
{
    enum { HALF = 2 * PAGE_SIZE / sizeof(u64) };
    int is_wrong = same_place[0] != 4711 || same_place[HALF] != 4712;
    map(same_place, 2 * PAGE_SIZE, MAP_PRIVATE | MAP_FIXED); /* the other two pages are the parent's */
    for (long round = 0; round < rounds; round++) {
        for (u32 k = 0; k < 2 * HALF; k += 64)
            same_place[k] = (u64)task << 32 | k;
        __atomic_fetch_add(arrived, 1, __ATOMIC_SEQ_CST);
        while (__atomic_load_n(arrived, __ATOMIC_SEQ_CST) < (u32)(SPACES * (round + 1)))
            sys_sched_yield();
        for (u32 k = 0; k < 2 * HALF; k += 64)
            is_wrong |= same_place[k] != ((u64)task << 32 | k);
    }
    return is_wrong;
}

static void spaces(long rounds)
{
    arrived = map(NULL, PAGE_SIZE, MAP_SHARED);
    map(same_place, 4 * PAGE_SIZE, MAP_PRIVATE | MAP_FIXED);
    same_place[0] = 4711, same_place[PAGE_SIZE / 4] = 4712;
    int failed = failures(SPACES, in_own_space, rounds);
    failed += same_place[0] != 4711 || same_place[PAGE_SIZE / 4] != 4712;
    print("%d of %d tasks saw another's data\n", failed, SPACES);
}

/* From here on r15 says whose the registers are. */
static int owning(int task, long rounds)
{
    u64 name = 0xace0000 + (u64)task, seen;
    __asm__ volatile("mov %1, %%r15; mov %2, %%rcx; 1: loop 1b; mov %%r15, %0"
                     : "=r"(seen) : "r"(name), "r"(rounds * 1000000) : "rcx", "r15");
    return seen != name;
}

static void owners(long rounds)
{
    print("%d of %d tasks lost r15\n", failures(OWNERS, owning, rounds), OWNERS);
}

static u64 now_tsc(void)
{
    u32 low, high;
    __asm__ volatile("lfence; rdtsc; lfence" : "=a"(low), "=d"(high));
    return (u64)high << 32 | low;
}

static u64 handed, back_steps;

static void pin(long mask)
{
    sys_sched_setaffinity(0, sizeof mask, &mask);
}

/* Take the other's reading, check that ours is later, hand ours on; 0 ends it. */
static void hand_over(u64 parity, long rounds)
{
    u64 last = 0;
    for (long round = 0; round < rounds; round++) {
        u64 theirs;
        while (((theirs = __atomic_load_n(&handed, __ATOMIC_SEQ_CST)) & 1) != parity)
            sys_sched_yield();
        u64 ours = now_tsc();
        if (ours < theirs >> 1 || ours < last)
            __atomic_fetch_add(&back_steps, 1, __ATOMIC_SEQ_CST);
        last = ours;
        __atomic_store_n(&handed, ours << 1 | (parity ^ 1), __ATOMIC_SEQ_CST);
    }
}

static void on_second_core(void)
{
    pin(2);
    hand_over(1, thread_rounds);
    __atomic_fetch_add(&threads_done, 1, __ATOMIC_SEQ_CST);
}

static void clock(long rounds)
{
    long flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
    thread_rounds = rounds;
    pin(1);
    char *stack = map(NULL, 4 * PAGE_SIZE, MAP_PRIVATE);
    clone_with_base((u64)flags, stack + 4 * PAGE_SIZE - 8, 0, on_second_core);
    hand_over(0, rounds);
    while (!__atomic_load_n(&threads_done, __ATOMIC_SEQ_CST))
        sys_sched_yield();
    print("%lu steps back in %ld rounds\n", back_steps, rounds);
}

int main(int argc, char **argv)
{
    static const struct { const char *name; void (*run)(long); } cases[] = {
        { "switches", switches }, { "bases", bases }, { "spaces", spaces }, { "owners", owners },
        { "clock", clock },
    };
    for (size_t k = 0; argc == 3 && k < COUNT(cases); k++)
        if (!strcmp(argv[1], cases[k].name))
            cases[k].run(parse_number(argv[2], 1000000));
    return 0;
}
