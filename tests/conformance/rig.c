/* SPDX-License-Identifier: MIT */
/* Lets the two ends of a link meet, in the way that its capabilities name. */
#include "suite.h"

#include <stdio.h>
#include <string.h>

/* A variable of a pattern, or one character of it. */
static const char *next_part(const char **pattern, const char *directory, const char *id,
                             int *ret_length)
{
    static const struct {
        const char *name;
        size_t length;
    } variables[] = {{"$DIR", 4}, {"$ID", 3}};
    const char *values[] = {directory, id};

    for (size_t i = 0; i < 2; i++) {
        if (strncmp(*pattern, variables[i].name, variables[i].length) != 0)
            continue;
        *pattern += variables[i].length;
        *ret_length = (int)strlen(values[i]);
        return values[i];
    }
    *ret_length = 1;
    return (*pattern)++;
}

void address_expand(const char *pattern, const char *directory, const char *id,
                    char ret_address[ADDRESS_SIZE_MAX])
{
    size_t used = 0;

    while (*pattern != '\0') {
        int length;
        const char *part = next_part(&pattern, directory, id, &length);
        used += (size_t)snprintf(ret_address + used, ADDRESS_SIZE_MAX - used, "%.*s", length, part);
        if (used >= ADDRESS_SIZE_MAX)
            FAIL("address is too long: %s", ret_address);
    }
}

static void add_option(char address[ADDRESS_SIZE_MAX], const char *option)
{
    size_t used = strlen(address);
    const char *mark = strchr(address, '?') != NULL ? "&" : "?";

    snprintf(address + used, ADDRESS_SIZE_MAX - used, "%s%s", mark, option);
    CHECK(strlen(address) + 1 < ADDRESS_SIZE_MAX);
}

void rig_add_option(struct rig *r, const char *option)
{
    add_option(r->address, option);
    add_option(r->sender_address, option);
}

static void add_number(char address[ADDRESS_SIZE_MAX], unsigned number)
{
    char options[ADDRESS_SIZE_MAX];
    size_t name_size = strcspn(address, "?");

    snprintf(options, sizeof(options), "%s", address + name_size);
    snprintf(address + name_size, ADDRESS_SIZE_MAX - name_size, "%u%s", number, options);
}

void rig_number(struct rig *r, unsigned number)
{
    if (rig_way(r) == ENL_MEET_PAIR)
        return; /* it has no name */
    add_number(r->address, number);
    add_number(r->sender_address, number);
}

void rig_move(struct rig *r, const char *directory)
{
    const struct mechanism *m = r->mechanism;
    const char *sender_address = m->sender_address != NULL ? m->sender_address : m->address;

    address_expand(m->address, directory, test_name("link"), r->address);
    address_expand(sender_address, directory, test_name("link"), r->sender_address);
}

bool rig_has_path(const struct rig *r)
{
    return strstr(r->mechanism->address, "$DIR") != NULL;
}

void rig_path(const struct rig *r, char ret_path[ADDRESS_SIZE_MAX])
{
    const char *path = strchr(r->address, ':') + 1;

    CHECK(rig_has_path(r));
    snprintf(ret_path, ADDRESS_SIZE_MAX, "%.*s", (int)strcspn(path, "?"), path);
}

bool rig_can(const struct rig *r, uint32_t can)
{
    return (r->caps.can & can) == can;
}

uint32_t rig_way(const struct rig *r)
{
    static const uint32_t ways[] = {ENL_MEET_PAIR, ENL_MEET_OPEN, ENL_MEET_LISTEN};

    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
        if ((r->caps.meet & ways[i]) != 0)
            return ways[i];
    FAIL("%s: its ends cannot meet", r->address);
}

unsigned rig_sender_flags(const struct rig *r)
{
    return rig_can(r, ENL_CAN_DUPLEX) ? ENL_READ | ENL_WRITE : ENL_WRITE;
}

unsigned rig_receiver_flags(const struct rig *r)
{
    return ENL_CREATE | (rig_can(r, ENL_CAN_DUPLEX) ? ENL_READ | ENL_WRITE : ENL_READ);
}

void rig_init(struct rig *r, const struct mechanism *m)
{
    memset(r, 0, sizeof(*r));
    r->mechanism = m;
    rig_move(r, test_dir());
    CHECK_OK(enl_address_caps(r->address, &r->caps));
}

void rig_meet(struct rig *r)
{
    struct enl_link *ends[2];

    switch (rig_way(r)) {
    case ENL_MEET_PAIR:
        CHECK_OK(enl_pair(r->address, ends));
        r->receiver = ends[0];
        r->sender = ends[1];
        break;
    case ENL_MEET_OPEN:
        CHECK_OK(enl_open(r->address, rig_receiver_flags(r), &r->receiver));
        CHECK_OK(enl_open(r->sender_address, rig_sender_flags(r), &r->sender));
        break;
    default:
        CHECK_OK(enl_listen(r->address, &r->listener));
        CHECK_OK(enl_open(r->sender_address, rig_sender_flags(r), &r->sender));
        CHECK_OK(enl_accept(r->listener, test_until(), &r->receiver));
    }
    r->drains = enl_drain(r->sender, ENL_NOW) != -ENOTSUP;
}

void rig_close(struct rig *r)
{
    rig_close_sender(r);
    rig_close_receiver(r);
    enl_close(r->listener);
    r->listener = NULL;
    if (rig_way(r) == ENL_MEET_OPEN)
        (void)enl_unlink(r->address);
}

void rig_close_sender(struct rig *r)
{
    enl_close(r->sender);
    r->sender = NULL;
}

void rig_close_receiver(struct rig *r)
{
    enl_close(r->receiver);
    r->receiver = NULL;
}

struct enl_link *rig_more_sender(struct rig *r)
{
    struct enl_link *l;

    if (rig_way(r) == ENL_MEET_PAIR)
        return r->sender;
    CHECK_OK(enl_open(r->sender_address, rig_sender_flags(r), &l));
    return l;
}
