/* Children: waiting for one, and remembering those in the background. */
#include "sh.h"

enum { JOBS = 256 };

static struct job {
    int pid; /* 0: free */
    int is_done, status;
} jobs[JOBS];

int job_add(int pid)
{
    for (size_t i = 0; i < COUNT(jobs); i++) {
        if (!jobs[i].pid) {
            jobs[i] = (struct job){.pid = pid};
            return 1;
        }
    }
    return 0;
}

static struct job *find_job(int pid)
{
    for (size_t i = 0; i < COUNT(jobs); i++)
        if (jobs[i].pid == pid)
            return &jobs[i];
    return NULL;
}

void jobs_forget(void)
{
    memset(jobs, 0, sizeof jobs);
}

static void record(int pid, int status)
{
    struct job *job = find_job(pid);
    if (job) {
        job->is_done = 1;
        job->status = status;
    }
}

/* Waits for one child, leaving the others alone; its wait status. */
int wait_child(int pid)
{
    for (;;) {
        int status = 0;
        int got = sys_wait4(pid, &status, 0);
        if (got == pid)
            return status;
        if (got != -EINTR)
            return 127 << 8;
    }
}

/* Status of the builtin wait for one job, or for all of them when pid is 0. */
int wait_jobs(int pid)
{
    struct job *job = pid ? find_job(pid) : NULL;
    int status = 0;
    if (pid && !job)
        return 127;
    while (!job || !job->is_done) {
        int got = sys_wait4(-1, &status, 0);
        if (got == -EINTR && shell.is_interrupted)
            return 128 + SIGINT;
        if (got > 0)
            record(got, status);
        else if (got != -EINTR)
            break;
    }
    if (!job) {
        jobs_forget();
        return 0;
    }
    status = job->is_done ? shell_status(job->status) : 127;
    job->pid = 0;
    return status;
}

/* Says which jobs ended, before a prompt. */
void jobs_report(void)
{
    int status, pid;
    while ((pid = sys_wait4(-1, &status, WNOHANG)) > 0)
        record(pid, status);
    for (size_t i = 0; i < COUNT(jobs); i++) {
        struct job *job = &jobs[i];
        if (!job->pid || !job->is_done)
            continue;
        if (!is_exited(job->status))
            print_error("[%d] %s\n", job->pid, signal_text(end_signal(job->status)));
        else if (exit_code(job->status))
            print_error("[%d] Exit %d\n", job->pid, exit_code(job->status));
        else
            print_error("[%d] Done\n", job->pid);
        job->pid = 0;
    }
}
