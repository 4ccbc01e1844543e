/* threads KIND [N]: two threads of one address space, for tests of what cores owe each other.
 *
 *   counter   both add to one word N times under LOCK; none may be lost
 *   replace   one thread maps a fresh page over another N times; the other never sees an old one
 *   protect   after mprotect the other thread's write must kill the process
 *   unmap     after munmap the other thread's read must kill the process
 *   shootdown N times mprotect takes a right away and gives it back, while the other thread
 *             computes; prints the time of one such pair
 *
 * protect and unmap run in a child, whose end by SIGSEGV is the success.
 */
#include "ulib.h"

enum { STACK_SIZE = 16 * 1024, LONG_WAIT = 2000000000 };

struct shared {
    u64 counter;
    u64 generation;    /* replace: value that the page has at least */
    u64 *page;
    u64 rounds;
    u32 step;          /* handshakes */
    u32 is_done;
    u64 stale;         /* replace: an old value that was seen */
};

static struct shared shared;

static u32 load(u32 *word) { return __atomic_load_n(word, __ATOMIC_SEQ_CST); }
static void store(u32 *word, u32 value) { __atomic_store_n(word, value, __ATOMIC_SEQ_CST); }

static void wait_for(u32 *word, u32 value)
{
    while (load(word) != value) {
        __asm__ volatile("pause");
        sys_sched_yield();
    }
}

static void *map_page(void *at)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | (at ? MAP_FIXED : 0);
    void *page = sys_mmap(at, PAGE_SIZE, PROT_READ | PROT_WRITE, flags, -1, 0);
    if ((u64)page > (u64)-PAGE_SIZE)
        die(1, "mmap: %s", error_text((long)page));
    return page;
}

static void start_thread(void (*body)(void *))
{
    int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
    char *stack = sys_mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                           -1, 0);
    if ((u64)stack > (u64)-PAGE_SIZE)
        die(1, "mmap: %s", error_text((long)stack));
    long error = thread_clone((u64)flags, stack + STACK_SIZE, body, &shared);
    if (error < 0)
        die(1, "clone: %s", error_text(error));
}

static void count(void *argument)
{
    struct shared *at = argument;
    for (u64 i = 0; i < at->rounds; i++)
        __atomic_fetch_add(&at->counter, 1, __ATOMIC_SEQ_CST);
    store(&at->is_done, 1);
}

static int run_counter(void)
{
    start_thread(count);
    for (u64 i = 0; i < shared.rounds; i++)
        __atomic_fetch_add(&shared.counter, 1, __ATOMIC_SEQ_CST);
    wait_for(&shared.is_done, 1);
    print("counter %lu of %lu\n", shared.counter, 2 * shared.rounds);
    return shared.counter != 2 * shared.rounds;
}

/* A fresh page reads 0; an older value than the generation can only come from an old frame. */
static void watch(void *argument)
{
    struct shared *at = argument;
    store(&at->step, 1);
    while (load(&at->step) == 1) {
        u64 least = __atomic_load_n(&at->generation, __ATOMIC_SEQ_CST);
        u64 seen = __atomic_load_n(at->page, __ATOMIC_SEQ_CST);
        if (seen && seen < least)
            at->stale = seen;
    }
    store(&at->is_done, 1);
}

static int run_replace(void)
{
    shared.page = map_page(NULL);
    start_thread(watch);
    wait_for(&shared.step, 1);
    for (u64 i = 1; i <= shared.rounds; i++) {
        map_page(shared.page);
        __atomic_store_n(shared.page, i, __ATOMIC_SEQ_CST);
        __atomic_store_n(&shared.generation, i, __ATOMIC_SEQ_CST);
    }
    store(&shared.step, 2);
    wait_for(&shared.is_done, 1);
    if (shared.stale)
        print("an old page was seen: %lu\n", shared.stale);
    else
        print("%lu pages replaced, no old one was seen\n", shared.rounds);
    return shared.stale != 0;
}

static void compute(void *argument)
{
    struct shared *at = argument;
    store(&at->step, 1);
    while (load(&at->step) == 1)
        at->counter++;
    store(&at->is_done, 1);
}

static int run_shootdown(void)
{
    shared.page = map_page(NULL);
    *(volatile u64 *)shared.page = 1;
    start_thread(compute);
    wait_for(&shared.step, 1);
    u64 start = now_ns();
    for (u64 i = 0; i < shared.rounds; i++) {
        int error = sys_mprotect(shared.page, PAGE_SIZE, PROT_READ);
        if (error == 0)
            error = sys_mprotect(shared.page, PAGE_SIZE, PROT_READ | PROT_WRITE);
        if (error < 0)
            die(1, "mprotect: %s", error_text(error));
        *(volatile u64 *)shared.page = i;
    }
    u64 tenths = (now_ns() - start) / shared.rounds / 100;
    store(&shared.step, 2);
    wait_for(&shared.is_done, 1);
    print("%lu pairs, %lu.%lu us each\n", shared.rounds, tenths / 10, tenths % 10);
    return 0;
}

/* Touches the page so that its core knows the translation, and again when it is gone. */
static void touch(void *argument)
{
    struct shared *at = argument;
    for (u32 step = 0;; step = 2) {
        while (load(&at->step) != step)
            __asm__ volatile("pause");
        if (at->rounds)
            *(volatile u64 *)at->page = 1;
        else
            (void)*(volatile u64 *)at->page;
        store(&at->step, step + 1);
    }
}

static NORETURN void be_victim(int is_write)
{
    shared.page = map_page(NULL);
    shared.rounds = (u64)is_write;
    *(volatile u64 *)shared.page = 1;
    start_thread(touch);
    wait_for(&shared.step, 1);
    int error = is_write ? sys_mprotect(shared.page, PAGE_SIZE, PROT_READ)
                         : sys_munmap(shared.page, PAGE_SIZE);
    if (error < 0)
        sys_exit_group(3);
    store(&shared.step, 2);
    wait_for(&shared.step, 3); /* only reached when the old translation was used */
    sys_exit_group(4);
}

static int run_victim(int is_write)
{
    int status = 0, pid = fork();
    if (pid < 0)
        die(1, "fork: %s", error_text(pid));
    if (pid == 0)
        be_victim(is_write);
    sys_wait4(pid, &status, 0);
    if (!is_exited(status) && end_signal(status) == SIGSEGV) {
        print("the other thread's %s was caught\n", is_write ? "write" : "read");
        return 0;
    }
    print("the other thread's %s was not caught, wait status 0x%x\n", is_write ? "write" : "read",
          status);
    return 1;
}

int main(int argc, char **argv)
{
    const char *kind = argc > 1 ? argv[1] : "";
    long rounds = argc > 2 ? parse_number(argv[2], LONG_WAIT) : 1000;
    shared.rounds = (u64)rounds;
    if (rounds > 0 && !strcmp(kind, "counter"))
        return run_counter();
    if (rounds > 0 && !strcmp(kind, "replace"))
        return run_replace();
    if (rounds > 0 && !strcmp(kind, "shootdown"))
        return run_shootdown();
    if (!strcmp(kind, "protect"))
        return run_victim(1);
    if (!strcmp(kind, "unmap"))
        return run_victim(0);
    die(2, "usage: threads counter|replace|shootdown|protect|unmap [N]");
}
