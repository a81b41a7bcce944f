/* SPDX-License-Identifier: MIT */
/* enlace receive: messages of any mechanism to the shell. */
#include "form.h"
#include "meeting.h"
#include "output.h"
#include "quantity.h"
#include "report.h"
#include "stop.h"
#include "terminal.h"
#include "verb.h"

#include <enlace/error.h>
#include <enlace/link.h>

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    OPTION_COUNT = 'n',
    OPTION_TYPE = 'T',
    OPTION_KEEP = 'k',
};

static const struct option_row options[] = {
    {FORM_OPTION_WHOLE, "whole", NULL, "the bytes of the messages, nothing between them"},
    {FORM_OPTION_PREFIXED, "prefixed", NULL, "before each message its size, as big-endian u32"},
    {FORM_OPTION_HEX, "hex", NULL, "a line of hexadecimal for each message"},
    {FORM_OPTION_JSON, "json", NULL, "a line of JSON for each: data, size, type, sender"},
    {OPTION_TYPE, "type", "N",
     "only messages of type N; or <=N: the lowest up to\nN first; or !N: all but N"},
    {OPTION_COUNT, "count", "N", "end after N messages"},
    {MEETING_TIMEOUT, "timeout", "DURATION",
     "wait so long at most for the peer and each message;\n0: take only what is there now"},
    MEETING_OPTIONS,
    {OPTION_KEEP, "keep", NULL, "with --listen: serve many peers, and stay"},
    {0},
};

/* With --keep: peers at once. More wait in the backlog. */
#define PEERS_MOST 256
/* Messages of one peer before the others have their turn. */
#define TURN 64

struct receiver {
    struct meeting meeting;
    enum form form;
    bool keep;
    bool matching;
    struct enl_match match;
    uint64_t count; /* 0: no bound */
    uint64_t received;
    bool output_failed;
    struct enl_link *links[PEERS_MOST + 1]; /* the listener, then the peers */
    size_t link_count;
};

static bool enough(const struct receiver *r)
{
    return r->count != 0 && r->received == r->count;
}

/* An end that is nobody's fault: success, unless more was asked for. */
static int finish(const struct receiver *r, const char *what)
{
    if (terminal_flush() < 0)
        return EXIT_FAILURE;
    if (r->count != 0 && r->received < r->count)
        return report_failure("%s after %" PRIu64 " of %" PRIu64 " messages", what, r->received,
                              r->count);
    return EXIT_SUCCESS;
}

/* --timeout 0 asks for what is there now; some is enough, unless --count says how much. */
static int nothing_came(const struct receiver *r)
{
    if (r->meeting.timeout_ns == 0 && r->received > 0)
        return finish(r, "nothing more was there");
    (void)terminal_flush();
    if (r->meeting.timeout_ns == 0)
        return report_failure("nothing is there to be received from %s", r->meeting.address);
    if (r->received == 0)
        return report_failure("nothing came from %s in time", r->meeting.address);
    return report_failure("nothing more came from %s in time, after %" PRIu64 " messages",
                          r->meeting.address, r->received);
}

/* Whether the address leaves the frame of a byte stream to its preset: one more option tells. */
static bool frame_is_preset(const char *address)
{
    char longer[4500];
    int size = snprintf(longer, sizeof longer, "%s%cframe=raw", address,
                        strchr(address, '?') == NULL ? '?' : '&');

    return size < (int)sizeof longer && enl_address_caps(longer, NULL) == 0;
}

/* Bytes that make no sense from the first one on are those of a program that knows no frames. */
static int broke(const struct receiver *r, ssize_t result)
{
    char text[512];

    (void)terminal_flush();
    (void)snprintf(text, sizeof text, "%s", enl_error_text());
    if (r->received == 0 && (result == -EBADMSG || result == -ECONNRESET) &&
        frame_is_preset(r->meeting.address))
        return report_failure(
            "%s; if the sender knows nothing of enlace: ?frame=line or ?frame=raw", text);
    return report_failure("%s", text);
}

static int ended(const struct receiver *r, ssize_t result)
{
    if (r->output_failed)
        return EXIT_FAILURE;
    if (result == -ECANCELED)
        return finish(r, "interrupted");
    if (result == -ESHUTDOWN)
        return finish(r, "the peer ended");
    if (result == -ETIMEDOUT || result == -EAGAIN)
        return nothing_came(r);
    return broke(r, result);
}

/* Whoever passed descriptors along must not fill our table: they are counted and closed. */
static void close_fds(const struct enl_message *m)
{
    for (uint32_t i = 0; i < m->fd_count; i++)
        (void)close(m->fds[i]);
}

/* Where the kernel does not say who sent a message, it may say who is at the other end. */
static void name_sender(struct enl_link *l, const struct enl_caps *caps, struct enl_message *m)
{
    struct enl_peer peer;

    if ((caps->can & ENL_CAN_SENDER) == 0 && (caps->can & ENL_CAN_CREDENTIALS) != 0 &&
        enl_link_peer(l, &peer) == 0)
        m->sender = peer;
}

/* Takes one message and prints it. 0, or why there was none; r->output_failed if it could not be printed. */
static int take_one(struct receiver *r, struct enl_link *l, enl_deadline until)
{
    const struct enl_caps *caps = enl_link_caps(l);
    struct enl_message m = {0};
    ssize_t result = enl_take(l, r->matching ? &r->match : NULL, until, &m);

    if (result < 0)
        return (int)result;
    if (r->form == FORM_JSON)
        name_sender(l, caps, &m);
    if (output_message(r->form, &m, caps) < 0)
        r->output_failed = true;
    /* Where a message that is not released comes again, it is written out before it is let go. */
    if ((caps->can & ENL_CAN_ACKNOWLEDGE) != 0 && !r->output_failed && terminal_flush() < 0)
        r->output_failed = true;
    close_fds(&m);
    result = r->output_failed ? -EIO : 0;
    if (result == 0)
        result = enl_release(&m);
    r->received += result == 0;
    return (int)result;
}

/* What has come is printed in one go; before every sleep it is handed on. */
static int receive_one(struct receiver *r)
{
    int result = take_one(r, r->meeting.link, ENL_NOW);

    if (result != -EAGAIN)
        return result;
    if (terminal_flush() < 0) {
        r->output_failed = true;
        return -EIO;
    }
    return take_one(r, r->meeting.link, meeting_deadline(&r->meeting));
}

static int receive_from_one(struct receiver *r)
{
    int result = 0;

    while (result == 0 && !enough(r))
        result = stop_asked() ? -ECANCELED : receive_one(r);
    return result == 0 ? finish(r, "") : ended(r, result);
}

/* ---- many peers ---------------------------------------------------------------------------------- */

static void drop_peer(struct receiver *r, size_t index)
{
    enl_close(r->links[index]);
    r->links[index] = r->links[--r->link_count];
}

/* A peer's turn. 0 if it may have more or is gone, else why everything ends. */
static int serve(struct receiver *r, size_t index)
{
    for (int i = 0; i < TURN && !enough(r); i++) {
        int result = take_one(r, r->links[index], ENL_NOW);

        if (result == -EAGAIN)
            return 0;
        if (result == -ECANCELED || r->output_failed)
            return result;
        /* What is wrong with one peer is no reason to leave the others. */
        if (result < 0) {
            if (result != -ESHUTDOWN)
                (void)report_failure("%s", enl_error_text());
            drop_peer(r, index);
            return 0;
        }
    }
    return 0;
}

static int welcome(struct receiver *r)
{
    struct enl_link *l;
    int result;

    if (r->link_count == PEERS_MOST + 1)
        return 0;
    result = enl_accept(r->meeting.listener, ENL_NOW, &l);
    if (result == 0)
        r->links[r->link_count++] = l;
    return result == -EAGAIN || result == -ECONNRESET ? 0 : result;
}

static int round_of_all(struct receiver *r)
{
    int result;

    if (terminal_flush() < 0) {
        r->output_failed = true;
        return -EIO;
    }
    result = enl_poll(r->links, r->link_count, meeting_deadline(&r->meeting));
    if (result <= 0)
        return result == 0 ? -ETIMEDOUT : result;
    result = (enl_link_events(r->links[0]) & ENL_ARRIVAL) != 0 ? welcome(r) : 0;
    /* From the last to the first, because a peer that leaves is replaced by the last. */
    for (size_t i = r->link_count - 1; i > 0 && result == 0 && !enough(r); i--)
        result = serve(r, i);
    return result;
}

static int receive_from_all(struct receiver *r)
{
    int result = 0;

    r->links[r->link_count++] = r->meeting.listener;
    while (result == 0 && !enough(r))
        result = stop_asked() ? -ECANCELED : round_of_all(r);
    while (r->link_count > 1)
        drop_peer(r, r->link_count - 1);
    return result == 0 ? finish(r, "") : ended(r, result);
}

/* ---- the verb ------------------------------------------------------------------------------------ */

static int converse(struct receiver *r)
{
    if (r->matching && (enl_link_caps(r->meeting.link)->can & ENL_CAN_TYPES) == 0)
        return report_misuse("messages of %s have no type", r->meeting.address);
    return receive_from_one(r);
}

static int meet_and_receive(struct receiver *r)
{
    int status = meeting_begin(&r->meeting);

    if (status == EXIT_SUCCESS && r->keep && r->meeting.listener == NULL)
        status =
            report_misuse("at %s there are no connections; leave out --keep", r->meeting.address);
    else if (status == EXIT_SUCCESS && r->keep) {
        status = receive_from_all(r);
    } else if (status == EXIT_SUCCESS) {
        if (r->meeting.listen)
            status = meeting_accept(&r->meeting);
        if (status == EXIT_SUCCESS)
            status = r->meeting.link == NULL ? finish(r, "interrupted") : converse(r);
    }
    meeting_end(&r->meeting);
    return status;
}

static int take_type(struct receiver *r, const char *value)
{
    const char *number = value;

    r->matching = true;
    r->match.kind = ENL_MATCH_TYPE;
    if (value[0] == '!') {
        r->match.kind = ENL_MATCH_ALL_BUT;
        number = value + 1;
    } else if (value[0] == '<' && value[1] == '=') {
        r->match.kind = ENL_MATCH_UP_TO;
        number = value + 2;
    }
    return quantity_parse_integer(number, &r->match.type)
               ? EXIT_SUCCESS
               : report_misuse("--type %s: neither N nor '<=N' nor '!N'", value);
}

static int take_option(struct receiver *r, int id, const char *value)
{
    int status = meeting_take_option(&r->meeting, id, value);

    if (status < 0)
        status = form_take_option(&r->form, id);
    if (status >= 0)
        return status;
    switch (id) {
    case OPTION_KEEP:
        r->keep = true;
        return EXIT_SUCCESS;
    case OPTION_TYPE:
        return take_type(r, value);
    default:
        return quantity_parse_count(value, UINT64_MAX, &r->count) && r->count > 0
                   ? EXIT_SUCCESS
                   : report_misuse("--count %s: not a number above 0", value);
    }
}

static int run(struct arguments *a)
{
    static struct receiver r;
    const char *value;
    int id;

    r = (struct receiver){.meeting = {.direction = ENL_READ}};
    while ((id = options_next(a, &value)) != OPTIONS_END) {
        int status = id == OPTIONS_STOP ? a->status : take_option(&r, id, value);

        if (id == OPTIONS_STOP || status != EXIT_SUCCESS)
            return status;
    }
    if (a->operands == 0)
        return report_misuse("no address given: enlace receive ADDRESS");
    if (a->operands > 1)
        return report_misuse("one address, please; this is one too many: %s", a->words[1]);
    if (r.keep && !r.meeting.listen)
        return report_misuse("--keep is for --listen: other links end with their peer");
    r.meeting.address = a->words[0];
    return meet_and_receive(&r);
}

const struct verb verb_receive = {
    .name = "receive",
    .operands = "ADDRESS",
    .summary = "receive messages into the shell",
    .about = "Receives messages from ADDRESS and prints each as a line, until the peer ends.\n"
             "Where links have no message boundaries (?frame=raw) the bytes come as they are.\n"
             "SIGINT and SIGTERM end it in order.\n"
             "\n"
             "  enlace receive --listen unix:/tmp/hello         waits for a peer\n"
             "  enlace receive fifo:/tmp/f --create --count 3   three messages\n"
             "  seq 3 | enlace receive fd:0?frame=line --json   from a pipe of the shell\n",
    .options = options,
    .run = run,
};
