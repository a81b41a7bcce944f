/* SPDX-License-Identifier: MIT */
/* Run and collect: full pipes, closed ones, deadlines, limits and descendants. */
#include "process/shell_test.h"
#include "runner/test.h"

#include <enlace/enlace.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

__attribute__((constructor)) static void explain(void)
{
    test_explain = enl_error_text;
}

#define SHELL(script)                                                                              \
    (&(struct enl_spawn){.argv = (const char *const[]){"sh", "-c", (script), NULL}})

TEST(run_feeds_and_collects_all_three)
{
    const struct enl_run_input in = {.data = "hello", .size = 5};
    struct enl_run_output out;

    CHECK_OK(enl_run(SHELL("cat; echo oops >&2; exit 3"), &in, test_until(), &out));
    CHECK_STR(out.output, "hello");
    CHECK_STR(out.error, "oops\n");
    CHECK_EQ(out.status.change, ENL_EXITED);
    CHECK_EQ(out.status.number, 3);
    enl_run_free(&out);
    enl_run_free(&out);
}

TEST(run_without_input_gives_an_empty_one)
{
    struct enl_run_output out;

    CHECK_OK(enl_run(SHELL("cat"), NULL, test_until(), &out));
    CHECK_EQ(out.output_size, 0);
    CHECK_STR(out.output, "");
    enl_run_free(&out);
}

/* Each of the three streams is far above what a pipe holds, and the child does not read before it has written. */
TEST(run_does_not_deadlock_on_full_pipes, .stress = true)
{
    enum { SIZE = 3000000 };
    char *data = malloc(SIZE);
    const struct enl_run_input in = {.data = data, .size = SIZE};
    struct enl_run_output out;

    CHECK(data != NULL);
    for (int i = 0; i < SIZE; i++)
        data[i] = (char)('a' + i % 23);
    CHECK_OK(enl_run(SHELL("head -c 1000000 /dev/zero >&2; head -c 2000000 /dev/zero; cat"), &in,
                     test_until(), &out));
    CHECK_EQ(out.error_size, 1000000);
    CHECK_EQ(out.output_size, 2000000 + SIZE);
    CHECK_MEM(out.output + 2000000, data, SIZE);
    enl_run_free(&out);
    free(data);
}

TEST(child_need_not_read_its_input)
{
    char *data = calloc(1, 1000000);
    const struct enl_run_input in = {.data = data, .size = 1000000};
    struct enl_run_output out;

    CHECK_OK(enl_run(SHELL("exec <&-; echo done"), &in, test_until(), &out));
    CHECK_STR(out.output, "done\n");
    enl_run_free(&out);
    CHECK_OK(enl_run(SHELL("exec >&- 2>&-; sleep 0.01; exit 6"), &in, test_until(), &out));
    CHECK_EQ(out.status.number, 6);
    enl_run_free(&out);
    free(data);
}

TEST(error_may_join_output)
{
    const struct enl_run_input in = {.flags = ENL_RUN_ERROR_TO_OUTPUT};
    struct enl_run_output out;

    CHECK_OK(enl_run(SHELL("echo 1; echo 2 >&2; echo 3"), &in, test_until(), &out));
    CHECK_STR(out.output, "1\n2\n3\n");
    CHECK_STR(out.error, "");
    enl_run_free(&out);
}

/* Until the deadline, which comes later and later until the child has said something first. */
static void run_until_deadline(const char *script, const struct enl_run_input *in,
                               struct enl_run_output *ret_out)
{
    for (int64_t ms = 100;; ms *= 2) {
        CHECK_EQ(enl_run(SHELL(script), in, enl_in_ms(ms), ret_out), -ETIMEDOUT);
        if (ret_out->output_size > 0)
            return;
        enl_run_free(ret_out);
    }
}

TEST(deadline_ends_the_child_with_its_group_and_keeps_the_output)
{
    const struct enl_run_input in = {.grace_ms = 20}, patient = {.grace_ms = 600000};
    struct enl_run_output out;

    run_until_deadline("trap '' TERM; echo early; sleep 100 & while :; do sleep 100; done", &in,
                       &out);
    CHECK_STR(out.output, "early\n");
    CHECK_EQ(out.status.change, ENL_KILLED);
    CHECK_EQ(out.status.number, SIGKILL);
    enl_run_free(&out);
    run_until_deadline("trap 'echo bye; exit 2' TERM; echo hello; while :; do sleep 0.01; done",
                       &patient, &out);
    CHECK_STR(out.output, "hello\nbye\n");
    CHECK_EQ(out.status.number, 2);
    enl_run_free(&out);
}

TEST(limit_ends_the_child_and_keeps_so_much)
{
    const struct enl_run_input in = {.limit_bytes = 100001, .grace_ms = 5000};
    const struct enl_run_input exact = {.limit_bytes = 5};
    struct enl_run_output out;

    CHECK_EQ(enl_run(SHELL("exec cat /dev/zero"), &in, test_until(), &out), -EFBIG);
    CHECK_EQ(out.output_size, 100001);
    CHECK_EQ(out.status.number, SIGTERM);
    enl_run_free(&out);
    CHECK_EQ(enl_run(SHELL("cat /dev/zero >&2; echo not reached"), &in, test_until(), &out),
             -EFBIG);
    CHECK_EQ(out.error_size, 100001);
    CHECK_STR(out.output, "");
    enl_run_free(&out);
    CHECK_OK(enl_run(SHELL("printf 12345"), &exact, test_until(), &out));
    CHECK_STR(out.output, "12345");
    enl_run_free(&out);
}

TEST(descendant_that_holds_the_output_does_not_hold_the_run)
{
    struct enl_link *ends[2];
    struct enl_spawn how = *SHELL("setsid sh -c 'cat <&5 >/dev/null' & echo here");
    struct enl_give give[] = {{.fd = 5}};
    struct enl_run_output out;

    CHECK_OK(enl_pair("pipe:", ends));
    give[0].link = ends[0];
    how.give = give;
    how.give_count = 1;
    CHECK_OK(enl_run(&how, NULL, test_until(), &out));
    CHECK_STR(out.output, "here\n");
    enl_run_free(&out);
    enl_close(ends[1]); /* ends the descendant */
    enl_close(ends[0]);
}

TEST(all_output_waits_for_descendants)
{
    const struct enl_run_input in = {.flags = ENL_RUN_ALL_OUTPUT, .grace_ms = 10};
    struct enl_run_output out;

    CHECK_OK(enl_run(SHELL("echo early; (sleep 0.05; echo late) &"), &in, test_until(), &out));
    CHECK_STR(out.output, "early\nlate\n");
    enl_run_free(&out);
    for (int64_t ms = 50;; ms *= 2) { /* until it comes to its end before the deadline */
        CHECK_EQ(enl_run(SHELL("sleep 100 & exit 0"), &in, enl_in_ms(ms), &out), -ETIMEDOUT);
        enl_run_free(&out);
        if (out.status.change == ENL_EXITED)
            break;
    }
}

TEST(wrong_runs_are_refused)
{
    struct enl_spawn how = *SHELL("exit 0");
    const struct enl_give give[] = {{.fd = 1, .from_fd = 1}};
    struct enl_run_output out;

    CHECK_EQ(enl_run(&how, &(struct enl_run_input){.flags = 8}, ENL_FOREVER, &out), -EINVAL);
    CHECK_EQ(enl_run(&how, &(struct enl_run_input){.size = 8}, ENL_FOREVER, &out), -EINVAL);
    CHECK_EQ(enl_run(NULL, NULL, ENL_FOREVER, &out), -EINVAL);
    how.give = give;
    how.give_count = 1;
    CHECK_EQ(enl_run(&how, NULL, ENL_FOREVER, &out), -EINVAL);
    how = (struct enl_spawn){.argv = (const char *const[]){"/no/such/program", NULL}};
    CHECK_EQ(enl_run(&how, NULL, ENL_FOREVER, &out), -ENOENT);
}
