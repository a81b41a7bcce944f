/* SPDX-License-Identifier: MIT */
/* Proof that a thread reads the text of its own last failure, bounded and printable. */
#include "base/error.h"
#include "runner/test.h"

#include <enlace/error.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

TEST(before_any_failure_the_text_is_empty)
{
    CHECK_STR(enl_error_text(), "");
}

TEST(a_failure_sets_the_text_and_gives_its_result)
{
    CHECK_EQ(error_set(-EINVAL, "size %d is %s", 12, "wrong"), -EINVAL);
    CHECK_STR(enl_error_text(), "size 12 is wrong");
    CHECK_EQ(error_note(-EAGAIN, "nothing now"), -EAGAIN);
    CHECK_STR(enl_error_text(), "nothing now");
    CHECK_EQ(error_set(-ENOENT, "gone"), -ENOENT);
    CHECK_STR(enl_error_text(), "gone");
}

TEST(errno_stays_as_it_was)
{
    errno = ENOTTY;
    (void)error_set(-EINVAL, "wide %ls", L"\x7fffffff"); /* which printf refuses, and sets errno */
    CHECK_EQ(errno, ENOTTY);
    CHECK_STR(enl_error_text(), "wide %ls");
    (void)error_note(-EAGAIN, "nothing now");
    CHECK_EQ(errno, ENOTTY);
}

TEST(a_text_may_quote_the_one_before)
{
    (void)error_set(-EINVAL, "inner");
    (void)error_set(-EINVAL, "outer: %s", enl_error_text());
    CHECK_STR(enl_error_text(), "outer: inner");
}

TEST(a_text_that_is_too_long_lacks_its_middle_and_says_so)
{
    char path[4096];
    const char *text;

    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    (void)error_set(-EINVAL, "begin %s end", path);
    text = enl_error_text();
    CHECK_EQ(strlen(text), 511);
    CHECK(!strncmp(text, "begin xxx", 9));
    CHECK_CONTAINS(text, "xxx...xxx");
    CHECK_STR(text + 511 - 7, "xxx end");
    memset(path, '\377', sizeof path - 1);
    (void)error_set(-EINVAL, "%s%s%s", path, path, path);
    CHECK(strlen(enl_error_text()) < 512);
    CHECK_CONTAINS(enl_error_text(), "\\xff...\\xff");
}

TEST(bytes_that_are_not_printable_are_escaped)
{
    (void)error_set(-EINVAL, "name \"%s\"", "a\nb\033[2J\303\261");
    CHECK_STR(enl_error_text(), "name \"a\\x0ab\\x1b[2J\\xc3\\xb1\"");
}

static void *fail_elsewhere(void *argument)
{
    (void)argument;
    CHECK_STR(enl_error_text(), "");
    (void)error_set(-EINVAL, "another thread's");
    CHECK_STR(enl_error_text(), "another thread's");
    return NULL;
}

TEST(each_thread_has_its_own_text)
{
    pthread_t thread;

    (void)error_set(-EINVAL, "this thread's");
    CHECK_EQ(pthread_create(&thread, NULL, fail_elsewhere, NULL), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_STR(enl_error_text(), "this thread's");
}
