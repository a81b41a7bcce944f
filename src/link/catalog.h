/* SPDX-License-Identifier: MIT */
/* The list of mechanisms. */
#ifndef LINK_CATALOG_H
#define LINK_CATALOG_H

#include "base/address.h"

struct link_driver;

/* Parses an address and finds its driver. */
int catalog_find(const char *address, struct address *ret_address,
                 const struct link_driver **ret_driver);

/* The driver of a descriptor, or NULL. */
const struct link_driver *catalog_recognise(int fd);

/* Tests put a driver of their own behind the others; NULL takes it away. */
void catalog_set_extra(const struct link_driver *driver);

#endif
