/* forktest [N]: fork N children (100), or as many as there can be; check that each one has its own
 * copy of memory as it was at its fork, and that each status comes back once. */
#include "ulib.h"

enum { PAGES = 4, WORDS = PAGES * PAGE_SIZE / 8, MOST = 10000 };

static u64 words[WORDS] __attribute__((aligned(PAGE_SIZE)));
static int pids[MOST];

static void fill(u64 value)
{
    for (int i = 0; i < WORDS; i += 64)
        words[i] = value + (u64)i;
}

static int is_filled(u64 value)
{
    for (int i = 0; i < WORDS; i += 64)
        if (words[i] != value + (u64)i)
            return 0;
    return 1;
}

/* A child: sees the parent's memory of the fork, writes its own, and tells by its status. */
static NORETURN void be_child(long index)
{
    if (!is_filled((u64)index))
        sys_exit_group(201);
    fill((u64)index + 1000000);
    sys_sched_yield();
    if (!is_filled((u64)index + 1000000))
        sys_exit_group(202);
    sys_exit_group((int)(index % 200));
}

static long find(int pid, long count)
{
    for (long i = 0; i < count; i++)
        if (pids[i] == pid)
            return i;
    die(1, "process %d is no child of this one, or was waited for twice", pid);
}

int main(int argc, char **argv)
{
    long wanted = argc > 1 ? parse_number(argv[1], MOST) : 100, count = 0;
    if (wanted < 1 || argc > 2)
        die(2, "usage: forktest [N], N from 1 to %d", MOST);
    for (; count < wanted; count++) {
        fill((u64)count);
        int pid = fork();
        if (pid == 0)
            be_child(count);
        if (pid < 0) {
            print("stopped at %ld children: %s\n", count, error_text(pid));
            break;
        }
        pids[count] = pid;
        if (!is_filled((u64)count))
            die(1, "a child's writes are seen by its parent");
    }
    for (long i = 0; i < count; i++) {
        int status = 0;
        int pid = sys_wait4(-1, &status, 0);
        if (pid < 0)
            die(1, "%ld children are missing: %s", count - i, error_text(pid));
        long index = find(pid, count);
        pids[index] = -1;
        if (status != (int)(index % 200) << 8)
            die(1, "child %ld ended with wait status 0x%x", index, status);
    }
    if (sys_wait4(-1, NULL, 0) != -ECHILD)
        die(1, "there are more children than were made");
    print("forktest: %ld children, memory private, statuses right\n", count);
    return count == 0;
}
