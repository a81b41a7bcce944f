/* SPDX-License-Identifier: MIT */
/* What the proofs of svmsg.c share: a queue whose key is that of the test's directory. */
#ifndef LINK_SVMSG_RIG_TEST_H
#define LINK_SVMSG_RIG_TEST_H

#include "link/link.h"
#include "runner/test.h"

#include <enlace/error.h>
#include <stdio.h>

static inline const char *address_of(const char *options)
{
    static char addresses[4][300];
    static unsigned next;
    char *address = addresses[next++ % 4];

    (void)snprintf(address, sizeof addresses[0], "svmsg:%s#1%s", test_dir(), options);
    return address;
}

static inline struct enl_link *open_ok(const char *address, unsigned flags)
{
    struct enl_link *l = NULL;

    CHECK_OK(enl_open(address, flags, &l));
    return l;
}

static inline struct enl_link *make(const char *options)
{
    return open_ok(address_of(options), ENL_READ | ENL_WRITE | ENL_CREATE);
}

static inline void end(struct enl_link *l)
{
    enl_close(l);
    CHECK_OK(enl_unlink(address_of("")));
}

__attribute__((constructor)) static void explain(void)
{
    test_explain = enl_error_text;
}

#endif
