/* SPDX-License-Identifier: MIT */
/* Starting a program in a new process: the plan of what the child does before it executes, and its start.
 *
 * The child is made as vfork makes it, but on a stack of its own: nothing of a large parent is copied, and
 * the caller sleeps until the child has executed or failed. Meanwhile the two share memory, so the child
 * makes system calls and nothing else: it takes no lock, allocates nothing, runs no handler of the parent
 * (all signals are blocked around it), and needs none of the state that other threads may be changing.
 * posix_spawn does the same, but has no pidfd, no user, no limits, and says only "failed".
 *
 * A failure of the child is left in that memory, with the step that failed; where memory is not shared (an emulator,
 * a sanitizer), and until it was seen to be, it comes through a pipe that its exec closes. */
#ifndef KERNEL_SPAWN_H
#define KERNEL_SPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SPAWN_NULL_DEVICE (-2) /* in `from`: a new /dev/null */
#define SPAWN_MOVES_MOST 64

/* The child has, under the number `to`, what is `from` here. */
struct spawn_move {
    int from, to;
};

struct spawn_limit {
    int resource;
    uint64_t soft, hard;
};

enum spawn_step {
    SPAWN_NOTHING,
    SPAWN_CLONE,
    SPAWN_SESSION,
    SPAWN_GROUP,
    SPAWN_TIE,
    SPAWN_DESCRIPTORS,
    SPAWN_NICE,
    SPAWN_LIMITS,
    SPAWN_PROCESSORS,
    SPAWN_USER,
    SPAWN_DIRECTORY,
    SPAWN_EXECUTE,
};

struct spawn_plan {
    const char *program; /* looked for in `search` if it has no slash */
    const char *search;  /* folders with ':' between them */
    const char *const *argv;
    const char *const *environment;
    const char *directory;          /* or NULL */
    const struct spawn_move *moves; /* by rising `to`, each once */
    size_t move_count;              /* every other descriptor above 2 is closed */
    const struct spawn_limit *limits;
    size_t limit_count;
    const unsigned long *processors; /* a bit for each; or NULL */
    size_t processors_bytes;
    uint32_t user, group; /* with set_user */
    int niceness;         /* with set_niceness */
    int tie_fd;           /* of a tie (kernel/tie.h), or -1 */
    bool set_user;
    bool set_niceness;
    bool new_session;
    bool new_group;
    bool keep_signals; /* the mask, and what is ignored; else all is as if never set */
    bool detached;     /* it is nobody's child: adopted by init or a subreaper */
};

struct spawned {
    int pidfd; /* -1 if detached */
    pid_t pid;
    enum spawn_step step; /* of a failure */
};

/* Starts it. On success the program is being executed. On failure there is no child, and ret->step is the step. */
int spawn_start(const struct spawn_plan *plan, struct spawned *ret);

/* In a forked child: puts moves[] in place and closes every other descriptor above 2, but for *spare_fd (or
 * -1), which gets a new number. Async-signal-safe. */
int spawn_place_descriptors(const struct spawn_move moves[], size_t count, int *spare_fd);

/* What tests take away: sharing memory (the child is a copy, as under an emulator), pidfds at birth, and
 * close_range. */
#define SPAWN_WITHOUT_SHARING 1u
#define SPAWN_WITHOUT_PIDFD 2u
#define SPAWN_WITHOUT_CLOSE_RANGE 4u
void spawn_pretend(unsigned without);

/* Sanitizers follow memory by the thread, and are confused by a child that shares it: chosen by the build. */
extern const bool spawn_shares_memory;

#endif
