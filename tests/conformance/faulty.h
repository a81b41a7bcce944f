/* SPDX-License-Identifier: MIT */
/* A mechanism that can be wrong in many ways, one at a time: the suite must notice each. */
#ifndef CONFORMANCE_FAULTY_H
#define CONFORMANCE_FAULTY_H

#include "suite.h"

struct fault {
    const char *name;
    const char *program;   /* conformance_<program>_test holds the case */
    const char *case_name; /* the case that must fail, others may */
};

/* Up to one without a name. The first, "none", is no fault. */
extern const struct fault faults[];

/* With this in the environment a test program runs its cases for the faulty mechanism alone. */
#define FAULT_VARIABLE "CONFORMANCE_FAULT"

/* Puts the mechanism with that fault into the catalog and gives its line of the table; NULL if
 * there is no such fault. */
const struct mechanism *faulty_install(const char *fault);

#endif
