/* SPDX-License-Identifier: MIT */
/* worker/sandbox_calls.c - the system calls that the worker and its libraries use, and no others.
 *
 * What is not in the table does not exist (ENOSYS): the C library and libuv then fall back on what
 * is, as on an older kernel.  What an intruder would try first is forbidden (EPERM) by name.
 */
#define _GNU_SOURCE /* CLONE_THREAD */
#include <errno.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <seccomp.h>

#include "worker/sandbox_parts.h"

#define PR_SET_VMA_NAME 0x53564d41 /* glibc names its heaps; linux/prctl.h, 5.17 */
#define GET_VERSION 0x80087601u    /* FS_IOC_GETVERSION: RocksDB's id of a file */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED true /* LeakSanitizer forks and traces at the end */
#else
#define IS_SANITIZED false
#endif

static const char *const allowed[] = {
    /* memory; mmap and mprotect stand below */
    "brk",
    "madvise",
    "membarrier",
    "mincore",
    "mlock",
    "mlock2",
    "mremap",
    "msync",
    "munlock",
    "munmap",
    /* threads and time */
    "clock_getres",
    "clock_gettime",
    "clock_nanosleep",
    "exit",
    "exit_group",
    "futex",
    "getcpu",
    "get_robust_list",
    "gettid",
    "gettimeofday",
    "nanosleep",
    "restart_syscall",
    "rseq",
    "sched_getaffinity",
    "sched_getparam",
    "sched_getscheduler",
    "sched_yield",
    "set_robust_list",
    "set_tid_address",
    "time",
    "timerfd_create",
    "timerfd_gettime",
    "timerfd_settime",
    "arch_prctl",
    /* signals */
    "rt_sigaction",
    "rt_sigpending",
    "rt_sigprocmask",
    "rt_sigreturn",
    "rt_sigsuspend",
    "rt_sigtimedwait",
    "sigaltstack",
    "signalfd4",
    /* files */
    "access",
    "chmod",
    "close",
    "close_range",
    "copy_file_range",
    "dup",
    "dup2",
    "dup3",
    "faccessat",
    "faccessat2",
    "fadvise64",
    "fallocate",
    "fchmod",
    "fchmodat",
    "fcntl",
    "fdatasync",
    "flock",
    "fstat",
    "fstatfs",
    "fsync",
    "ftruncate",
    "getcwd",
    "getdents64",
    "link",
    "linkat",
    "lseek",
    "lstat",
    "mkdir",
    "mkdirat",
    "newfstatat",
    "open",
    "openat",
    "pread64",
    "preadv",
    "pwrite64",
    "pwritev",
    "read",
    "readahead",
    "readlink",
    "readlinkat",
    "readv",
    "rename",
    "renameat",
    "renameat2",
    "rmdir",
    "sendfile",
    "stat",
    "statfs",
    "statx",
    "sync_file_range",
    "truncate",
    "umask",
    "unlink",
    "unlinkat",
    "write",
    "writev",
    /* sockets and waiting; socket stands below */
    "accept",
    "accept4",
    "bind",
    "connect",
    "epoll_create",
    "epoll_create1",
    "epoll_ctl",
    "epoll_pwait",
    "epoll_pwait2",
    "epoll_wait",
    "eventfd2",
    "getpeername",
    "getsockname",
    "getsockopt",
    "listen",
    "pipe",
    "pipe2",
    "poll",
    "ppoll",
    "pselect6",
    "recvfrom",
    "recvmmsg",
    "recvmsg",
    "select",
    "sendmmsg",
    "sendmsg",
    "sendto",
    "setsockopt",
    "shutdown",
    "socketpair",
    /* what the process is told of itself */
    "getegid",
    "geteuid",
    "getgid",
    "getpgrp",
    "getpid",
    "getppid",
    "getpriority",
    "getrandom",
    "getresgid",
    "getresuid",
    "getrlimit",
    "getrusage",
    "getuid",
    "sysinfo",
    "times",
    "uname",
};

static const char *const forbidden[] = {
    "execve",
    "execveat",
    "fork",
    "vfork",
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "kill",
    "tkill",
    "pidfd_getfd",
    "bpf",
    "perf_event_open",
    "keyctl",
    "userfaultfd",
    "personality",
};

/* A call that is allowed with some arguments only; several rows of a call are alternatives. */
static const struct {
    const char *call;
    struct scmp_arg_cmp arg;
} limited[] = {
    /* a thread, no process; clone3, whose flags a filter cannot see, does not exist */
    {"clone", {0, SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD}},
    /* never writable and executable, never executable later */
    {"mmap", {2, SCMP_CMP_MASKED_EQ, PROT_WRITE | PROT_EXEC, 0}},
    {"mmap", {2, SCMP_CMP_MASKED_EQ, PROT_WRITE | PROT_EXEC, PROT_WRITE}},
    {"mmap", {2, SCMP_CMP_MASKED_EQ, PROT_WRITE | PROT_EXEC, PROT_EXEC}},
    {"mprotect", {2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0}},
    {"socket", {0, SCMP_CMP_EQ, AF_UNIX, 0}},
    {"socket", {0, SCMP_CMP_EQ, AF_INET, 0}},
    {"socket", {0, SCMP_CMP_EQ, AF_INET6, 0}},
    {"socket", {0, SCMP_CMP_EQ, AF_NETLINK, 0}}, /* getaddrinfo asks for the own addresses */
    {"prctl", {0, SCMP_CMP_EQ, PR_SET_NAME, 0}},
    {"prctl", {0, SCMP_CMP_EQ, PR_GET_NAME, 0}},
    {"prctl", {0, SCMP_CMP_EQ, PR_SET_VMA_NAME, 0}},
    {"prlimit64", {2, SCMP_CMP_EQ, 0, 0}}, /* asked, not set */
    {"ioctl", {1, SCMP_CMP_EQ, FIONBIO, 0}},
    {"ioctl", {1, SCMP_CMP_EQ, FIONREAD, 0}},
    {"ioctl", {1, SCMP_CMP_EQ, TCGETS, 0}},
    {"ioctl", {1, SCMP_CMP_EQ, GET_VERSION, 0}},
};

/* A call that this library or architecture does not know cannot be made either. */
static int add(scmp_filter_ctx filter, uint32_t action, const char *name, unsigned count,
               const struct scmp_arg_cmp *arg)
{
    int number = seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR)
        return 0;
    int error = seccomp_rule_add_array(filter, action, number, count, arg);
    return error == -EDOM ? 0 : error;
}

static int add_all(scmp_filter_ctx filter)
{
    int error = 0;
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0] && !error; i++)
        error = add(filter, SCMP_ACT_ALLOW, allowed[i], 0, NULL);
    for (size_t i = 0; i < sizeof limited / sizeof limited[0] && !error; i++)
        error = add(filter, SCMP_ACT_ALLOW, limited[i].call, 1, &limited[i].arg);
    for (size_t i = 0; i < sizeof forbidden / sizeof forbidden[0] && !error; i++)
        error = add(filter, SCMP_ACT_ERRNO(EPERM), forbidden[i], 0, NULL);
    const struct scmp_arg_cmp self = {0, SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0};
    return error ? error : add(filter, SCMP_ACT_ALLOW, "tgkill", 1, &self); /* abort */
}

enum byok_err byok_sandbox_calls(bool *there, struct byok_fault *fault)
{
    *there = false;
    if (IS_SANITIZED)
        return BYOK_E_OK;
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    int error = filter ? add_all(filter) : -ENOMEM;
    if (!error)
        error = seccomp_load(filter);
    *there = error == 0;
    if (filter)
        seccomp_release(filter);
    if (!error || error == -ECANCELED) /* libseccomp's word for what the kernel refuses */
        return BYOK_E_OK;
    return byok_fault_set(fault, BYOK_E_CONFIG, "the system call filter cannot be set: %s",
                          strerror(-error));
}
