/* SPDX-License-Identifier: MIT */
/* Run and collect: a program is fed while its output is taken, with a deadline and a limit. */
#include <enlace/enlace.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static void run(const char *script, const struct enl_run_input *input, int64_t ms)
{
    const char *const words[] = {"sh", "-c", script, NULL};
    struct enl_run_output out;
    char text[ENL_STATUS_TEXT_MAX];
    int result = enl_run(&(struct enl_spawn){.argv = words}, input, enl_in_ms(ms), &out);

    printf("%s\n", script);
    if (result < 0)
        printf("  %s\n", enl_error_text());
    if (result < 0 && result != -ETIMEDOUT && result != -EFBIG)
        return;
    printf("  output \"%.20s\" (%zu), error \"%.20s\", %s\n", out.output, out.output_size,
           out.error, enl_status_text(&out.status, text, sizeof text));
    enl_run_free(&out);
}

int main(void)
{
    static char large[1000000];
    const struct enl_run_input letters = {.data = "b\nc\na", .size = 5};
    const struct enl_run_input zeros = {.data = memset(large, '0', sizeof large),
                                        .size = sizeof large};
    const struct enl_run_input little = {.limit_bytes = 10};

    run("sort | tr -d '\\n'", &letters, 60000);
    run("printf trouble >&2; exit 3", NULL, 60000);
    run("cat", &zeros, 60000); /* far more than two pipes hold */
    run("trap '' TERM; printf begun; while :; do sleep 9; done", NULL, 2000);
    run("yes | tr -d '\\n'", &little, 60000);
    return 0;
}
