/* litmus BATCHES: what cores may see of each other's loads and stores, counted.
 *
 * Each pattern runs on two or four cores at once, on fresh words each time; a line tells how often
 * its outcome was seen: that of "store_buffer" is allowed, all others x86 forbids.
 */
#include "ulib.h"

enum { SLOTS = 256, WORDS = 4, MOST = 4 };

/* x and y on cache lines of their own, then what the threads have read. */
struct slot {
    u64 x __attribute__((aligned(64)));
    u64 y __attribute__((aligned(64)));
    u64 read[MOST][2] __attribute__((aligned(64)));
};

static struct slot slots[SLOTS];
static u32 arrived, batch_done, threads_gone;
static long batches;

#define STORE(place, value) "movq $" #value ", %[" #place "]\n"
#define LOAD(place, into) "movq %[" #place "], %[" #into "]\n"
#define RUN(code)                                                                                  \
    do {                                                                                           \
        u64 a = 0, b = 0;                                                                          \
        __asm__ volatile(code                                                                      \
                         : [x] "+m"(s->x), [y] "+m"(s->y), [a] "+&r"(a), [b] "+&r"(b)              \
                         :                                                                         \
                         : "memory");                                                              \
        s->read[me][0] = a, s->read[me][1] = b;                                                    \
    } while (0)

static void store_buffer(int me, struct slot *s)
{
    if (me == 0)
        RUN(STORE(x, 1) LOAD(y, a));
    else
        RUN(STORE(y, 1) LOAD(x, a));
}

static void fenced(int me, struct slot *s)
{
    if (me == 0)
        RUN(STORE(x, 1) "mfence\n" LOAD(y, a));
    else
        RUN(STORE(y, 1) "mfence\n" LOAD(x, a));
}

static void locked(int me, struct slot *s)
{
    if (me == 0)
        RUN("movl $1, %k[b]\nxchgq %[b], %[x]\n" LOAD(y, a));
    else
        RUN("lock addq $1, %[y]\n" LOAD(x, a));
}

static int both_zero(const struct slot *s) { return !s->read[0][0] && !s->read[1][0]; }

static void message(int me, struct slot *s)
{
    if (me == 0)
        RUN(STORE(x, 1) STORE(y, 1));
    else
        RUN(LOAD(y, a) LOAD(x, b));
}

static int flag_without_data(const struct slot *s) { return s->read[1][0] && !s->read[1][1]; }

static void load_buffer(int me, struct slot *s)
{
    if (me == 0)
        RUN(LOAD(x, a) STORE(y, 1));
    else
        RUN(LOAD(y, a) STORE(x, 1));
}

static int both_one(const struct slot *s) { return s->read[0][0] && s->read[1][0]; }

static void two_writers(int me, struct slot *s)
{
    if (me == 0)
        RUN(STORE(x, 1) STORE(y, 2));
    else
        RUN(STORE(y, 1) STORE(x, 2));
}

static int both_first(const struct slot *s) { return s->x == 1 && s->y == 1; }

static void same_word(int me, struct slot *s)
{
    if (me == 0)
        RUN(STORE(x, 1));
    else
        RUN(LOAD(x, a) LOAD(x, b));
}

static int went_back(const struct slot *s) { return s->read[1][0] && !s->read[1][1]; }

static void independent_reads(int me, struct slot *s)
{
    if (me == 0)
        RUN(STORE(x, 1));
    else if (me == 1)
        RUN(STORE(y, 1));
    else if (me == 2)
        RUN(LOAD(x, a) LOAD(y, b));
    else
        RUN(LOAD(y, a) LOAD(x, b));
}

static int two_orders(const struct slot *s)
{
    return s->read[2][0] && !s->read[2][1] && s->read[3][0] && !s->read[3][1];
}

static const struct pattern {
    const char *name;
    int threads;
    void (*run)(int me, struct slot *s);
    int (*seen)(const struct slot *s);
} patterns[] = {
    { "store_buffer", 2, store_buffer, both_zero },
    { "store_buffer_with_mfence", 2, fenced, both_zero },
    { "store_buffer_with_lock", 2, locked, both_zero },
    { "message_passing", 2, message, flag_without_data },
    { "load_buffer", 2, load_buffer, both_one },
    { "two_writers", 2, two_writers, both_first },
    { "same_word", 2, same_word, went_back },
    { "independent_reads", 4, independent_reads, two_orders },
};

static const struct pattern *pattern;

static void wait_until(u32 *word, u32 value)
{
    for (int turn = 0; (int)(__atomic_load_n(word, __ATOMIC_SEQ_CST) - value) < 0; turn++) {
        __asm__ volatile("pause");
        if (turn % 1000 == 999)
            sys_sched_yield();
    }
}

/* Thread 0 makes the slots fresh, all meet, run through them, meet, and thread 0 counts. */
static u64 take_part(int me)
{
    u64 seen = 0;
    u32 threads = (u32)pattern->threads;
    for (u32 batch = 0; batch < (u32)batches; batch++) {
        if (me == 0) {
            memset(slots, 0, sizeof slots);
            __atomic_store_n(&batch_done, batch + 1, __ATOMIC_SEQ_CST);
        }
        wait_until(&batch_done, batch + 1);
        __atomic_fetch_add(&arrived, 1, __ATOMIC_SEQ_CST);
        wait_until(&arrived, threads * (2 * batch + 1));
        for (int k = 0; k < SLOTS; k++)
            pattern->run(me, &slots[k]);
        __atomic_fetch_add(&arrived, 1, __ATOMIC_SEQ_CST);
        wait_until(&arrived, threads * (2 * batch + 2));
        for (int k = 0; me == 0 && k < SLOTS; k++)
            seen += (u64)pattern->seen(&slots[k]);
    }
    return seen;
}

static void pin(int core)
{
    long mask = 1l << core;
    sys_sched_setaffinity(0, sizeof mask, &mask);
}

static void thread(void *argument)
{
    pin((int)(long)argument);
    take_part((int)(long)argument);
    __atomic_fetch_add(&threads_gone, 1, __ATOMIC_SEQ_CST);
}

int main(int argc, char **argv)
{
    long flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
    static char stacks[MOST][4 * PAGE_SIZE];
    batches = argc > 1 ? parse_number(argv[1], 1000000) : 10;
    pin(0);
    for (size_t k = 0; k < COUNT(patterns); k++) {
        pattern = &patterns[k];
        arrived = batch_done = threads_gone = 0;
        for (long other = 1; other < pattern->threads; other++)
            thread_clone((u64)flags, stacks[other] + sizeof stacks[other], thread, (void *)other);
        u64 seen = take_part(0);
        wait_until(&threads_gone, (u32)pattern->threads - 1);
        print("%s %lu of %ld\n", pattern->name, seen, batches * SLOTS);
        flush();
    }
    return 0;
}
