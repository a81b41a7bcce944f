/* SPDX-License-Identifier: MIT */
/* Fuzz target: a peer that says anything, with any descriptors, when two ends of a channel meet, and after that sends
 * messages and lies in the memory that they share. The victim opens, or listens and accepts, then sends, receives, asks;
 * each call ends at once with an answer that the header knows, and nothing is left over. */
#include "fuzz/fuzz.h"
#include "hostile/bare.h"
#include "shm/channel_layout.h"
#include "shm/segment.h"

#include <enlace/enlace.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* An input is a byte that says who calls whom, then a row of steps with their operands. What is missing is 0. */
enum step {
    SAY_HELLO, /* as an honest one would, with a few bytes changed and any descriptors */
    SAY_ANYTHING,
    RING,
    HANG_UP,
    SHUT_DOWN,
    SEND,
    LIE_IN_HEADER,
    LIE_IN_RING,
    VICTIM_SENDS,
    VICTIM_RECEIVES,
    VICTIM_TAKES,
    VICTIM_LOOKS,
    VICTIM_ASKS,
    STEPS
};

#define OPTIONS "?message=200&depth=4&fds=2"
#define FDS_MOST 8u
#define LOOKS_FOR_MAPS 1000u /* each so many runs */

static char path[100], address[140];
static struct bare_hello hello; /* what an honest one says and brings along */
static struct segment own; /* what it brings along of memory, for as long as this program runs */
static struct channel_header honest;
static uint32_t position; /* where its next message goes */
static int menu[16];      /* other things to bring along */
static unsigned menu_count;

static const uint8_t *input;
static size_t left;

static uint32_t next_byte(void)
{
    if (left == 0)
        return 0;
    left--;
    return *input++;
}

static int memory_file(size_t size, int seals, bool filled)
{
    int fd = memfd_create("foreign", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    REQUIRE(fd >= 0 && ftruncate(fd, (off_t)size) == 0);
    if (filled)
        REQUIRE(fallocate(fd, 0, 0, (off_t)size) == 0);
    REQUIRE(fcntl(fd, 1033, seals) == 0); /* F_ADD_SEALS */
    return fd;
}

static void offer(int fd)
{
    REQUIRE(fd >= 0 && menu_count < sizeof menu / sizeof menu[0]);
    menu[menu_count++] = fd;
}

static void fill_menu(void)
{
    off_t size = lseek(hello.fds[0], 0, SEEK_END);
    int pair[2];

    for (unsigned i = 0; i < hello.fd_count; i++)
        offer(hello.fds[i]);
    offer(memory_file((size_t)size, 0, true));
    offer(memory_file((size_t)size, 2 | 4 | 16, true)); /* it could still be sealed against us */
    offer(memory_file((size_t)size, 1 | 2 | 4 | 16, false));
    offer(memory_file((size_t)size * 2, 1 | 2 | 4 | 16, true));
    offer(memory_file((size_t)size, 1 | 2 | 4 | 16, true)); /* a good one, full of zeros */
    offer(open("/dev/null", O_RDWR | O_CLOEXEC));
    offer(eventfd(5, EFD_CLOEXEC | EFD_SEMAPHORE));
    offer((int)syscall(434, getpid(), 0u)); /* pidfd_open */
    REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
    offer(pair[0]);
    offer(pair[1]);
}

/* A segment that can be written, in place of the honest one's. */
static void make_segment(void)
{
    size_t size = (size_t)lseek(hello.fds[0], 0, SEEK_END);
    struct segment theirs;

    size -= segment_header_size(sizeof honest);
    REQUIRE(segment_map(hello.fds[0], sizeof honest, size, &theirs) == 0);
    memcpy(&honest, theirs.header, offsetof(struct channel_header, tail));
    segment_unmap(&theirs);
    REQUIRE(segment_create(sizeof honest, size, &own) == 0);
    (void)close(hello.fds[0]);
    hello.fds[0] = own.fd;
}

static void prepare(void)
{
    const char *folder = getenv("TMPDIR");

    (void)snprintf(path, sizeof path, "%s/enlace-hello-%d", folder != NULL ? folder : "/tmp",
                   (int)getpid());
    REQUIRE(strlen(path) < sizeof path - 1);
    (void)snprintf(address, sizeof address, "channel:%s%s", path, OPTIONS);
    bare_overhear(path, address, &hello);
    REQUIRE(hello.fd_count >= 2);
    make_segment();
    fill_menu();
}

/* ---- the peer ---------------------------------------------------------------------------------------------- */

static void say_hello(int fd)
{
    unsigned char changed[BARE_HELLO_MOST];
    int fds[FDS_MOST];
    unsigned count = next_byte(), changes = next_byte() % 8;

    memcpy(changed, hello.bytes, hello.size);
    for (unsigned i = 0; i < changes; i++) {
        /* the numbers come first, the text last */
        size_t at = next_byte() % (i % 2 == 0 ? hello.size < 64 ? hello.size : 64 : hello.size);

        changed[at] = (unsigned char)next_byte();
    }
    memcpy(fds, hello.fds, sizeof fds);
    if (count < 128) {
        count = hello.fd_count;
    } else {
        count %= FDS_MOST + 1;
        for (unsigned i = 0; i < count; i++)
            fds[i] = menu[next_byte() % menu_count];
    }
    (void)bare_say(fd, changed, hello.size, fds, count);
}

static void say_anything(int fd)
{
    unsigned char bytes[BARE_HELLO_MOST];
    size_t size = next_byte() * 4u;
    unsigned brings = next_byte();

    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)next_byte();
    if (brings % 2 != 0)
        memcpy(bytes, hello.bytes, size < 16 ? size : 16); /* the magic, and what stands with it */
    (void)bare_say(fd, bytes, size, &menu[brings % menu_count], brings % 3 == 0);
}

static _Atomic(uint32_t) *word_at(void *memory, uint32_t which, size_t size)
{
    return (_Atomic(uint32_t) *)memory + which % (size / sizeof(uint32_t));
}

/* A message, as an honest one sends it. */
static void send_one(void)
{
    struct channel_header *header = own.header;
    uint32_t size = next_byte(), extra = next_byte();
    uint32_t next = position + 1 + (size + LANE_UNIT - 1) / LANE_UNIT;

    atomic_store(word_at(own.ring, next * 2, own.ring_size), 0u);
    atomic_store(word_at(own.ring, position * 2 + 1, own.ring_size),
                 extra % 4 == 3 ? extra / 64 : 0u);
    atomic_store(word_at(own.ring, position * 2, own.ring_size),
                 RECORD_THERE | RECORD_MESSAGE | size);
    position = next;
    atomic_store(&header->tail, position);
}

static void lie(bool in_header)
{
    uint32_t which = next_byte(), value = next_byte();
    _Atomic(uint32_t) *word;

    if (in_header)
        word = word_at(own.header, which, sizeof honest);
    else /* around the next message */
        word = word_at(own.ring, position * 2 + which - 16, own.ring_size);
    switch (value % 4) {
    case 0: /* any value, from here on */
        value = next_byte() | next_byte() << 8 | next_byte() << 16 | next_byte() << 24;
        break;
    case 1:
        value = atomic_load(word) + value / 4 - 32;
        break;
    case 2:
        value = atomic_load(word) ^ 1u << value / 4 % 32;
        break;
    default:
        value /= 4;
        break;
    }
    atomic_store(word, value);
}

/* ---- the victim -------------------------------------------------------------------------------------------- */

static void require_known(ssize_t result)
{
    static const int known[] = {EAGAIN,  ETIMEDOUT, ESHUTDOWN, ECONNRESET,  EPIPE,
                                EBADMSG, EMSGSIZE,  EPROTO,    ECONNREFUSED};

    if (result >= 0)
        return;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (result == -known[i]) {
            REQUIRE(enl_error_text()[0] != '\0');
            return;
        }
    (void)fprintf(stderr, "result %zd: %s\n", result, enl_error_text());
    REQUIRE(false);
}

static void receive(struct enl_link *l)
{
    char buffer[256];
    int fds[4] = {-1, -1, -1, -1};
    struct enl_message m = {.data = buffer,
                            .capacity = sizeof buffer,
                            .fds = fds,
                            .fd_capacity = next_byte() % 5};

    require_known(enl_receive_message(l, NULL, ENL_NOW, &m));
    for (unsigned i = 0; i < 4; i++)
        if (fds[i] >= 0)
            (void)close(fds[i]);
}

static void take(struct enl_link *l)
{
    struct enl_message m = {0};
    ssize_t size = enl_take(l, NULL, ENL_NOW, &m);
    unsigned sum = 0;

    require_known(size);
    if (size < 0)
        return;
    for (ssize_t i = 0; i < size; i++)
        sum += ((const unsigned char *)m.data)[i];
    REQUIRE(sum <= 255u * (unsigned)size);
    for (unsigned i = 0; i < m.fd_count; i++)
        (void)close(m.fds[i]);
    require_known(enl_release(&m));
}

static void ask(struct enl_link *l)
{
    struct enl_stat stat;
    struct enl_peer peer;
    unsigned how = next_byte();

    (void)enl_link_stat(l, &stat);
    (void)enl_link_peer(l, &peer);
    if (how % 2 != 0)
        require_known(enl_link_want(l, how / 2 % 4));
    if (how % 4 == 3)
        REQUIRE(enl_link_fd(l) >= 0);
    if (how % 8 == 7)
        require_known(enl_drain(l, ENL_NOW));
}

static void take_step(enum step step, int *fd, struct enl_link *l)
{
    switch (step) {
    case SAY_HELLO:
        if (*fd >= 0)
            say_hello(*fd);
        return;
    case SAY_ANYTHING:
        if (*fd >= 0)
            say_anything(*fd);
        return;
    case RING:
        if (*fd >= 0)
            (void)bare_say(*fd, "", 1, NULL, 0);
        return;
    case HANG_UP:
        if (*fd >= 0)
            (void)close(*fd);
        *fd = -1;
        return;
    case SHUT_DOWN:
        if (*fd >= 0)
            (void)shutdown(*fd, next_byte() % 2 ? SHUT_WR : SHUT_RD);
        return;
    case SEND:
        send_one();
        return;
    case LIE_IN_HEADER:
    case LIE_IN_RING:
        lie(step == LIE_IN_HEADER);
        return;
    case VICTIM_SENDS:
        require_known(enl_send(l, hello.bytes, next_byte() % 210, ENL_NOW));
        return;
    case VICTIM_RECEIVES:
        receive(l);
        return;
    case VICTIM_TAKES:
        take(l);
        return;
    case VICTIM_LOOKS:
        REQUIRE((enl_link_events(l) & ~(ENL_READABLE | ENL_WRITABLE | ENL_GONE)) == 0);
        return;
    case VICTIM_ASKS:
        ask(l);
        return;
    case STEPS:
        return;
    }
}

/* ---- what is left ------------------------------------------------------------------------------------------ */

static unsigned maps(void)
{
    FILE *file = fopen("/proc/self/maps", "re");
    unsigned count = 0;
    char line[512];

    REQUIRE(file != NULL);
    while (fgets(line, sizeof line, file) != NULL)
        count += strstr(line, "/memfd:") != NULL;
    (void)fclose(file);
    return count;
}

/* The lowest number that is free: the kernel gives it to the next descriptor. */
static int lowest_free(void)
{
    int fd = dup(0);

    REQUIRE(fd >= 0);
    (void)close(fd);
    return fd;
}

/* A victim that was called has its hello first, one that calls says its own before it is answered. */
static void meet(bool victim_calls, int *ret_fd, struct enl_link **ret_link)
{
    int result, listener;
    struct enl_link *l;

    if (victim_calls) {
        listener = bare_listen(path);
        REQUIRE(enl_open(address, ENL_READ | ENL_WRITE, ret_link) == 0);
        *ret_fd = bare_accept(listener);
        (void)close(listener);
        (void)unlink(path);
        return;
    }
    result = enl_listen(address, &l);
    if (result < 0)
        (void)fprintf(stderr, "%s\n", enl_error_text());
    REQUIRE(result == 0);
    *ret_fd = bare_connect(path);
    REQUIRE(enl_accept(l, ENL_NOW, ret_link) == 0);
    enl_close(l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static unsigned runs, maps_before;
    struct enl_link *l;
    int free_before, fd;

    if (hello.size == 0)
        prepare();
    if (runs++ == 1) /* all that is kept has been made */
        maps_before = maps();
    free_before = lowest_free();
    memcpy(own.header, &honest, sizeof honest);
    memset(own.ring, 0, own.ring_size);
    position = 0;
    input = data;
    left = size;
    meet(next_byte() % 2 != 0, &fd, &l);
    while (left > 0)
        take_step((enum step)(next_byte() % STEPS), &fd, l);
    enl_close(l);
    if (fd >= 0)
        (void)close(fd);
    REQUIRE(lowest_free() == free_before);
    if (runs % LOOKS_FOR_MAPS == 0)
        REQUIRE(maps() == maps_before);
    return 0;
}
