/* SPDX-License-Identifier: MIT */
/* A worker: takes jobs in place, one after the other, until there are no more or SIGTERM asks it to end.
 *
 *     printf '%s\n' a.png b.png | worker 'fd:0?frame=line'
 *     worker 'fifo:/tmp/jobs?frame=line&keep' & echo a.png > /tmp/jobs; kill %1
 */
#include <enlace/enlace.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>

static struct enl_link *jobs;

static int failed(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, enl_error_text());
    return 1;
}

static void end(int signal)
{
    (void)signal;
    enl_interrupt(jobs); /* no window: it also ends a take that is just about to sleep */
}

/* The work: an empty name cannot be resized. */
static int resize(const char *name, size_t size)
{
    if (size == 0)
        return -1;
    printf("resized %.*s\n", (int)size, name);
    return 0;
}

int main(int argc, char **argv)
{
    const char *address = argc > 1 ? argv[1] : "fd:0?frame=line";
    struct enl_caps caps;
    struct enl_message m;
    ssize_t r;

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (enl_address_caps(address, &caps) < 0 ||
        enl_open(address, caps.meet & ENL_MEET_OPEN ? ENL_READ | ENL_CREATE : ENL_READ, &jobs) < 0)
        return failed("open");
    sigaction(SIGTERM, &(struct sigaction){.sa_handler = end}, NULL);

    while ((r = enl_take(jobs, NULL, ENL_FOREVER, &m)) >= 0)
        if (resize(m.data, m.size) == 0 || m.deliveries >= 3) {
            enl_release(&m);
        } else if (enl_return(&m, 1000) < 0) {
            /* this mechanism delivers once: give the job up */
            printf("gave up: %s\n", enl_error_text());
            enl_release(&m);
        }

    printf("%s\n", r == -ECANCELED ? "asked to end" : "no more jobs");
    enl_close(jobs);
    return r == -ECANCELED || r == -ESHUTDOWN ? 0 : failed("take");
}
