/* SPDX-License-Identifier: MIT */
/* Messages from a descriptor, in one of the forms. */
#include "input.h"

#include "json.h"
#include "report.h"
#include "stop.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define READ_SIZE 65536
#define PREFIX_SIZE 4

static int broken(int result, const char *what)
{
    (void)report_failure("cannot read the input: %s", what);
    return result;
}

static size_t unused(const struct input *in)
{
    return in->buffer.size - in->start;
}

/* Returns once reading will not block: 0, or what ends the input. */
static int wait_for_more(struct input *in)
{
    struct pollfd fds[3] = {
        {.fd = in->fd, .events = POLLIN},
        {.fd = stop_fd(), .events = POLLIN},
        {.fd = in->watch_fd, .events = POLLIN},
    };
    int timeout = 0;

    for (;;) {
        int count = poll(fds, 3, timeout);

        if (stop_asked())
            return -ECANCELED;
        if (count < 0 && errno != EINTR)
            return broken(-errno, strerror(errno));
        if (fds[0].revents != 0)
            return 0;
        if (in->idle != NULL && count >= 0) {
            int result = in->idle(in->context, fds[2].revents != 0);

            if (result < 0)
                return result;
        }
        /* It is still ready, and idle saw no reason to end: looking again would not let us sleep. */
        if (fds[2].revents != 0)
            in->watch_fd = fds[2].fd = -1;
        timeout = -1;
    }
}

/* Reads once: the count, 0 at the end, or what ends the input. */
static ssize_t fill(struct input *in)
{
    struct bytes *b = &in->buffer;
    ssize_t count;

    if (in->start > 0) {
        (void)memmove(b->data, b->data + in->start, unused(in));
        b->size -= in->start;
        in->start = 0;
    }
    if (bytes_reserve(b, READ_SIZE) < 0)
        return broken(-ENOMEM, "out of memory");
    do {
        int result = wait_for_more(in);

        if (result < 0)
            return result;
        /* Somebody else who reads there, or made it non-blocking, may have been faster: EAGAIN. */
        count = read(in->fd, b->data + b->size, READ_SIZE);
    } while (count < 0 && (errno == EINTR || errno == EAGAIN));
    if (count < 0)
        return broken(-errno, strerror(errno));
    b->size += (size_t)count;
    in->end = count == 0;
    return count;
}

static int too_large(const struct input *in)
{
    (void)report_failure("message %" PRIu64 " of the input is larger than %zu bytes, the most that "
                         "the link takes; options of the address may allow more",
                         in->number + 1, in->most);
    return -EMSGSIZE;
}

static int give(struct input *in, struct enl_message *m, size_t size, size_t used)
{
    m->data = in->buffer.data + in->start;
    m->size = size;
    in->start += used;
    in->searched = 0;
    in->number++;
    return 1;
}

/* Bytes as they come, for links that know no messages. */
static int next_bytes(struct input *in, struct enl_message *m)
{
    if (unused(in) == 0 && !in->end) {
        ssize_t count = fill(in);

        if (count < 0)
            return (int)count;
    }
    if (unused(in) == 0)
        return 0;
    if (unused(in) > in->most)
        return give(in, m, in->most, in->most);
    return give(in, m, unused(in), unused(in));
}

/* How long a line may get: JSON writes some bytes as six, hexadecimal as two and blanks; and it has names. */
static size_t line_most(const struct input *in)
{
    if (in->form == FORM_LINES || in->most > SIZE_MAX / 8 - READ_SIZE)
        return in->most;
    return in->most * 8 + READ_SIZE;
}

static int next_line(struct input *in, struct enl_message *m)
{
    for (;;) {
        const unsigned char *from = in->buffer.data + in->start;
        const unsigned char *at = NULL;

        if (unused(in) > in->searched)
            at = memchr(from + in->searched, '\n', unused(in) - in->searched);
        if (at != NULL)
            return give(in, m, (size_t)(at - from), (size_t)(at - from) + 1);
        in->searched = unused(in);
        if (in->end)
            return unused(in) > 0 ? give(in, m, unused(in), unused(in)) : 0;
        if (unused(in) > line_most(in))
            return too_large(in);
        ssize_t count = fill(in);
        if (count < 0)
            return (int)count;
    }
}

static int next_whole(struct input *in, struct enl_message *m)
{
    if (in->number > 0)
        return 0;
    while (!in->end) {
        ssize_t count = fill(in);

        if (count < 0)
            return (int)count;
        if (unused(in) > in->most)
            return too_large(in);
    }
    return give(in, m, unused(in), unused(in));
}

static int next_prefixed(struct input *in, struct enl_message *m)
{
    for (;;) {
        const unsigned char *p = in->buffer.data + in->start;
        size_t size = 0;

        if (unused(in) >= PREFIX_SIZE) {
            size = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | (size_t)p[3];
            if (size > in->most)
                return too_large(in);
            if (unused(in) - PREFIX_SIZE >= size) {
                in->start += PREFIX_SIZE;
                return give(in, m, size, size);
            }
        }
        if (in->end && unused(in) == 0)
            return 0;
        if (in->end)
            return broken(-EBADMSG, "it ends within a message");
        ssize_t count = fill(in);
        if (count < 0)
            return (int)count;
    }
}

static int decode_hex(struct input *in, struct enl_message *m)
{
    int result = bytes_from_hex(&in->decoded, m->data, m->size);

    if (result == -EINVAL)
        (void)report_failure("line %" PRIu64 " of the input is not hexadecimal", in->number);
    m->data = in->decoded.data;
    m->size = in->decoded.size;
    return result;
}

static int decode_json(struct input *in, struct enl_message *m)
{
    char problem[JSON_PROBLEM_SIZE] = "";
    int result = json_to_message(m->data, m->size, &in->decoded, m, problem);

    if (result == -EINVAL)
        (void)report_failure("line %" PRIu64 " of the input is no message in JSON: %s", in->number,
                             problem);
    return result;
}

int input_next(struct input *in, struct enl_message *m)
{
    int result;

    switch (in->form) {
    case FORM_WHOLE:
        return next_whole(in, m);
    case FORM_PREFIXED:
        return next_prefixed(in, m);
    case FORM_LINES:
        return in->boundaries ? next_line(in, m) : next_bytes(in, m);
    case FORM_HEX:
    case FORM_JSON:
        break;
    }
    result = next_line(in, m);
    if (result <= 0)
        return result;
    in->decoded.size = 0;
    result = in->form == FORM_HEX ? decode_hex(in, m) : decode_json(in, m);
    if (result == -ENOMEM)
        return broken(result, "out of memory");
    return result < 0 ? result : 1;
}

void input_fini(struct input *in)
{
    bytes_free(&in->buffer);
    bytes_free(&in->decoded);
}
