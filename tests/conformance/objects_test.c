/* SPDX-License-Identifier: MIT */
/* The objects behind links: made with the mode given, changed while they live, removed by name,
 * and never mistaken for something else that stands at their path. */
#include "suite.h"

#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

/* The calls that may make the object, or use one: with nobody there. */
static int open_receiver(struct rig *r, struct enl_link **ret_link)
{
    if (rig_way(r) == ENL_MEET_LISTEN)
        return enl_listen(r->address, ret_link);
    return enl_open(r->address, rig_receiver_flags(r), ret_link);
}

static int open_sender(struct rig *r, struct enl_link **ret_link)
{
    return enl_open(r->sender_address, rig_sender_flags(r), ret_link);
}

/* ---- mode, owner, capacity ------------------------------------------------------------------- */

static uint64_t mode_of(struct enl_link *l)
{
    struct enl_stat stat;

    CHECK_OK(enl_link_stat(l, &stat));
    return stat.mode & 0777;
}

/* A path has one; so have the queues of the kernel, which have names of their own. */
static bool has_mode(const struct rig *r)
{
    struct rig with_mode = *r;

    rig_add_option(&with_mode, "mode=640");
    int result = enl_address_caps(with_mode.address, NULL);
    CHECK(result == 0 || result == -EINVAL);
    CHECK(result == 0 || !rig_has_path(r));
    return result == 0;
}

static void mode_is_what_was_asked_for(struct rig *r)
{
    static const char *const options[] = {"mode=640", "mode=666", "mode=600", "mode=622"};
    static const unsigned modes[] = {0640, 0666, 0600, 0622};
    char path[ADDRESS_SIZE_MAX];
    struct stat status;

    if (!has_mode(r))
        return;
    (void)umask(077);
    for (unsigned i = 0; i < 4; i++) {
        rig_move(r, test_dir());
        rig_add_option(r, options[i]);
        rig_meet(r);
        if (rig_has_path(r)) {
            rig_path(r, path);
            CHECK_EQ(lstat(path, &status), 0);
            CHECK_EQ(status.st_mode & 0777, modes[i]);
        }
        CHECK_EQ(mode_of(r->listener != NULL ? r->listener : r->receiver), modes[i]);
        check_works(r, i);
        rig_close(r);
    }
}

static void mode_can_be_changed_or_says_that_it_cannot(struct rig *r)
{
    struct enl_settings settings = {.set = ENL_SET_MODE, .mode = 0640};
    struct enl_link *named = r->listener != NULL ? r->listener : r->receiver;
    struct enl_stat stat;

    int result = enl_link_set(named, &settings);
    if (result < 0) {
        CHECK_EQ(result, -ENOTSUP);
        CHECK(enl_error_text()[0] != '\0');
        CHECK(!has_mode(r));
        return;
    }
    CHECK_EQ(mode_of(named), 0640);
    settings.set = ENL_SET_OWNER;
    settings.uid = test_is_root() ? 65534 : getuid();
    settings.gid = UINT32_MAX;
    CHECK_OK(enl_link_set(named, &settings));
    CHECK_OK(enl_link_stat(named, &stat));
    CHECK_EQ(stat.uid, settings.uid);
    CHECK_EQ(stat.gid, getgid());
    check_works(r, 0);
}

static void capacity_can_be_changed_or_says_that_it_cannot(struct rig *r)
{
    struct enl_settings settings = {.set = ENL_SET_CAPACITY, .capacity = 32768};
    size_t size = size_near(r, CALL_SEND_SIZE);
    struct enl_stat stat;

    int result = enl_link_set(r->sender, &settings);
    if (result < 0) {
        CHECK(result == -ENOTSUP || result == -EPERM); /* so much, to this user */
        CHECK(enl_error_text()[0] != '\0');
        return;
    }
    CHECK_OK(enl_link_stat(r->sender, &stat));
    CHECK(stat.capacity_bytes >= 32768);
    if (rig_can(r, ENL_CAN_LOSSLESS)) {
        unsigned few = fill_up(r, size);
        empty_out(r, size, 0, few);
        settings.capacity = 131072;
        CHECK_OK(enl_link_set(r->sender, &settings));
        CHECK_OK(enl_link_stat(r->sender, &stat));
        CHECK(stat.capacity_bytes >= 131072);
        unsigned many = fill_up(r, size);
        empty_out(r, size, 0, many);
        CHECK(many >= few);
    }
    check_works(r, 0);
}

static void settings_without_sense_are_refused(struct rig *r)
{
    struct enl_settings settings = {.set = 1u << 30};

    CHECK_EQ(enl_link_set(r->receiver, &settings), -EINVAL);
    settings.set = ENL_SET_MODE;
    settings.mode = 01000;
    CHECK_EQ(enl_link_set(r->receiver, &settings), -EINVAL);
    settings.set = 0;
    CHECK_EQ(enl_link_set(r->receiver, &settings), 0);
    check_works(r, 0);
}

/* ---- names ----------------------------------------------------------------------------------- */

static void unlink_removes_the_name_alone(struct rig *r)
{
    struct enl_link *link;

    int result = enl_unlink(r->address);
    if (result == -ENOTSUP && !rig_has_path(r))
        return; /* its name lasts as long as the object */
    CHECK_OK(result);
    CHECK_EQ(enl_unlink(r->address), -ENOENT);
    CHECK(enl_error_text()[0] != '\0');
    CHECK_EQ(open_sender(r, &link), -ENOENT);
    if (try_send(r->sender, size_near(r, 8), 0, ENL_NOW) == -EIDRM)
        return; /* the object goes with its name, and its users are told */
    receive_numbered(r->receiver, size_near(r, 8), 0, 0);
    check_works(r, 0);
}

static void without_name_there_is_nothing_to_unlink(struct rig *r)
{
    int result = enl_unlink(r->address);
    CHECK(result == -ENOTSUP || result == -EINVAL);
    CHECK(enl_error_text()[0] != '\0');
    check_works(r, 0);
}

static void create_and_exclusive_mean_what_they_say(struct rig *r)
{
    unsigned flags = rig_receiver_flags(r);
    struct enl_link *link;

    for (int again = 0; again < 2; again++) {
        int result = enl_open(r->address, flags & ~ENL_CREATE, &link);
        CHECK(result == -ENOENT || (result == -ECONNREFUSED && !rig_has_path(r)));
    }
    CHECK_OK(enl_open(r->address, flags | ENL_EXCLUSIVE, &r->receiver));
    CHECK_EQ(enl_open(r->address, flags | ENL_EXCLUSIVE, &link), -EEXIST);
    CHECK_EQ(enl_open(r->address, (flags & ~ENL_CREATE) | ENL_EXCLUSIVE, &link), -EINVAL);
    CHECK_EQ(enl_open(r->address, 0, &link), -EINVAL);
    CHECK_EQ(enl_open(r->address, 1u << 20, &link), -EINVAL);
    CHECK_OK(open_sender(r, &r->sender));
    check_works(r, 0);
}

static void messages_outlive_their_processes(struct rig *r)
{
    send_numbered(r->sender, size_near(r, 64), 0, 0);
    rig_close_sender(r);
    rig_close_receiver(r);
    CHECK_OK(enl_open(r->address, rig_receiver_flags(r) & ~ENL_CREATE, &r->receiver));
    receive_numbered(r->receiver, size_near(r, 64), 0, 0);
}

static void messages_go_with_the_last_process(struct rig *r)
{
    send_numbered(r->sender, size_near(r, 64), 0, 0);
    CHECK_OK(enl_flush(r->sender, test_until()));
    rig_await_message(r);
    rig_close_sender(r);
    rig_close_receiver(r);
    CHECK_OK(enl_open(r->address, rig_receiver_flags(r), &r->receiver));
    ssize_t got = enl_receive(r->receiver, &(char){0}, 1, ENL_NOW);
    CHECK(got == -EAGAIN || got == -ESHUTDOWN);
}

/* ---- listeners ------------------------------------------------------------------------------- */

static void address_in_use_is_told(struct rig *r)
{
    struct enl_link *link;

    for (int again = 0; again < 3; again++) {
        CHECK_EQ(enl_listen(r->address, &link), -EADDRINUSE);
        CHECK(enl_error_text()[0] != '\0');
    }
    check_works(r, 0);
    rig_open_sender(r, &link); /* the first one still listens */
    enl_close(link);
}

/* What the kernel would cut without a word. */
static void backlog_above_the_kernels_limit_is_refused(struct rig *r)
{
    char address[ADDRESS_SIZE_MAX + 32];
    unsigned most = 65535;
    struct enl_link *link;
    FILE *file = fopen("/proc/sys/net/core/somaxconn", "r");

    if (file != NULL) {
        CHECK_EQ(fscanf(file, "%u", &most), 1);
        CHECK_EQ(fclose(file), 0);
    }
    if (most >= 65535)
        SKIP("no backlog that an address may ask for is above somaxconn here");
    for (unsigned above = 0; above < 2; above++) {
        (void)snprintf(address, sizeof(address), "%s%cbacklog=%u", r->address,
                       strchr(r->address, '?') == NULL ? '?' : '&', most + above);
        CHECK_EQ(enl_listen(address, &link), above ? -EINVAL : 0);
        if (!above)
            enl_close(link);
    }
    CHECK_CONTAINS(enl_error_text(), "/proc/sys/net/core/somaxconn");
}

static void closed_listener_leaves_its_name_free(struct rig *r)
{
    char path[ADDRESS_SIZE_MAX];
    struct enl_link *link;

    enl_close(r->listener);
    r->listener = NULL;
    if (rig_has_path(r)) {
        rig_path(r, path);
        CHECK(access(path, F_OK) < 0);
    }
    CHECK(open_sender(r, &link) < 0);
    check_works(r, 0); /* the connection goes on */
    CHECK_OK(enl_listen(r->address, &r->listener));
}

/* The name was taken away, and somebody else listens there now: the first one's end is not his. */
static void closed_listener_leaves_the_name_of_another(struct rig *r)
{
    struct enl_link *first = r->listener, *link;

    if (!rig_has_path(r))
        return; /* such a name cannot be taken away */
    CHECK_OK(enl_unlink(r->address));
    CHECK_OK(enl_listen(r->address, &r->listener));
    enl_close(first);
    rig_open_sender(r, &link);
    enl_close(link);
}

static void listen_and_wait(void *argument)
{
    struct rig *r = argument;

    CHECK_OK(enl_listen(r->address, &r->listener));
    CHECK_OK(enl_accept(r->listener, test_until(), &r->receiver));
    (void)raise(SIGKILL);
}

static void leave_dead_listener(struct rig *r)
{
    pid_t child = test_child(listen_and_wait, r);
    struct enl_link *link;

    CHECK_OK(enl_open_until(r->sender_address, rig_sender_flags(r), test_until(), &link));
    test_join_killed(child, SIGKILL);
    enl_close(link);
}

static void dead_listener_is_replaced(struct rig *r)
{
    for (int again = 0; again < 3; again++) {
        leave_dead_listener(r);
        CHECK_EQ(rig_try_sender(r, &r->sender), -ECONNREFUSED);
        rig_meet(r);
        check_works(r, 0);
        rig_close(r);
    }
}

enum { STARTERS = 4 };

struct starter {
    struct rig *r;
    struct test_gate *start, *end;
    atomic_uint *winners;
};

static void start_listener(void *argument)
{
    struct starter *s = argument;

    test_gate_meet(s->start, STARTERS);
    int result = enl_listen(s->r->address, &s->r->listener);
    if (result == 0)
        atomic_fetch_add(s->winners, 1);
    else
        CHECK_EQ(result, -EADDRINUSE);
    test_gate_meet(s->end, STARTERS + 1); /* the winner lives until all have tried */
    test_gate_meet(s->end, STARTERS + 1);
    enl_close(s->r->listener);
}

/* Several starters find a dead listener's name at once: one of them gets it, and keeps it. */
static void one_of_many_starters_wins(struct rig *r)
{
    struct starter s = {.r = r, .start = test_gate_new(), .end = test_gate_new()};
    pid_t children[STARTERS];
    struct enl_link *link;

    s.winners = test_shared(sizeof(*s.winners));
    for (unsigned i = 0; i < rounds(15); i++) {
        leave_dead_listener(r);
        atomic_store(s.winners, 0);
        for (unsigned n = 0; n < STARTERS; n++)
            children[n] = test_child(start_listener, &s);
        test_gate_meet(s.end, STARTERS + 1);
        CHECK_EQ(atomic_load(s.winners), 1);
        rig_open_sender(r, &link);
        enl_close(link);
        test_gate_meet(s.end, STARTERS + 1);
        for (unsigned n = 0; n < STARTERS; n++)
            test_join(children[n]);
    }
}

static void make_deep_directory(char path[ADDRESS_SIZE_MAX], unsigned depth)
{
    snprintf(path, ADDRESS_SIZE_MAX, "%s", test_dir());
    for (unsigned i = 0; i < depth; i++) {
        size_t used = strlen(path);
        snprintf(path + used, ADDRESS_SIZE_MAX - used, "/a-directory-with-a-rather-long-name");
        CHECK(mkdir(path, 0700) == 0 || errno == EEXIST);
    }
}

static void long_paths_work(struct rig *r)
{
    char path[ADDRESS_SIZE_MAX];

    if (!rig_has_path(r))
        return;
    for (unsigned depth = 1; depth <= 5; depth++) {
        make_deep_directory(path, depth);
        rig_move(r, path);
        rig_meet(r);
        check_works(r, depth);
        rig_close(r);
    }
    for (unsigned depth = 5; depth > 0; depth--) {
        make_deep_directory(path, depth);
        CHECK_EQ(rmdir(path), 0);
    }
    rig_move(r, test_dir());
}

/* ---- what stands at the path ----------------------------------------------------------------- */

static void make_file(const char *path)
{
    int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);

    CHECK_OK(fd);
    CHECK_EQ(write(fd, "content", 7), 7);
    CHECK_EQ(close(fd), 0);
}

static void make_directory(const char *path)
{
    CHECK_EQ(mkdir(path, 0700), 0);
}

static void make_device(const char *path)
{
    if (mknod(path, S_IFCHR | 0600, makedev(1, 3)) < 0)
        CHECK_EQ(symlink("/dev/null", path), 0); /* an ordinary user may not make one */
}

static void make_dangling_link(const char *path)
{
    CHECK_EQ(symlink("/nonexistent/target", path), 0);
}

static void make_loop(const char *path)
{
    CHECK_EQ(symlink(path, path), 0);
}

static void make_fifo(const char *path)
{
    CHECK_EQ(mkfifo(path, 0600), 0);
}

static void make_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    CHECK_OK(fd);
    CHECK(strlen(path) < sizeof(address.sun_path));
    memcpy(address.sun_path, path, strlen(path) + 1);
    CHECK_EQ(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    CHECK_EQ(close(fd), 0);
}

static const struct obstacle {
    const char *name;
    void (*make)(const char *path);
    mode_t format; /* an object of this kind is no obstacle to a mechanism that makes it */
} obstacles[] = {
    {"a regular file", make_file, S_IFREG},   {"a directory", make_directory, S_IFDIR},
    {"a device", make_device, S_IFCHR},       {"a dangling link", make_dangling_link, S_IFLNK},
    {"a link to itself", make_loop, S_IFLNK}, {"a FIFO", make_fifo, S_IFIFO},
    {"a socket", make_socket, S_IFSOCK},
};

static mode_t own_format(struct rig *r)
{
    char path[ADDRESS_SIZE_MAX];
    struct stat status;

    rig_meet(r);
    rig_path(r, path);
    CHECK_EQ(lstat(path, &status), 0);
    rig_close(r);
    CHECK(access(path, F_OK) < 0);
    return status.st_mode & S_IFMT;
}

static void check_obstacle(struct rig *r, const struct obstacle *o)
{
    char path[ADDRESS_SIZE_MAX];
    struct stat before, after;
    struct enl_link *link;

    rig_path(r, path);
    o->make(path);
    CHECK_EQ(lstat(path, &before), 0);
    if (open_receiver(r, &link) >= 0)
        FAIL("%s was taken for one's own", o->name);
    CHECK(enl_error_text()[0] != '\0');
    if (open_sender(r, &link) >= 0)
        FAIL("%s was opened as one's own", o->name);
    CHECK(enl_error_text()[0] != '\0');
    if (enl_unlink(r->address) >= 0)
        FAIL("%s was removed", o->name);
    CHECK(enl_error_text()[0] != '\0');
    CHECK_EQ(lstat(path, &after), 0);
    CHECK_EQ(after.st_ino, before.st_ino);
    CHECK_EQ(after.st_mode, before.st_mode);
    CHECK_EQ(after.st_size, before.st_size);
    CHECK_EQ(remove(path), 0);
}

static void other_objects_at_the_path_are_left_alone(struct rig *r)
{
    if (!rig_has_path(r))
        return;
    mode_t own = own_format(r);
    for (size_t i = 0; i < sizeof(obstacles) / sizeof(obstacles[0]); i++)
        if (obstacles[i].format != own)
            check_obstacle(r, &obstacles[i]);
    rig_meet(r);
    check_works(r, 0);
}

static void live_socket_of_another_type_is_left_alone(struct rig *r)
{
    static const int types[] = {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char path[ADDRESS_SIZE_MAX];
    struct enl_link *link;
    struct stat status;

    if (!rig_has_path(r))
        return;
    rig_path(r, path);
    CHECK(strlen(path) < sizeof(address.sun_path));
    memcpy(address.sun_path, path, strlen(path) + 1);
    for (size_t i = 0; i < 3; i++) {
        int fd = socket(AF_UNIX, types[i] | SOCK_CLOEXEC, 0);
        CHECK_OK(fd);
        CHECK_EQ(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        CHECK(types[i] == SOCK_DGRAM || listen(fd, 4) == 0);
        CHECK(open_receiver(r, &link) < 0);
        CHECK(enl_error_text()[0] != '\0');
        if (open_sender(r, &link) == 0)
            enl_close(link); /* its own type */
        CHECK_EQ(lstat(path, &status), 0);
        CHECK(S_ISSOCK(status.st_mode));
        CHECK_EQ(close(fd), 0);
        CHECK_EQ(unlink(path), 0);
    }
}

static void missing_directory_is_told(struct rig *r)
{
    struct enl_link *link;

    if (!rig_has_path(r))
        return;
    rig_move(r, test_temp_path("missing"));
    CHECK_EQ(open_receiver(r, &link), -ENOENT);
    CHECK_CONTAINS(enl_error_text(), "missing");
    CHECK_EQ(open_sender(r, &link), -ENOENT);
    CHECK_EQ(enl_unlink(r->address), -ENOENT);
    rig_move(r, test_dir());
}

/* ---- who may --------------------------------------------------------------------------------- */

static void try_without_permission(void *argument)
{
    struct rig *r = argument;
    struct enl_link *link;

    CHECK_EQ(open_receiver(r, &link), -EACCES);
    CHECK(enl_error_text()[0] != '\0');
    CHECK_EQ(open_sender(r, &link), -EACCES);
    CHECK(enl_error_text()[0] != '\0');
}

static void closed_directory_keeps_users_out(struct rig *r)
{
    const char *closed = test_temp_path("closed");

    if (!rig_has_path(r))
        return;
    CHECK_EQ(mkdir(closed, 0700), 0);
    rig_move(r, closed);
    rig_meet(r);
    CHECK_EQ(chmod(closed, 0), 0);
    test_as_user(try_without_permission, r);
    CHECK_EQ(chmod(closed, 0700), 0);
    check_works(r, 0);
    rig_close(r);
    CHECK_EQ(rmdir(closed), 0);
    rig_move(r, test_dir());
}

static void try_without_mode(void *argument)
{
    struct rig *r = argument;
    struct enl_link *link;

    CHECK_EQ(open_sender(r, &link), -EACCES);
    CHECK(enl_error_text()[0] != '\0');
}

static void send_as_user(void *argument)
{
    struct rig *r = argument;

    rig_close_sender(r); /* the parent's */
    CHECK_OK(open_sender(r, &r->sender));
    send_numbered(r->sender, size_near(r, 64), 0, 3);
    CHECK_OK(enl_flush(r->sender, test_until()));
    rig_close_sender(r);
}

static void mode_says_who_may_send(struct rig *r)
{
    struct enl_settings settings = {.set = ENL_SET_MODE, .mode = 0};

    if (!has_mode(r))
        return;
    rig_meet(r);
    struct enl_link *named = r->listener != NULL ? r->listener : r->receiver;
    CHECK_OK(enl_link_set(named, &settings));
    test_as_user(try_without_mode, r);
    settings.mode = 0666;
    CHECK_OK(enl_link_set(named, &settings));
    test_as_user(send_as_user, r);
    if (r->listener != NULL) {
        rig_close_receiver(r);
        CHECK_OK(enl_accept(r->listener, test_until(), &r->receiver));
    }
    receive_numbered(r->receiver, size_near(r, 64), 0, 3);
}

static void full_disk_is_told(struct rig *r)
{
    const char *disk = test_temp_path("disk");
    struct enl_link *link;

    if (!rig_has_path(r))
        return;
    if (!test_is_root())
        SKIP("only root can mount a small disk");
    CHECK_EQ(mkdir(disk, 0700), 0);
    if (mount("enlace-test", disk, "tmpfs", 0, "nr_inodes=1") < 0) {
        CHECK_EQ(rmdir(disk), 0);
        SKIP("this machine does not let root mount");
    }
    rig_move(r, disk);
    CHECK_EQ(open_receiver(r, &link), -ENOSPC);
    CHECK(enl_error_text()[0] != '\0');
    CHECK_EQ(umount(disk), 0);
    CHECK_EQ(rmdir(disk), 0);
    rig_move(r, test_dir());
}

static const struct suite_case cases[] = {
    CASE(mode_is_what_was_asked_for, .meet = ENL_MEET_OPEN | ENL_MEET_LISTEN, .bare = true),
    CASE(mode_can_be_changed_or_says_that_it_cannot, .meet = ENL_MEET_OPEN | ENL_MEET_LISTEN),
    CASE(capacity_can_be_changed_or_says_that_it_cannot),
    CASE(settings_without_sense_are_refused),
    CASE(unlink_removes_the_name_alone, .meet = ENL_MEET_OPEN | ENL_MEET_LISTEN),
    CASE(without_name_there_is_nothing_to_unlink, .meet = ENL_MEET_PAIR),
    CASE(create_and_exclusive_mean_what_they_say, .needs = ENL_CAN_LOSSLESS, .meet = ENL_MEET_OPEN,
         .bare = true),
    CASE(messages_outlive_their_processes, .needs = ENL_CAN_PERSISTENT, .meet = ENL_MEET_OPEN),
    CASE(messages_go_with_the_last_process, .lacks = ENL_CAN_PERSISTENT, .meet = ENL_MEET_OPEN),
    CASE(address_in_use_is_told, .meet = ENL_MEET_LISTEN),
    CASE(backlog_above_the_kernels_limit_is_refused, .meet = ENL_MEET_LISTEN, .bare = true),
    CASE(closed_listener_leaves_its_name_free, .meet = ENL_MEET_LISTEN),
    CASE(closed_listener_leaves_the_name_of_another, .meet = ENL_MEET_LISTEN),
    CASE(dead_listener_is_replaced, .meet = ENL_MEET_LISTEN, .bare = true),
    CASE(one_of_many_starters_wins, .meet = ENL_MEET_LISTEN, .bare = true, .stress = true),
    CASE(long_paths_work, .meet = ENL_MEET_OPEN | ENL_MEET_LISTEN, .bare = true),
    CASE(other_objects_at_the_path_are_left_alone, .meet = ENL_MEET_OPEN | ENL_MEET_LISTEN,
         .bare = true),
    CASE(live_socket_of_another_type_is_left_alone, .meet = ENL_MEET_OPEN | ENL_MEET_LISTEN,
         .bare = true),
    CASE(missing_directory_is_told, .meet = ENL_MEET_OPEN | ENL_MEET_LISTEN, .bare = true),
    CASE(closed_directory_keeps_users_out, .meet = ENL_MEET_OPEN | ENL_MEET_LISTEN, .bare = true),
    CASE(mode_says_who_may_send, .meet = ENL_MEET_OPEN | ENL_MEET_LISTEN, .bare = true),
    CASE(full_disk_is_told, .meet = ENL_MEET_OPEN | ENL_MEET_LISTEN, .bare = true),
};
SUITE(cases)
