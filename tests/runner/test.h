/* SPDX-License-Identifier: MIT */
/* How a test is written: register it, check values, start other processes and meet them.
 *
 * A test is `TEST(queue_keeps_order) { ... }`. It runs in a process of its own, in a session of its
 * own, in an empty directory of its own, under a deadline. It passes when it returns and has left
 * nothing behind: no descriptor, shared mapping, thread, child, name, System V object or file.
 * docs/design/testing.md says the rest. Only tests include this header. */
#ifndef TEST_H
#define TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct test_options {
    unsigned deadline_s; /* after this time the test is a hang and is killed; 0 means 20 s */
    bool stress;         /* --stress repeats it */
    bool leaves_files;   /* names left in test_dir() are not a leak */
    const char *file;    /* where it is written; TEST() fills it */
};

/* TEST(name) { ... } or TEST(name, .deadline_s = 60, .stress = true) { ... } */
#define TEST(...) TEST_WITH(__VA_ARGS__, .file = __FILE__)
#define TEST_WITH(name, ...)                                                                       \
    static void test_run_##name(const void *test_argument);                                        \
    __attribute__((constructor)) static void test_register_##name(void)                            \
    {                                                                                              \
        test_add(#name, test_run_##name, NULL, &(const struct test_options){__VA_ARGS__});         \
    }                                                                                              \
    static void test_run_##name(const void *test_argument __attribute__((unused)))

/* Registers one line of a table of tests; callable from a constructor, before main. The name
 * ("pipe/keeps_order") and the options (NULL for the defaults) are copied, the argument is not. */
void test_add(const char *name, void (*run)(const void *argument), const void *argument,
              const struct test_options *options);

/* Checks. Each prints its place, its expression and its values when it does not hold, and ends the
 * test at once, from any thread and from any child process. Arguments are evaluated once. */
#define CHECK(condition)                                                                           \
    (test_at(__FILE__, __LINE__), (condition) ? (void)0 : test_fail("CHECK(%s)", #condition))
/* Integers of any type; a value that could be a negative errno is printed with its text. */
#define CHECK_EQ(a, b)                                                                             \
    (test_at(__FILE__, __LINE__), test_check_eq(#a, (long long)(a), #b, (long long)(b)))
#define CHECK_STR(a, b) (test_at(__FILE__, __LINE__), test_check_str(#a, (a), #b, (b)))
#define CHECK_MEM(a, b, n) (test_at(__FILE__, __LINE__), test_check_mem(#a, (a), #b, (b), (n)))
/* The result is not a negative errno. The value of the expression is the result itself. */
#define CHECK_OK(result)                                                                           \
    ((__typeof__(result))(test_at(__FILE__, __LINE__), test_check_ok(#result, (long long)(result))))
#define CHECK_CONTAINS(text, part)                                                                 \
    (test_at(__FILE__, __LINE__), test_check_contains(#text, (text), (part)))
/* Ends the test as failed, with a printf-like message. */
#define FAIL(...) (test_at(__FILE__, __LINE__), test_fail(__VA_ARGS__))
/* Ends the test as skipped; the printf-like reason says what this machine lacks. */
#define SKIP(...) (test_at(__FILE__, __LINE__), test_skip(__VA_ARGS__))

/* What is printed besides when a check fails, e.g. enl_error_text; NULL at first. A constructor of
 * the test file sets it, so that the tests of lower layers link without that function. */
extern const char *(*test_explain)(void);

/* Starts run(argument) in a forked child. Checks work in it; it ends well by returning. The child
 * belongs to the test, which collects it with one of the calls below. */
pid_t test_child(void (*run)(void *argument), void *argument);
/* The same as an ordinary user (nobody) when the test is root, else as the present user. */
pid_t test_child_as_user(void (*run)(void *argument), void *argument);
/* Collects a child; the test fails unless the child has exited with 0. */
#define test_join(pid) (test_at(__FILE__, __LINE__), test_collect((pid), 0, 0))
/* Collects a child; the test fails unless that signal has ended it. */
#define test_join_killed(pid, signal) (test_at(__FILE__, __LINE__), test_collect((pid), -1, signal))
/* Collects a child; the test fails unless it has exited with that status. */
#define test_join_exited(pid, status) (test_at(__FILE__, __LINE__), test_collect((pid), status, 0))
/* Ends a child with SIGKILL and collects it. */
#define test_kill(pid) (test_at(__FILE__, __LINE__), test_kill_child(pid))
/* test_child_as_user() and test_join() in one. */
#define test_as_user(run, argument) test_join(test_child_as_user((run), (argument)))
bool test_is_root(void);
/* An emulator of single programs runs the test, and translates some system calls wrongly. */
bool test_is_emulated(void);
/* Whether a signal's handler may run only when the program next calls libc, as under the thread
 * sanitizer: then no system call made past libc is interrupted in time. */
bool test_delays_signals(void);

/* Memory that the test and all its children share; zeroed, aligned for any type, freed by the
 * runner. The sum of a test's requests is at most 1 MiB. */
void *test_shared(size_t size);

/* A gate counts how often it was opened; processes and threads wait for that. It blocks in the
 * kernel; a wait that never ends is a hang of the test. */
struct test_gate;
struct test_gate *test_gate_new(void); /* call it before the fork; the runner frees it */
void test_gate_open(struct test_gate *gate);
#define test_gate_wait(gate) test_gate_wait_times((gate), 1)
/* Returns when the gate was opened at least that often. */
#define test_gate_wait_times(gate, times)                                                          \
    (test_at(__FILE__, __LINE__), test_gate_await((gate), (times)))
/* Returns when `count` processes have called it; may be used again, with the same count. */
void test_gate_meet(struct test_gate *gate, unsigned count);

/* The test's own directory, empty at first, which is also its working directory, $TMPDIR,
 * $XDG_RUNTIME_DIR and $ENLACE_DIR. Both are valid until the test's end. */
const char *test_dir(void);
const char *test_temp_path(const char *name); /* a path in test_dir() */
/* A name that no other test uses now, without a slash, for names outside the file system: the
 * runner finds it again when it is left behind. */
const char *test_name(const char *name);

/* A moment, in absolute monotonic nanoseconds, a little before the runner calls the test a hang:
 * a call that is given it fails its check in place. */
int64_t test_until(void);
/* Whether less than half of the time until then is over: a loop that tries the same race thousands of times ends when
 * it is not. A slow machine, where each try takes long, has fewer of them. */
bool test_has_time(void);
/* The factor by which a duration in a test is to be stretched here (sanitizer, emulator). */
unsigned test_time_scale(void);

/* What the macros call. */
#define TEST_PRINTF __attribute__((format(printf, 1, 2)))
#define TEST_NORETURN __attribute__((noreturn))
void test_at(const char *file, int line);
TEST_NORETURN TEST_PRINTF void test_fail(const char *format, ...);
TEST_NORETURN TEST_PRINTF void test_skip(const char *format, ...);
void test_check_eq(const char *a_text, long long a, const char *b_text, long long b);
void test_check_str(const char *a_text, const char *a, const char *b_text, const char *b);
void test_check_mem(const char *a_text, const void *a, const char *b_text, const void *b, size_t n);
long long test_check_ok(const char *text, long long result);
void test_check_contains(const char *expression, const char *text, const char *part);
void test_collect(pid_t pid, int status, int signal);
void test_kill_child(pid_t pid);
void test_gate_await(struct test_gate *gate, unsigned times);

#endif
