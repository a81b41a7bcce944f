/* SPDX-License-Identifier: MIT */
/* The ways of enlace: any address, through the public calls alone, copying and in place. */
#include "way.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int failed(struct course *c, int r)
{
    if (r < 0)
        (void)snprintf(c->error, sizeof c->error, "%s", enl_error_text());
    return r;
}

/* The address of the course, with the directory, or the last part of its path, in its place. */
static const char *fill_in(const struct course *c, const char *directory, char address[256])
{
    const char *hole = strchr(c->what, '%'), *last = strrchr(directory, '/');

    if (hole == NULL)
        return c->what;
    (void)snprintf(address, 256, "%.*s%s%s", (int)(hole - c->what), c->what,
                   hole[1] == 'n' && last != NULL ? last + 1 : directory, hole + 2);
    return address;
}

static int check(struct course *c)
{
    char address[256];
    struct enl_caps caps;
    int r = failed(c, enl_address_caps(fill_in(c, "/tmp", address), &caps));

    if (r == 0 && caps.largest_message < c->size) {
        (void)snprintf(c->error, sizeof c->error, "the largest message of %s is %llu bytes",
                       c->what, (unsigned long long)caps.largest_message);
        r = -EMSGSIZE;
    }
    return r;
}

/* The address by which the other end reaches this one: with a port of the kernel's choice, not the one asked for,
 * but with the same options. */
static const char *reach(const char *address, const struct enl_link *end, char text[256])
{
    const char *options = strchr(address, '?');

    if (strstr(address, ":0") == NULL || enl_link_address(end, text, 256) < 0)
        return address;
    if (options != NULL)
        (void)snprintf(text + strlen(text), 256 - strlen(text), "%s", options);
    return text;
}

/* Both ends of one object, by the way in which the mechanism lets them meet. */
static int meet(const char *address, const struct enl_caps *caps, struct enl_link *ret_ends[2])
{
    struct enl_link *listener;
    char text[256];
    int r;

    if (caps->meet & ENL_MEET_PAIR)
        return enl_pair(address, ret_ends);
    if (caps->meet & ENL_MEET_LISTEN) {
        r = enl_listen(address, &listener);
        if (r < 0)
            return r;
        r = enl_open(reach(address, listener, text), ENL_READ | ENL_WRITE, &ret_ends[1]);
        if (r == 0)
            r = enl_accept(listener, ENL_FOREVER, &ret_ends[0]);
        enl_close(listener);
        return r;
    }
    r = enl_open(address, ENL_READ | ENL_CREATE, &ret_ends[0]);
    return r < 0 ? r : enl_open(reach(address, ret_ends[0], text), ENL_WRITE, &ret_ends[1]);
}

/* Names are needed only until both ends are there. */
static int make_object(struct course *c, struct enl_caps *ret_caps, struct enl_link *ret_ends[2])
{
    char directory[80] = "", address[256];
    bool named = strchr(c->what, '%') != NULL;
    int r = named ? way_make_directory(directory, sizeof directory) : 0;

    if (r < 0)
        return r;
    (void)fill_in(c, directory, address);
    r = failed(c, enl_address_caps(named ? address : c->what, ret_caps));
    if (r == 0)
        r = failed(c, meet(named ? address : c->what, ret_caps, ret_ends));
    if (named) {
        (void)enl_unlink(address);
        (void)rmdir(directory);
    }
    return r;
}

static int make(struct course *c)
{
    struct enl_link *ends[2] = {NULL, NULL};
    struct enl_caps caps;
    int r = make_object(c, &caps, ends);

    if (r < 0)
        return r;
    memset(&c->link, 0, sizeof c->link);
    c->link.receive[SIDE_PONG] = ends[0];
    c->link.send[SIDE_PING] = ends[1];
    if (caps.can & ENL_CAN_DUPLEX) {
        c->link.send[SIDE_PONG] = ends[0];
        c->link.receive[SIDE_PING] = ends[1];
    } else if (c->pattern == PATTERN_ROUND_TRIP) {
        r = make_object(c, &caps, ends);
        if (r < 0)
            return r;
        c->link.receive[SIDE_PING] = ends[0];
        c->link.send[SIDE_PONG] = ends[1];
    }
    return 0;
}

static void join(struct course *c, enum side side)
{
    int other = !side;

    c->side = side;
    enl_close(c->link.send[other]);
    if (c->link.receive[other] != c->link.send[other])
        enl_close(c->link.receive[other]);
}

static enl_deadline until(const struct course *c)
{
    return c->wait == WAIT_SLEEP ? ENL_FOREVER : ENL_NOW;
}

/* Of a call that gives the size of a message. */
static int sized(struct course *c, ssize_t r)
{
    if ((size_t)r == c->size)
        return 0;
    if (r == -EAGAIN)
        return -EAGAIN;
    return r < 0 ? failed(c, (int)r) : -EBADMSG;
}

static int send_copy(struct course *c, const void *data)
{
    return sized(c, enl_send(c->link.send[c->side], data, c->size, until(c)));
}

static int receive_copy(struct course *c, void *buffer)
{
    return sized(c, enl_receive(c->link.receive[c->side], buffer, c->size, until(c)));
}

static int loan(struct course *c, void **ret_data)
{
    int r = enl_loan(c->link.send[c->side], c->size, until(c), &c->message);

    *ret_data = c->message.data;
    return r == -EAGAIN ? r : failed(c, r);
}

static int commit(struct course *c)
{
    int r = enl_commit(&c->message);

    return r == -EAGAIN ? r : failed(c, r);
}

static int take(struct course *c, const void **ret_data)
{
    int r = sized(c, enl_take(c->link.receive[c->side], NULL, until(c), &c->message));

    *ret_data = c->message.data;
    return r;
}

static int release(struct course *c)
{
    return failed(c, enl_release(&c->message));
}

static int flush(struct course *c)
{
    return failed(c, enl_flush(c->link.send[c->side], ENL_FOREVER));
}

static void end(struct course *c)
{
    enl_close(c->link.send[c->side]);
    if (c->link.receive[c->side] != c->link.send[c->side])
        enl_close(c->link.receive[c->side]);
}

const struct way way_enlace = {
    .name = "enlace",
    .check = check,
    .make = make,
    .join = join,
    .send = send_copy,
    .receive = receive_copy,
    .flush = flush,
    .end = end,
};

const struct way way_enlace_in_place = {
    .name = "enlace in place",
    .check = check,
    .make = make,
    .join = join,
    .loan = loan,
    .commit = commit,
    .take = take,
    .release = release,
    .flush = flush,
    .end = end,
};
