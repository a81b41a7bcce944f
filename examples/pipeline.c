/* SPDX-License-Identifier: MIT */
/* A pipeline of two children, as the shell's: printf ... | sort. */
#include <enlace/enlace.h>
#include <stdio.h>

static int failed(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, enl_error_text());
    return 1;
}

int main(void)
{
    const char *const fruits[] = {"printf", "%s\\n", "pear", "apple", "plum", NULL};
    const char *const sort[] = {"sort", NULL};
    struct enl_link *ends[2]; /* [0] receives, [1] sends */
    struct enl_child *first, *second;
    struct enl_status status[2];

    if (enl_pair("pipe:?frame=raw", ends) < 0)
        return failed("pair");
    if (enl_spawn(&(struct enl_spawn){.argv = fruits,
                                      .give = &(struct enl_give){.fd = 1, .link = ends[1]},
                                      .give_count = 1},
                  &first) < 0 ||
        enl_spawn(&(struct enl_spawn){.argv = sort,
                                      .give = &(struct enl_give){.fd = 0, .link = ends[0]},
                                      .give_count = 1},
                  &second) < 0)
        return failed("spawn");
    enl_close(ends[0]);
    enl_close(ends[1]); /* or sort would wait for more */
    if (enl_child_wait(first, ENL_FOREVER, &status[0]) < 0 ||
        enl_child_wait(second, ENL_FOREVER, &status[1]) < 0)
        return failed("wait");
    enl_child_close(first);
    enl_child_close(second);
    return status[0].number != 0 || status[1].number != 0;
}
