/* SPDX-License-Identifier: MIT */
/* enlace send: messages from the shell to any mechanism. */
#include "form.h"
#include "input.h"
#include "meeting.h"
#include "quantity.h"
#include "report.h"
#include "stop.h"
#include "verb.h"

#include <enlace/error.h>
#include <enlace/link.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    OPTION_DATA = 'd',
    OPTION_FILE = 'f',
    OPTION_COUNT = 'n',
    OPTION_TYPE = 'T',
    OPTION_PRIORITY = 'P',
};

static const struct option_row options[] = {
    {OPTION_DATA, "data", "TEXT", "send TEXT instead of the input; may be given again"},
    {OPTION_FILE, "file", "FILE", "send FILE as one message instead of the input"},
    {FORM_OPTION_WHOLE, "whole", NULL, "all of the input is one message"},
    {FORM_OPTION_PREFIXED, "prefixed", NULL, "before each message stands its size, big-endian u32"},
    {FORM_OPTION_HEX, "hex", NULL, "each line is a message in hexadecimal"},
    {FORM_OPTION_JSON, "json", NULL, "each line is a message as receive --json prints it"},
    {OPTION_TYPE, "type", "N", "the type of the messages"},
    {OPTION_PRIORITY, "priority", "N", "the priority of the messages"},
    {OPTION_COUNT, "count", "N", "end after N messages; --data and --file start over"},
    {MEETING_TIMEOUT, "timeout", "DURATION", "wait so long at most for the peer and for space"},
    MEETING_OPTIONS,
    {0},
};

struct sender {
    struct meeting meeting;
    enum form form;
    const char **data; /* of --data */
    size_t data_count;
    const char *file;
    int64_t type;
    uint64_t priority;
    bool typed, prior;
    uint64_t count; /* 0: no bound */
    uint64_t sent;
    struct input input;
    int file_fd;
    size_t file_size;
};

/* ---- where messages come from -------------------------------------------------------------------- */

static int open_file(struct sender *s)
{
    struct stat st;

    s->file_fd = open(s->file, O_RDONLY | O_CLOEXEC);
    if (s->file_fd < 0)
        return report_failure("cannot open %s: %s", s->file, strerror(errno));
    if (fstat(s->file_fd, &st) < 0)
        return report_failure("cannot look at %s: %s", s->file, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return report_failure("%s is not a regular file; send it as the input: < %s", s->file,
                              s->file);
    s->file_size = (size_t)st.st_size;
    return EXIT_SUCCESS;
}

static int failed(const struct sender *s, ssize_t result)
{
    if (result == -ECANCELED)
        return report_failure("interrupted before all was sent");
    if (result == -ETIMEDOUT || result == -EAGAIN)
        return report_failure("%s had no space in time, after %" PRIu64 " messages",
                              s->meeting.address, s->sent);
    return report_failure("%s", enl_error_text());
}

/* Before the input makes us wait, what was sent must be under way; and if nobody is left to receive, there
 * is nothing to wait for. A peer that has only ended its own sending still receives; from then on the
 * next send tells whether it has gone. */
static int idle(void *context, bool fired)
{
    struct sender *s = context;
    struct enl_link *l = s->meeting.link;
    int result = enl_flush(l, meeting_deadline(&s->meeting));
    unsigned events;

    if (result < 0 && result != -ECANCELED)
        (void)failed(s, result);
    if (result < 0)
        return result;
    events = fired ? enl_link_events(l) : 0;
    if ((events & (ENL_GONE | ENL_WRITABLE)) == ENL_GONE) {
        (void)report_failure("the peer at %s has gone", s->meeting.address);
        return -EPIPE;
    }
    if ((events & ENL_GONE) != 0)
        s->input.watch_fd = -1;
    return 0;
}

static void start_input(struct sender *s, const struct enl_caps *caps)
{
    uint64_t most = caps->largest_message;

    s->input = (struct input){
        .fd = STDIN_FILENO,
        .form = s->form,
        .boundaries = (caps->can & ENL_CAN_BOUNDARIES) != 0,
        .most = most < SIZE_MAX ? (size_t)most : SIZE_MAX,
        .idle = idle,
        .context = s,
        .watch_fd = -1,
    };
    /* What the peer sends is of no interest here; that it has gone is. */
    if ((caps->can & ENL_CAN_POLL) != 0 && enl_link_want(s->meeting.link, 0) == 0)
        s->input.watch_fd = enl_link_fd(s->meeting.link);
}

/* The next message, its metadata filled in: as input_next(). */
static int next_message(struct sender *s, struct enl_message *m)
{
    *m = (struct enl_message){.type = s->type, .priority = (uint32_t)s->priority};
    if (s->count != 0 && s->sent == s->count)
        return 0;
    if (s->data_count == 0)
        return input_next(&s->input, m);
    if (s->count == 0 && s->sent == s->data_count)
        return 0;
    union {
        const char *in;
        void *out; /* sending does not write there */
    } text = {.in = s->data[s->sent % s->data_count]};
    m->data = text.out;
    m->size = strlen(text.in);
    return 1;
}

/* ---- sending ------------------------------------------------------------------------------------- */

static int send_files(struct sender *s)
{
    uint64_t count = s->count == 0 ? 1 : s->count;

    while (s->sent < count) {
        ssize_t result = enl_send_file(s->meeting.link, s->file_fd, 0, s->file_size,
                                       meeting_deadline(&s->meeting));

        if (result < 0)
            return failed(s, result);
        s->sent++;
    }
    return EXIT_SUCCESS;
}

static int send_messages(struct sender *s, const struct enl_caps *caps)
{
    struct enl_message m;
    int more;

    while ((more = next_message(s, &m)) > 0) {
        ssize_t result;

        /* Metadata that came with JSON is kept where the link can. */
        if ((caps->can & ENL_CAN_TYPES) == 0)
            m.type = 0;
        if ((caps->can & ENL_CAN_PRIORITY) == 0)
            m.priority = 0;
        result = enl_send_message(s->meeting.link, &m, meeting_deadline(&s->meeting));
        if (result < 0)
            return failed(s, result);
        s->sent++;
    }
    /* A stop while the input was waited for lost nothing: the end, as good as any. */
    if (more == -ECANCELED && stop_asked())
        enl_interrupt_clear(s->meeting.link);
    else if (more < 0)
        return EXIT_FAILURE;
    return EXIT_SUCCESS;
}

static int finish(struct sender *s)
{
    enl_deadline until = stop_asked() ? ENL_NOW : meeting_deadline(&s->meeting);
    int result = enl_flush(s->meeting.link, until);

    if (result < 0)
        return failed(s, stop_asked() ? -ECANCELED : result);
    if (s->count != 0 && s->sent < s->count)
        return report_failure("the input ended after %" PRIu64 " of %" PRIu64 " messages", s->sent,
                              s->count);
    return EXIT_SUCCESS;
}

static int check_link(const struct sender *s, const struct enl_caps *caps)
{
    if (s->typed && (caps->can & ENL_CAN_TYPES) == 0)
        return report_misuse("messages of %s have no type", s->meeting.address);
    if (s->prior && (caps->can & ENL_CAN_PRIORITY) == 0)
        return report_misuse("messages of %s have no priority", s->meeting.address);
    return EXIT_SUCCESS;
}

static int converse(struct sender *s)
{
    const struct enl_caps *caps = enl_link_caps(s->meeting.link);
    int status = check_link(s, caps);

    if (status != EXIT_SUCCESS)
        return status;
    if (s->file != NULL) {
        status = send_files(s);
    } else {
        start_input(s, caps);
        status = send_messages(s, caps);
        input_fini(&s->input);
    }
    return status == EXIT_SUCCESS ? finish(s) : status;
}

static int meet_and_send(struct sender *s)
{
    int status = s->file != NULL ? open_file(s) : EXIT_SUCCESS;

    if (status == EXIT_SUCCESS)
        status = meeting_begin(&s->meeting);
    if (status == EXIT_SUCCESS && s->meeting.listen)
        status = meeting_accept(&s->meeting);
    if (status == EXIT_SUCCESS && s->meeting.link == NULL)
        status = report_failure("interrupted before a peer came");
    if (status == EXIT_SUCCESS)
        status = converse(s);
    meeting_end(&s->meeting);
    return status;
}

/* ---- the verb ------------------------------------------------------------------------------------ */

static int take_option(struct sender *s, int id, const char *value)
{
    int status = meeting_take_option(&s->meeting, id, value);

    if (status < 0)
        status = form_take_option(&s->form, id);
    if (status >= 0)
        return status;
    switch (id) {
    case OPTION_DATA:
        s->data[s->data_count++] = value;
        return EXIT_SUCCESS;
    case OPTION_FILE:
        s->file = value;
        return EXIT_SUCCESS;
    case OPTION_TYPE:
        s->typed = true;
        return quantity_parse_integer(value, &s->type)
                   ? EXIT_SUCCESS
                   : report_misuse("--type %s: not a number", value);
    case OPTION_PRIORITY:
        s->prior = true;
        return quantity_parse_count(value, UINT32_MAX, &s->priority)
                   ? EXIT_SUCCESS
                   : report_misuse("--priority %s: not a number of 0 to 4294967295", value);
    default:
        return quantity_parse_count(value, UINT64_MAX, &s->count) && s->count > 0
                   ? EXIT_SUCCESS
                   : report_misuse("--count %s: not a number above 0", value);
    }
}

static int check_options(const struct arguments *a, const struct sender *s)
{
    if (a->operands == 0)
        return report_misuse("no address given: enlace send ADDRESS");
    if (a->operands > 1)
        return report_misuse("one address, please; a text to send goes behind --data: %s",
                             a->words[1]);
    if (s->data_count > 0 && (s->file != NULL || s->form != FORM_LINES))
        return report_misuse("--data takes the place of the input and of --file: give one of them");
    if (s->file != NULL && s->form != FORM_LINES)
        return report_misuse("--file takes the place of the input: its form does not matter");
    if (s->file != NULL && (s->typed || s->prior))
        return report_misuse("a file is sent with no type and no priority");
    return EXIT_SUCCESS;
}

static int run(struct arguments *a)
{
    struct sender s = {.meeting = {.direction = ENL_WRITE}, .file_fd = -1};
    const char *value;
    int status = EXIT_SUCCESS;
    int id = OPTIONS_STOP;

    s.data = calloc((size_t)a->count + 1, sizeof *s.data);
    if (s.data == NULL)
        return report_failure("out of memory");
    while (status == EXIT_SUCCESS && (id = options_next(a, &value)) > 0)
        status = take_option(&s, id, value);
    if (id == OPTIONS_STOP)
        status = a->status;
    else if (status == EXIT_SUCCESS)
        status = check_options(a, &s);
    if (id != OPTIONS_STOP && status == EXIT_SUCCESS) {
        s.meeting.address = a->words[0];
        status = meet_and_send(&s);
    }
    if (s.file_fd >= 0)
        (void)close(s.file_fd);
    free(s.data);
    return status;
}

const struct verb verb_send = {
    .name = "send",
    .operands = "ADDRESS",
    .summary = "send messages from the shell",
    .about = "Sends messages to ADDRESS: each line of the input is one, without its newline.\n"
             "Where links have no message boundaries (?frame=raw) the input goes as it is.\n"
             "\n"
             "  echo hello | enlace send unix:/tmp/hello       somebody listens there\n"
             "  enlace send fifo:/tmp/f --create --data hello  waits for the FIFO's reader\n"
             "  enlace send fd:1?frame=line | cat              a descriptor of the shell's\n",
    .options = options,
    .run = run,
};
