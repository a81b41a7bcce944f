/* SPDX-License-Identifier: MIT */
/* A server of many clients in an epoll loop of its own: sends back whole messages, and waits for nobody.
 *
 *     echo_server 'unix:/tmp/echo?frame=line' 1 & nc -U /tmp/echo
 */
#include <enlace/enlace.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>

struct client {
    struct enl_link *link;
    struct enl_message message;
    int answering; /* message is taken, and not sent back yet */
};

static int set;

static int failed(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, enl_error_text());
    exit(1);
}

static void watch(struct enl_link *link, void *who)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = who};
    int fd = enl_link_fd(link); /* one descriptor, and only "readable" of it means anything */

    if (fd < 0 || epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) < 0)
        failed("watch");
}

static void welcome(struct enl_link *listener)
{
    struct client *c = calloc(1, sizeof *c);

    if (c != NULL && enl_accept(listener, ENL_NOW, &c->link) >= 0)
        watch(c->link, c);
    else
        free(c);
}

/* One step: returns whether the client is still there. */
static int serve(struct client *c)
{
    ssize_t r = enl_flush(c->link, ENL_NOW); /* of the answer before */
    unsigned want = ENL_WRITABLE;

    if (r >= 0 && !c->answering) {
        r = enl_take(c->link, NULL, ENL_NOW, &c->message);
        c->answering = r >= 0;
        want = r >= 0 ? ENL_WRITABLE : ENL_READABLE;
    }
    if (r >= 0) {
        r = enl_send_message(c->link, &c->message, ENL_NOW);
        if (r >= 0) {
            enl_release(&c->message);
            c->answering = 0;
            want = ENL_READABLE;
        }
    }
    /* who does not read its answers is not asked for more */
    enl_link_want(c->link, want);
    return r >= 0 || r == -EAGAIN;
}

int main(int argc, char **argv)
{
    struct epoll_event events[64];
    struct enl_link *listener;
    int clients = argc > 2 ? atoi(argv[2]) : 1; /* so many, then it ends */

    set = epoll_create1(EPOLL_CLOEXEC);
    if (enl_listen(argc > 1 ? argv[1] : "unix:@enlace-echo?frame=line", &listener) < 0)
        failed("listen");
    watch(listener, NULL);
    while (clients > 0) {
        int count = epoll_wait(set, events, 64, -1);

        for (int i = 0; i < count; i++) {
            struct client *c = events[i].data.ptr;

            if (c == NULL) {
                welcome(listener);
            } else if (!serve(c)) {
                enl_close(c->link); /* leaves the set, too */
                free(c);
                clients--;
            }
        }
    }
    enl_close(listener);
    printf("the last client has left\n");
    return 0;
}
