/* Linux x86-64 system calls, one wrapper each; a failure is the negative errno.
 *
 * Kernel structures are the ones of the Linux ABI (arch/x86/include/uapi), so the same ELF runs on
 * the host's kernel.
 */
#ifndef SYSCALL_H
#define SYSCALL_H

typedef unsigned long size_t;
typedef long ssize_t;
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;

enum {
    SYS_READ = 0, SYS_WRITE = 1, SYS_OPEN = 2, SYS_CLOSE = 3, SYS_STAT = 4, SYS_FSTAT = 5,
    SYS_LSTAT = 6, SYS_LSEEK = 8, SYS_MMAP = 9, SYS_MPROTECT = 10, SYS_MUNMAP = 11, SYS_BRK = 12,
    SYS_RT_SIGACTION = 13, SYS_IOCTL = 16, SYS_PREAD64 = 17, SYS_PIPE = 22, SYS_SCHED_YIELD = 24,
    SYS_DUP = 32, SYS_DUP2 = 33, SYS_NANOSLEEP = 35, SYS_GETPID = 39, SYS_FORK = 57,
    SYS_EXECVE = 59, SYS_EXIT = 60, SYS_WAIT4 = 61, SYS_KILL = 62, SYS_FCNTL = 72, SYS_GETCWD = 79,
    SYS_CHDIR = 80, SYS_MKDIR = 83, SYS_RMDIR = 84, SYS_UNLINK = 87, SYS_READLINK = 89,
    SYS_GETPPID = 110, SYS_SETSID = 112, SYS_REBOOT = 169, SYS_SCHED_SETAFFINITY = 203, SYS_GETDENTS64 = 217,
    SYS_CLOCK_GETTIME = 228, SYS_EXIT_GROUP = 231,
};

enum {
    EPERM = 1, ENOENT = 2, ESRCH = 3, EINTR = 4, EIO = 5, ENXIO = 6, E2BIG = 7, ENOEXEC = 8,
    EBADF = 9, ECHILD = 10, EAGAIN = 11, ENOMEM = 12, EACCES = 13, EFAULT = 14, EBUSY = 16,
    EEXIST = 17, ENODEV = 19, ENOTDIR = 20, EISDIR = 21, EINVAL = 22, ENFILE = 23, EMFILE = 24,
    ENOTTY = 25, ETXTBSY = 26, EFBIG = 27, ENOSPC = 28, ESPIPE = 29, EROFS = 30, EPIPE = 32,
    ENAMETOOLONG = 36, ENOSYS = 38, ENOTEMPTY = 39, ELOOP = 40,
};

enum { O_RDONLY = 0, O_WRONLY = 1, O_RDWR = 2, O_CREAT = 0100, O_TRUNC = 01000, O_APPEND = 02000,
       O_DIRECTORY = 0200000, O_CLOEXEC = 02000000 };
enum { SEEK_SET = 0, SEEK_CUR = 1, SEEK_END = 2 };
enum { PROT_NONE = 0, PROT_READ = 1, PROT_WRITE = 2, PROT_EXEC = 4 };
enum { MAP_SHARED = 1, MAP_PRIVATE = 2, MAP_FIXED = 0x10, MAP_ANONYMOUS = 0x20 };
enum { F_DUPFD = 0, F_SETFD = 2, F_DUPFD_CLOEXEC = 1030, FD_CLOEXEC = 1 };
enum { TCGETS = 0x5401, TIOCSCTTY = 0x540E, TIOCGWINSZ = 0x5413 };
enum { CLOCK_REALTIME = 0, CLOCK_MONOTONIC = 1 };
enum { WNOHANG = 1 };
enum { CLONE_VM = 0x100, CLONE_FS = 0x200, CLONE_FILES = 0x400, CLONE_SIGHAND = 0x800,
       CLONE_THREAD = 0x10000, CLONE_SYSVSEM = 0x40000 };
enum { SIGHUP = 1, SIGINT = 2, SIGQUIT = 3, SIGILL = 4, SIGTRAP = 5, SIGABRT = 6, SIGBUS = 7,
       SIGFPE = 8, SIGKILL = 9, SIGUSR1 = 10, SIGSEGV = 11, SIGUSR2 = 12, SIGPIPE = 13,
       SIGALRM = 14, SIGTERM = 15, SIGCHLD = 17, SIGCONT = 18, SIGSTOP = 19, SIGTSTP = 20 };
enum { S_IFMT = 0170000, S_IFIFO = 0010000, S_IFCHR = 0020000, S_IFDIR = 0040000,
       S_IFBLK = 0060000, S_IFREG = 0100000, S_IFLNK = 0120000, S_IFSOCK = 0140000 };

struct timespec { long tv_sec; long tv_nsec; };

struct stat {
    u64 st_dev, st_ino, st_nlink;
    u32 st_mode, st_uid, st_gid, pad;
    u64 st_rdev;
    long st_size, st_blksize, st_blocks;
    struct timespec st_atim, st_mtim, st_ctim;
    long unused[3];
};

struct dirent64 {
    u64 d_ino;
    long d_off;
    u16 d_reclen;
    u8 d_type;
    char d_name[];
};

struct sigaction {
    void (*handler)(int);
    u64 flags;
    void (*restorer)(void);
    u64 mask;
};

struct winsize { u16 ws_row, ws_col, ws_xpixel, ws_ypixel; };

static inline long syscall6(long number, long a, long b, long c, long d, long e, long f)
{
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

static inline long syscall3(long number, long a, long b, long c)
{
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c)
                     : "rcx", "r11", "memory");
    return result;
}

static inline ssize_t sys_read(int fd, void *buffer, size_t size)
{ return syscall3(SYS_READ, fd, (long)buffer, (long)size); }

static inline ssize_t sys_write(int fd, const void *buffer, size_t size)
{ return syscall3(SYS_WRITE, fd, (long)buffer, (long)size); }

static inline ssize_t sys_pread(int fd, void *buffer, size_t size, long offset)
{ return syscall6(SYS_PREAD64, fd, (long)buffer, (long)size, offset, 0, 0); }

static inline int sys_open(const char *path, int flags, int mode)
{ return (int)syscall3(SYS_OPEN, (long)path, flags, mode); }

static inline int sys_close(int fd) { return (int)syscall3(SYS_CLOSE, fd, 0, 0); }

static inline int sys_stat(const char *path, struct stat *out)
{ return (int)syscall3(SYS_STAT, (long)path, (long)out, 0); }

static inline int sys_lstat(const char *path, struct stat *out)
{ return (int)syscall3(SYS_LSTAT, (long)path, (long)out, 0); }

static inline int sys_fstat(int fd, struct stat *out)
{ return (int)syscall3(SYS_FSTAT, fd, (long)out, 0); }

static inline long sys_lseek(int fd, long offset, int whence)
{ return syscall3(SYS_LSEEK, fd, offset, whence); }

static inline void *sys_mmap(void *at, size_t size, int protection, int flags, int fd, long offset)
{ return (void *)syscall6(SYS_MMAP, (long)at, (long)size, protection, flags, fd, offset); }

static inline int sys_mprotect(void *at, size_t size, int protection)
{ return (int)syscall3(SYS_MPROTECT, (long)at, (long)size, protection); }

static inline int sys_munmap(void *at, size_t size)
{ return (int)syscall3(SYS_MUNMAP, (long)at, (long)size, 0); }

static inline void *sys_brk(void *end) { return (void *)syscall3(SYS_BRK, (long)end, 0, 0); }

static inline int sys_sigaction(int signal, const struct sigaction *action)
{ return (int)syscall6(SYS_RT_SIGACTION, signal, (long)action, 0, 8, 0, 0); }

static inline int sys_ioctl(int fd, long request, void *argument)
{ return (int)syscall3(SYS_IOCTL, fd, request, (long)argument); }

static inline int sys_pipe(int ends[2]) { return (int)syscall3(SYS_PIPE, (long)ends, 0, 0); }
static inline int sys_sched_setaffinity(int pid, size_t size, const long *mask)
{ return (int)syscall3(SYS_SCHED_SETAFFINITY, pid, (long)size, (long)mask); }

static inline int sys_sched_yield(void) { return (int)syscall3(SYS_SCHED_YIELD, 0, 0, 0); }
static inline int sys_dup(int fd) { return (int)syscall3(SYS_DUP, fd, 0, 0); }
static inline int sys_dup2(int fd, int to) { return (int)syscall3(SYS_DUP2, fd, to, 0); }

static inline int sys_fcntl(int fd, int command, long argument)
{ return (int)syscall3(SYS_FCNTL, fd, command, argument); }

static inline int sys_nanosleep(const struct timespec *time)
{ return (int)syscall3(SYS_NANOSLEEP, (long)time, 0, 0); }

static inline int sys_getpid(void) { return (int)syscall3(SYS_GETPID, 0, 0, 0); }
static inline int sys_getppid(void) { return (int)syscall3(SYS_GETPPID, 0, 0, 0); }
static inline int sys_setsid(void) { return (int)syscall3(SYS_SETSID, 0, 0, 0); }

static inline int sys_execve(const char *path, char **argv, char **envp)
{ return (int)syscall3(SYS_EXECVE, (long)path, (long)argv, (long)envp); }

static inline int sys_wait4(int pid, int *status, int options)
{ return (int)syscall6(SYS_WAIT4, pid, (long)status, options, 0, 0, 0); }

static inline int sys_kill(int pid, int signal) { return (int)syscall3(SYS_KILL, pid, signal, 0); }

static inline long sys_getcwd(char *buffer, size_t size)
{ return syscall3(SYS_GETCWD, (long)buffer, (long)size, 0); }

static inline int sys_chdir(const char *path) { return (int)syscall3(SYS_CHDIR, (long)path, 0, 0); }

static inline int sys_mkdir(const char *path, int mode)
{ return (int)syscall3(SYS_MKDIR, (long)path, mode, 0); }

static inline int sys_rmdir(const char *path) { return (int)syscall3(SYS_RMDIR, (long)path, 0, 0); }

static inline int sys_unlink(const char *path)
{ return (int)syscall3(SYS_UNLINK, (long)path, 0, 0); }

static inline ssize_t sys_readlink(const char *path, char *buffer, size_t size)
{ return syscall3(SYS_READLINK, (long)path, (long)buffer, (long)size); }

static inline ssize_t sys_getdents64(int fd, void *buffer, size_t size)
{ return syscall3(SYS_GETDENTS64, fd, (long)buffer, (long)size); }

static inline int sys_clock_gettime(int clock, struct timespec *out)
{ return (int)syscall3(SYS_CLOCK_GETTIME, clock, (long)out, 0); }

static inline int sys_reboot(u32 command, long argument)
{ return (int)syscall6(SYS_REBOOT, (long)0xfee1dead, 672274793, command, argument, 0, 0); }

static inline __attribute__((noreturn)) void sys_exit_group(int status)
{
    for (;;)
        syscall3(SYS_EXIT_GROUP, status, 0, 0);
}

/* A wait status, as wait4 stores it. */
static inline int is_exited(int status) { return (status & 0x7f) == 0; }
static inline int exit_code(int status) { return (status >> 8) & 0xff; }
static inline int end_signal(int status) { return status & 0x7f; }

/* The status a shell reports for it: the exit code, or 128 + the signal. */
static inline int shell_status(int status)
{ return is_exited(status) ? exit_code(status) : 128 + end_signal(status); }

#endif
