/* SPDX-License-Identifier: MIT */
/* The list of mechanisms: a new one is a line here. */
#include "link/catalog.h"

#include "base/error.h"
#include "link/link.h"

#include <errno.h>
#include <string.h>

extern const struct link_driver channel_driver;
extern const struct link_driver eventfd_driver;
extern const struct link_driver fd_driver;
extern const struct link_driver fifo_driver;
extern const struct link_driver mq_driver;
extern const struct link_driver pipe_driver;
extern const struct link_driver signal_driver;
extern const struct link_driver svmsg_driver;
extern const struct link_driver tcp_driver;
extern const struct link_driver udp_driver;
extern const struct link_driver unix_driver;

static const struct link_driver *const drivers[] = {
    /* before unix, which would take its unused ends for sockets */
    &channel_driver, &pipe_driver,  &fifo_driver,    &unix_driver,   &tcp_driver, &udp_driver,
    &mq_driver,      &svmsg_driver, &eventfd_driver, &signal_driver, &fd_driver,
};

#define DRIVER_COUNT (sizeof drivers / sizeof drivers[0])

/* Of tests alone; a global, because the conformance suite opens links by address as programs do. */
static const struct link_driver *extra;

void catalog_set_extra(const struct link_driver *driver)
{
    extra = driver;
}

static const struct link_driver *at(size_t index)
{
    return index < DRIVER_COUNT ? drivers[index] : index == DRIVER_COUNT ? extra : NULL;
}

const struct enl_mechanism *enl_mechanism(size_t index)
{
    const struct link_driver *driver = at(index);

    return driver == NULL ? NULL : &driver->face;
}

int catalog_find(const char *address, struct address *ret_address,
                 const struct link_driver **ret_driver)
{
    const struct address_scheme *schemes[DRIVER_COUNT + 2] = {NULL};
    int result;

    for (size_t i = 0; at(i) != NULL; i++)
        schemes[i] = &at(i)->address;
    result = address_parse(address, schemes, ret_address);
    for (size_t i = 0; result == 0 && at(i) != NULL; i++)
        if (&at(i)->address == ret_address->scheme)
            *ret_driver = at(i);
    return result;
}

const struct link_driver *catalog_recognise(int fd)
{
    for (size_t i = 0; at(i) != NULL; i++)
        if (at(i)->recognise != NULL && at(i)->recognise(fd))
            return at(i);
    return NULL;
}

int enl_address_caps(const char *address, struct enl_caps *ret_caps)
{
    const struct link_driver *driver = NULL;
    struct enl_caps caps;
    struct address a;
    int result = catalog_find(address, &a, &driver);

    if (driver == NULL)
        return result;
    caps = driver->face.caps;
    if (driver->describe != NULL)
        result = driver->describe(&a, &caps);
    if (result == 0 && ret_caps != NULL)
        *ret_caps = caps;
    return result;
}

const char *enl_capability_name(uint32_t bit)
{
    static const char *const names[] = {
        "boundaries",  "order",        "lossless",   "fixed size",  "priority",       "types",
        "duplex",      "fan-out",      "persistent", "acknowledge", "fd passing",     "credentials",
        "sender",      "file sending", "pollable",   "zero copy",   "empty messages", "end told",
        "broken told", "batching",     "merging",    "peek",
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (bit == 1u << i)
            return names[i];
    return NULL;
}
