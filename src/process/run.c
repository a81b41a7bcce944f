/* SPDX-License-Identifier: MIT */
/* enl_run: a program that is fed, and whose output is collected, both at once. */
#include "base/error.h"
#include "kernel/buffer.h"
#include "kernel/clock.h"
#include "kernel/descriptor.h"
#include "kernel/pipe.h"
#include "process/children.h"
#include "process/status.h"

#include <enlace/process.h>
#include <errno.h>
#include <string.h>

#define CAPACITY_BYTES ((size_t)1 << 20) /* of a pipe that carries much; what every user may set */
#define MUCH_BYTES ((size_t)64 * 1024)

/* One of the two outputs. */
struct stream {
    int fd; /* -1: at its end */
    struct buffer buffer;
    size_t size;
};

enum phase {
    PHASE_RUNS,
    PHASE_ASKED,  /* SIGTERM was sent; until is the end of the grace */
    PHASE_KILLED, /* SIGKILL was sent */
};

struct run {
    struct enl_child *child;
    struct pipe_end feed; /* fd -1: all is fed, or nobody reads it */
    const char *data;
    size_t left;
    struct stream streams[2];
    size_t limit;
    enl_deadline until;
    int64_t grace_ns;
    enum phase phase;
    bool all_output;
    bool over;  /* the child has ended, and is not collected yet */
    int result; /* of the run: 0, -ETIMEDOUT or -EFBIG; or a failure of ours */
};

static void close_stream(struct stream *s)
{
    descriptor_close(s->fd);
    s->fd = -1;
}

/* ---- bytes ------------------------------------------------------------------------------------------- */

static void feed(struct run *r)
{
    while (r->feed.fd >= 0 && r->left > 0) {
        struct iovec v = {.iov_base = (void *)(uintptr_t)r->data, .iov_len = r->left};
        ssize_t size = pipe_end_write(&r->feed, &v, 1, false);

        if (size == -EAGAIN)
            return;
        if (size < 0)
            break; /* it does not want more */
        r->data += size;
        r->left -= (size_t)size;
    }
    pipe_end_fini(&r->feed);
}

/* Room for more and a zero byte. */
static int grow(struct stream *s)
{
    size_t before = s->buffer.room;

    if (buffer_grow(&s->buffer, s->size + 2) < 0)
        return error_set(-ENOMEM, "no memory for more than %zu bytes of output", s->size);
    if (before < MUCH_BYTES && s->buffer.room >= MUCH_BYTES)
        (void)pipe_set_capacity(s->fd, CAPACITY_BYTES); /* fewer turns; else as it is */
    return 0;
}

/* What is there now. When it was too much already it is taken all the same, so that its writer can end, and
 * dropped. Returns 0, -EFBIG once, or a failure. */
static int drain(struct run *r, struct stream *s)
{
    char dropped[4096];

    while (s->fd >= 0) {
        bool drops = r->result != 0 && s->size >= r->limit;
        size_t most =
            r->limit - s->size < SIZE_MAX - 1 ? r->limit - s->size + 1 : r->limit - s->size;
        ssize_t size;

        if (!drops && s->size + 1 >= s->buffer.room && grow(s) < 0)
            return -ENOMEM;
        if (!drops && most > s->buffer.room - s->size - 1)
            most = s->buffer.room - s->size - 1;
        size = descriptor_read(s->fd, drops ? dropped : s->buffer.bytes + s->size,
                               drops ? sizeof dropped : most);
        if (size == -EAGAIN)
            return 0;
        if (size <= 0 && size != -EINTR)
            close_stream(s);
        if (size <= 0 || drops)
            continue;
        s->size += (size_t)size;
        if (s->size > r->limit) {
            s->size = r->limit;
            return -EFBIG;
        }
    }
    return 0;
}

/* ---- the run ------------------------------------------------------------------------------------------- */

static void signal_group(struct run *r, int signal)
{
    (void)enl_child_signal(r->child, signal, ENL_CHILD_GROUP);
}

static void ask_to_end(struct run *r, int result)
{
    if (r->result == 0)
        r->result = result;
    if (r->phase != PHASE_RUNS)
        return;
    r->phase = PHASE_ASKED;
    r->until = enl_in_ns(r->grace_ns);
    signal_group(r, child_signal_terminate);
    signal_group(r, child_signal_continue);
}

static void kill_now(struct run *r)
{
    r->phase = PHASE_KILLED;
    r->until = ENL_FOREVER;
    signal_group(r, child_signal_kill);
}

static bool is_done(const struct run *r)
{
    if (!r->over)
        return false;
    if (r->phase == PHASE_RUNS && r->all_output)
        return r->streams[0].fd < 0 && r->streams[1].fd < 0;
    return true;
}

/* Waits until there is something to do, and does it. */
static int turn(struct run *r)
{
    struct pollfd fds[4];
    size_t count = 0;
    int result;

    if (!r->over)
        fds[count++] = (struct pollfd){.fd = enl_child_fd(r->child), .events = POLLIN};
    for (int i = 0; i < 2; i++)
        if (r->streams[i].fd >= 0)
            fds[count++] = (struct pollfd){.fd = r->streams[i].fd, .events = POLLIN};
    if (r->feed.fd >= 0)
        fds[count++] = (struct pollfd){.fd = r->feed.fd, .events = POLLOUT};
    result = wait_for(fds, count, NULL, 0, r->until);
    if (result == -ETIMEDOUT && r->phase == PHASE_RUNS)
        ask_to_end(r, -ETIMEDOUT);
    else if (result == -ETIMEDOUT)
        kill_now(r);
    else if (result < 0)
        return result;
    /* before the output is taken, so that what it wrote before its end is not missed */
    if (result > 0 && !r->over && fds[0].revents != 0)
        r->over = true;
    feed(r);
    for (int i = 0; i < 2; i++) {
        result = drain(r, &r->streams[i]);
        if (result < 0)
            ask_to_end(r, result);
    }
    return 0;
}

/* What the program left in its group when it had to be ended goes too, before its number is given away. */
static int finish(struct run *r, struct enl_run_output *ret)
{
    int result;

    if (r->result != 0)
        signal_group(r, child_signal_kill);
    pipe_end_fini(&r->feed);
    for (int i = 0; i < 2; i++)
        close_stream(&r->streams[i]);
    result = enl_child_wait(r->child, ENL_FOREVER, &ret->status);
    if (result < 0)
        return result;
    for (int i = 0; i < 2; i++) {
        struct stream *s = &r->streams[i];

        if (s->buffer.bytes == NULL && grow(s) < 0)
            return -ENOMEM;
        s->buffer.bytes[s->size] = '\0';
        buffer_trim(&s->buffer, s->size + 1);
    }
    ret->output = r->streams[0].buffer.bytes;
    ret->output_size = r->streams[0].size;
    ret->error = r->streams[1].buffer.bytes;
    ret->error_size = r->streams[1].size;
    ret->room[0] = r->streams[0].buffer.room;
    ret->room[1] = r->streams[1].buffer.room;
    if (r->result == -ETIMEDOUT)
        return error_note(-ETIMEDOUT, "the program ran until the deadline and was ended");
    if (r->result == -EFBIG)
        return error_set(-EFBIG, "the program wrote more than %zu bytes and was ended", r->limit);
    return r->result;
}

/* ---- its beginning ------------------------------------------------------------------------------------- */

/* The child's ends at give[0..2]; ours are non-blocking, which is theirs alone. */
static int make_pipes(struct run *r, bool joined, struct enl_give give[3])
{
    int result = 0;

    for (int i = 0; i < 3; i++)
        give[i] = (struct enl_give){.fd = i, .from_fd = -1};
    for (int i = 0; i < (joined ? 2 : 3) && result == 0; i++) {
        int fds[2];
        int ours;

        result = pipe_create(fds);
        if (result < 0)
            return error_set(result, "no descriptors for the program's streams: %s",
                             strerror(-result));
        give[i].from_fd = fds[i == 0 ? 0 : 1];
        ours = fds[i == 0 ? 1 : 0];
        result = descriptor_set_blocking(ours, false);
        if (i == 0)
            pipe_end_init(&r->feed, ours, false);
        else
            r->streams[i - 1].fd = ours;
    }
    if (joined)
        give[2].from_fd = give[1].from_fd;
    return result;
}

static int start(struct run *r, const struct enl_spawn *how, bool joined)
{
    struct enl_give give[ENL_GIVE_MOST];
    struct enl_spawn with = *how;
    int result;

    if (how->give_count > ENL_GIVE_MOST - 3)
        return error_set(-EINVAL, "enl_run gives at most %d things", ENL_GIVE_MOST - 3);
    for (size_t i = 0; i < how->give_count; i++)
        if (how->give[i].fd >= 0 && how->give[i].fd <= 2)
            return error_set(-EINVAL, "enl_run makes the descriptors 0, 1 and 2 itself");
    result = make_pipes(r, joined, give);
    for (size_t i = 0; i < how->give_count; i++)
        give[3 + i] = how->give[i];
    with.give = give;
    with.give_count = 3 + how->give_count;
    with.flags |= ENL_SPAWN_GROUP;
    if (result == 0)
        result = enl_spawn(&with, &r->child);
    for (int i = 0; i < (joined ? 2 : 3); i++)
        descriptor_close(give[i].from_fd);
    return result;
}

static int check(const struct enl_spawn *how, const struct enl_run_input *input,
                 const struct enl_run_output *output)
{
    if (how == NULL || output == NULL)
        return error_set(-EINVAL, "enl_run needs what to start, and room for the output");
    if (how->give_count > 0 && how->give == NULL)
        return error_set(-EINVAL, "enl_run has a count without its list");
    if (input == NULL)
        return 0;
    if (input->data == NULL && input->size > 0)
        return error_set(-EINVAL, "the input is NULL");
    if ((input->flags & ~(ENL_RUN_ERROR_TO_OUTPUT | ENL_RUN_ALL_OUTPUT)) != 0)
        return error_set(-EINVAL, "enl_run does not know the flags %#x", (unsigned)input->flags);
    return 0;
}

int enl_run(const struct enl_spawn *how, const struct enl_run_input *input, enl_deadline until,
            struct enl_run_output *ret_output)
{
    static const struct enl_run_input nothing;
    const struct enl_run_input *in = input != NULL ? input : &nothing;
    struct enl_run_output output = {0};
    uint64_t limit = in->limit_bytes != 0 ? in->limit_bytes : ENL_RUN_LIMIT;
    uint32_t grace_ms = in->grace_ms != 0 ? in->grace_ms : ENL_RUN_GRACE_MS;
    struct run r = {
        .feed = {.fd = -1, .other_fd = -1},
        .data = in->data,
        .left = in->size,
        .streams = {{.fd = -1}, {.fd = -1}},
        .limit = limit < SIZE_MAX / 4 ? (size_t)limit : SIZE_MAX / 4,
        .until = until,
        .grace_ns = (int64_t)grace_ms * 1000000,
        .all_output = (in->flags & ENL_RUN_ALL_OUTPUT) != 0,
    };
    int result = check(how, input, ret_output);

    if (result == 0)
        result = start(&r, how, (in->flags & ENL_RUN_ERROR_TO_OUTPUT) != 0);
    if (result == 0)
        feed(&r);
    while (result == 0 && !is_done(&r))
        result = turn(&r);
    if (result < 0 && r.child != NULL) {
        signal_group(&r, child_signal_kill);
        r.result = result;
    }
    if (r.child != NULL)
        result = finish(&r, &output);
    pipe_end_fini(&r.feed);
    close_stream(&r.streams[0]);
    close_stream(&r.streams[1]);
    enl_child_close(r.child);
    if (result == 0 || result == -ETIMEDOUT || result == -EFBIG) {
        *ret_output = output;
        return result;
    }
    buffer_free(&r.streams[0].buffer);
    buffer_free(&r.streams[1].buffer);
    return result;
}

void enl_run_free(struct enl_run_output *output)
{
    if (output == NULL)
        return;
    buffer_free(&(struct buffer){output->output, (size_t)output->room[0]});
    buffer_free(&(struct buffer){output->error, (size_t)output->room[1]});
    output->output = output->error = NULL;
    output->output_size = output->error_size = 0;
    output->room[0] = output->room[1] = 0;
}
