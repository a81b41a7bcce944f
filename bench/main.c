/* SPDX-License-Identifier: MIT */
/* The benchmark: floors, then rows, then bars. docs/design/measuring.md tells how to read it. */
#include "options.h"
#include "place.h"
#include "report.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define FLOORS_NS 3000000000u
#define FLOORS_QUICK_NS 1000000000u

static int measure(const struct options *o)
{
    static struct report report;
    int r;

    rows_make(o, &report.rows);
    if (report.rows.row_count + report.rows.call_count == 0) {
        (void)fprintf(stderr, "bench: nothing is selected; see bench --list\n");
        return 2;
    }
    machine_start(&report.machine);
    report.machine.raised = place_raise_session();
    report_machine(&report);
    floors_measure(&report.floors, o->quick ? FLOORS_QUICK_NS : FLOORS_NS);
    report_floors(&report);
    (void)fflush(stdout);
    rows_measure(&report.rows, o);
    machine_finish(&report.machine);
    report_rows(&report);
    report_bars(&report);
    r = report_json(&report, o->json);
    if (r < 0) {
        (void)fprintf(stderr, "bench: %s: %s\n", o->json, strerror(-r));
        return 2;
    }
    return report.floors.ring_held == 0;
}

/* The run is a child, so that it can be raised as a session of its own while this process stays
 * in the terminal's, where an interrupt ends it and with it the child. */
int main(int argc, char *argv[])
{
    struct options options;
    int status;
    pid_t child;

    options_parse(argc, argv, &options);
    if (options.list) {
        static struct rows rows;

        rows_make(&options, &rows);
        report_list(&rows);
        return 0;
    }
    child = fork();
    if (child < 0) {
        perror("bench: fork");
        return 2;
    }
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        return measure(&options);
    }
    if (waitpid(child, &status, 0) < 0)
        return 2;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 2;
}
