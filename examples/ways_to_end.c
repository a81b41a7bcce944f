/* SPDX-License-Identifier: MIT */
/* Ways to end, and what each does to exit handlers and to what is still in stdout's buffer, by the buffer's policy. The
 * program runs itself for each field of the table. */
#include <enlace/enlace.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static const char *const ways[] = {"return", "exit", "_exit", "quick_exit", "abort", "SIGTERM"};
static const char *const policies[] = {"none", "line", "full"};

static void handler(void *argument)
{
    if (write(2, argument, 1) != 1) /* not stdout: its fate is what is shown */
        abort();
}

/* Prints half a line behind a whole one, and ends. */
static int end(const char *way, int policy)
{
    static char first[] = "1", second[] = "2";

    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    if (enl_set_buffering(stdout, (enum enl_buffering)policy) < 0 ||
        enl_at_exit(handler, first) < 0 || enl_at_exit(handler, second) < 0)
        return 1;
    printf("line\nrest");
    if (strcmp(way, "exit") == 0)
        exit(0);
    if (strcmp(way, "_exit") == 0)
        _exit(0);
    if (strcmp(way, "quick_exit") == 0)
        quick_exit(0);
    if (strcmp(way, "abort") == 0)
        abort();
    if (strcmp(way, "SIGTERM") == 0)
        raise(SIGTERM);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3)
        return end(argv[1], atoi(argv[2]));
    printf("%-12s%-10s%-14s%-14s%-14s%s\n", "way", "handlers", "none", "line", "full", "status");
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        char shown[3][16] = {"", "", ""}, handlers[16] = "", text[ENL_STATUS_TEXT_MAX];

        for (int k = 0; k < 3; k++) {
            const char *const words[] = {argv[0], ways[i], k == 0 ? "0" : k == 1 ? "1" : "2", NULL};
            struct enl_run_output out;

            if (enl_run(&(struct enl_spawn){.program = "/proc/self/exe", .argv = words}, NULL,
                        enl_in_ms(60000), &out) < 0) {
                fprintf(stderr, "%s\n", enl_error_text());
                return 1;
            }
            for (char *c = out.output; *c != '\0'; c++)
                *c = *c == '\n' ? '+' : *c;
            snprintf(shown[k], sizeof shown[k], "%s", *out.output == '\0' ? "-" : out.output);
            snprintf(handlers, sizeof handlers, "%s", *out.error == '\0' ? "-" : out.error);
            enl_status_text(&out.status, text, sizeof text);
            enl_run_free(&out);
        }
        printf("%-12s%-10s%-14s%-14s%-14s%s\n", ways[i], handlers, shown[0], shown[1], shown[2],
               text);
    }
    printf("(%s, %s and %s are the policies of stdout)\n", policies[0], policies[1], policies[2]);
    return 0;
}
