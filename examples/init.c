/* SPDX-License-Identifier: MIT */
/* A container's init: starts one service, adopts and collects orphans, passes SIGTERM and SIGINT on, starts the service
 * again when it fails, each time later, and stops in order: init PROGRAM [ARGUMENT...] */
#include <enlace/enlace.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define FIRST_PAUSE_MS 10
#define TRIES_MOST 4

static int failed(const char *what)
{
    fprintf(stderr, "init: %s: %s\n", what, enl_error_text());
    return 1;
}

/* A descriptor that is readable when one of these came; SIGCHLD tells of orphans that ended. */
static int watch_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

/* Until the service ends, or we are told to stop (*stop). */
static int serve(struct enl_child *service, int signals, int *stop, struct enl_status *status)
{
    struct pollfd fds[] = {{.fd = enl_child_fd(service), .events = POLLIN},
                           {.fd = signals, .events = POLLIN}};
    struct signalfd_siginfo info;
    int32_t pid;

    while (poll(fds, 2, -1) >= 0) {
        if (fds[1].revents != 0 && read(signals, &info, sizeof info) == sizeof info &&
            info.ssi_signo != SIGCHLD) {
            *stop = 1;
            return enl_child_end(service, ENL_CHILD_GROUP, enl_in_ms(5000), status);
        }
        while (enl_reap_any(&pid, NULL) == 0) /* the service's own end is kept for the wait */
            if (pid != enl_child_pid(service))
                printf("init: collected an orphan\n");
        if (fds[0].revents != 0)
            return enl_child_wait(service, ENL_NOW, status);
    }
    return -errno;
}

int main(int argc, char **argv)
{
    const struct enl_spawn how = {.argv = (const char *const *)argv + 1,
                                  .flags = ENL_SPAWN_SESSION | ENL_SPAWN_DIES_WITH_PARENT};
    int signals = watch_signals();
    int stop = 0;
    int pause_ms = FIRST_PAUSE_MS;
    struct enl_status status = {.number = 1};
    char text[ENL_STATUS_TEXT_MAX];

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc < 2 || enl_adopt_orphans(1) < 0)
        return failed("start");
    for (int tries = 1; tries <= TRIES_MOST && !stop; tries++) {
        struct enl_child *service;

        if (enl_spawn(&how, &service) < 0)
            return failed("spawn");
        if (serve(service, signals, &stop, &status) < 0)
            return failed("wait");
        printf("init: the service %s\n", enl_status_text(&status, text, sizeof text));
        enl_child_close(service);
        if (status.change == ENL_EXITED && status.number == 0)
            return 0;
        if (!stop && tries < TRIES_MOST) {
            printf("init: starting it again in %d ms\n", pause_ms);
            poll(NULL, 0, pause_ms);
            pause_ms *= 2;
        }
    }
    return status.change == ENL_EXITED ? status.number : 128 + status.number;
}
