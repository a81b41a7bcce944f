/* SPDX-License-Identifier: MIT */
/* Masks and pending signals: what is blocked waits, an ordinary signal once, a real-time one as often as it was sent; and
 * a disposition that is restored. */
#include <enlace/enlace.h>
#include <signal.h>
#include <stdio.h>

static int failed(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, enl_error_text());
    return 1;
}

static void show_pending(const char *when)
{
    char names[ENL_SIGNALS_TEXT_MAX];

    printf("%-22s pending: %s\n", when,
           enl_signals_text(enl_signal_pending(), names, sizeof names));
}

int main(void)
{
    const char *const both = "USR1,RTMIN+1";
    const int realtime = enl_signal_number("RTMIN+1");
    struct enl_disposition before;
    struct enl_signal_info info;
    enl_signals mask;

    if (enl_disposition_set(SIGUSR1, &(struct enl_disposition){.reaction = ENL_SIGNAL_COUNT},
                            &before) < 0 ||
        enl_signal_block(both, &mask) < 0)
        return failed("block");
    show_pending("blocked");
    for (int i = 1; i <= 3; i++)
        if (enl_signal_send_value(SIGUSR1, ENL_TO_SELF, 0, i) < 0 ||
            enl_signal_send_value(realtime, ENL_TO_SELF, 0, 10 * (intptr_t)i) < 0)
            return failed("send");
    show_pending("each sent three times");
    while (enl_signal_wait("RTMIN+1", ENL_NOW, &info) > 0)
        printf("taken: RTMIN+1 with %d\n", (int)info.value);
    show_pending("RTMIN+1 taken");
    if (enl_signal_mask(mask) < 0)
        return failed("mask");
    printf("unblocked: USR1 was handled %d time\n", enl_signal_count(SIGUSR1));
    show_pending("at the end");

    if (enl_signal_block("KILL", NULL) < 0)
        printf("%s\n", enl_error_text());
    if (enl_signal_wait("USR1", ENL_NOW, &info) < 0)
        printf("%s\n", enl_error_text());
    if (enl_disposition_set(SIGUSR1, &before, NULL) < 0 ||
        enl_disposition_get(SIGUSR1, &before) < 0)
        return failed("restore");
    printf("restored: %s\n", before.reaction == ENL_SIGNAL_DEFAULT ? "default" : "something else");
    return 0;
}
