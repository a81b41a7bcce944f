/* SPDX-License-Identifier: MIT */
/* Lies: any word of the own segment, near what would be true or far from it. */
#include "hostile/liar.h"

#include "hostile/bare.h"
#include "shm/channel_layout.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define NEED(condition) ((condition) ? (void)0 : lack(__LINE__, #condition))

static _Noreturn void lack(int line, const char *condition)
{
    (void)fprintf(stderr, "liar.c:%d: %s does not hold: %s\n", line, condition, strerror(errno));
    abort();
}

/* xorshift64*: repeatable on every machine */
uint64_t liar_random(struct liar *liar)
{
    liar->state ^= liar->state >> 12;
    liar->state ^= liar->state << 25;
    liar->state ^= liar->state >> 27;
    return (liar->state * UINT64_C(2685821657736338717)) >> 16;
}

/* The mapping that may be written is the own segment; its header comes first. */
static void find_segment(struct liar *liar)
{
    FILE *file = fopen("/proc/self/maps", "re");
    char line[512];

    NEED(file != NULL);
    liar->header = NULL;
    while (liar->header == NULL && fgets(line, sizeof line, file) != NULL)
        if (strstr(line, "rw-s") != NULL && strstr(line, "/memfd:enlace-segment") != NULL)
            liar->header = (void *)(uintptr_t)strtoull(line, NULL, 16);
    (void)fclose(file);
    NEED(liar->header != NULL && liar->header->magic == CHANNEL_MAGIC);
    liar->ring = (uint32_t *)((char *)liar->header + sysconf(_SC_PAGESIZE));
    liar->ring_words = liar->header->ring_bytes / sizeof(uint32_t);
}

static int is_connection(int fd)
{
    int type = 0;
    socklen_t size = sizeof type;
    struct sockaddr peer;
    socklen_t peer_size = sizeof peer;

    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET &&
           getpeername(fd, &peer, &peer_size) == 0;
}

static void find_socket(struct liar *liar)
{
    DIR *directory = opendir("/proc/self/fd");
    struct dirent *entry;

    NEED(directory != NULL);
    liar->socket_fd = -1;
    while ((entry = readdir(directory)) != NULL)
        if (entry->d_name[0] != '.' && is_connection(atoi(entry->d_name)))
            liar->socket_fd = atoi(entry->d_name);
    (void)closedir(directory);
    NEED(liar->socket_fd >= 0);
}

void liar_begin(struct liar *liar, uint64_t seed)
{
    memset(liar, 0, sizeof *liar);
    liar->state = seed * 2 + 1;
    find_segment(liar);
    find_socket(liar);
    liar->tail = atomic_load(&liar->header->tail);
    liar->head = atomic_load(&liar->header->head);
}

static uint32_t value_near(struct liar *liar, uint32_t right)
{
    static const uint32_t odd[] = {0, 1, 2, 7, 8, 0x7fffffff, 0x80000000, 0xffffffff};
    uint32_t r = (uint32_t)liar_random(liar);

    switch (r % 8) {
    case 0:
        return (uint32_t)liar_random(liar);
    case 1:
        return odd[r / 8 % 8];
    case 2:
        return right ^ 1u << r / 8 % 32;
    case 3:
        return right + (uint32_t)liar->ring_words / 2 + r / 8 % 16 - 8; /* the ring further */
    default:
        return right + r / 8 % 64 - 32;
    }
}

static void store(void *word, uint32_t value)
{
    atomic_store_explicit((_Atomic(uint32_t) *)word, value, memory_order_relaxed);
}

static void lie_in_record(struct liar *liar)
{
    static const uint32_t kinds[] = {RECORD_MESSAGE, RECORD_SKIP, RECORD_REFERENCE, RECORD_KIND};
    uint32_t r = (uint32_t)liar_random(liar);
    uint32_t position = liar->tail + r % 256;
    uint32_t *record = &liar->ring[position * 2 % liar->ring_words];

    if (r >> 8 & 1)
        store(record, (r >> 9 & 7 ? RECORD_THERE : 0) | kinds[r >> 12 & 3] |
                          (value_near(liar, r >> 16 & 255) & RECORD_SIZE));
    else
        store(record + (r >> 9 & 3) % 2, value_near(liar, *record));
}

/* The numbers that are published go on from lie to lie now and then, so that a victim believes some of them. */
void liar_lie(struct liar *liar)
{
    struct channel_header *h = liar->header;
    uint32_t r = (uint32_t)liar_random(liar);

    switch (r % 16) {
    case 0:
    case 1:
    case 2:
        store(&h->tail, value_near(liar, liar->tail));
        return;
    case 3:
        store(&h->tail, liar->tail += r >> 8 & 31);
        return;
    case 4:
    case 5:
        store(&h->head, value_near(liar, liar->head));
        return;
    case 6:
        store(&h->head, liar->head += r >> 8 & 31);
        return;
    case 7:
        store(&h->sleep, value_near(liar, atomic_load(&h->sleep)));
        return;
    case 8:
        store(&h->space_sleep, value_near(liar, atomic_load(&h->space_sleep)));
        store(&h->space_position, value_near(liar, liar->head));
        return;
    case 9:
        if (r >> 8 & 15) /* else it is over at once */
            return;
        store(&h->ended, r >> 12 & 3);
        return;
    case 10:
        store((uint32_t *)h + (r >> 8) % (sizeof *h / sizeof(uint32_t)), value_near(liar, r));
        return;
    case 11:
        store(&liar->ring[liar_random(liar) % liar->ring_words], value_near(liar, r));
        return;
    default:
        lie_in_record(liar);
        return;
    }
}

void liar_say(struct liar *liar)
{
    unsigned char bytes[BARE_HELLO_MOST];
    uint32_t r = (uint32_t)liar_random(liar);
    int fds[4] = {0, 1, 2, liar->socket_fd};
    size_t size = r % 8 < 5 ? 1 : r / 8 % sizeof bytes;

    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)liar_random(liar);
    if (r >> 24 & 1) {
        uint32_t magic = CHANNEL_MAGIC;

        memcpy(bytes, &magic, sizeof magic);
    }
    (void)bare_say(liar->socket_fd, bytes, size, fds, r >> 28 & 3);
}
