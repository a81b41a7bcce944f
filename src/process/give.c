/* SPDX-License-Identifier: MIT */
/* What a child is given: the descriptors to be moved, and the text by which it finds links by name. */
#include "process/give.h"

#include "base/error.h"
#include "kernel/descriptor.h"
#include "link/link.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_MOST (1 << 20)

static int check(const struct enl_give *g)
{
    size_t size;

    if (g->fd == ENL_FD_ANY && g->name == NULL)
        return error_set(-EINVAL, "what is given under any number needs a name to be found by");
    if (g->fd < ENL_FD_ANY || g->fd > NUMBER_MOST)
        return error_set(-EINVAL, "%d is no number of a descriptor", g->fd);
    if (g->link == NULL && g->from_fd < 0 && g->from_fd != ENL_NULL_DEVICE)
        return error_set(-EINVAL, "what is given as %d is neither a link nor a descriptor: %d",
                         g->fd, g->from_fd);
    if (g->name == NULL)
        return 0;
    size = strlen(g->name);
    for (size_t i = 0; i < size; i++) {
        char c = g->name[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '_' || c == '-' || c == '.'))
            return error_set(-EINVAL, "\"%s\": a name has letters, digits, '_', '-' and '.'",
                             g->name);
    }
    if (size == 0 || size >= GIVE_NAME_MAX)
        return error_set(-EINVAL, "\"%s\": a name has 1 to %d letters", g->name, GIVE_NAME_MAX - 1);
    return 0;
}

static bool is_taken(const struct enl_give give[], size_t count, const struct gifts *gifts, int fd)
{
    for (size_t i = 0; i < count; i++)
        if (give[i].fd == fd)
            return true;
    for (size_t i = 0; i < gifts->count; i++)
        if (gifts->moves[i].to == fd)
            return true;
    return false;
}

/* From 3 on, the lowest that nobody asked for. */
static int number_for(const struct enl_give give[], size_t count, const struct gifts *gifts,
                      const struct enl_give *g)
{
    int fd = 3;

    if (g->fd != ENL_FD_ANY)
        return g->fd;
    while (is_taken(give, count, gifts, fd))
        fd++;
    return fd;
}

static int add_name(struct gifts *gifts, const char *name, int from, const char *address)
{
    struct descriptor_facts facts;
    size_t used = strlen(gifts->text);
    int result = descriptor_facts(from, &facts);

    if (result < 0)
        return error_set(result, "%s: there is no descriptor %d", name, from);
    (void)snprintf(gifts->text + used, sizeof gifts->text - used, "%s%s=%" PRIx64 ":%" PRIx64 "=%s",
                   gifts->text[used - 1] == '=' ? "" : " ", name, facts.device, facts.inode,
                   address);
    return 0;
}

static int add(struct gifts *gifts, const struct enl_give *g, int to)
{
    struct descriptor_facts facts;
    char address[GIVE_ADDRESS_MAX];
    int from = g->from_fd;
    int result = 0;

    (void)snprintf(address, sizeof address, "fd:%d", to);
    if (g->link != NULL)
        result = link_give(g->link, to, address, sizeof address, &from);
    else if (from >= 0 && descriptor_facts(from, &facts) < 0)
        result = error_set(-EBADF, "there is no descriptor %d to be given", from);
    else if (from < 0 && g->name != NULL)
        result = error_set(-EINVAL, "%s: /dev/null is no link, so it has no name", g->name);
    if (result == 0 && g->name != NULL)
        result = add_name(gifts, g->name, from, address);
    if (result < 0)
        return result;
    gifts->moves[gifts->count++] = (struct spawn_move){.from = from, .to = to};
    return 0;
}

static int by_number(const void *a, const void *b)
{
    const struct spawn_move *x = a, *y = b;

    return (x->to > y->to) - (x->to < y->to);
}

int give_prepare(const struct enl_give give[], size_t count, struct gifts *ret_gifts)
{
    int result = 0;

    ret_gifts->count = 0;
    (void)snprintf(ret_gifts->text, sizeof ret_gifts->text, "%s=", GIVE_VARIABLE);
    if (count > ENL_GIVE_MOST)
        return error_set(-EINVAL, "%zu things to give are more than ENL_GIVE_MOST, %d", count,
                         ENL_GIVE_MOST);
    for (size_t i = 0; i < count && result == 0; i++) {
        result = check(&give[i]);
        for (size_t k = 0; k < i && result == 0; k++) {
            if (give[i].fd >= 0 && give[k].fd == give[i].fd)
                result = error_set(-EINVAL, "two things are given as descriptor %d", give[i].fd);
            else if (give[i].name != NULL && give[k].name != NULL &&
                     strcmp(give[i].name, give[k].name) == 0)
                result = error_set(-EINVAL, "two things are given as %s", give[i].name);
        }
    }
    for (size_t i = 0; i < count && result == 0; i++)
        result = add(ret_gifts, &give[i], number_for(give, count, ret_gifts, &give[i]));
    qsort(ret_gifts->moves, ret_gifts->count, sizeof ret_gifts->moves[0], by_number);
    return result;
}

bool give_has_names(const struct gifts *gifts)
{
    return gifts->text[sizeof GIVE_VARIABLE] != '\0';
}
