/* Less power: limits, no new privileges, and a filter of system calls. */
#include "base/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define SANITIZED true
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define SANITIZED true
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

/* --- limits --- */

static bool limit(int what, uint64_t most)
{
	struct rlimit r;

	if (getrlimit((__rlimit_resource_t)what, &r) != 0)
		return false;
	r.rlim_max = MIN(r.rlim_max, (rlim_t)most);
	r.rlim_cur = r.rlim_max;
	return setrlimit((__rlimit_resource_t)what, &r) == 0;
}

void sandbox_cpu(int64_t seconds)
{
	struct rusage used;
	struct rlimit r;

	if (getrusage(RUSAGE_SELF, &used) != 0 || getrlimit(RLIMIT_CPU, &r) != 0)
		return;
	/* the kernel counts whole seconds: one more for those that have begun */
	r.rlim_cur = MIN(r.rlim_max, (rlim_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec + seconds + 1));
	(void)!setrlimit(RLIMIT_CPU, &r);
}

/* --- the filter --- */

/* What is not named answers ENOSYS, on which a C library falls back where it can. Names that this processor or this
 * libseccomp does not have are passed over. */
static const char *const allowed[] = {
	/* memory */
	"brk",
	"mmap",
	"mmap2",
	"munmap",
	"mprotect",
	"mremap",
	"madvise",
	"membarrier",
	"mlock",
	"munlock",
	/* open files */
	"read",
	"readv",
	"pread64",
	"write",
	"writev",
	"pwrite64",
	"close",
	"close_range",
	"dup",
	"dup2",
	"dup3",
	"fcntl",
	"fcntl64",
	"lseek",
	"_llseek",
	"fstat",
	"fstat64",
	"stat",
	"stat64",
	"lstat",
	"lstat64",
	"newfstatat",
	"fstatat64",
	"statx",
	"statfs",
	"statfs64",
	"fstatfs",
	"fstatfs64",
	"access",
	"faccessat",
	"faccessat2",
	"readlink",
	"readlinkat",
	"getdents64",
	"getcwd",
	"fadvise64",
	"fadvise64_64",
	"arm_fadvise64_64",
	"pipe",
	"pipe2",
	"eventfd2",
	/* waiting */
	"poll",
	"ppoll",
	"ppoll_time64",
	"select",
	"_newselect",
	"pselect6",
	"pselect6_time64",
	"epoll_create1",
	"epoll_ctl",
	"epoll_wait",
	"epoll_pwait",
	"nanosleep",
	"clock_nanosleep",
	"clock_nanosleep_time64",
	"futex",
	"futex_time64",
	"restart_syscall",
	/* sockets that `filter_calls` let be made */
	"connect",
	"bind",
	"getsockname",
	"getpeername",
	"getsockopt",
	"setsockopt",
	"send",
	"sendto",
	"sendmsg",
	"sendmmsg",
	"recv",
	"recvfrom",
	"recvmsg",
	"recvmmsg",
	"recvmmsg_time64",
	"shutdown",
	/* time, and who we are */
	"clock_gettime",
	"clock_gettime64",
	"clock_getres",
	"clock_getres_time64",
	"gettimeofday",
	"time",
	"times",
	"getrandom",
	"getpid",
	"getppid",
	"gettid",
	"getuid",
	"getuid32",
	"geteuid",
	"geteuid32",
	"getgid",
	"getgid32",
	"getegid",
	"getegid32",
	"getrusage",
	"getrlimit",
	"ugetrlimit",
	"setrlimit",
	"uname",
	"sysinfo",
	"sched_getaffinity",
	"sched_yield",
	"getcpu",
	/* threads, signals, the end */
	"set_robust_list",
	"get_robust_list",
	"rseq",
	"set_tid_address",
	"set_thread_area",
	"arch_prctl",
	"set_tls",
	"cacheflush",
	"rt_sigaction",
	"rt_sigprocmask",
	"rt_sigreturn",
	"rt_sigtimedwait",
	"rt_sigtimedwait_time64",
	"sigreturn",
	"sigaltstack",
	"tgkill",
	"exit",
	"exit_group",
};

/* Of one that writes. */
static const char *const writing[] = {
	"open",
	"openat",
	"mkdir",
	"mkdirat",
	"unlink",
	"unlinkat",
	"rmdir",
	"rename",
	"renameat",
	"renameat2",
	"link",
	"linkat",
	"chmod",
	"fchmod",
	"fchmodat",
	"umask",
	"ftruncate",
	"ftruncate64",
	"fallocate",
	"fsync",
	"fdatasync",
	"msync",
	"flock",
	"utimensat",
	"utimensat_time64",
};

static bool allow(scmp_filter_ctx filter, const char *name, unsigned count, const struct scmp_arg_cmp *args)
{
	int number = seccomp_syscall_resolve_name(name);

	return number == __NR_SCMP_ERROR || number < 0 ||
	       seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, count, args) == 0;
}

static bool filter_calls(scmp_filter_ctx filter)
{
	static const int families[] = {AF_UNIX, AF_INET, AF_INET6};
	static const uint64_t thread_words[] = {PR_SET_NAME, PR_GET_NAME, PR_GET_SECCOMP, 0x53564d41 /* PR_SET_VMA */};
	static const uint64_t questions[] = {FIONREAD, FIONBIO}; /* of sockets; none of a terminal */
	const uint64_t changes = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC;
	bool ok = true;

	for (size_t i = 0; i < COUNT_OF(families); i++)
		ok = ok && allow(filter, "socket", 1, &SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)families[i]));
	for (size_t i = 0; i < COUNT_OF(thread_words); i++)
		ok = ok && allow(filter, "prctl", 1, &SCMP_A0(SCMP_CMP_EQ, thread_words[i]));
	for (size_t i = 0; i < COUNT_OF(questions); i++)
		ok = ok && allow(filter, "ioctl", 1, &SCMP_A1(SCMP_CMP_EQ, questions[i]));
	return ok && allow(filter, "socketpair", 1, &SCMP_A0(SCMP_CMP_EQ, AF_UNIX)) &&
	       allow(filter, "open", 1, &SCMP_A1(SCMP_CMP_MASKED_EQ, changes, 0)) &&
	       allow(filter, "openat", 1, &SCMP_A2(SCMP_CMP_MASKED_EQ, changes, 0)) &&
	       allow(filter, "clone", 1, &SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD)) &&
	       allow(filter, "prlimit64", 1, &SCMP_A0(SCMP_CMP_EQ, 0));
}

static bool has_filters(void)
{
	return prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0 || errno != EINVAL;
}

static void filter_free(scmp_filter_ctx *filter)
{
	if (*filter)
		seccomp_release(*filter);
}

static bool enter_filter(bool writes, struct err *e)
{
	cleanup(filter_free) scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	bool ok = filter != NULL;

	for (size_t i = 0; ok && i < COUNT_OF(allowed); i++)
		ok = allow(filter, allowed[i], 0, NULL);
	for (size_t i = 0; ok && writes && i < COUNT_OF(writing); i++)
		ok = allow(filter, writing[i], 0, NULL);
	if (!ok || !filter_calls(filter))
		return err_set(e, ERR_INTERNAL, "sandbox: the filter of system calls cannot be made");
	int failed = seccomp_load(filter);
	errno = -failed;
	return failed == 0 || err_sys(e, "sandbox: the filter of system calls");
}

bool sandbox_enter(const struct sandbox *s, struct err *e)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || (!SANITIZED && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0))
		return err_sys(e, "sandbox: no new privileges");
	if (!limit(RLIMIT_CORE, 0) || !limit(RLIMIT_FSIZE, s->written) || !limit(RLIMIT_NOFILE, s->files) ||
		(s->memory && !SANITIZED && !limit(RLIMIT_AS, s->memory)))
		return err_sys(e, "sandbox: limits");
	return SANITIZED || !has_filters() || enter_filter(s->writes, e);
}
