/* SPDX-License-Identifier: MIT */
/* A lane whose writer or reader dies at each instruction: what was committed is read, once and in order. */
#include "shm/lane.h"

#include "crash.h"
#include "kernel/sealed.h"
#include "runner/test.h"
#include "shm/segment.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LARGEST = 200, DEPTH = 8, MOST = 8, PACKED = 20 };

struct lane_state {
    int sockets[2]; /* the worker sends its segment's descriptor to the stage before it starts */
    unsigned done;  /* messages that were committed or used, as the worker has been told */
    unsigned char used[MOST][LARGEST];
};

/* Of each process its own: the ends of the lane. */
static struct segment own, other;
static struct lane_writer writer;
static struct lane_reader reader;

static uint32_t ring_bytes(void)
{
    return lane_ring_bytes(LARGEST, DEPTH, (uint32_t)sealed_page_size());
}

static uint32_t size_of(unsigned number)
{
    return 8 + number * 23 % (LARGEST - 8);
}

static void fill(unsigned char *data, unsigned number)
{
    for (uint32_t i = 0; i < size_of(number); i++)
        data[i] = (unsigned char)(number * 31 + i);
}

/* ---- the meeting --------------------------------------------------------------------------------------- */

static void pass(int socket, int *fd, bool sends)
{
    char byte = 0, room[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec part = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = room,
                             .msg_controllen = sizeof room};
    struct cmsghdr *c = (void *)room;

    if (!sends) {
        CHECK_EQ(recvmsg(socket, &message, MSG_CMSG_CLOEXEC), 1);
        memcpy(fd, CMSG_DATA(c), sizeof *fd);
        return;
    }
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof *fd);
    memcpy(CMSG_DATA(c), fd, sizeof *fd);
    CHECK_EQ(sendmsg(socket, &message, 0), 1);
}

static void make_own(void *state)
{
    struct lane_state *s = state;

    CHECK_EQ(segment_create(sizeof(struct channel_header), ring_bytes(), &own), 0);
    if (s->sockets[0] > 0) /* in the worker */
        pass(s->sockets[0], &own.fd, true);
    else
        CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s->sockets), 0);
}

/* After the worker's death. */
static void map_others(struct lane_state *s)
{
    int fd;

    pass(s->sockets[1], &fd, false);
    CHECK_EQ(segment_map(fd, sizeof(struct channel_header), ring_bytes(), &other), 0);
    CHECK_EQ(close(fd), 0);
}

static void part(struct lane_state *s)
{
    segment_unmap(&own);
    segment_unmap(&other);
    CHECK_EQ(close(s->sockets[0]), 0);
    CHECK_EQ(close(s->sockets[1]), 0);
}

/* ---- a writer dies ------------------------------------------------------------------------------------- */

static void prepare_writer(void *state)
{
    make_own(state);
    lane_writer_init(&writer, own.header, own.ring, ring_bytes());
}

static void append(unsigned number)
{
    unsigned char data[LARGEST];

    fill(data, number);
    CHECK_EQ(lane_append(&writer, data, size_of(number), number), 0);
    lane_publish(&writer);
    lane_prepare(&writer, size_of(number + number % 2));
}

/* What is there is the start of these numbers; what the writer was told is in it, and at most one more. */
static void check_messages(struct lane_state *s, const unsigned numbers[], unsigned count,
                           bool completed)
{
    struct lane_record record;
    unsigned char data[LARGEST];
    unsigned found = 0;

    map_others(s);
    reader.own = own.header;
    lane_reader_init(&reader, other.header, other.ring, ring_bytes(), LARGEST);
    CHECK_OK(lane_extend(&reader));
    while (CHECK_OK(lane_look(&reader)) == 1)
        while (CHECK_OK(lane_next(&reader, &record)) == 1) {
            CHECK(found < count);
            fill(data, numbers[found]);
            CHECK_EQ(record.extra, numbers[found]);
            CHECK_EQ(record.size, size_of(numbers[found]));
            CHECK_MEM(record.data, data, record.size);
            lane_consume(&reader, record.end);
            found++;
        }
    CHECK(s->done <= found && found <= s->done + 1);
    if (completed)
        CHECK_EQ(found, count);
    part(s);
}

static void append_three(void *state)
{
    struct lane_state *s = state;

    for (unsigned i = 1; i <= 3; i++) {
        append(i);
        s->done++;
    }
}

static void check_appended(void *state, bool completed)
{
    static const unsigned numbers[] = {1, 2, 3};

    check_messages(state, numbers, 3, completed);
}

CRASH(lane_has_whole_messages_of_a_writer_killed_at_any_instruction,
      .state_size = sizeof(struct lane_state), .set_up = make_own, .prepare = prepare_writer,
      .operate = append_three, .check = check_appended)

static void *loan(unsigned number, uint32_t more)
{
    void *data = NULL;

    CHECK_EQ(lane_loan(&writer, size_of(number) + more, &data), 0);
    fill(data, number);
    return data;
}

static void commit(struct lane_state *s, void *data, unsigned number)
{
    lane_commit(&writer, data, size_of(number), number);
    s->done++;
}

/* In turn, shorter than the loan (also such that a large one becomes a small one), overtaken, cancelled as the last and in
 * the middle. */
static void juggle_loans(void *state)
{
    struct lane_state *s = state;
    void *one = loan(1, 0), *two = loan(2, 40), *four, *five, *six;

    commit(s, two, 2);
    append(3);
    s->done++;
    commit(s, one, 1);
    four = loan(4, 0);
    lane_cancel(&writer, four);
    five = loan(5, 0);
    six = loan(6, 32);
    lane_cancel(&writer, five);
    commit(s, six, 6);
    commit(s, loan(7, LANE_LARGE), 7); /* from the next line to behind its word */
}

static void check_juggled(void *state, bool completed)
{
    static const unsigned numbers[] = {2, 3, 1, 6, 7};

    check_messages(state, numbers, 5, completed);
}

CRASH(lane_has_committed_loans_of_a_writer_killed_at_any_instruction,
      .state_size = sizeof(struct lane_state), .set_up = make_own, .prepare = prepare_writer,
      .operate = juggle_loans, .check = check_juggled)

/* Either none of a pack is there or all of it. */
static void append_pack(void *state)
{
    struct lane_state *s = state;
    unsigned char *data;

    CHECK_EQ(lane_pack(&writer, PACKED, 3, &data), 0);
    for (unsigned i = 0; i < 3; i++)
        memset(data + i * lane_stride(PACKED), (int)i + 1, PACKED);
    lane_pack_commit(&writer, PACKED, 3);
    lane_publish(&writer);
    s->done = 3;
}

static void check_packed(void *state, bool completed)
{
    struct lane_state *s = state;
    struct lane_record record;
    unsigned char data[PACKED];
    unsigned found = 0;

    map_others(s);
    reader.own = own.header;
    lane_reader_init(&reader, other.header, other.ring, ring_bytes(), LARGEST);
    CHECK_OK(lane_look(&reader));
    while (CHECK_OK(lane_next(&reader, &record)) == 1) {
        memset(data, (int)++found, sizeof data);
        CHECK_EQ(record.size, sizeof data);
        CHECK_MEM(record.data, data, sizeof data);
        lane_consume(&reader, record.end);
    }
    CHECK(found == 3 || (found == 0 && !completed));
    CHECK(s->done <= found);
    part(s);
}

CRASH(lane_has_all_or_none_of_a_pack_of_a_writer_killed_at_any_instruction,
      .state_size = sizeof(struct lane_state), .set_up = make_own, .prepare = prepare_writer,
      .operate = append_pack, .check = check_packed)

/* ---- a reader dies ------------------------------------------------------------------------------------- */

static void set_up_writer(void *state)
{
    make_own(state);
    lane_writer_init(&writer, own.header, own.ring, ring_bytes());
    for (unsigned i = 1; i <= 5; i++)
        append(i);
}

static void prepare_reader(void *state)
{
    CHECK_EQ(segment_map(own.fd, sizeof(struct channel_header), ring_bytes(), &other), 0);
    make_own(state);
    reader.own = own.header;
    lane_reader_init(&reader, other.header, other.ring, ring_bytes(), LARGEST);
}

static void read_all(void *state)
{
    struct lane_state *s = state;
    struct lane_record record;

    CHECK_OK(lane_extend(&reader));
    while (CHECK_OK(lane_next(&reader, &record)) == 1) {
        memcpy(s->used[record.extra], record.data, record.size);
        s->done = record.extra;
        lane_consume(&reader, record.end);
    }
}

/* What the reader has given back it has used, and the writer goes on. */
static void check_used(void *state, bool completed)
{
    struct lane_state *s = state;
    const struct channel_header *header;
    unsigned char data[LARGEST];
    uint32_t given_back = 0;
    unsigned count = 0;

    map_others(s);
    header = other.header;
    for (uint32_t end = 0; end != atomic_load(&header->head); given_back++)
        end += lane_units(size_of(given_back + 1));
    CHECK(given_back <= s->done);
    CHECK(!completed || given_back == 5);
    for (unsigned i = 1; i <= s->done; i++) {
        fill(data, i);
        CHECK_MEM(s->used[i], data, size_of(i));
    }
    writer.peer = other.header;
    while (lane_append(&writer, data, LARGEST, 0) == 0)
        count++;
    CHECK(count >= DEPTH - 5 + given_back);
    part(s);
}

CRASH(lane_reader_killed_at_any_instruction_gave_back_only_what_it_used,
      .state_size = sizeof(struct lane_state), .set_up = set_up_writer, .prepare = prepare_reader,
      .operate = read_all, .check = check_used)
