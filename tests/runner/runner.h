/* SPDX-License-Identifier: MIT */
/* What the files of the test runner share among themselves. */
#ifndef RUNNER_H
#define RUNNER_H

#include "test.h"

#include <stdatomic.h>

/* How much slower the program is than a plain build (an emulator is known to its caller alone), and
 * how many threads of its own a sanitizer may start during the test, and whether it runs handlers
 * only when the program next calls libc. */
#if defined(__has_feature)
#define RUNNER_HAS(feature) __has_feature(feature)
#else
#define RUNNER_HAS(feature) 0
#endif
#if defined(__SANITIZE_THREAD__) || RUNNER_HAS(thread_sanitizer)
enum { BUILD_TIME_SCALE = 5, BUILD_FOREIGN_THREADS = 1, BUILD_DELAYS_SIGNALS = 1 };
#elif defined(__SANITIZE_ADDRESS__) || RUNNER_HAS(address_sanitizer)
enum { BUILD_TIME_SCALE = 3, BUILD_FOREIGN_THREADS = 0, BUILD_DELAYS_SIGNALS = 0 };
#else
enum { BUILD_TIME_SCALE = 1, BUILD_FOREIGN_THREADS = 0, BUILD_DELAYS_SIGNALS = 0 };
#endif

enum verdict { VERDICT_NONE, VERDICT_PASSED, VERDICT_FAILED, VERDICT_SKIPPED };

struct test {
    char *name;
    void (*run)(const void *argument);
    const void *argument;
    struct test_options options;
};

/* Where a process of the test is, so that a hang or a crash can be explained. Each process writes
 * its own, relaxed; the runner reads when they are dead or hung. */
struct place {
    _Alignas(128) _Atomic(const char *) file;
    atomic_int line;
    atomic_int pid;
};

enum { PLACE_COUNT = 256, SHARED_SIZE = 1 << 20 };

/* One page set per test, mapped by the runner before the fork and shared with all of the test's
 * processes. The first process that claims the verdict writes the reason. */
struct test_state {
    pid_t test_pid;
    int64_t half_ns; /* the middle between its beginning and until_ns */
    int64_t until_ns;
    char directory[128];
    atomic_int verdict;
    char reason[512];
    atomic_uint place_count; /* places[0] is the test's first process */
    struct place places[PLACE_COUNT];
    atomic_size_t shared_used;
    _Alignas(128) char shared[SHARED_SIZE];
};
extern struct test_state *test_state;

/* registry.c */
size_t registry_select(const char *const patterns[], size_t count, bool stress,
                       const struct test ***ret_tests);

/* check.c */
bool check_claim(enum verdict verdict, const char *reason); /* true for the first claim */
/* Claims, and ends the whole test from any of its processes. */
TEST_NORETURN void check_end_test(enum verdict verdict, const char *reason);
void check_take_place(void);   /* after a fork: this process gets a struct place of its own */
extern bool check_in_debugger; /* --no-fork: a failure stops where it is */

/* leaks.c: what the test's own process holds; report() returns how many leaks it has printed. */
struct leaks;
struct leaks *leaks_before(void);
unsigned leaks_report(struct leaks *before);

/* objects.c: names and System V objects of the machine, seen by the runner. */
struct objects;
bool objects_isolate(void); /* private namespaces: then every new object is the test's */
struct objects *objects_before(void);
/* Removes what the test left; writes a line for each to the report. Frees `before`. */
unsigned objects_report(struct objects *before, int report_fd);

/* directory.c */
int directory_create(char *ret_path, size_t size);
/* Removes the tree; with a report, writes a line for each name in it. Returns their number. */
unsigned directory_remove(const char *path, int report_fd);

/* processes.c: the processes of the present test, as its runner or its first process sees them. */
void processes_adopt(void); /* orphans of tests come to this process, the runner */
void processes_describe(int report_fd);
/* The runner ends and reaps all that is left. With `accuse` it first gives them a moment to end by
 * themselves, and returns how many reports it has written of those that did not. */
unsigned processes_end(bool accuse, int report_fd);

/* run.c */
int64_t run_now_ns(void);      /* monotonic */
int64_t run_patience_ns(void); /* how long something may outlive the test, which is about to end */
void run_sleep_a_moment(void); /* between two looks at what has no event to wait for */
/* One test in a fork. Returns its verdict; the explanation is in the two outputs. */
struct outcome {
    enum verdict verdict;
    char reason[512];
    int output_fd; /* what the test and the runner wrote; the caller closes it */
    double seconds;
};
void run_prepare(void);
void run_test(const struct test *test, struct outcome *ret_outcome);
TEST_NORETURN void run_in_debugger(const struct test *test);

#endif
