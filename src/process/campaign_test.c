/* SPDX-License-Identifier: MIT */
/* A campaign: children and their parent are stopped, continued and killed at random, whatever they are doing. */
#include "process/shell_test.h"
#include "runner/test.h"

#include <dirent.h>
#include <enlace/enlace.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

__attribute__((constructor)) static void explain(void)
{
    test_explain = enl_error_text;
}

#define CHILDREN 4
#define ROUNDS 12

/* What the parent and who watches it share. */
struct campaign {
    unsigned seed;
    atomic_int steps;
};

static const char *const scripts[] = {
    "exit 7",
    "exec sleep 600",
    "trap '' TERM; while :; do sleep 0.01; done",   /* ignores */
    "sleep 1 & sleep 1 & wait",                     /* has children of its own */
    "exec yes",                                     /* never stops writing */
    "while :; do kill -STOP $$; done",              /* stops, again and again */
    "(sleep 0.01; kill -9 $$) & exec sleep 600",    /* is killed by somebody else */
    "sh -c 'sh -c \"sleep 1\" & sleep 1' & exit 7", /* leaves descendants behind */
};
#define SCRIPT_COUNT (sizeof scripts / sizeof scripts[0])

struct soldier {
    struct enl_child *child; /* NULL: nobody */
};

/* The leader of a group: so it is told from the descendants that it leaves behind, which no tie ends. */
static void enlist(struct soldier *s, unsigned choice)
{
    const struct enl_give give[] = {{.fd = 1, .from_fd = ENL_NULL_DEVICE}};

    s->child = start_shell(scripts[choice % SCRIPT_COUNT],
                           ENL_SPAWN_GROUP | ENL_SPAWN_DIES_WITH_PARENT, give, 1);
}

static void send_something(struct soldier *s, unsigned choice)
{
    static const int numbers[] = {SIGSTOP, SIGCONT, SIGTERM, SIGKILL, SIGSTOP, SIGKILL};
    int number = numbers[choice % (sizeof numbers / sizeof numbers[0])];
    int result = enl_child_signal(s->child, number,
                                  choice % 5 == 0   ? ENL_CHILD_GROUP
                                  : choice % 5 == 1 ? ENL_CHILD_TREE
                                                    : ENL_CHILD_ALONE);

    CHECK(result == 0 || result == -ESRCH);
}

static void dismiss(struct soldier *s, unsigned choice)
{
    struct enl_status status = {0}, again = {0};

    if (choice % 4 == 0) { /* before its end */
        enl_child_close(s->child);
        s->child = NULL;
        return;
    }
    CHECK_OK(enl_child_end(s->child, choice % 4 == 1 ? ENL_CHILD_TREE : ENL_CHILD_GROUP,
                           choice % 4 == 2 ? ENL_NOW : enl_in_ms(5), &status));
    CHECK(status.change == ENL_EXITED || status.change == ENL_KILLED);
    if (status.change == ENL_KILLED)
        CHECK(status.number == SIGKILL || status.number == SIGTERM);
    CHECK_OK(enl_child_wait(s->child, ENL_NOW, &again));
    CHECK_EQ(again.change, status.change);
    CHECK_EQ(again.number, status.number);
    enl_child_close(s->child);
    s->child = NULL;
}

static void run_something(unsigned choice)
{
    const char *const words[] = {"sh", "-c", scripts[choice % SCRIPT_COUNT], NULL};
    const struct enl_run_input input = {.limit_bytes = 100000, .grace_ms = 5};
    struct enl_run_output output;
    int result = enl_run(&(struct enl_spawn){.argv = words, .flags = ENL_SPAWN_DIES_WITH_PARENT},
                         &input, enl_in_ms(10), &output);

    CHECK(result == 0 || result == -ETIMEDOUT || result == -EFBIG);
    enl_run_free(&output);
}

static void step(struct campaign *c, struct soldier soldiers[CHILDREN], unsigned choice)
{
    struct soldier *s = &soldiers[choice / 64 % CHILDREN];
    unsigned detail = choice / 512;
    struct enl_status status;

    if (s->child == NULL)
        enlist(s, detail);
    else if (choice % 8 < 4)
        send_something(s, detail);
    else if (choice % 8 < 6)
        (void)enl_child_wait_change(s->child, enl_in_ms(2), &status);
    else if (choice % 8 == 6)
        dismiss(s, detail);
    else
        run_something(detail);
    (void)enl_reap();
    atomic_fetch_add(&c->steps, 1);
}

static void fight(void *argument)
{
    struct campaign *c = argument;
    struct soldier soldiers[CHILDREN] = {{NULL}};
    unsigned seed = c->seed;

    for (;;)
        step(c, soldiers, (unsigned)rand_r(&seed));
}

static void fight_to_the_end(void *argument)
{
    struct campaign *c = argument;
    struct soldier soldiers[CHILDREN] = {{NULL}};
    unsigned seed = c->seed;

    for (int i = 0; i < 150; i++)
        step(c, soldiers, (unsigned)rand_r(&seed));
    for (int i = 0; i < CHILDREN; i++)
        if (soldiers[i].child != NULL)
            dismiss(&soldiers[i], 1);
}

static struct campaign *begin(unsigned seed)
{
    struct campaign *c = test_shared(sizeof *c);

    *c = (struct campaign){.seed = seed};
    return c;
}

/* ---- who watches ------------------------------------------------------------------------------------------- */

struct facts {
    char state;
    pid_t parent, group;
};

static bool look_at(const char *pid, struct facts *ret)
{
    char path[300], text[512];
    const char *after;
    int parent, group;
    FILE *file;

    (void)snprintf(path, sizeof path, "/proc/%s/stat", pid);
    file = fopen(path, "re");
    if (file == NULL)
        return false;
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    (void)fclose(file);
    after = strrchr(text, ')');
    if (after == NULL || sscanf(after + 1, " %c %d %d", &ret->state, &parent, &group) != 3)
        return false;
    ret->parent = parent;
    ret->group = group;
    return true;
}

/* What the parent has left behind came to this process, which alone collects it: until then its numbers are its own.
 * Those that were tied end by themselves, else this goes on for ever; the others, some of them stopped, are ended. */
static void expect_nobody(void)
{
    for (;;) {
        DIR *folder = opendir("/proc");
        const struct dirent *entry;
        struct facts facts;
        pid_t pid;

        CHECK(folder != NULL);
        while ((entry = readdir(folder)) != NULL) {
            pid = atoi(entry->d_name);
            if (pid > 0 && look_at(entry->d_name, &facts) && facts.parent == getpid() &&
                facts.group != pid)
                (void)kill(pid, SIGKILL);
        }
        (void)closedir(folder);
        while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
            continue;
        if (pid < 0)
            return;
        (void)usleep(1000);
    }
}

TEST(parent_stopped_and_killed_at_random_leaves_no_tied_child, .stress = true, .deadline_s = 120)
{
    unsigned seed = (unsigned)getpid();

    if (test_is_emulated())
        SKIP("the emulator adopts no orphans");
    CHECK_OK(enl_adopt_orphans(1));
    for (int round = 0; round < ROUNDS; round++) {
        struct campaign *c = begin(seed + (unsigned)round);
        pid_t parent = test_child(fight, c);

        for (int i = 0; i < 6; i++) {
            (void)usleep((unsigned)rand_r(&seed) % 8000);
            CHECK_EQ(kill(parent, i % 2 == 0 ? SIGSTOP : SIGCONT), 0);
        }
        while (atomic_load(&c->steps) < 3)
            (void)usleep(1000);
        if (round % 3 == 0) /* killed while it is stopped */
            CHECK_EQ(kill(parent, SIGSTOP), 0);
        test_kill(parent);
        expect_nobody();
    }
}

TEST(children_stopped_and_killed_at_random_are_all_accounted_for, .stress = true, .deadline_s = 120)
{
    if (test_is_emulated())
        SKIP("the emulator adopts no orphans");
    CHECK_OK(enl_adopt_orphans(1));
    for (unsigned round = 0; round < 4; round++) {
        struct campaign *c = begin((unsigned)getpid() * 31 + round);

        test_join(test_child(fight_to_the_end, c));
        expect_nobody();
    }
}
