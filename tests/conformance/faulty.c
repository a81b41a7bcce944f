/* SPDX-License-Identifier: MIT */
/* A mechanism that can be wrong: a pair of seqpacket sockets, with a fault between link.c and
 * them. */
#include "faulty.h"

#include "link/catalog.h"
#include "link/link.h"

#include <assert.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern const struct link_driver unix_driver;

enum { EVERY = 7 }; /* messages, of which the last one suffers */

const struct fault faults[] = {
    {"none", NULL, NULL},
    {"drops", "messages", "keeps_one_senders_order"},
    {"doubles", "messages", "keeps_one_senders_order"},
    {"reorders", "messages", "keeps_one_senders_order"},
    {"tears", "messages", "keeps_content_of_every_size"},
    {"merges", "messages", "keeps_content_of_every_size"},
    {"corrupts", "messages", "keeps_content_of_every_size"},
    {"swallows_too_large", "messages", "keeps_message_that_buffer_cannot_hold"},
    {"refuses_the_largest", "messages", "passes_largest_message"},
    {"forgets_to_wake_receiver", "deadlines", "receivers_are_woken_by_message"},
    {"forgets_to_wake_sender", "deadlines", "senders_are_woken_by_reader"},
    {"hangs_on_deadline", "deadlines", "receivers_time_out_when_empty"},
    {"gives_up_too_early", "deadlines", "receivers_time_out_when_empty"},
    {"loses_end", "endings", "end_comes_after_last_message"},
    {"ends_too_early", "endings", "end_comes_after_last_message"},
    {"hides_broken_link", "endings", "sender_learns_that_nobody_receives"},
    {"ignores_interrupt", "interrupts", "thread_interrupts_receiver"},
    {"leaks_descriptor", "messages", "describes_message"},
    {"lets_programs_inherit", "processes", "program_inherits_no_descriptor"},
    {"allocates", "shortage", "calls_allocate_nothing_after_first_use"},
    {"is_always_ready", "readiness", "descriptor_is_ready_while_messages_wait"},
    {"hides_what_it_holds", "readiness", "message_too_large_for_buffer_keeps_descriptor_ready"},
    {"drops_descriptors", "metadata", "descriptors_come_with_their_message"},
    {"claims_priority", "metadata", "highest_priority_is_received_first"},
    {"claims_types", "metadata", "types_are_matched"},
    {"claims_acknowledge", "loans", "returned_message_is_delivered_again"},
    {"shares_twice", "crowds", "each_message_goes_to_one_of_many_receivers"},
    {"claims_fan_out", "crowds", "each_message_goes_to_every_receiver"},
    {"denies_duplex", "crowds", "one_way_refuses_the_other_way"},
    {"denies_end", "endings", "receiver_without_end_waits_for_the_next_sender"},
    {"denies_broken", "endings", "sender_that_cannot_learn_goes_on"},
    {"claims_sender", "metadata", "kernel_says_who_sent_each_message"},
    {NULL, NULL, NULL},
};

static const char *fault_name = "none";

static bool has_fault(const char *name)
{
    return strcmp(fault_name, name) == 0;
}

/* Behind the state of the wrapped link. */
struct faulty_link {
    max_align_t wrapped[64]; /* the state of a unix: link; asserted below */
    const struct link_ops *wrapped_ops;
    unsigned sends;      /* of this end */
    unsigned char *copy; /* of a message that is changed or held back */
    size_t held_size;
};

/* ---- sending --------------------------------------------------------------------------------- */

static ssize_t pass_on(struct enl_link *l, void *data, size_t size)
{
    struct faulty_link *f = link_state(l);
    struct enl_message m = {.data = data, .size = size};

    return f->wrapped_ops->send(l, &m, false);
}

/* Changes the copy of a message, or sends it more or less often; the answer is that all is well. */
static ssize_t send_wrongly(struct enl_link *l, const struct enl_message *m)
{
    struct faulty_link *f = link_state(l);
    size_t size = m->size;
    ssize_t sent = 0;

    if (size > 0)
        memcpy(f->copy, m->data, size);
    if (has_fault("doubles") || has_fault("shares_twice")) {
        sent = pass_on(l, f->copy, size);
        if (sent >= 0)
            (void)pass_on(l, f->copy, size);
    } else if (has_fault("tears")) {
        sent = pass_on(l, f->copy, size > 0 ? size - 1 : 0);
    } else if (has_fault("corrupts")) {
        f->copy[size / 2] ^= 1;
        sent = pass_on(l, f->copy, size);
    } else if (has_fault("reorders") || has_fault("merges")) {
        f->held_size = size;
    } else if (!has_fault("drops")) {
        sent = pass_on(l, f->copy, size);
    }
    return sent < 0 ? sent : (ssize_t)size;
}

/* The message after the one that was held back. */
static ssize_t send_with_held(struct enl_link *l, const struct enl_message *m)
{
    struct faulty_link *f = link_state(l);
    ssize_t sent;

    if (has_fault("merges")) {
        memcpy(f->copy + f->held_size, m->data, m->size);
        sent = pass_on(l, f->copy, f->held_size + m->size);
    } else {
        sent = pass_on(l, m->data, m->size);
        if (sent >= 0)
            (void)pass_on(l, f->copy, f->held_size);
    }
    if (sent < 0)
        return sent;
    f->held_size = 0;
    return (ssize_t)m->size;
}

static void allocate(void)
{
    void *volatile memory = malloc(1); /* volatile, or the compiler leaves both calls out */

    free(memory);
}

static ssize_t faulty_send(struct enl_link *l, const struct enl_message *m, bool may_block)
{
    struct faulty_link *f = link_state(l);
    struct enl_message bare = {.data = m->data, .size = m->size};
    ssize_t sent;

    if (f->held_size > 0)
        return send_with_held(l, m);
    if (has_fault("refuses_the_largest") && m->size == l->largest)
        return -EMSGSIZE;
    if (++f->sends % EVERY == 0 && m->fd_count == 0) {
        sent = send_wrongly(l, m);
    } else {
        if (has_fault("allocates"))
            allocate();
        sent = f->wrapped_ops->send(l, has_fault("drops_descriptors") ? &bare : m,
                                    may_block && l->ops->wait == NULL);
    }
    if (sent == -EPIPE && has_fault("hides_broken_link"))
        return (ssize_t)m->size;
    return sent;
}

/* ---- receiving and waiting ------------------------------------------------------------------- */

static ssize_t faulty_receive(struct enl_link *l, const struct enl_match *match,
                              struct enl_message *m, bool may_block)
{
    struct faulty_link *f = link_state(l);
    bool blocks = may_block && l->ops->wait == NULL && !has_fault("loses_end");
    ssize_t got;

    if (has_fault("swallows_too_large"))
        m->flags |= ENL_TRUNCATE;
    if (has_fault("ends_too_early") && (enl_link_events(l) & ENL_GONE) != 0)
        return link_ended();
    got = f->wrapped_ops->receive(l, match, m, blocks);
    return got == -ESHUTDOWN && has_fault("loses_end") ? -EAGAIN : got;
}

static bool faulty_pending(const struct enl_link *l)
{
    const struct faulty_link *f = link_state((struct enl_link *)(uintptr_t)l);

    if (has_fault("is_always_ready"))
        return true;
    return !has_fault("hides_what_it_holds") && f->wrapped_ops->pending(l);
}

static int faulty_wait(struct enl_link *l, unsigned events, enl_deadline until)
{
    struct pollfd fds[2] = {{.fd = l->fd}};
    struct interrupt *who[] = {&l->interrupt};
    size_t who_count = has_fault("ignores_interrupt") ? 0 : 1;
    bool deaf =
        has_fault(events & ENL_READABLE ? "forgets_to_wake_receiver" : "forgets_to_wake_sender");
    int ready;

    fds[0].events = (short)(((events & ENL_READABLE) != 0 ? POLLIN | POLLRDHUP : 0) |
                            ((events & ENL_WRITABLE) != 0 ? POLLOUT : 0));
    if (has_fault("gives_up_too_early"))
        return wait_look(fds, 1) > 0 ? 0 : -ETIMEDOUT;
    if (has_fault("hangs_on_deadline"))
        until = ENL_FOREVER;
    ready = wait_for(fds, deaf ? 0 : 1, who, who_count, until);
    return ready > 0 ? 0 : ready;
}

/* ---- making links ---------------------------------------------------------------------------- */

static struct link_ops faulty_ops; /* those of the wrapped links, with the fault's in their place */

static void faulty_close(struct enl_link *l)
{
    struct faulty_link *f = link_state(l);

    free(f->copy);
    f->copy = NULL;
    if (f->wrapped_ops != NULL)
        f->wrapped_ops->close(l);
}

static int make_faulty(struct enl_link *l)
{
    static const char *const waiting[] = {"forgets_to_wake_receiver", "forgets_to_wake_sender",
                                          "hangs_on_deadline", "gives_up_too_early",
                                          "ignores_interrupt"};
    struct faulty_link *f = link_state(l);

    f->copy = malloc(2 * (size_t)l->caps.largest_message);
    if (f->copy == NULL)
        return -ENOMEM;
    f->wrapped_ops = l->ops;
    faulty_ops = *l->ops;
    faulty_ops.send = faulty_send;
    faulty_ops.send_many = NULL;
    faulty_ops.receive = faulty_receive;
    faulty_ops.receive_many = NULL;
    faulty_ops.pending = faulty_pending;
    faulty_ops.close = faulty_close;
    for (size_t i = 0; i < sizeof(waiting) / sizeof(waiting[0]); i++)
        if (has_fault(waiting[i]))
            faulty_ops.wait = faulty_wait;
    l->ops = &faulty_ops;
    return 0;
}

static int faulty_pair(struct enl_link *ends[2], const struct address *a)
{
    int result = unix_driver.pair(ends, a);

    for (int i = 0; i < 2 && result == 0; i++)
        result = make_faulty(ends[i]);
    if (result == 0 && has_fault("leaks_descriptor"))
        (void)fcntl(ends[0]->fd, F_DUPFD_CLOEXEC, 0);
    if (result == 0 && has_fault("lets_programs_inherit"))
        (void)fcntl(ends[0]->fd, F_SETFD, 0);
    return result;
}

/* What the row says wrongly. */
static const struct lie {
    const char *fault;
    uint32_t claims, denies;
} lies[] = {
    {"claims_priority", ENL_CAN_PRIORITY, 0},       {"claims_types", ENL_CAN_TYPES, 0},
    {"claims_acknowledge", ENL_CAN_ACKNOWLEDGE, 0}, {"claims_fan_out", ENL_CAN_FAN_OUT, 0},
    {"denies_duplex", 0, ENL_CAN_DUPLEX},           {"denies_end", 0, ENL_CAN_END},
    {"denies_broken", 0, ENL_CAN_BROKEN},           {"claims_sender", ENL_CAN_SENDER, 0},
};

static int faulty_describe(const struct address *a, struct enl_caps *caps)
{
    int result = unix_driver.describe(a, caps);

    caps->meet = ENL_MEET_PAIR;
    caps->senders = caps->receivers = ENL_MANY; /* by fork, and each message is one packet */
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++)
        if (has_fault(lies[i].fault))
            caps->can = (caps->can | lies[i].claims) & ~lies[i].denies;
    return result;
}

const struct mechanism *faulty_install(const char *fault)
{
    static const struct mechanism line = {"faulty", "faulty:?type=seqpacket&fds=4", NULL, NULL};
    static struct link_driver driver;
    size_t i = 0;

    while (faults[i].name != NULL && strcmp(faults[i].name, fault) != 0)
        i++;
    if (faults[i].name == NULL)
        return NULL;
    fault_name = faults[i].name;
    driver = unix_driver;
    assert(driver.state_size <= sizeof(((struct faulty_link *)NULL)->wrapped));
    driver.face.scheme = driver.address.scheme = "faulty";
    driver.address.name = ADDRESS_NAME_NONE;
    driver.state_size = sizeof(struct faulty_link);
    driver.describe = faulty_describe;
    driver.open = NULL;
    driver.pair = faulty_pair;
    driver.listen = NULL;
    driver.recognise = NULL;
    driver.adopt = NULL;
    driver.unlink = NULL;
    driver.path = NULL;
    driver.face.caps.meet = ENL_MEET_PAIR;
    catalog_set_extra(&driver);
    return &line;
}
