/* SPDX-License-Identifier: MIT */
/* A container's init: starts one service, adopts and collects orphans, passes HUP, USR1 and USR2 on, starts the service
 * again when it fails, each time later, and stops it in order when told TERM or INT: init PROGRAM [ARGUMENT...] */
#include <enlace/enlace.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>

#define FIRST_PAUSE_MS 10
#define TRIES_MOST 4
#define GRACE_MS 5000

/* Signals are messages, so all that happens comes one after the other; CHLD tells that somebody has ended. */
static struct enl_link *signals;
static struct enl_child *service; /* NULL: it does not run */
static int stop;

static int failed(const char *what)
{
    fprintf(stderr, "init: %s: %s\n", what, enl_error_text());
    return 1;
}

static void collect(void)
{
    int32_t pid;

    while (enl_reap_any(&pid, NULL) == 0) /* the service's own end is kept for the wait */
        if (service == NULL || pid != enl_child_pid(service))
            printf("init: collected an orphan\n");
}

/* Waits for the next signal, and does what it asks for. */
static int obey(enl_deadline until)
{
    char value[sizeof(void *)];
    struct enl_message m = {.data = value, .capacity = sizeof value};
    ssize_t result = enl_receive_message(signals, NULL, until, &m);

    if (result < 0)
        return (int)result;
    if (m.type == SIGCHLD)
        collect();
    else if (m.type == SIGTERM || m.type == SIGINT)
        stop = 1;
    else if (service != NULL)
        enl_child_signal(service, (int)m.type, ENL_CHILD_GROUP);
    return 0;
}

/* Until the service ends, or is told to. */
static int serve(struct enl_status *status)
{
    int result;

    while ((result = enl_child_wait(service, ENL_NOW, status)) == -EAGAIN) {
        if (stop)
            return enl_child_end(service, ENL_CHILD_GROUP, enl_in_ms(GRACE_MS), status);
        result = obey(ENL_FOREVER);
        if (result < 0)
            return result;
    }
    return result;
}

static int run_service(char **words, struct enl_status *status)
{
    const struct enl_spawn how = {.argv = (const char *const *)words,
                                  .flags = ENL_SPAWN_SESSION | ENL_SPAWN_DIES_WITH_PARENT};
    char text[ENL_STATUS_TEXT_MAX];

    if (enl_spawn(&how, &service) < 0)
        return failed("spawn");
    if (serve(status) < 0)
        return failed("wait");
    printf("init: the service %s\n", enl_status_text(status, text, sizeof text));
    enl_child_close(service);
    service = NULL;
    return 0;
}

int main(int argc, char **argv)
{
    struct enl_status status = {.number = 1};
    int pause_ms = FIRST_PAUSE_MS;

    if (argc < 2) {
        fprintf(stderr, "usage: init PROGRAM [ARGUMENT...]\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (enl_adopt_orphans(1) < 0 ||
        enl_open("signal:TERM,INT,HUP,USR1,USR2,CHLD", ENL_READ, &signals) < 0)
        return failed("start");
    for (int tries = 1; !stop; tries++) {
        enl_deadline again;

        if (run_service(argv + 1, &status) != 0)
            return 1;
        if (stop || tries == TRIES_MOST || (status.change == ENL_EXITED && status.number == 0))
            break;
        printf("init: starting it again in %d ms\n", pause_ms);
        again = enl_in_ms(pause_ms);
        while (!stop && obey(again) == 0)
            continue;
        pause_ms *= 2;
    }
    enl_close(signals);
    return status.change == ENL_EXITED ? status.number : 128 + status.number;
}
