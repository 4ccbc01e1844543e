/* Signals, waiting, exec, threads and futexes, told in lines that must be the same on any kernel.
 *
 * Each case prints what it found; ids and times never are. The host's kernel runs the same ELF.
 */
#include "ulib.h"

enum {
    SYS_SIGPROCMASK = 14, SYS_SIGRETURN = 15, SYS_PAUSE = 34, SYS_CLONE = 56, SYS_VFORK = 58,
    SYS_SETPGID = 109, SYS_GETPGID = 121, SYS_SIGPENDING = 127,
    SYS_SIGTIMEDWAIT = 128, SYS_SIGSUSPEND = 130, SYS_SIGALTSTACK = 131, SYS_GETTID = 186,
    SYS_TKILL = 200, SYS_FUTEX = 202, SYS_SET_TID_ADDRESS = 218, SYS_WAITID = 247,
    SYS_TGKILL = 234, SYS_CHMOD = 90,
};
enum { SA_SIGINFO = 4, SA_RESTORER = 0x04000000, SA_ONSTACK = 0x08000000, SA_RESTART = 0x10000000,
       SA_NODEFER = 0x40000000 };
#define SA_RESETHAND 0x80000000UL
enum { CLONE_SETTLS = 0x80000, CLONE_CHILD_CLEARTID = 0x200000 };
enum { WUNTRACED = 2, WEXITED = 4, WCONTINUED = 8 };
enum { SIG_IGN = 1 };
enum { SHORT = 20000000 }; /* ns: long enough for another process to come to rest */

struct siginfo { int signo, error, code, pad; union { struct { int pid; u32 uid; int status; }; void *address; }; char rest[96]; };
struct stack { void *at; int flags; u64 size; };

static char *self;
static volatile int caught, caught_code, nested, sender_is_me;
static void *volatile caught_address;
static volatile u64 handler_stack;
static u64 place[8];

static void act(int signal, void *handler, u64 flags, u64 mask)
{
    struct sigaction action = { .handler = (void (*)(int))handler, .flags = flags | SA_RESTORER,
                                .restorer = signal_return, .mask = mask };
    long error = sys_sigaction(signal, &action);
    if (error < 0)
        print("sigaction %d: %s\n", signal, error_text(error));
}

static u64 bit(int signal) { return 1UL << (signal - 1); }

static u64 mask(int how, u64 set)
{
    u64 old = 0;
    syscall6(SYS_SIGPROCMASK, how, (long)&set, (long)&old, 8, 0, 0);
    return old;
}

static u64 current_mask(void)
{
    u64 old = 0;
    syscall6(SYS_SIGPROCMASK, 0, 0, (long)&old, 8, 0, 0);
    return old;
}

static u64 pending(void)
{
    u64 set = 0;
    syscall3(SYS_SIGPENDING, (long)&set, 8, 0);
    return set;
}

static void nap(long ns)
{
    struct timespec time = { 0, ns };
    sys_nanosleep(&time);
}

static void note(int signal, struct siginfo *info, void *context)
{
    (void)context;
    char here;
    caught = signal;
    caught_code = info->code;
    sender_is_me = info->pid == sys_getpid();
    handler_stack = (u64)&here;
    nested = (int)((current_mask() & bit(signal)) != 0);
}

static void note_fault(int signal, struct siginfo *info, void *context)
{
    (void)context;
    caught = signal;
    caught_code = info->code;
    caught_address = info->address;
    jump_back(place);
}

static void count(int signal) { caught += signal == SIGUSR1 ? 1 : 100; }

static void report_status(const char *what, int status)
{
    if ((status & 0xff) == 0x7f && status != 0xffff)
        print("%s: stopped by %d\n", what, status >> 8);
    else if (status == 0xffff)
        print("%s: continued\n", what);
    else if (is_exited(status))
        print("%s: exit %d\n", what, exit_code(status));
    else
        print("%s: signal %d\n", what, end_signal(status));
}

static int wait_for(int pid, int options)
{
    int status = 0;
    long got = sys_wait4(pid, &status, options);
    if (got < 0)
        print("wait: %s\n", error_text(got));
    return status;
}

static void handlers(void)
{
    act(SIGUSR1, note, SA_SIGINFO, 0);
    register u64 kept __asm__("r12") = 0x1234567890abcdef;
    __asm__ volatile("" : "+r"(kept));
    sys_kill(sys_getpid(), SIGUSR1);
    __asm__ volatile("" : "+r"(kept));
    print("handler: signal %d code %d from me %d blocked in it %d kept %lx\n", caught, caught_code,
          sender_is_me, nested, kept);
    act(SIGUSR1, note, SA_SIGINFO | SA_NODEFER, 0);
    syscall3(SYS_TKILL, syscall3(SYS_GETTID, 0, 0, 0), SIGUSR1, 0);
    print("nodefer: code %d blocked in it %d\n", caught_code, nested);
    caught = 0;
    act(SIGUSR1, count, 0, 0);
    mask(0, bit(SIGUSR1) | bit(SIGKILL));
    print("mask %lx\n", current_mask());
    sys_kill(sys_getpid(), SIGUSR1);
    sys_kill(sys_getpid(), SIGUSR1);
    print("blocked: caught %d pending %lx\n", caught, pending());
    mask(1, bit(SIGUSR1));
    print("unblocked: caught %d pending %lx\n", caught, pending());
    act(SIGUSR1, count, SA_RESETHAND, 0);
    int child = fork();
    if (!child) {
        sys_kill(sys_getpid(), SIGUSR1);
        sys_kill(sys_getpid(), SIGUSR1);
        exit(0);
    }
    report_status("resethand", wait_for(child, 0));
    print("kill -9 action: %s\n", error_text(sys_sigaction(SIGKILL, &(struct sigaction){ 0 })));
    print("signal 65: %s, no process: %s\n", error_text(sys_kill(sys_getpid(), 65)),
          error_text(sys_kill(999999, 0)));
}

static void faults(void)
{
    act(SIGSEGV, note_fault, SA_SIGINFO | SA_NODEFER, 0);
    act(SIGFPE, note_fault, SA_SIGINFO | SA_NODEFER, 0);
    act(SIGILL, note_fault, SA_SIGINFO | SA_NODEFER, 0);
    act(SIGTRAP, note_fault, SA_SIGINFO | SA_NODEFER, 0);
    if (!jump_point(place))
        *(volatile int *)0x1008 = 1;
    print("unmapped: signal %d code %d address %lx\n", caught, caught_code, (u64)caught_address);
    if (!jump_point(place))
        *(volatile char *)"constant" = 1;
    print("read-only: signal %d code %d\n", caught, caught_code);
    if (!jump_point(place))
        __asm__ volatile("xorl %%ecx, %%ecx; movl $1, %%eax; cltd; idivl %%ecx" ::: "eax", "ecx", "edx");
    print("divide: signal %d code %d\n", caught, caught_code);
    if (!jump_point(place))
        __asm__ volatile("ud2");
    print("ud2: signal %d code %d\n", caught, caught_code);
    if (!jump_point(place))
        __asm__ volatile("int3");
    print("int3: signal %d\n", caught);
    static char area[16384];
    struct stack stack = { area, 0, sizeof area }, old;
    syscall3(SYS_SIGALTSTACK, (long)&stack, 0, 0);
    act(SIGUSR2, note, SA_SIGINFO | SA_ONSTACK, 0);
    sys_kill(sys_getpid(), SIGUSR2);
    syscall3(SYS_SIGALTSTACK, 0, (long)&old, 0);
    print("alternate stack: on it %d, flags %d size %lu\n",
          handler_stack >= (u64)area && handler_stack < (u64)area + sizeof area, old.flags, old.size);
    stack.size = 100;
    print("small stack: %s\n", error_text(syscall3(SYS_SIGALTSTACK, (long)&stack, 0, 0)));
    int child = fork();
    if (!child) {
        act(SIGSEGV, (void *)SIG_IGN, 0, 0);
        *(volatile int *)0x1008 = 1;
    }
    report_status("ignored fault", wait_for(child, 0));
    child = fork();
    if (!child) {
        mask(0, bit(SIGSEGV));
        *(volatile int *)0x1008 = 1;
    }
    report_status("blocked fault", wait_for(child, 0));
    child = fork();
    if (!child) {
        stack.flags = 2;
        syscall3(SYS_SIGALTSTACK, (long)&stack, 0, 0);
        act(SIGUSR1, count, 0, 0);
        __asm__ volatile("movq $0x1000, %%rsp; movl $39, %%eax; syscall; movl %%eax, %%edi; "
                         "movl $10, %%esi; movl $62, %%eax; syscall" ::: "memory");
    }
    report_status("no stack", wait_for(child, 0));
}

static int signal_later(int pid, int signal)
{
    int child = fork();
    if (child)
        return child;
    nap(SHORT);
    sys_kill(pid, signal);
    exit(0);
}

static void interrupted(void)
{
    int ends[2];
    char byte = 0;
    sys_pipe(ends);
    act(SIGUSR1, count, 0, 0);
    int child = signal_later(sys_getpid(), SIGUSR1);
    print("read: %s\n", error_text(sys_read(ends[0], &byte, 1)));
    wait_for(child, 0);
    struct timespec time = { 10, 0 };
    child = signal_later(sys_getpid(), SIGUSR1);
    print("sleep: %s\n", error_text(sys_nanosleep(&time)));
    wait_for(child, 0);
    caught = 0;
    act(SIGUSR1, count, SA_RESTART, 0);
    int parent = sys_getpid();
    child = fork();
    if (!child) {
        nap(SHORT);
        sys_kill(parent, SIGUSR1);
        nap(SHORT);
        sys_write(ends[1], "x", 1);
        exit(0);
    }
    long got = sys_read(ends[0], &byte, 1);
    print("restarted read: %ld %c, caught %d\n", got, byte, caught);
    wait_for(child, 0);
    caught = 0;
    mask(0, bit(SIGUSR1));
    sys_kill(parent, SIGUSR1);
    u64 nothing = 0;
    print("suspend: %s, caught %d, mask %lx\n",
          error_text(syscall3(SYS_SIGSUSPEND, (long)&nothing, 8, 0)), caught, current_mask());
    mask(1, bit(SIGUSR1));
    child = signal_later(parent, SIGUSR1);
    print("pause: %s\n", error_text(syscall3(SYS_PAUSE, 0, 0, 0)));
    wait_for(child, 0);
    mask(0, bit(SIGUSR2));
    u64 wanted = bit(SIGUSR2);
    struct siginfo info;
    time = (struct timespec){ 0, 1000000 };
    print("timed wait: %s\n",
          error_text(syscall6(SYS_SIGTIMEDWAIT, (long)&wanted, (long)&info, (long)&time, 8, 0, 0)));
    child = signal_later(parent, SIGUSR2);
    print("waited for signal %ld\n", syscall6(SYS_SIGTIMEDWAIT, (long)&wanted, (long)&info, 0, 8, 0, 0));
    wait_for(child, 0);
    sys_close(ends[0]);
    child = fork();
    if (!child) {
        sys_write(ends[1], "x", 1);
        exit(0);
    }
    report_status("broken pipe", wait_for(child, 0));
    act(SIGPIPE, (void *)SIG_IGN, 0, 0);
    print("ignored: %s\n", error_text(sys_write(ends[1], "x", 1)));
    sys_close(ends[1]);
}

static int child_that_exits(int code)
{
    int child = fork();
    if (!child)
        exit(code);
    return child;
}

static void children(void)
{
    print("none: %s\n", error_text(sys_wait4(-1, NULL, 0)));
    report_status("child", wait_for(child_that_exits(300), 0));
    int child = fork();
    if (!child)
        for (;;)
            syscall3(SYS_PAUSE, 0, 0, 0);
    print("not yet: %ld\n", (long)sys_wait4(child, NULL, WNOHANG));
    sys_kill(child, SIGSTOP);
    report_status("stop", wait_for(child, WUNTRACED));
    print("told once: %ld\n", (long)sys_wait4(child, NULL, WNOHANG | WUNTRACED));
    sys_kill(child, SIGCONT);
    report_status("continue", wait_for(child, WCONTINUED));
    sys_kill(child, SIGSTOP);
    wait_for(child, WUNTRACED);
    sys_kill(child, SIGTERM);
    print("a stopped process keeps its signal: %ld\n", (long)sys_wait4(child, NULL, WNOHANG));
    sys_kill(child, SIGCONT);
    report_status("terminated", wait_for(child, 0));
    child = fork();
    if (!child)
        for (volatile u64 spin = 0;; spin++)
            ;
    nap(SHORT);
    sys_kill(child, SIGKILL);
    report_status("busy child killed", wait_for(child, 0));
    struct siginfo info = { 0 };
    child = child_that_exits(7);
    long got = syscall6(SYS_WAITID, 1, child, (long)&info, WEXITED | 0x01000000, 0, 0);
    print("waitid: %ld signal %d code %d status %d\n", got, info.signo, info.code, info.status);
    report_status("still there", wait_for(child, 0));
    act(SIGCHLD, note, SA_SIGINFO, 0);
    child = child_that_exits(5);
    while (sys_wait4(child, NULL, 0) == -EINTR)
        ;
    print("SIGCHLD: signal %d code %d\n", caught, caught_code);
    act(SIGCHLD, (void *)SIG_IGN, 0, 0);
    child_that_exits(1);
    print("nobody waits: %s\n", error_text(sys_wait4(-1, NULL, 0)));
    act(SIGCHLD, NULL, 0, 0);
    int first = fork();
    if (!first) {
        syscall3(SYS_SETPGID, 0, 0, 0);
        for (;;)
            syscall3(SYS_PAUSE, 0, 0, 0);
    }
    syscall3(SYS_SETPGID, first, first, 0);
    int second = fork();
    if (!second) {
        syscall3(SYS_SETPGID, 0, first, 0);
        for (;;)
            syscall3(SYS_PAUSE, 0, 0, 0);
    }
    syscall3(SYS_SETPGID, second, first, 0);
    print("group: %d %d\n", syscall3(SYS_GETPGID, second, 0, 0) == first,
          syscall3(SYS_GETPGID, 0, 0, 0) == first);
    print("kill group: %ld\n", (long)sys_kill(-first, SIGTERM));
    report_status("of the group", wait_for(-first, 0));
    report_status("of the group", wait_for(-first, 0));
    print("empty group: %s\n", error_text(sys_kill(-first, SIGTERM)));
    print("strange group: %s\n", error_text(syscall3(SYS_SETPGID, 0, 999999, 0)));
}

static void write_file(const char *path, const char *text, size_t size)
{
    int fd = sys_open(path, O_CREAT | O_WRONLY | O_TRUNC, 0755);
    write_all(fd, text, size);
    sys_close(fd);
}

static void try(const char *what, const char *path, char **arguments)
{
    flush();
    int child = fork();
    if (!child) {
        char *environment[] = { "COLOUR=blue", NULL };
        long error = sys_execve(path, arguments, environment);
        print("%s: %s\n", what, error_text(error));
        exit(42);
    }
    report_status(what, wait_for(child, 0));
}

static void programs(void)
{
    char *arguments[] = { "name", "told", "a b", "", NULL };
    char script[64], text[PATH_MAX];
    format_text(script, sizeof script, "/tmp/script-%d", sys_getpid());
    try("exec", self, arguments);
    try("absent", "/nowhere", arguments);
    try("folder", "/", arguments);
    int size = format_text(text, sizeof text, "#! %s told\n", self);
    write_file(script, text, (size_t)size);
    try("script", script, arguments);
    syscall3(SYS_CHMOD, (long)script, 0644, 0);
    try("not executable", script, arguments);
    syscall3(SYS_CHMOD, (long)script, 0755, 0);
    write_file(script, "#!\n", 3);
    try("script of nothing", script, arguments);
    format_text(text, sizeof text, "#!%s\n", script);
    write_file(script, text, strlen(text));
    try("script of itself", script, arguments);
    write_file(script, "", 0);
    try("empty", script, arguments);
    write_file(script, "garbage", 7);
    try("garbage", script, arguments);
    size_t whole = 0;
    long error = 0;
    char *elf = read_file(self, &whole, &error);
    write_file(script, elf, 40);
    try("cut header", script, arguments);
    write_file(script, elf, 200);
    try("cut segments", script, arguments);
    elf[18] = 3;
    write_file(script, elf, whole);
    try("i386", script, arguments);
    release(elf);
    sys_unlink(script);
    flush();
    int child = fork();
    if (!child) {
        act(SIGUSR1, count, 0, 0);
        act(SIGUSR2, (void *)SIG_IGN, 0, 0);
        mask(0, bit(SIGTERM));
        char *again[] = { "name", "inherited", NULL };
        sys_execve(self, again, environ);
    }
    report_status("exec's signals", wait_for(child, 0));
    volatile int changed = 0;
    flush();
    child = (int)syscall3(SYS_VFORK, 0, 0, 0);
    if (!child) {
        changed = 1;
        sys_execve("/nowhere", arguments, environ);
        changed = 2;
        sys_exit_group(9);
    }
    print("vfork: changed %d\n", changed);
    report_status("vfork", wait_for(child, 0));
}

static u32 word, joined = 1, woken;

static long futex(u32 *at, int what, u32 value, struct timespec *time)
{
    return syscall6(SYS_FUTEX, (long)at, what, value, (long)time, 0, 0);
}

static void sleeper(void *argument)
{
    (void)argument;
    while (!__atomic_load_n(&word, __ATOMIC_SEQ_CST))
        futex(&word, 128, 0, NULL);
    __atomic_fetch_add(&woken, 1, __ATOMIC_SEQ_CST);
    futex(&woken, 129, 1, NULL);
}

static void executor(void *argument)
{
    nap(SHORT);
    char *arguments[] = { "name", "told", "from a thread", NULL };
    sys_execve(self, arguments, argument);
}

static void ender(void *argument)
{
    (void)argument;
    nap(SHORT);
    sys_exit_group(77);
}

static void *new_stack(void)
{
    return (char *)sys_mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
           + 65536;
}

static void start(void (*body)(void *), void *argument)
{
    long flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
    if (thread_clone((u64)flags, new_stack(), body, argument) < 0)
        print("no thread\n");
}

static void counting(void *argument)
{
    (void)argument;
    mask(1, bit(SIGUSR1));
    for (;;)
        syscall3(SYS_PAUSE, 0, 0, 0);
}

static void threads(void)
{
    struct timespec time = { 0, 1000000 };
    print("other value: %s, no wake: %s\n", error_text(futex(&word, 128, 5, NULL)),
          error_text(futex(&word, 128, 0, &time)));
    print("unaligned: %s\n", error_text(futex((u32 *)((char *)&word + 1), 128, 0, NULL)));
    for (int i = 0; i < 4; i++)
        start(sleeper, NULL);
    nap(SHORT);
    __atomic_store_n(&word, 1, __ATOMIC_SEQ_CST);
    futex(&word, 129, 100, NULL);
    u32 seen;
    while ((seen = __atomic_load_n(&woken, __ATOMIC_SEQ_CST)) < 4)
        futex(&woken, 128, seen, NULL);
    print("woken %u, nobody waits %ld\n", woken, futex(&word, 129, 100, NULL));
    flush();
    int child = fork();
    if (!child) {
        syscall3(SYS_SET_TID_ADDRESS, (long)&joined, 0, 0);
        start(executor, environ);
        counting(NULL);
    }
    report_status("exec in a thread", wait_for(child, 0));
    child = fork();
    if (!child) {
        start(ender, NULL);
        for (volatile u64 spin = 0;; spin++)
            ;
    }
    report_status("exit of all", wait_for(child, 0));
    child = fork();
    if (!child) {
        start(ender, NULL);
        syscall3(SYS_EXIT, 3, 0, 0);
    }
    report_status("first thread leaves", wait_for(child, 0));
    u32 *common = sys_mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    child = fork();
    if (!child) {
        while (!__atomic_load_n(common, __ATOMIC_SEQ_CST))
            futex(common, 0, 0, NULL);
        exit(21);
    }
    nap(SHORT);
    __atomic_store_n(common, 1, __ATOMIC_SEQ_CST);
    print("another process waits: %ld\n", futex(common, 1, 10, NULL));
    report_status("shared word", wait_for(child, 0));
    caught = 0;
    child = fork();
    if (!child) {
        act(SIGUSR1, count, 0, 0);
        mask(0, bit(SIGUSR1));
        start(counting, NULL);
        nap(SHORT);
        sys_kill(sys_getpid(), SIGUSR1);
        nap(SHORT);
        print("another thread takes it: %d\n", caught);
        exit(0);
    }
    report_status("and all end", wait_for(child, 0));
}

static int family(int parent, int rounds)
{
    for (int i = 0; i < rounds; i++) {
        int child = fork();
        if (!child) {
            if (i & 1)
                for (volatile u64 spin = 0;; spin++)
                    ;
            sys_kill(parent, SIGUSR1);
            exit(i);
        }
        if (i & 1)
            sys_kill(child, SIGKILL);
        int status = wait_for(child, 0);
        if (status != (i & 1 ? SIGKILL : i << 8))
            return 1;
    }
    return 0;
}

static void racer(void *argument)
{
    u32 *turns = argument;
    for (int i = 0; i < 200; i++) {
        __atomic_fetch_add(turns, 1, __ATOMIC_SEQ_CST);
        futex(turns, 129, 1, NULL);
        if (i == 150)
            sys_exit_group(50);
    }
}

static void storm(void)
{
    act(SIGUSR1, count, SA_RESTART, 0);
    int parent = sys_getpid(), wrong = 0;
    for (int i = 0; i < 6; i++) {
        flush();
        if (!fork())
            exit(family(parent, 20));
    }
    for (int i = 0; i < 6; i++)
        wrong += wait_for(-1, 0) != 0;
    print("families: %d wrong, signals came %d\n", wrong, caught > 0);
    wrong = 0;
    for (int i = 0; i < 10; i++) {
        flush();
        int child = fork();
        if (!child) {
            static u32 turns;
            for (int j = 0; j < 4; j++)
                start(racer, &turns);
            for (;;)
                futex(&turns, 128, __atomic_load_n(&turns, __ATOMIC_SEQ_CST), NULL);
        }
        wrong += wait_for(child, 0) != 50 << 8;
    }
    print("races to the exit: %d wrong\n", wrong);
    for (int i = 0; i < 10; i++) {
        flush();
        int child = fork();
        if (!child) {
            start(counting, NULL);
            start(counting, NULL);
            for (;;)
                sys_sched_yield();
        }
        nap(i * 300000);
        sys_kill(child, SIGKILL);
        wrong += wait_for(child, 0) != SIGKILL;
    }
    print("killed with threads: %d wrong\n", wrong);
}

static void tell(int argc, char **argv)
{
    print("told:");
    for (int i = 2; i < argc; i++)
        print(starts_with(argv[i], "/tmp/script") ? " [a script]" : " [%s]", argv[i]);
    char *colour = get_environment("COLOUR");
    print(" colour %s\n", colour ? colour : "none");
}

static void inherited(void)
{
    struct sigaction one, other;
    syscall6(SYS_RT_SIGACTION, SIGUSR1, 0, (long)&one, 8, 0, 0);
    syscall6(SYS_RT_SIGACTION, SIGUSR2, 0, (long)&other, 8, 0, 0);
    print("after exec: caught %lu ignored %lu mask %lx\n", (u64)one.handler, (u64)other.handler,
          current_mask());
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "told")) {
        tell(argc, argv);
        return 11;
    }
    if (argc > 1 && !strcmp(argv[1], "inherited")) {
        inherited();
        return 12;
    }
    self = argv[0];
    const char *which = argc > 1 ? argv[1] : "";
    if (!*which || !strcmp(which, "handlers"))
        handlers();
    if (!*which || !strcmp(which, "faults"))
        faults();
    if (!*which || !strcmp(which, "interrupted"))
        interrupted();
    if (!*which || !strcmp(which, "children"))
        children();
    if (!*which || !strcmp(which, "programs"))
        programs();
    if (!*which || !strcmp(which, "threads"))
        threads();
    if (!*which || !strcmp(which, "storm"))
        storm();
    return 0;
}
