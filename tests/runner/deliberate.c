/* SPDX-License-Identifier: MIT */
/* Tests that fail, crash, hang and leak on purpose, and some that must pass: `selftest` runs this
 * program and compares what the runner says of each with what is true. */
#include "runner/test.h"

#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* There in programs with a leak sanitizer. */
extern void __lsan_do_leak_check(void) __attribute__((weak));

static const char *explain(void)
{
    return "the explanation of the layer";
}

static void compare_with_table(const void *argument)
{
    CHECK_STR(argument, "the table's argument");
}

__attribute__((constructor)) static void add_from_a_table(void)
{
    char name[] = "table/copied_name";
    test_add(name, compare_with_table, "the table's argument", NULL);
    (void)memset(name, 'x', sizeof(name) - 1);
    test_explain = explain;
}

/* What must pass. */

TEST(good_checks_hold)
{
    int evaluated = 0;
    CHECK(++evaluated == 1);
    CHECK_EQ(++evaluated, 2U);
    CHECK_EQ(UINT64_MAX, UINT64_MAX);
    CHECK_STR("same", "same");
    CHECK_MEM("same", "same", 4);
    CHECK_MEM("a", "b", 0);
    ssize_t result = CHECK_OK((ssize_t)++evaluated);
    CHECK_EQ(result, 3);
    CHECK_CONTAINS("text with a part", "a part");
}

static void *count_up(void *counter)
{
    ++*(int *)counter;
    return NULL;
}

TEST(good_cleans_up)
{
    int counter = 0;
    pthread_t thread;
    const char *path = test_temp_path("file");
    char name[128];
    (void)snprintf(name, sizeof(name), "/%s", test_name("memory"));
    CHECK_EQ(pthread_create(&thread, NULL, count_up, &counter), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(counter, 1);
    int fd = open(path, O_CREAT | O_RDWR, 0600);
    CHECK(fd >= 0);
    CHECK(unlink(path) == 0);
    CHECK(close(fd) == 0);
    fd = shm_open(name, O_CREAT | O_RDWR, 0600);
    CHECK(fd >= 0);
    CHECK(ftruncate(fd, 4096) == 0);
    void *memory = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
    CHECK(memory != MAP_FAILED);
    CHECK(munmap(memory, 4096) == 0);
    CHECK(shm_unlink(name) == 0);
    CHECK(close(fd) == 0);
    int id = semget(IPC_PRIVATE, 1, 0600);
    CHECK(id >= 0);
    CHECK(semctl(id, 0, IPC_RMID) == 0);
}

struct meeting {
    struct test_gate *ready;
    struct test_gate *go;
    struct test_gate *rounds;
    int *value;
};

static void take_part(void *argument)
{
    const struct meeting *meeting = argument;
    test_gate_open(meeting->ready);
    test_gate_wait(meeting->go);
    CHECK_EQ(*meeting->value, 7);
    for (int i = 0; i < 50; i++)
        test_gate_meet(meeting->rounds, 3);
}

TEST(good_processes_meet, .stress = true)
{
    struct meeting meeting = {test_gate_new(), test_gate_new(), test_gate_new(),
                              test_shared(sizeof(int))};
    pid_t first = test_child(take_part, &meeting);
    pid_t second = test_child(take_part, &meeting);
    test_gate_wait_times(meeting.ready, 2);
    *meeting.value = 7;
    test_gate_open(meeting.go);
    for (int i = 0; i < 50; i++)
        test_gate_meet(meeting.rounds, 3);
    test_join(first);
    test_join(second);
}

static void wait_forever(void *argument)
{
    (void)argument;
    for (;;)
        (void)pause();
}

static void exit_with_three(void *argument)
{
    (void)argument;
    _exit(3);
}

TEST(good_ends_of_children)
{
    test_join_exited(test_child(exit_with_three, NULL), 3);
    test_kill(test_child(wait_forever, NULL));
    pid_t pid = test_child(wait_forever, NULL);
    CHECK(kill(pid, SIGTERM) == 0);
    test_join_killed(pid, SIGTERM);
}

static void be_ordinary(void *argument)
{
    (void)argument;
    CHECK(!test_is_root());
    CHECK(open("/etc/shadow", O_RDWR | O_CLOEXEC) < 0);
    CHECK(access(test_dir(), X_OK) == 0);
}

TEST(good_ordinary_user)
{
    test_as_user(be_ordinary, NULL);
}

TEST(good_orphan_that_ends)
{
    int ends[2];
    CHECK(pipe2(ends, O_CLOEXEC) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        if (fork() == 0)
            (void)setsid();
        _exit(0);
    }
    test_join(pid);
    char byte;
    CHECK(close(ends[1]) == 0);
    CHECK_EQ(read(ends[0], &byte, 1), 0); /* the orphan has closed its end, and ends */
    CHECK(close(ends[0]) == 0);
}

/* Nothing of the caller's signals: none is blocked, none ignored. */
static void check_signals(void)
{
    char line[256];
    unsigned seen = 0;
    FILE *status = fopen("/proc/self/status", "re");
    CHECK(status != NULL);
    while (fgets(line, sizeof(line), status) != NULL) {
        unsigned long long signals = 0;
        if (sscanf(line, "SigBlk: %llx", &signals) == 1 ||
            sscanf(line, "SigIgn: %llx", &signals) == 1) {
            /* an emulator has no way to the two that are its own libc's */
            CHECK_EQ(test_is_emulated() ? signals & ~(3ULL << 31) : signals, 0);
            seen++;
        }
    }
    CHECK_EQ(seen, 2);
    CHECK(fclose(status) == 0);
}

TEST(good_surroundings)
{
    char directory[4096];
    struct stat input;
    CHECK(getcwd(directory, sizeof(directory)) != NULL);
    CHECK_STR(directory, test_dir());
    CHECK_STR(getenv("TMPDIR"), test_dir());
    CHECK_STR(getenv("ENLACE_DIR"), test_dir());
    CHECK_EQ(getsid(0), getpid());
    CHECK(fstat(STDIN_FILENO, &input) == 0);
    CHECK(S_ISCHR(input.st_mode)); /* /dev/null */
    CHECK_EQ(umask(022), 022);
    check_signals();
    CHECK(strcmp(test_temp_path("a"), test_temp_path("b")) != 0);
}

TEST(good_leaves_files, .leaves_files = true)
{
    CHECK(mkdir("directory", 0700) == 0);
    int fd = open("directory/file", O_CREAT | O_WRONLY, 0600);
    CHECK(fd >= 0);
    CHECK(close(fd) == 0);
}

TEST(skip_says_why)
{
    SKIP("this machine has no %s", "flux capacitor");
}

static void skip(void *argument)
{
    (void)argument;
    SKIP("a child knows why");
}

TEST(skip_from_a_child)
{
    test_join(test_child(skip, NULL));
}

/* Checks that do not hold. */

TEST(bad_check)
{
    (void)printf("printed before\n");
    CHECK(1 + 1 == 3);
}

TEST(bad_check_eq)
{
    CHECK_EQ(-EAGAIN, -ENOENT);
}

TEST(bad_check_eq_of_width)
{
    CHECK_EQ(UINT32_MAX, -1);
}

TEST(bad_check_str)
{
    CHECK_STR("this", "that");
}

TEST(bad_check_mem)
{
    CHECK_MEM("abcX", "abcY", 4);
}

TEST(bad_check_ok)
{
    CHECK_OK(-ENOENT);
}

TEST(bad_check_contains)
{
    CHECK_CONTAINS("whole text", "missing part");
}

TEST(bad_fail)
{
    FAIL("said %d times", 2);
}

static void fail_in_child(void *argument)
{
    (void)argument;
    CHECK(getpid() == 1);
}

TEST(bad_check_in_child)
{
    pid_t pid = test_child(fail_in_child, NULL);
    (void)waitpid(pid, NULL, 0); /* the failure counts although nobody asks for it */
}

TEST(bad_check_in_child_of_other_user)
{
    test_join(test_child_as_user(fail_in_child, NULL));
}

static void *fail_in_thread(void *argument)
{
    CHECK(argument != NULL);
    return NULL;
}

TEST(bad_check_in_thread)
{
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, fail_in_thread, NULL), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
}

/* Ends that are not a return. */

TEST(bad_crash)
{
    (void)signal(SIGSEGV, SIG_DFL); /* not the sanitizers' business here */
    CHECK(getpid() > 0);
    (void)raise(SIGSEGV);
}

TEST(bad_abort)
{
    abort();
}

TEST(bad_exit)
{
    exit(0);
}

TEST(bad_status)
{
    _exit(5);
}

static void fail_at_exit(void)
{
    _exit(9);
}

TEST(bad_exit_handler)
{
    CHECK_EQ(atexit(fail_at_exit), 0);
}

TEST(bad_forked_child_returns)
{
    pid_t pid = fork();
    if (pid > 0)
        (void)waitpid(pid, NULL, 0);
}

static void crash(void *argument)
{
    (void)argument;
    (void)signal(SIGSEGV, SIG_DFL);
    (void)raise(SIGSEGV);
}

TEST(bad_child_crashes)
{
    test_join(test_child(crash, NULL));
}

TEST(bad_child_exits)
{
    test_join(test_child(exit_with_three, NULL));
}

TEST(bad_hang, .deadline_s = 1)
{
    struct test_gate *never = test_gate_new();
    (void)signal(SIGTERM, SIG_IGN);
    (void)test_child(wait_forever, NULL);
    if (fork() == 0) {
        (void)setsid(); /* out of the group */
        wait_forever(NULL);
    }
    test_gate_wait(never);
}

/* What is left behind. */

TEST(leak_descriptor)
{
    CHECK(open("/dev/null", O_RDONLY) >= 0);
}

TEST(leak_descriptor_under_limit)
{
    struct rlimit few;
    CHECK(getrlimit(RLIMIT_NOFILE, &few) == 0);
    few.rlim_cur = 32;
    CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
    while (dup(STDIN_FILENO) >= 0)
        continue;
    CHECK_EQ(errno, EMFILE);
}

TEST(leak_descriptor_closed)
{
    CHECK(close(STDIN_FILENO) == 0);
}

TEST(leak_mapping)
{
    int fd = memfd_create("shared by nobody", MFD_CLOEXEC);
    CHECK(fd >= 0);
    CHECK(ftruncate(fd, 4096) == 0);
    CHECK(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) != MAP_FAILED);
    CHECK(close(fd) == 0);
}

static void *sleep_forever(void *argument)
{
    wait_forever(argument);
    return NULL;
}

TEST(leak_thread)
{
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, sleep_forever, NULL), 0);
}

TEST(leak_child)
{
    (void)test_child(wait_forever, NULL);
}

TEST(leak_zombie)
{
    siginfo_t ended;
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    CHECK(waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOWAIT) == 0);
}

TEST(leak_orphan)
{
    struct test_gate *adopted = test_gate_new();
    pid_t pid = fork();
    if (pid == 0) {
        if (fork() == 0) {
            (void)setsid();
            test_gate_open(adopted);
            wait_forever(NULL);
        }
        _exit(0);
    }
    test_gate_wait(adopted);
    test_join(pid);
}

TEST(leak_shm_name)
{
    char name[128];
    (void)snprintf(name, sizeof(name), "/%s", test_name("shm"));
    int fd = shm_open(name, O_CREAT | O_RDWR, 0600);
    CHECK(fd >= 0);
    CHECK(close(fd) == 0);
}

TEST(leak_queue_name)
{
    char name[128];
    (void)snprintf(name, sizeof(name), "/%s", test_name("queue"));
    if (getenv("SELFTEST_QUEUES_UNSEEN") != NULL)
        SKIP("POSIX message queues cannot be listed here");
    mqd_t queue = mq_open(name, O_CREAT | O_RDWR, 0600, NULL);
    CHECK(queue != (mqd_t)-1);
    CHECK(mq_close(queue) == 0);
}

TEST(leak_sysv_shm)
{
    CHECK(shmget(IPC_PRIVATE, 4096, 0600) >= 0);
}

TEST(leak_sysv_sem)
{
    int id = semget(IPC_PRIVATE, 1, 0600);
    struct sembuf add = {.sem_op = 1};
    CHECK(id >= 0);
    CHECK(semop(id, &add, 1) == 0);
}

TEST(leak_sysv_queue)
{
    const struct {
        long type;
        char byte;
    } message = {1, 'x'};
    int id = msgget(IPC_PRIVATE, 0600);
    CHECK(id >= 0);
    CHECK(msgsnd(id, &message, 1, 0) == 0);
}

TEST(leak_file)
{
    char path[4096];
    (void)snprintf(path, sizeof(path), "%s/left-XXXXXX", getenv("TMPDIR"));
    int fd = mkstemp(path);
    CHECK(fd >= 0);
    CHECK(close(fd) == 0);
}

TEST(leak_memory)
{
    static void *volatile memory;
    if (&__lsan_do_leak_check == NULL)
        SKIP("no leak sanitizer in this build");
    memory = malloc(100);
    CHECK(memory != NULL);
    memory = NULL;
}

/* Under --stress this one fails in its third run, counted in a file of the caller. */
TEST(sometimes_bad, .stress = true)
{
    const char *path = getenv("SELFTEST_COUNTER");
    if (path == NULL)
        return;
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    struct stat status;
    CHECK(fd >= 0);
    CHECK(write(fd, "x", 1) == 1);
    CHECK(fstat(fd, &status) == 0);
    CHECK(close(fd) == 0);
    CHECK(status.st_size < 3);
}
