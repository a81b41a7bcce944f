/* SPDX-License-Identifier: MIT */
/* Every call that may wait, behind one shape, so that a case can try them all. */
#include "suite.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- receiving ------------------------------------------------------------------------------- */

static long by_receive(struct rig *r, unsigned number, enl_deadline until)
{
    unsigned char buffer[CALL_SEND_SIZE];
    ssize_t got = enl_receive(r->receiver, buffer, sizeof(buffer), until);

    if (got >= 0)
        check_filled(buffer, (size_t)got, 0, number);
    return got;
}

static long by_receive_message(struct rig *r, unsigned number, enl_deadline until)
{
    unsigned char buffer[CALL_SEND_SIZE];
    struct enl_message m = {.data = buffer, .capacity = sizeof(buffer)};
    ssize_t got = enl_receive_message(r->receiver, NULL, until, &m);

    if (got >= 0)
        check_filled(buffer, m.size, 0, number);
    return got;
}

static long by_receive_messages(struct rig *r, unsigned number, enl_deadline until)
{
    unsigned char buffers[2][CALL_SEND_SIZE];
    struct enl_message m[2] = {
        {.data = buffers[0], .capacity = sizeof(buffers[0])},
        {.data = buffers[1], .capacity = sizeof(buffers[1])},
    };
    ssize_t got = enl_receive_messages(r->receiver, m, 2, until);

    if (got >= 0) {
        CHECK_EQ(got, 1);
        check_filled(buffers[0], m[0].size, 0, number);
    }
    return got;
}

static long by_take(struct rig *r, unsigned number, enl_deadline until)
{
    struct enl_message m;
    ssize_t got = enl_take(r->receiver, NULL, until, &m);

    if (got >= 0) {
        CHECK_EQ(m.size, got);
        check_filled(m.data, m.size, 0, number);
        CHECK_OK(enl_release(&m));
    }
    return got;
}

static long by_poll(struct rig *r, unsigned number, enl_deadline until)
{
    int ready = enl_poll(&r->receiver, 1, until);

    if (ready < 0)
        return ready;
    CHECK_EQ(ready, 1);
    CHECK((enl_link_events(r->receiver) & ENL_READABLE) != 0);
    return by_receive(r, number, ENL_NOW);
}

/* ---- sending --------------------------------------------------------------------------------- */

static long by_send(struct rig *r, unsigned number, enl_deadline until)
{
    unsigned char buffer[CALL_SEND_SIZE];
    size_t size = size_near(r, CALL_SEND_SIZE);

    fill(buffer, size, 0, number);
    return enl_send(r->sender, buffer, size, until);
}

static long by_send_message(struct rig *r, unsigned number, enl_deadline until)
{
    unsigned char buffer[CALL_SEND_SIZE];
    struct enl_message m = {.data = buffer, .size = size_near(r, CALL_SEND_SIZE)};

    fill(buffer, m.size, 0, number);
    return enl_send_message(r->sender, &m, until);
}

static long by_send_messages(struct rig *r, unsigned number, enl_deadline until)
{
    unsigned char buffer[CALL_SEND_SIZE];
    struct enl_message m = {.data = buffer, .size = size_near(r, CALL_SEND_SIZE)};

    fill(buffer, m.size, 0, number);
    return enl_send_messages(r->sender, &m, 1, until);
}

static long by_loan(struct rig *r, unsigned number, enl_deadline until)
{
    struct enl_message m;
    int result = enl_loan(r->sender, size_near(r, CALL_SEND_SIZE), until, &m);

    if (result < 0)
        return result;
    fill(m.data, m.size, 0, number);
    result = enl_commit(&m);
    if (result < 0)
        enl_cancel(&m);
    return result;
}

static long by_send_file(struct rig *r, unsigned number, enl_deadline until)
{
    unsigned char buffer[CALL_SEND_SIZE];
    size_t size = size_near(r, CALL_SEND_SIZE);
    int fd = memfd_create("call", MFD_CLOEXEC);

    fill(buffer, size, 0, number);
    CHECK_EQ(write(fd, buffer, size), size);
    long sent = enl_send_file(r->sender, fd, 0, size, until);
    CHECK_EQ(close(fd), 0);
    return sent;
}

static long by_poll_writable(struct rig *r, unsigned number, enl_deadline until)
{
    CHECK_OK(enl_link_want(r->sender, ENL_WRITABLE));
    int ready = enl_poll(&r->sender, 1, until);
    if (ready >= 0)
        CHECK((enl_link_events(r->sender) & (ENL_WRITABLE | ENL_GONE)) != 0);
    CHECK_OK(enl_link_want(r->sender, ENL_READABLE));
    return ready < 0 ? ready : by_send(r, number, ENL_NOW);
}

static long by_drain(struct rig *r, unsigned number, enl_deadline until)
{
    (void)number;
    return enl_drain(r->sender, until);
}

/* ---- the lists ------------------------------------------------------------------------------- */

static const struct call receiving[] = {
    {"enl_receive", by_receive, 0, true},
    {"enl_receive_message", by_receive_message, 0, true},
    {"enl_receive_messages", by_receive_messages, 0, true},
    {"enl_take", by_take, 0, true},
    {"enl_poll", by_poll, ENL_CAN_POLL, true},
};

static const struct call sending[] = {
    {"enl_send", by_send, 0, true},
    {"enl_send_message", by_send_message, 0, true},
    {"enl_send_messages", by_send_messages, 0, true},
    {"enl_commit", by_loan, 0, true},
    {"enl_send_file", by_send_file, 0, true},
    {"enl_poll for writable", by_poll_writable, ENL_CAN_POLL, true},
    {"enl_drain", by_drain, 0, false}, /* the last: see call_that_sends() */
};

static const struct call *nth(const struct call *calls, size_t count, const struct rig *r,
                              size_t index)
{
    for (size_t i = 0; i < count; i++)
        if (rig_can(r, calls[i].needs) && index-- == 0)
            return &calls[i];
    return NULL;
}

const struct call *call_that_receives(const struct rig *r, size_t index)
{
    return nth(receiving, sizeof(receiving) / sizeof(receiving[0]), r, index);
}

const struct call *call_that_sends(const struct rig *r, size_t index)
{
    const struct call *c = nth(sending, sizeof(sending) / sizeof(sending[0]), r, index);

    return c != NULL && c->call == by_drain && !r->drains ? NULL : c;
}
