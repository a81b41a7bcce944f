/* SPDX-License-Identifier: MIT */
/* Channels on a machine that has too little: each limit is told, with what is needed and what there is; no signal comes,
 * and nothing is left of what was begun. */
#include "runner/test.h"
#include "shm/memory_group_test.h"

#include <enlace/enlace.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#define LARGE "channel:?message=16M&depth=4" /* rings of 128 MiB */
#define GROUP_LIMIT 16777216

__attribute__((constructor)) static void explain(void)
{
    test_explain = enl_error_text;
}

static void limit(int resource, rlim_t most)
{
    struct rlimit l;

    CHECK_EQ(getrlimit(resource, &l), 0);
    l.rlim_cur = most < l.rlim_max ? most : l.rlim_max;
    CHECK_EQ(setrlimit(resource, &l), 0);
}

/* What the first use of a pair says, which needs everything that there is to need. */
static ssize_t use(const char *address)
{
    struct enl_link *ends[2];
    ssize_t result = enl_pair(address, ends);

    if (result < 0)
        return result;
    result = enl_send(ends[0], "x", 1, ENL_NOW);
    if (result >= 0)
        result = enl_receive(ends[1], (char[4]){""}, 4, test_until());
    enl_close(ends[0]);
    enl_close(ends[1]);
    return result;
}

TEST(a_limit_of_files_is_told_and_is_no_signal)
{
    CHECK(signal(SIGXFSZ, SIG_DFL) != SIG_ERR); /* it would end this process */
    limit(RLIMIT_FSIZE, 65536);
    CHECK_EQ(use("channel:"), -EFBIG);
    CHECK_CONTAINS(enl_error_text(), "needs");
    CHECK_CONTAINS(enl_error_text(), "has 65536");
    limit(RLIMIT_FSIZE, RLIM_INFINITY);
    CHECK_EQ(use("channel:"), 1);
}

TEST(any_number_of_descriptors_too_few_is_told)
{
    int lowest = dup(0);
    unsigned refused = 0;
    ssize_t result = -EMFILE;

    CHECK(lowest >= 0);
    (void)close(lowest);
    for (rlim_t more = 0; result < 0; more++) {
        int after;

        CHECK(more < 40);
        limit(RLIMIT_NOFILE, (rlim_t)lowest + more);
        result = use("channel:?fds=2");
        CHECK(result == 1 || result == -EMFILE);
        CHECK(result == 1 || strstr(enl_error_text(), "descriptor") != NULL);
        refused += result < 0;
        limit(RLIMIT_NOFILE, 1024);
        after = dup(0);
        CHECK_EQ(after, lowest); /* nothing is left */
        (void)close(after);
    }
    CHECK(refused > 6);
}

TEST(address_space_too_little_is_told)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    rlim_t taken;

    CHECK(file != NULL);
    CHECK_EQ(fscanf(file, "%lu", &pages), 1);
    (void)fclose(file);
    taken = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
    if (taken > (rlim_t)1 << 30 || test_is_emulated())
        SKIP("this build has taken address space for purposes of its own");
    CHECK_EQ(use("channel:"), 1);
    limit(RLIMIT_AS, taken + ((rlim_t)64 << 20));
    CHECK_EQ(use(LARGE), -ENOMEM);
    CHECK_CONTAINS(enl_error_text(), "address space, this process has");
    CHECK_EQ(use("channel:"), 1);
    limit(RLIMIT_AS, RLIM_INFINITY); /* the runner looks for what is left */
}

/* ---- a memory group ------------------------------------------------------------------------------------------ */

static void use_in_group(const char *folder)
{
    (void)folder;
    CHECK_EQ(use(LARGE), -ENOMEM);
    CHECK_CONTAINS(enl_error_text(), "memory, has");
    CHECK_EQ(use("channel:"), 1); /* who asks for less has it */
}

TEST(a_memory_group_too_small_is_told_and_ends_nobody)
{
    memory_group_run(GROUP_LIMIT, use_in_group);
}
