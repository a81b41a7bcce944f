/* SPDX-License-Identifier: MIT */
/* Alarms: descriptors that become readable with time, beside the end of a child in one poll. No signal, no handler. */
#include <enlace/enlace.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

static int failed(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, enl_error_text());
    return 1;
}

int main(void)
{
    const char *const words[] = {"sleep", "60", NULL};
    struct pollfd fds[3] = {{.events = POLLIN}, {.events = POLLIN}, {.events = POLLIN}};
    struct enl_child *child;
    struct enl_status status;
    char text[ENL_STATUS_TEXT_MAX];
    uint64_t times;
    int ticks = 0;

    if (enl_spawn(&(struct enl_spawn){.argv = words}, &child) < 0)
        return failed("spawn");
    fds[0].fd = enl_child_fd(child);
    if (enl_alarm(enl_in_ms(20), INT64_C(20000000), &fds[1].fd) <
            0 ||                                      /* 20 ms from now, and every 20 ms */
        enl_alarm(enl_in_ms(150), 0, &fds[2].fd) < 0) /* once */
        return failed("alarm");
    while (poll(fds, 3, -1) > 0 && fds[0].revents == 0) {
        if (fds[1].revents != 0 && read(fds[1].fd, &times, sizeof times) == sizeof times)
            ticks += (int)times;
        if (fds[2].revents != 0 && read(fds[2].fd, &times, sizeof times) == sizeof times) {
            printf("%s\nthe alarm ends the child\n", ticks >= 3 ? "it ticked" : "too few ticks");
            if (enl_child_signal(child, enl_signal_number("TERM"), ENL_CHILD_ALONE) < 0)
                return failed("signal");
        }
    }
    if (enl_child_wait(child, ENL_FOREVER, &status) < 0)
        return failed("wait");
    printf("%s\n", enl_status_text(&status, text, sizeof text));
    enl_child_close(child);
    close(fds[1].fd);
    close(fds[2].fd);
    return 0;
}
