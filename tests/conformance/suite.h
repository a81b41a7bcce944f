/* SPDX-License-Identifier: MIT */
/* The conformance suite: one contract of links, run for every line of the table in mechanisms.c.
 *
 * A test program lists its cases with CASE() and names the list in SUITE(). Each case is
 * registered once for each mechanism to which it applies, as "mechanism/case". Whether it applies
 * follows from the capability row alone, never from a name: `needs` says what must be there,
 * `lacks` what must be absent (then the case proves the absence), `meet` how the ends find each
 * other. */
#ifndef CONFORMANCE_SUITE_H
#define CONFORMANCE_SUITE_H

#include "runner/test.h"

#include <enlace/enlace.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

/* ---- mechanisms.c ---------------------------------------------------------------------------- */

struct mechanism {
    const char *name; /* the first half of its tests' names */
    /* $DIR is the test's own directory; $ID a name, $KEY a number and $PORT a port that nobody
     * else has; $PID its process */
    const char *address;
    const char *sender_address; /* where the sending side says something else; NULL: the same */
    void (*prepare)(void);      /* called first in the test's process, or NULL */
};

extern const struct mechanism mechanisms[]; /* up to one without a name */

/* ---- suite.c: which case runs for which mechanism -------------------------------------------- */

struct rig;

struct suite_case {
    const char *name; /* a sentence */
    void (*run)(struct rig *r);
    uint32_t needs;      /* ENL_CAN_..., all of them */
    uint32_t lacks;      /* ENL_CAN_..., none of them */
    uint32_t meet;       /* ENL_MEET_..., one of them; 0: however */
    uint32_t senders;    /* at least so many */
    uint32_t receivers;  /* at least so many */
    uint64_t largest;    /* the largest message has at least so many bytes */
    bool bare;           /* the case opens its links itself: the rig has none yet */
    bool stress;         /* something happens at the same time: worth repeating */
    unsigned deadline_s; /* 0: the runner's */
};

#define CASE(case_name, ...)                                                                       \
    {                                                                                              \
        .name = #case_name, .run = case_name, __VA_ARGS__                                          \
    }
#define SUITE(cases)                                                                               \
    __attribute__((constructor)) static void suite_of_this_file(void)                              \
    {                                                                                              \
        suite_add((cases), sizeof(cases) / sizeof((cases)[0]));                                    \
    }

void suite_add(const struct suite_case cases[], size_t count);

/* ---- rig.c: two ends that have met ----------------------------------------------------------- */

enum { ADDRESS_SIZE_MAX = 600 };

struct rig {
    const struct mechanism *mechanism;
    struct enl_caps caps;
    char address[ADDRESS_SIZE_MAX];
    char sender_address[ADDRESS_SIZE_MAX];
    unsigned port;             /* of an address with $PORT */
    uint32_t key;              /* of one with $KEY */
    struct enl_link *listener; /* where the ends meet by listening; NULL elsewhere */
    struct enl_link *receiver;
    struct enl_link *sender;
    bool drains; /* the mechanism knows what was taken out of it: no capability says so */
};

/* Fills in address and caps; rig_meet() then lets the two ends meet, in this process. */
void rig_init(struct rig *r, const struct mechanism *m);
void rig_meet(struct rig *r);
void rig_close(struct rig *r);
/* The same in a child: the name is not its own. With it a queue of System V would go. */
void rig_leave(struct rig *r);

/* Replaces $DIR, $ID, $PORT, $PID and $KEY. */
struct address_names {
    const char *directory, *id, *port, *pid, *key;
};
void address_expand(const char *pattern, const struct address_names *names,
                    char ret_address[ADDRESS_SIZE_MAX]);
/* Adds ?option or &option to the addresses of a rig that has not met yet. */
void rig_add_option(struct rig *r, const char *option);
/* Gives it a name of its own, by a number. */
void rig_number(struct rig *r, unsigned number);
/* Puts its name into another directory, if it has a path at all. */
void rig_move(struct rig *r, const char *directory);
bool rig_has_path(const struct rig *r);
/* The path that its address names. */
void rig_path(const struct rig *r, char ret_path[ADDRESS_SIZE_MAX]);

bool rig_can(const struct rig *r, uint32_t can);
/* How its ends meet here: the first of pair, open, listen that the mechanism knows. */
uint32_t rig_way(const struct rig *r);
/* One more sender on the object. Where all are relatives of one pair it is the rig's own. */
struct enl_link *rig_more_sender(struct rig *r);
/* The flags with which its sending and receiving sides are opened. */
unsigned rig_sender_flags(const struct rig *r);
unsigned rig_receiver_flags(const struct rig *r);

/* Over a network what was sent comes later, and what was asked is answered later, even on this machine: a kernel may
 * leave the rest to a thread of its own, which waits for a CPU as others do. */
bool rig_is_network(const struct rig *r);
/* Opens a sending end where somebody listens. */
void rig_open_sender(const struct rig *r, struct enl_link **ret_link);
/* Asks once whether somebody is there; the result is that of the call. */
int rig_try_sender(const struct rig *r, struct enl_link **ret_link);
/* Returns when a message that was sent has arrived: only over a network it may not have. */
void rig_await_message(const struct rig *r);

/* Closes one end and forgets it, as a process does with what its relative uses. */
void rig_close_sender(struct rig *r);
void rig_close_receiver(struct rig *r);

/* ---- message.c: messages that say what they are ---------------------------------------------- */

/* The size nearest to the wanted one that the mechanism takes. */
size_t size_near(const struct rig *r, size_t wanted);
/* The largest message, or what of it a test can hold. */
size_t size_largest(const struct rig *r);

/* Every byte follows from sender, number and size; none is a newline or zero. */
void fill(void *buffer, size_t size, unsigned sender, unsigned number);
void check_filled(const void *buffer, size_t size, unsigned sender, unsigned number);
/* Checks a message of 8 bytes and more whose sender is not known; says who it was and which. */
void check_whole(const void *buffer, size_t size, unsigned *ret_sender, unsigned *ret_number);

/* One message, under the test's deadline. Without boundaries the receiver collects size bytes. */
void send_numbered(struct enl_link *l, size_t size, unsigned sender, unsigned number);
void receive_numbered(struct enl_link *l, size_t size, unsigned sender, unsigned number);
/* The result of sending one message. */
ssize_t try_send(struct enl_link *l, size_t size, unsigned number, enl_deadline until);
/* One message there and back out: the link works. */
void check_works(struct rig *r, unsigned number);

/* Sends messages of size bytes, from number 0 on, until the mechanism is full; how many it took. */
unsigned fill_up(struct rig *r, size_t size);
/* Receives messages first, first + 1 ... before last; the sender goes on with what it holds. */
void empty_out(struct rig *r, size_t size, unsigned first, unsigned last);

/* The answer is -ENOTSUP, and its text names the capability. */
#define CHECK_LACKS(result, bit)                                                                   \
    (CHECK_EQ((result), -ENOTSUP), CHECK_CONTAINS(enl_error_text(), enl_capability_name(bit)))

/* ---- call.c: every call that may wait -------------------------------------------------------- */

/* Size of the messages that these calls receive, and with which they find the link full. */
enum { CALL_RECEIVE_SIZE = 64, CALL_SEND_SIZE = 1000 };

/* One way to receive message `number` at the receiver, or to send it at the sender; the content is
 * checked. The result is that of the call: negative when it did not happen. */
struct call {
    const char *name;
    long (*call)(struct rig *r, unsigned number, enl_deadline until);
    uint32_t needs;
    bool carries; /* a message goes through it; enl_drain only waits for others */
};

/* The index-th call that receives (sends) which this mechanism has, or NULL past the last. */
const struct call *call_that_receives(const struct rig *r, size_t index);
const struct call *call_that_sends(const struct rig *r, size_t index);

/* ---- task.c: things that happen at the same time --------------------------------------------- */

struct task {
    void (*run)(void *argument);
    void *argument;
    pthread_t thread;
    atomic_int tid;
};

void task_start(struct task *t, void (*run)(void *argument), void *argument);
void task_join(struct task *t);
/* Returns when the task, or the child, sleeps in the kernel. */
void task_await_sleep(struct task *t);
void child_await_sleep(pid_t pid);

/* A number of rounds that takes the same time on a slow build. */
unsigned rounds(unsigned count);
/* The monotonic clock. */
int64_t now_ns(void);
/* A small generator of random numbers, one a user; seed it with anything. */
uint32_t random_next(uint32_t *state);
void spin_for_ns(int64_t ns);

/* Calls handler every interval_us, in this process, until the stop; flags as of sigaction. */
void alarm_start(void (*handler)(int signal), int flags, unsigned interval_us);
/* Calls it once, after delay_us (or more often, see task.c): stop it all the same. */
void alarm_once(void (*handler)(int signal), int flags, unsigned delay_us);
void alarm_stop(void);

#endif
