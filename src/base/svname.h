/* SPDX-License-Identifier: MIT */
/* How a System V object is named in an address: by its key, or by a path and a number from which the system makes
 * one (ftok). Pure text: no file is asked for here. */
#ifndef BASE_SVNAME_H
#define BASE_SVNAME_H

#include "base/address.h"

#include <stdint.h>

#define SVNAME_MOST 4000 /* bytes of a name: a path, "#" and a number */

struct svname {
    int32_t key; /* where the path is empty; never 0, which is no key */
    int number;  /* 1 to 255 */
    char path[SVNAME_MOST + 1];
};

/* The name of a, which is not empty. -EINVAL with a text; noun says in it what is named: "queue". */
int svname_parse(const struct address *a, const char *noun, struct svname *ret_name);

#endif
