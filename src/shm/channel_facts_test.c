/* SPDX-License-Identifier: MIT */
/* Proof of channel_facts.c: an end is seen from outside, by those who may, with what it is and what it says. */
#include "shm/channel_facts.h"

#include "runner/test.h"
#include "shm/segment.h"

#include <enlace/error.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RING ((size_t)65536)

struct seen {
    unsigned count;
    struct channel_view last;
};

static void count(void *argument, const struct channel_view *view)
{
    struct seen *seen = argument;

    seen->count++;
    seen->last = *view;
}

static void make_end(struct segment *s, uint64_t peer_segment)
{
    struct channel_header *header;
    char long_name[2 * CHANNEL_NAME_SIZE];

    CHECK_OK(segment_create(sizeof *header, RING, s));
    header = s->header;
    header->magic = CHANNEL_MAGIC;
    header->version = CHANNEL_VERSION;
    atomic_store(&header->sent, 7u);
    memset(long_name, 'n', sizeof long_name);
    long_name[sizeof long_name - 1] = '\0';
    channel_facts_write(header, long_name);
    channel_facts_write_peer(header, 77, peer_segment);
}

static void see_parent(void *argument)
{
    pid_t owner = *(pid_t *)argument;
    struct seen seen = {0};

    CHECK_OK(channel_facts_see(owner, count, &seen));
    CHECK_EQ(seen.count, 1);
    CHECK_EQ(seen.last.pid, owner);
    CHECK_EQ(seen.last.facts.pid, owner);
    CHECK_EQ(seen.last.facts.peer_pid, 77);
    CHECK_EQ(seen.last.uid, geteuid());
    CHECK_EQ(atomic_load(&seen.last.header.sent), 7);
    CHECK_EQ(strlen(seen.last.facts.name), CHANNEL_NAME_SIZE - 1);
    seen.count = 0;
    CHECK_OK(channel_facts_see(0, count, &seen));
    CHECK(seen.count >= 2); /* it was inherited by this child */
}

TEST(an_end_is_seen_from_another_process)
{
    struct segment s;
    pid_t own = getpid();

    make_end(&s, 0);
    test_join(test_child(see_parent, &own));
    segment_unmap(&s);
}

TEST(an_end_names_the_other_ones_segment)
{
    struct segment a, b;
    struct seen seen = {0};
    struct stat status;

    make_end(&a, 0);
    CHECK_EQ(fstat(a.fd, &status), 0);
    make_end(&b, status.st_ino);
    segment_unmap(&a);
    CHECK_OK(channel_facts_see(getpid(), count, &seen));
    CHECK_EQ(seen.count, 1);
    CHECK_EQ(seen.last.facts.peer_segment, status.st_ino);
    CHECK(seen.last.segment != status.st_ino);
    segment_unmap(&b);
}

static void see_nothing(void *argument)
{
    struct seen seen = {0};

    CHECK_EQ(channel_facts_see(*(pid_t *)argument, count, &seen), -EACCES);
    CHECK_CONTAINS(enl_error_text(), "/proc");
    CHECK_EQ(seen.count, 0);
}

TEST(another_user_sees_nothing)
{
    struct segment s;
    pid_t own = getpid();

    if (!test_is_root())
        SKIP("only root can be two users");
    make_end(&s, 0);
    test_as_user(see_nothing, &own);
    segment_unmap(&s);
}

TEST(what_is_no_end_is_left_out)
{
    struct segment s;
    struct seen seen = {0};

    make_end(&s, 0);
    ((struct channel_header *)s.header)->magic++;
    CHECK_OK(channel_facts_see(getpid(), count, &seen));
    CHECK_EQ(seen.count, 0);
    CHECK_EQ(channel_facts_see(0x7ffffff0, count, &seen), -ESRCH);
    segment_unmap(&s);
}
