/* SPDX-License-Identifier: MIT */
/* Registers each case for each mechanism to which, by its capabilities, it applies. */
#include "suite.h"

#include "faulty.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct job {
    const struct suite_case *suite_case;
    const struct mechanism *mechanism;
};

static void run_job(const void *argument)
{
    const struct job *job = argument;
    struct rig r;

    if (job->mechanism->prepare != NULL)
        job->mechanism->prepare();
    rig_init(&r, job->mechanism);
    if (!job->suite_case->bare)
        rig_meet(&r);
    job->suite_case->run(&r);
    rig_close(&r);
}

static void report_unknown(const void *argument)
{
    const struct mechanism *m = argument;
    struct rig r;

    rig_init(&r, m);
    FAIL("%s: its capabilities are known after all", m->address);
}

static bool applies(const struct suite_case *c, const struct enl_caps *caps)
{
    return (caps->can & c->needs) == c->needs && (caps->can & c->lacks) == 0 &&
           (c->meet == 0 || (caps->meet & c->meet) != 0) && caps->senders >= c->senders &&
           caps->receivers >= c->receivers && caps->largest_message >= c->largest;
}

static void add_one(const struct suite_case *c, const struct mechanism *m)
{
    /* many a fault shows as a hang, for which nobody should wait long */
    const char *fault = getenv(FAULT_VARIABLE);
    bool faulty = fault != NULL && strcmp(fault, "none") != 0;
    unsigned deadline_s = faulty ? 1 : c->deadline_s;
    struct job *job = malloc(sizeof(*job));
    char name[160];

    if (job == NULL)
        abort();
    *job = (struct job){.suite_case = c, .mechanism = m};
    snprintf(name, sizeof(name), "%s/%s", m->name, c->name);
    test_add(name, run_job, job,
             &(const struct test_options){.deadline_s = deadline_s, .stress = c->stress});
}

static void add_all(const struct suite_case cases[], size_t count, const struct mechanism *m)
{
    char address[ADDRESS_SIZE_MAX];
    struct enl_caps caps;

    address_expand(m->address, &(struct address_names){"/tmp", "link", "1", "1", "1"}, address);
    if (enl_address_caps(address, &caps) < 0) {
        char name[160];
        snprintf(name, sizeof(name), "%s/has_capabilities", m->name);
        test_add(name, report_unknown, m, NULL);
        return;
    }
    for (size_t i = 0; i < count; i++)
        if (applies(&cases[i], &caps))
            add_one(&cases[i], m);
}

/* The table's first line, or that of the faulty mechanism alone. */
static const struct mechanism *first_mechanism(bool *ret_alone)
{
    const char *fault = getenv(FAULT_VARIABLE);
    const struct mechanism *m = fault != NULL ? faulty_install(fault) : mechanisms;

    if (m == NULL) {
        (void)fprintf(stderr, FAULT_VARIABLE "=%s: there is no such fault\n", fault);
        exit(2);
    }
    *ret_alone = fault != NULL;
    return m;
}

void suite_add(const struct suite_case cases[], size_t count)
{
    bool alone;
    const struct mechanism *m = first_mechanism(&alone);

    test_explain = enl_error_text;
    for (; m->name != NULL; m++) {
        add_all(cases, count, m);
        if (alone)
            break;
    }
}
