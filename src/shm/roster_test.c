/* SPDX-License-Identifier: MIT */
/* Tests of rosters: who is a member, what a death, a fork, an exec and closed descriptors do to it. */
#include "shm/roster.h"

#include "kernel/lease.h"
#include "runner/test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define SLOTS 4u

/* A file with a roster, as each process of a test opens it for itself. */
struct place {
    int fd;
    void *memory;
    struct test_gate *joined, *end;
    _Atomic uint32_t *token; /* of the child */
};

static void make_place(struct place *p)
{
    p->fd = CHECK_OK(open(test_temp_path("roster"), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    CHECK_EQ(ftruncate(p->fd, (off_t)roster_size(SLOTS)), 0);
    p->memory = mmap(NULL, roster_size(SLOTS), PROT_READ | PROT_WRITE, MAP_SHARED, p->fd, 0);
    CHECK(p->memory != MAP_FAILED);
    roster_format(p->memory, SLOTS);
    p->joined = test_gate_new();
    p->end = test_gate_new();
    p->token = test_shared(sizeof *p->token);
}

static void end_place(struct place *p)
{
    CHECK_EQ(munmap(p->memory, roster_size(SLOTS)), 0);
    close(p->fd);
    CHECK_EQ(unlink(test_temp_path("roster")), 0);
}

static struct roster *open_roster(const struct place *p)
{
    struct roster *r;

    CHECK_OK(roster_open(p->memory, roster_size(SLOTS), p->fd, &r));
    return r;
}

static uint32_t own_token(const struct roster *r)
{
    return atomic_load(&roster_self(r)->token);
}

static void be_member(void *argument)
{
    struct place *p = argument;
    struct roster *r = open_roster(p);

    CHECK_OK(roster_join(r));
    atomic_store(p->token, own_token(r));
    test_gate_open(p->joined);
    test_gate_wait(p->end);
    roster_close(r);
}

static void wait_until_dead(const struct roster *r, uint32_t token)
{
    while (CHECK_OK(roster_is_alive(r, token)) == 1)
        usleep(1000);
}

TEST(roster_knows_its_members)
{
    struct place p;
    struct roster_entry entries[SLOTS];
    struct roster *r;
    pid_t child;

    make_place(&p);
    r = open_roster(&p);
    CHECK_EQ(own_token(r), 0);
    CHECK_EQ(roster_list(r, entries, SLOTS), 0);
    CHECK_OK(roster_join(r));
    CHECK_OK(roster_join(r)); /* again changes nothing */
    child = test_child(be_member, &p);
    test_gate_wait(p.joined);
    CHECK_EQ(roster_list(r, entries, 1), 2);
    CHECK_EQ(roster_list(r, entries, SLOTS), 2);
    CHECK_EQ(entries[0].pid, getpid());
    CHECK_EQ(entries[1].pid, child);
    CHECK(entries[1].joined_ns > (uint64_t)1 << 60);
    CHECK_EQ(token_of(entries[1].slot, entries[1].generation), atomic_load(p.token));
    CHECK_EQ(roster_is_alive(r, own_token(r)), 1);
    CHECK_EQ(roster_is_alive(r, atomic_load(p.token)), 1);
    test_gate_open(p.end);
    test_join(child);
    CHECK_EQ(roster_is_alive(r, atomic_load(p.token)), 0);
    CHECK_EQ(roster_list(r, entries, SLOTS), 1);
    roster_close(r);
    end_place(&p);
}

TEST(roster_sees_a_death_and_tells_the_next_member_of_a_slot_apart)
{
    struct place p;
    struct roster *r;
    uint32_t first;
    pid_t child;

    make_place(&p);
    r = open_roster(&p);
    child = test_child(be_member, &p);
    test_gate_wait(p.joined);
    first = atomic_load(p.token);
    test_kill(child);
    wait_until_dead(r, first);
    CHECK_OK(roster_join(r)); /* in the same slot */
    CHECK_EQ(token_slot(own_token(r)), token_slot(first));
    CHECK(own_token(r) != first);
    CHECK_EQ(roster_is_alive(r, first), 0);
    CHECK_EQ(roster_is_alive(r, own_token(r)), 1);
    roster_close(r);
    end_place(&p);
}

static void fork_and_live_on(void *argument)
{
    struct place *p = argument;
    struct roster *r = open_roster(p);

    CHECK_OK(roster_join(r));
    atomic_store(p->token, own_token(r));
    if (fork() == 0) {
        CHECK_EQ(own_token(r), 0); /* the child is no member */
        test_gate_open(p->joined);
        test_gate_wait(p->end);
        CHECK_OK(roster_join(r)); /* and may become one */
        CHECK(own_token(r) != atomic_load(p->token));
        roster_close(r);
        test_gate_open(p->joined);
        _exit(0);
    }
    pause();
}

TEST(roster_sees_a_death_while_a_forked_child_lives_on)
{
    struct place p;
    struct roster *r;
    pid_t child;

    if (test_is_emulated())
        SKIP("the emulator does not keep a parent's membership from its children");
    make_place(&p);
    r = open_roster(&p);
    child = test_child(fork_and_live_on, &p);
    test_gate_wait(p.joined);
    CHECK_EQ(roster_is_alive(r, atomic_load(p.token)), 1);
    test_kill(child);
    wait_until_dead(r, atomic_load(p.token));
    test_gate_open(p.end);
    test_gate_wait_times(p.joined, 2);
    roster_close(r);
    end_place(&p);
}

static void close_everything(void *argument)
{
    struct place *p = argument;
    struct roster *r = open_roster(p);
    int other;

    CHECK_OK(roster_join(r));
    other = CHECK_OK(open(test_temp_path("roster"), O_RDWR | O_CLOEXEC));
    close(other); /* would end a process's own lock */
    close(p->fd);
    atomic_store(p->token, own_token(r));
    CHECK_EQ(roster_is_alive(r, own_token(r)), -EBADF);
    test_gate_open(p->joined);
    test_gate_wait(p->end);
    roster_close(r);
}

TEST(roster_keeps_a_member_that_closes_its_descriptors)
{
    struct place p;
    struct roster *r;
    pid_t child;

    make_place(&p);
    r = open_roster(&p);
    child = test_child(close_everything, &p);
    test_gate_wait(p.joined);
    CHECK_EQ(roster_is_alive(r, atomic_load(p.token)), 1);
    test_gate_open(p.end);
    test_join(child);
    wait_until_dead(r, atomic_load(p.token));
    roster_close(r);
    end_place(&p);
}

static void become_another_program(void *argument)
{
    struct place *p = argument;
    struct roster *r = open_roster(p);

    CHECK_OK(roster_join(r));
    atomic_store(p->token, own_token(r));
    test_gate_open(p->joined);
    execlp("sleep", "sleep", "1000", (char *)NULL);
    FAIL("no program sleep");
}

TEST(roster_sees_an_exec_as_an_end)
{
    struct place p;
    struct roster *r;
    pid_t child;

    make_place(&p);
    r = open_roster(&p);
    child = test_child(become_another_program, &p);
    test_gate_wait(p.joined);
    wait_until_dead(r, atomic_load(p.token));
    test_kill(child);
    roster_close(r);
    end_place(&p);
}

TEST(roster_takes_a_readers_lock_for_nothing)
{
    struct flock lock = {.l_type = F_RDLCK,
                         .l_whence = SEEK_SET,
                         .l_start = (off_t)ROSTER_LEASE_OFFSET,
                         .l_len = SLOTS};
    struct place p;
    struct roster *r;
    int fd;

    make_place(&p);
    r = open_roster(&p);
    fd = CHECK_OK(open(test_temp_path("roster"), O_RDWR | O_CLOEXEC));
    CHECK_EQ(fcntl(fd, F_OFD_SETLK, &lock), 0);
    CHECK_EQ(roster_list(r, NULL, 0), 0);
    CHECK_EQ(roster_join(r), -EUSERS);
    close(fd);
    CHECK_OK(roster_join(r));
    roster_close(r);
    end_place(&p);
}

TEST(roster_says_when_it_is_full)
{
    struct roster *members[SLOTS + 1];
    struct place p;

    make_place(&p);
    for (unsigned i = 0; i <= SLOTS; i++)
        members[i] = open_roster(&p);
    for (unsigned i = 0; i < SLOTS; i++)
        CHECK_OK(roster_join(members[i]));
    CHECK_EQ(roster_join(members[SLOTS]), -EUSERS);
    roster_close(members[1]);
    CHECK_OK(roster_join(members[SLOTS]));
    CHECK_EQ(token_slot(own_token(members[SLOTS])), 1);
    for (unsigned i = 0; i <= SLOTS; i++)
        if (i != 1)
            roster_close(members[i]);
    end_place(&p);
}

TEST(roster_refuses_other_bytes)
{
    struct place p;
    struct roster *r;
    uint32_t *words;

    make_place(&p);
    words = p.memory;
    CHECK_EQ(roster_open(p.memory, 63, p.fd, &r), -EBADMSG);
    CHECK_EQ(roster_open(p.memory, roster_size(SLOTS) - 1, p.fd, &r), -EBADMSG);
    words[2] = SLOTS * 100;
    CHECK_EQ(roster_open(p.memory, roster_size(SLOTS), p.fd, &r), -EBADMSG);
    words[2] = 0;
    CHECK_EQ(roster_open(p.memory, roster_size(SLOTS), p.fd, &r), -EBADMSG);
    words[2] = SLOTS;
    words[1]++;
    CHECK_EQ(roster_open(p.memory, roster_size(SLOTS), p.fd, &r), -EBADMSG);
    words[1]--;
    r = open_roster(&p);
    CHECK_EQ(roster_is_alive(r, token_of(SLOTS, 1)), -EBADMSG);
    CHECK_EQ(roster_is_alive(r, 0), -EBADMSG);
    roster_close(r);
    end_place(&p);
}

struct comer {
    const struct place *place;
    atomic_bool ends;
};

static void *come_and_go(void *argument)
{
    struct comer *c = argument;

    while (!atomic_load(&c->ends)) {
        struct roster *r = open_roster(c->place);

        CHECK_OK(roster_join(r));
        roster_close(r);
    }
    return NULL;
}

static void stay(void *argument)
{
    test_gate_wait(((struct place *)argument)->end);
    _exit(0); /* what the other thread had allocated at the fork is no leak of the child's */
}

#define CHILDREN 200

TEST(children_of_other_threads_keep_nobody_a_member)
{
    pid_t children[CHILDREN];
    struct comer c;
    struct place p;
    struct lease_file file;
    struct roster *roster;
    pthread_t thread;
    int count = 0;

    if (test_is_emulated())
        SKIP("the emulator does not keep a parent's membership from its children");
    make_place(&p);
    roster = open_roster(&p);
    CHECK_OK(roster_join(
        roster)); /* a fork that is under way at the first time of all is not held back */
    roster_close(roster);
    c.place = &p;
    atomic_init(&c.ends, false);
    CHECK_EQ(pthread_create(&thread, NULL, come_and_go, &c), 0);
    while (count < CHILDREN && test_has_time())
        children[count++] = test_child(stay, &p);
    atomic_store(&c.ends, true);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_OK(lease_file_open(p.fd, &file));
    for (uint32_t slot = 0; slot < SLOTS; slot++)
        CHECK_EQ(lease_is_held(&file, ROSTER_LEASE_OFFSET + slot), 0);
    test_gate_open(p.end);
    for (int i = 0; i < count; i++)
        test_join(children[i]);
    end_place(&p);
}
