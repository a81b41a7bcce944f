/* SPDX-License-Identifier: MIT */
/* fork: the child is a copy of its parent. It changes a number, and the parent's stays; it has the link that it was
 * given, and is refused the others; what was printed before is printed once. */
#include <enlace/enlace.h>
#include <stdio.h>
#include <string.h>

static int number = 1;
static struct enl_link *ends[2]; /* [0] receives, [1] sends */

static int failed(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, enl_error_text());
    return 1;
}

static int child(void *argument)
{
    struct enl_link *out;
    char text[100];

    number = *(const int *)argument;
    snprintf(text, sizeof text, "the child's number is %d", number);
    if (enl_send(ends[1], text, strlen(text), ENL_FOREVER) < 0)
        printf("child: %s\n", enl_error_text());
    if (enl_inherit("out", ENL_WRITE, &out) < 0)
        return failed("inherit");
    if (enl_send(out, text, strlen(text), ENL_FOREVER) < 0)
        return failed("send");
    enl_close(out);
    return 7;
}

int main(void)
{
    int value = 2;
    struct enl_child *c;
    struct enl_status status;
    char text[100];
    ssize_t size;

    printf("printed before the fork\n");
    if (enl_pair("pipe:", ends) < 0)
        return failed("pair");
    if (enl_fork(&(struct enl_fork){.run = child,
                                    .argument = &value,
                                    .give = &(struct enl_give){.fd = ENL_FD_ANY,
                                                               .link = ends[1],
                                                               .name = "out"},
                                    .give_count = 1},
                 &c) < 0)
        return failed("fork");
    enl_close(ends[1]);
    size = enl_receive(ends[0], text, sizeof text, ENL_FOREVER);
    if (size < 0)
        return failed("receive");
    if (enl_child_wait(c, ENL_FOREVER, &status) < 0)
        return failed("wait");
    printf("%.*s\n", (int)size, text);
    printf("the parent's number is %d\n", number);
    printf("the child %s\n", enl_status_text(&status, text, sizeof text));
    enl_child_close(c);
    enl_close(ends[0]);
    return 0;
}
