/* SPDX-License-Identifier: MIT */
/* An eventfd: what relatives send is a number, and what waits becomes one. */
#include <enlace/enlace.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILDREN 3

static int failed(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, enl_error_text());
    return 1;
}

/* Each child adds its number; then all of them are taken, at once or one by one. */
static int add_and_take(const char *address)
{
    struct enl_link *ends[2]; /* [0] receives, [1] sends */
    uint64_t number;
    ssize_t size;

    if (enl_pair(address, ends) < 0)
        return failed("pair");
    for (uint64_t i = 1; i <= CHILDREN; i++)
        if (fork() == 0)
            _exit(enl_send(ends[1], &i, sizeof i, ENL_FOREVER) < 0);
    for (int i = 0; i < CHILDREN; i++)
        (void)wait(NULL);
    printf("%s", address);
    while ((size = enl_receive(ends[0], &number, sizeof number, ENL_NOW)) >= 0)
        printf(" %" PRIu64, number);
    printf("\n");
    enl_close(ends[0]);
    enl_close(ends[1]);
    return size == -EAGAIN ? 0 : failed("receive");
}

int main(void)
{
    int result = add_and_take("eventfd:");

    return result == 0 ? add_and_take("eventfd:?value=1&semaphore") : result;
}
