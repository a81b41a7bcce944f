/* SPDX-License-Identifier: MIT */
/* A semaphore by name, of programs that do not know each other: two of them take turns, this one and one that it starts, which
 * is given nothing but the name.
 *
 *     semaphore_named [ADDRESS]     as in sem:/turns, svsem:0x1234, shm:/turns; sem:/enlace-turns-PID if not given */
#include <enlace/enlace.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TURNS 3

static int failed(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, enl_error_text());
    return 1;
}

/* What the other program does: for each post of the first one, a post of its own at the second name. */
static int answer(const char *ask, const char *reply)
{
    struct enl_sync *asked, *replied;

    if (enl_sync_open(ask, 0, &asked) < 0 || enl_sync_open(reply, 0, &replied) < 0)
        return failed("open");
    for (int i = 0; i < TURNS; i++)
        if (enl_semaphore_wait(asked, ENL_FOREVER) < 0 || enl_semaphore_post(replied, 1) < 0)
            return failed("answer");
    enl_sync_close(asked);
    enl_sync_close(replied);
    return 0;
}

static int take_turns(struct enl_sync *ask, struct enl_sync *reply)
{
    for (int i = 1; i <= TURNS; i++) {
        if (enl_semaphore_wait(reply, ENL_NOW) != -EAGAIN)
            return failed("too early");
        if (enl_semaphore_post(ask, 1) < 0 || enl_semaphore_wait(reply, enl_in_ms(10000)) < 0)
            return failed("turn");
        printf("turn %d\n", i);
    }
    return 0;
}

static int play(const char *program, const char *ask_name, const char *reply_name)
{
    const char *words[] = {program, ask_name, reply_name, NULL};
    struct enl_sync *ask, *reply;
    struct enl_child *child;
    struct enl_status status;
    int result;

    if (enl_sync_open(ask_name, ENL_CREATE | ENL_EXCLUSIVE, &ask) < 0)
        return failed("make");
    if (enl_sync_open(reply_name, ENL_CREATE | ENL_EXCLUSIVE, &reply) < 0)
        return failed("make");
    if (enl_spawn(&(struct enl_spawn){.argv = words}, &child) < 0)
        return failed("start");
    result = take_turns(ask, reply);
    if (enl_child_wait(child, ENL_FOREVER, &status) < 0)
        result = failed("end");
    enl_child_close(child);
    enl_sync_close(ask);
    enl_sync_close(reply);
    if (enl_sync_unlink(ask_name) < 0 || enl_sync_unlink(reply_name) < 0)
        return failed("remove");
    return result;
}

int main(int count, char *words[])
{
    char ask[200], reply[210];

    if (count > 2)
        return answer(words[1], words[2]);
    (void)snprintf(ask, sizeof ask, "sem:/enlace-turns-%d", (int)getpid());
    if (count > 1)
        (void)snprintf(ask, sizeof ask, "%s", words[1]);
    (void)snprintf(reply, sizeof reply, "%s%s", ask,
                   strncmp(ask, "svsem:", 6) == 0 ? "1" : "-reply");
    return play(words[0], ask, reply);
}
