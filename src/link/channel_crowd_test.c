/* SPDX-License-Identifier: MIT */
/* More pairs of processes than CPUs, all in the default wait mode: whoever looks may stand in the way of the one that it
 * waits for, and nobody may wait for ever. How long they take beside others is a row of the benchmark. */
#include "runner/test.h"

#include <enlace/enlace.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>

enum { PAIRS = 3, TRIPS = 200 };

struct member {
    struct enl_link *link;
    struct test_gate *start;
    bool answers;
};

__attribute__((constructor)) static void explain(void)
{
    test_explain = enl_error_text;
}

static void go_there_and_back(void *argument)
{
    const struct member *m = argument;
    uint32_t number;

    test_gate_meet(m->start, 2 * PAIRS);
    for (uint32_t i = 0; i < TRIPS; i++) {
        if (!m->answers)
            CHECK_EQ(enl_send(m->link, &i, sizeof i, test_until()), sizeof i);
        CHECK_EQ(enl_receive(m->link, &number, sizeof number, test_until()), sizeof number);
        CHECK_EQ(number, i);
        if (m->answers)
            CHECK_EQ(enl_send(m->link, &i, sizeof i, test_until()), sizeof i);
    }
    CHECK_EQ(enl_drain(m->link, test_until()), 0);
    enl_close(m->link);
}

/* Of the CPUs that this process may use the first ones. */
static void stay_on(unsigned count)
{
    cpu_set_t all, some;

    CHECK_EQ(sched_getaffinity(0, sizeof all, &all), 0);
    if (CPU_COUNT(&all) < (int)count)
        SKIP("needs %u CPUs", count);
    CPU_ZERO(&some);
    for (unsigned cpu = 0; CPU_COUNT(&some) < (int)count; cpu++)
        if (CPU_ISSET(cpu, &all))
            CPU_SET(cpu, &some);
    CHECK_EQ(sched_setaffinity(0, sizeof some, &some), 0);
}

static void crowd_on(unsigned cpus)
{
    struct test_gate *start = test_gate_new();
    struct enl_link *ends[2 * PAIRS];
    pid_t children[2 * PAIRS];

    stay_on(cpus);
    for (size_t i = 0; i < PAIRS; i++)
        CHECK_EQ(enl_pair("channel:", &ends[2 * i]), 0);
    for (unsigned i = 0; i < 2 * PAIRS; i++) {
        struct member m = {.link = ends[i], .start = start, .answers = i % 2 == 1};

        children[i] = test_child(go_there_and_back, &m);
    }
    for (unsigned i = 0; i < 2 * PAIRS; i++)
        enl_close(ends[i]);
    for (unsigned i = 0; i < 2 * PAIRS; i++)
        test_join(children[i]);
}

TEST(channels_of_six_processes_go_on_where_there_is_one_cpu, .deadline_s = 60, .stress = true)
{
    crowd_on(1);
}

TEST(channels_of_six_processes_go_on_where_there_are_two_cpus, .deadline_s = 60, .stress = true)
{
    crowd_on(2);
}
