/* SPDX-License-Identifier: MIT */
/* A System V set: philosophers take both their forks at once or none, wait for zero, and what one of them holds when it is
 * killed the kernel gives back. */
#include <enlace/enlace.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define SEATS 5
#define MEALS 20
#define GUESTS SEATS /* the semaphore behind the forks: who is still at the table */

static struct enl_sync *table;

static int failed(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, enl_error_text());
    return 1;
}

static int dine(uint16_t seat)
{
    const uint16_t left = seat, right = (uint16_t)((seat + 1) % SEATS);
    const struct enl_semaphore_step take[] = {{left, -1, ENL_UNDO}, {right, -1, ENL_UNDO}};
    const struct enl_semaphore_step give[] = {{left, 1, ENL_UNDO}, {right, 1, ENL_UNDO}};
    const struct enl_semaphore_step leave[] = {{GUESTS, -1, 0}};

    for (int i = 0; i < MEALS; i++)
        if (enl_semaphore_operate(table, take, 2, ENL_FOREVER) < 0 ||
            enl_semaphore_operate(table, give, 2, ENL_NOW) < 0)
            return failed("dine");
    return enl_semaphore_operate(table, leave, 1, ENL_NOW) < 0 ? failed("leave") : 0;
}

/* Takes two forks, says so, and keeps them. */
static void hoard(void)
{
    const struct enl_semaphore_step take[] = {{0, -1, ENL_UNDO}, {1, -1, ENL_UNDO}, {GUESTS, 1, 0}};

    (void)enl_semaphore_operate(table, take, 3, ENL_FOREVER);
    for (;;)
        (void)pause();
}

static int kill_hoarder(void)
{
    const struct enl_semaphore_step is_there[] = {{GUESTS, -1, 0}};
    const struct enl_semaphore_step both[] = {{0, -1, 0}, {1, -1, 0}};
    const struct enl_semaphore_step back[] = {{0, 1, 0}, {1, 1, 0}};
    pid_t child = fork();

    if (child == 0)
        hoard();
    if (enl_semaphore_operate(table, is_there, 1, ENL_FOREVER) < 0)
        return failed("hoarder");
    if (enl_semaphore_operate(table, both, 2, ENL_NOW) == -EAGAIN)
        printf("two forks are held\n");
    (void)kill(child, SIGKILL);
    if (enl_semaphore_operate(table, both, 2, ENL_FOREVER) < 0 ||
        enl_semaphore_operate(table, back, 2, ENL_NOW) < 0)
        return failed("undo");
    printf("their holder was killed, and they are back\n");
    return waitpid(child, NULL, 0) == child ? 0 : 1;
}

int main(void)
{
    const struct enl_semaphore_step all_came[] = {{GUESTS, SEATS, 0}};
    const struct enl_semaphore_step all_left[] = {{GUESTS, 0, 0}};
    const struct enl_semaphore_step too_many[] = {{SEATS + 1, 1, 0}};
    int result = 0;

    /* without a key, for relatives; svsem:0x1234 and svsem:/path#1 are for all */
    if (enl_sync_open("svsem:?count=6&value=1", ENL_CREATE, &table) < 0)
        return failed("open");
    if (enl_semaphore_operate(table, &(struct enl_semaphore_step){GUESTS, -1, 0}, 1, ENL_NOW) < 0)
        return failed("nobody is there yet");
    result = kill_hoarder();
    if (result == 0 && enl_semaphore_operate(table, all_came, 1, ENL_NOW) < 0)
        result = failed("come");
    for (uint16_t seat = 0; seat < SEATS && result == 0; seat++)
        if (fork() == 0)
            _exit(dine(seat));
    if (result == 0 && enl_semaphore_operate(table, all_left, 1, ENL_FOREVER) < 0)
        result = failed("wait for zero");
    while (wait(NULL) > 0)
        ;
    if (result == 0)
        printf("%d philosophers had %d meals each\n", SEATS, MEALS);
    if (enl_semaphore_operate(table, too_many, 1, ENL_NOW) < 0)
        printf("%s\n", enl_error_text());
    enl_sync_close(table);
    return result;
}
