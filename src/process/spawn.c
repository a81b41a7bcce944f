/* SPDX-License-Identifier: MIT */
/* enl_spawn: from what the program asks for to the kernel layer's plan. */
#include "kernel/spawn.h"

#include "base/error.h"
#include "process/children.h"
#include "process/give.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define PROCESSOR_MOST 8192
#define KNOWN_FLAGS                                                                                \
    (ENL_SPAWN_USER | ENL_SPAWN_NICENESS | ENL_SPAWN_SESSION | ENL_SPAWN_GROUP |                   \
     ENL_SPAWN_DIES_WITH_PARENT | ENL_SPAWN_KEEP_SIGNALS)
#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"

extern char **environ; /* <unistd.h> has it, and the kernel's calls */

/* What a plan borrows: too large for a stack. */
struct preparation {
    struct spawn_plan plan;
    struct gifts gifts;
    struct spawn_limit *limits;
    unsigned long *processors;
    const char **environment;
};

static void release(struct preparation *p)
{
    if (p == NULL)
        return;
    free(p->limits);
    free(p->processors);
    free(p->environment);
    free(p);
}

static int no_memory(void)
{
    return error_set(-ENOMEM, "no memory to start a program");
}

static int check(const struct enl_spawn *how)
{
    if (how == NULL || how->argv == NULL || how->argv[0] == NULL)
        return error_set(-EINVAL, "enl_spawn needs argv with at least one word");
    if ((how->flags & ~KNOWN_FLAGS) != 0)
        return error_set(-EINVAL, "enl_spawn does not know the flags %#x",
                         (unsigned)(how->flags & ~KNOWN_FLAGS));
    for (size_t i = 0; i < sizeof how->reserved / sizeof how->reserved[0]; i++)
        if (how->reserved[i] != 0)
            return error_set(-EINVAL, "the reserved fields of enl_spawn are to be zero");
    if ((how->give_count > 0 && how->give == NULL) ||
        (how->limit_count > 0 && how->limits == NULL) ||
        (how->processor_count > 0 && how->processors == NULL))
        return error_set(-EINVAL, "enl_spawn has a count without its list");
    return 0;
}

static int check_limit(const struct enl_limit *limit)
{
    if (limit->soft > limit->hard)
        return error_set(-EINVAL, "the limit of the resource %d: soft, %llu, is above hard, %llu",
                         limit->resource, (unsigned long long)limit->soft,
                         (unsigned long long)limit->hard);
    return 0;
}

static int prepare_limits(struct preparation *p, const struct enl_spawn *how)
{
    p->limits = calloc(how->limit_count + 1, sizeof *p->limits);
    if (p->limits == NULL)
        return no_memory();
    for (size_t i = 0; i < how->limit_count; i++) {
        int result = check_limit(&how->limits[i]);

        if (result < 0)
            return result;
        p->limits[i] = (struct spawn_limit){.resource = how->limits[i].resource,
                                            .soft = how->limits[i].soft,
                                            .hard = how->limits[i].hard};
    }
    p->plan.limits = p->limits;
    p->plan.limit_count = how->limit_count;
    return 0;
}

static int prepare_processors(struct preparation *p, const struct enl_spawn *how)
{
    const unsigned bits = sizeof(unsigned long) * CHAR_BIT;

    if (how->processor_count == 0)
        return 0;
    p->processors = calloc(PROCESSOR_MOST / bits, sizeof *p->processors);
    if (p->processors == NULL)
        return no_memory();
    for (size_t i = 0; i < how->processor_count; i++) {
        unsigned n = how->processors[i];

        if (n >= PROCESSOR_MOST)
            return error_set(-EINVAL, "there is no processor %u", n);
        p->processors[n / bits] |= 1ul << (n % bits);
    }
    p->plan.processors = p->processors;
    p->plan.processors_bytes = PROCESSOR_MOST / CHAR_BIT;
    return 0;
}

/* The environment, with the names of this child's links, and not with those of our own. */
static int prepare_environment(struct preparation *p, const struct enl_spawn *how)
{
    const char *const *from =
        how->environment != NULL ? how->environment : (const char *const *)environ;
    size_t count = 0, to = 0;

    while (from != NULL && from[count] != NULL)
        count++;
    p->environment = calloc(count + 2, sizeof *p->environment);
    if (p->environment == NULL)
        return no_memory();
    for (size_t i = 0; i < count; i++)
        if (strncmp(from[i], GIVE_VARIABLE "=", sizeof GIVE_VARIABLE) != 0)
            p->environment[to++] = from[i];
    if (give_has_names(&p->gifts))
        p->environment[to++] = p->gifts.text;
    p->plan.environment = p->environment;
    return 0;
}

static int prepare(const struct enl_spawn *how, struct preparation **ret)
{
    struct preparation *p = calloc(1, sizeof *p);
    const char *search = getenv("PATH");
    int result;

    *ret = p;
    if (p == NULL)
        return no_memory();
    result = give_prepare(how->give, how->give_count, &p->gifts);
    if (result == 0)
        result = prepare_limits(p, how);
    if (result == 0)
        result = prepare_processors(p, how);
    if (result == 0)
        result = prepare_environment(p, how);
    p->plan.program = how->program != NULL ? how->program : how->argv[0];
    p->plan.search = search != NULL ? search : DEFAULT_PATH;
    p->plan.argv = how->argv;
    p->plan.directory = how->directory;
    p->plan.moves = p->gifts.moves;
    p->plan.move_count = p->gifts.count;
    p->plan.user = how->user;
    p->plan.group = how->group;
    p->plan.niceness = how->niceness;
    p->plan.tie_fd = -1;
    p->plan.set_user = (how->flags & ENL_SPAWN_USER) != 0;
    p->plan.set_niceness = (how->flags & ENL_SPAWN_NICENESS) != 0;
    p->plan.new_session = (how->flags & ENL_SPAWN_SESSION) != 0;
    p->plan.new_group = (how->flags & ENL_SPAWN_GROUP) != 0 && !p->plan.new_session;
    p->plan.keep_signals = (how->flags & ENL_SPAWN_KEEP_SIGNALS) != 0;
    return result;
}

static const char *hint(const struct spawned *s, int result)
{
    if (s->step == SPAWN_EXECUTE && result == -ENOEXEC)
        return " (a script needs a first line with its interpreter)";
    if (s->step == SPAWN_LIMITS && result == -EINVAL)
        return " (one is of no resource that the kernel knows)";
    if (s->step == SPAWN_LIMITS && result == -EPERM)
        return " (only root raises a hard limit)";
    if (s->step == SPAWN_NICE && result == -EACCES)
        return " (only root lowers it, or RLIMIT_NICE must allow it)";
    if (s->step == SPAWN_PROCESSORS && result == -EINVAL)
        return " (this process may run on none of them)";
    if (s->step == SPAWN_USER && result == -EPERM)
        return " (only root becomes another user)";
    return "";
}

static int explain(const struct spawn_plan *plan, const struct spawned *s, int result)
{
    static const char *const steps[] = {
        [SPAWN_NOTHING] = "start",
        [SPAWN_CLONE] = "make a process",
        [SPAWN_SESSION] = "make a session",
        [SPAWN_GROUP] = "make a process group",
        [SPAWN_TIE] = "tie it to this process",
        [SPAWN_DESCRIPTORS] = "give it its descriptors",
        [SPAWN_NICE] = "set its niceness",
        [SPAWN_LIMITS] = "set its limits",
        [SPAWN_PROCESSORS] = "set its processors",
        [SPAWN_USER] = "become that user",
        [SPAWN_DIRECTORY] = "enter its directory",
        [SPAWN_EXECUTE] = "execute it",
    };
    const char *of = s->step == SPAWN_DIRECTORY ? plan->directory : "";

    return error_set(result, "cannot start %s: cannot %s%s%s: %s%s", plan->program, steps[s->step],
                     *of != '\0' ? " " : "", of, strerror(-result), hint(s, result));
}

static int start(struct preparation *p, const struct enl_spawn *how, struct enl_child *c)
{
    struct spawned s;
    int result = 0;

    if ((how->flags & ENL_SPAWN_DIES_WITH_PARENT) != 0 && c != NULL) {
        result = tie_create(&c->tie);
        if (result < 0)
            return error_set(result, "cannot start %s: cannot tie it to this process: %s",
                             p->plan.program, strerror(-result));
        c->tied = true;
        p->plan.tie_fd = c->tie.fd;
    }
    p->plan.detached = c == NULL;
    result = spawn_start(&p->plan, &s);
    if (result < 0)
        return explain(&p->plan, &s, result);
    if (c == NULL)
        return 0;
    c->pidfd = s.pidfd;
    c->pid = s.pid;
    c->own_group = p->plan.new_group || p->plan.new_session;
    return 0;
}

int enl_spawn(const struct enl_spawn *how, struct enl_child **ret_child)
{
    struct preparation *p = NULL;
    struct enl_child *c = NULL;
    int result = check(how);

    if (result < 0)
        return result;
    if (ret_child == NULL && (how->flags & ENL_SPAWN_DIES_WITH_PARENT) != 0)
        return error_set(-EINVAL, "a detached program has no parent to die with");
    children_sweep();
    result = prepare(how, &p);
    if (result == 0 && ret_child != NULL)
        result = children_create(&c);
    if (result == 0)
        result = start(p, how, c);
    release(p);
    if (result < 0) {
        if (c != NULL)
            children_destroy(c);
        return result;
    }
    if (c != NULL) {
        children_add(c);
        *ret_child = c;
    }
    return 0;
}
