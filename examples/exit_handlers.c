/* SPDX-License-Identifier: MIT */
/* Exit handlers: with arguments, the last one first, once, not in a forked child; and SIGTERM turned into an orderly end
 * that runs them. */
#include <enlace/enlace.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static int failed(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, enl_error_text());
    return 1;
}

static void say(void *text)
{
    printf("  handler: %s\n", (char *)text);
}

static int child_of_its_own(void *argument)
{
    static char own[] = "the child's own";

    (void)argument;
    printf("the child ends\n");
    return enl_at_exit(say, own);
}

int main(void)
{
    static char first[] = "registered first", second[] = "registered second";
    struct enl_link *ends[2];
    struct enl_child *child;
    char byte;

    if (enl_at_exit(say, first) < 0 || enl_at_exit(say, second) < 0)
        return failed("at_exit");
    if (enl_fork(&(struct enl_fork){.run = child_of_its_own}, &child) < 0 ||
        enl_child_wait(child, ENL_FOREVER, NULL) < 0)
        return failed("fork");
    enl_child_close(child);

    /* exit() in a handler of SIGTERM might meet a lock that the program holds; a wait that ends does not */
    if (enl_pair("pipe:", ends) < 0 ||
        enl_disposition_set(SIGTERM,
                            &(struct enl_disposition){.reaction = ENL_SIGNAL_INTERRUPT,
                                                      .link = ends[0]},
                            NULL) < 0)
        return failed("disposition");
    printf("SIGTERM comes\n");
    if (enl_signal_send(SIGTERM, ENL_TO_SELF, 0) < 0)
        return failed("send");
    if (enl_receive(ends[0], &byte, 1, ENL_FOREVER) == -ECANCELED)
        printf("the wait is over: main returns\n");
    if (enl_disposition_set(SIGTERM, &(struct enl_disposition){0}, NULL) < 0)
        return failed("disposition");
    enl_close(ends[0]);
    enl_close(ends[1]);
    return 0;
}
