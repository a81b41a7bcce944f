/* SPDX-License-Identifier: MIT */
/* Lets the two ends of a link meet, in the way that its capabilities name. */
#include "suite.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Whether nobody has the port at any address: a socket of version 6 is for both. */
static bool is_free(int type, unsigned port)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in6 name6 = {.sin6_family = AF_INET6, .sin6_port = name.sin_port};
    int fd = socket(AF_INET6, type | SOCK_CLOEXEC, 0);
    bool bound = fd >= 0 && bind(fd, (struct sockaddr *)&name6, sizeof(name6)) == 0;

    if (!bound && (fd < 0 || errno != EADDRINUSE)) { /* there is no version 6 */
        if (fd >= 0)
            CHECK_EQ(close(fd), 0);
        CHECK_OK(fd = socket(AF_INET, type | SOCK_CLOEXEC, 0));
        bound = bind(fd, (struct sockaddr *)&name, sizeof(name)) == 0;
    }
    CHECK_EQ(close(fd), 0);
    return bound;
}

/* A port that nobody has now, neither for streams nor for datagrams. Until it is used it is anybody's: so none of those
 * that the kernel gives to whoever asks for any, and none that a process with another id begins with. */
static unsigned free_port(void)
{
    enum { FIRST = 10000, COUNT = 20000, STEP = 4001 };
    static unsigned looks;
    unsigned port;

    do {
        CHECK(now_ns() < test_until());
        port = FIRST + ((unsigned)getpid() + STEP * looks++) % COUNT;
    } while (!is_free(SOCK_STREAM, port) || !is_free(SOCK_DGRAM, port));
    return port;
}

/* A key of System V that follows from a name, and from others of the same name by number; never 0. */
static uint32_t key_of(const char *id, unsigned number)
{
    uint32_t key = 2166136261u;

    for (; *id != '\0'; id++)
        key = (key ^ (unsigned char)*id) * 16777619u;
    key += number;
    return key != 0 ? key : UINT32_MAX;
}

/* A variable of a pattern, or one character of it. */
static const char *next_part(const char **pattern, const struct address_names *names,
                             int *ret_length)
{
    const struct {
        const char *name, *value;
    } variables[] = {{"$DIR", names->directory},
                     {"$ID", names->id},
                     {"$PORT", names->port},
                     {"$PID", names->pid},
                     {"$KEY", names->key}};

    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
        size_t length = strlen(variables[i].name);
        if (strncmp(*pattern, variables[i].name, length) != 0)
            continue;
        *pattern += length;
        *ret_length = (int)strlen(variables[i].value);
        return variables[i].value;
    }
    *ret_length = 1;
    return (*pattern)++;
}

void address_expand(const char *pattern, const struct address_names *names,
                    char ret_address[ADDRESS_SIZE_MAX])
{
    size_t used = 0;

    while (*pattern != '\0') {
        int length;
        const char *part = next_part(&pattern, names, &length);
        used += (size_t)snprintf(ret_address + used, ADDRESS_SIZE_MAX - used, "%.*s", length, part);
        if (used >= ADDRESS_SIZE_MAX)
            FAIL("address is too long: %s", ret_address);
    }
}

static void add_option(char address[ADDRESS_SIZE_MAX], const char *option)
{
    size_t used = strlen(address);
    const char *mark = strchr(address, '?') != NULL ? "&" : "?";

    snprintf(address + used, ADDRESS_SIZE_MAX - used, "%s%s", mark, option);
    CHECK(strlen(address) + 1 < ADDRESS_SIZE_MAX);
}

void rig_add_option(struct rig *r, const char *option)
{
    add_option(r->address, option);
    add_option(r->sender_address, option);
}

static void add_number(char address[ADDRESS_SIZE_MAX], unsigned number)
{
    char options[ADDRESS_SIZE_MAX];
    size_t name_size = strcspn(address, "?");

    snprintf(options, sizeof(options), "%s", address + name_size);
    snprintf(address + name_size, ADDRESS_SIZE_MAX - name_size, "%u%s", number, options);
}

void rig_number(struct rig *r, unsigned number)
{
    if (rig_way(r) == ENL_MEET_PAIR)
        return; /* it has no name */
    if (strstr(r->mechanism->address, "$PORT") != NULL) {
        r->port = 0;
        rig_move(r, test_dir());
        return;
    }
    if (strstr(r->mechanism->address, "$KEY") != NULL) {
        r->key = key_of(test_name("link"), 1 + number);
        rig_move(r, test_dir());
        return;
    }
    add_number(r->address, number);
    add_number(r->sender_address, number);
}

void rig_move(struct rig *r, const char *directory)
{
    const struct mechanism *m = r->mechanism;
    char port[8], pid[16], key[16];

    if (r->port == 0 && strstr(m->address, "$PORT") != NULL)
        r->port = free_port();
    snprintf(port, sizeof(port), "%u", r->port);
    snprintf(pid, sizeof(pid), "%d", getpid());
    if (r->key == 0)
        r->key = key_of(test_name("link"), 0);
    snprintf(key, sizeof(key), "%u", (unsigned)r->key);
    const struct address_names names = {directory, test_name("link"), port, pid, key};
    address_expand(m->address, &names, r->address);
    address_expand(m->sender_address != NULL ? m->sender_address : m->address, &names,
                   r->sender_address);
}

bool rig_has_path(const struct rig *r)
{
    return strstr(r->mechanism->address, "$DIR") != NULL;
}

void rig_path(const struct rig *r, char ret_path[ADDRESS_SIZE_MAX])
{
    const char *path = strchr(r->address, ':') + 1;

    CHECK(rig_has_path(r));
    snprintf(ret_path, ADDRESS_SIZE_MAX, "%.*s", (int)strcspn(path, "?"), path);
}

bool rig_can(const struct rig *r, uint32_t can)
{
    return (r->caps.can & can) == can;
}

uint32_t rig_way(const struct rig *r)
{
    static const uint32_t ways[] = {ENL_MEET_PAIR, ENL_MEET_OPEN, ENL_MEET_LISTEN};

    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
        if ((r->caps.meet & ways[i]) != 0)
            return ways[i];
    FAIL("%s: its ends cannot meet", r->address);
}

unsigned rig_sender_flags(const struct rig *r)
{
    return rig_can(r, ENL_CAN_DUPLEX) ? ENL_READ | ENL_WRITE : ENL_WRITE;
}

unsigned rig_receiver_flags(const struct rig *r)
{
    return ENL_CREATE | (rig_can(r, ENL_CAN_DUPLEX) ? ENL_READ | ENL_WRITE : ENL_READ);
}

void rig_init(struct rig *r, const struct mechanism *m)
{
    memset(r, 0, sizeof(*r));
    r->mechanism = m;
    rig_move(r, test_dir());
    CHECK_OK(enl_address_caps(r->address, &r->caps));
}

void rig_meet(struct rig *r)
{
    struct enl_link *ends[2];

    switch (rig_way(r)) {
    case ENL_MEET_PAIR:
        CHECK_OK(enl_pair(r->address, ends));
        r->receiver = ends[0];
        r->sender = ends[1];
        break;
    case ENL_MEET_OPEN:
        CHECK_OK(enl_open(r->address, rig_receiver_flags(r), &r->receiver));
        CHECK_OK(enl_open(r->sender_address, rig_sender_flags(r), &r->sender));
        break;
    default:
        CHECK_OK(enl_listen(r->address, &r->listener));
        rig_open_sender(r, &r->sender);
        CHECK_OK(enl_accept(r->listener, test_until(), &r->receiver));
    }
    /* of a peer on another machine this kernel knows only that the other kernel has the bytes */
    r->drains = r->caps.reach < ENL_REACH_NETWORK && enl_drain(r->sender, ENL_NOW) != -ENOTSUP;
}

bool rig_is_network(const struct rig *r)
{
    return r->caps.reach >= ENL_REACH_NETWORK;
}

void rig_open_sender(const struct rig *r, struct enl_link **ret_link)
{
    if (rig_is_network(r))
        CHECK_OK(enl_open_until(r->sender_address, rig_sender_flags(r), test_until(), ret_link));
    else
        CHECK_OK(enl_open(r->sender_address, rig_sender_flags(r), ret_link));
}

int rig_try_sender(const struct rig *r, struct enl_link **ret_link)
{
    int result;

    do {
        CHECK(now_ns() < test_until());
        result = enl_open(r->sender_address, rig_sender_flags(r), ret_link);
    } while (result == -ETIMEDOUT && rig_is_network(r));
    return result;
}

void rig_await_message(const struct rig *r)
{
    struct enl_link *receiver = r->receiver;

    if (rig_is_network(r))
        CHECK_EQ(enl_poll(&receiver, 1, test_until()), 1);
}

void rig_leave(struct rig *r)
{
    rig_close_sender(r);
    rig_close_receiver(r);
    enl_close(r->listener);
    r->listener = NULL;
}

void rig_close(struct rig *r)
{
    rig_leave(r);
    if (rig_way(r) == ENL_MEET_OPEN)
        (void)enl_unlink(r->address);
}

void rig_close_sender(struct rig *r)
{
    enl_close(r->sender);
    r->sender = NULL;
}

void rig_close_receiver(struct rig *r)
{
    enl_close(r->receiver);
    r->receiver = NULL;
}

struct enl_link *rig_more_sender(struct rig *r)
{
    struct enl_link *l;

    if (rig_way(r) == ENL_MEET_PAIR)
        return r->sender;
    rig_open_sender(r, &l);
    return l;
}
