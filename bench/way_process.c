/* SPDX-License-Identifier: MIT */
/* Ways to start a program from a large process and to collect what one prints: enlace's, and as a program without a
 * library would do it. */
#include "way.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PRINTER "BENCH_PRINTS" /* in the environment: this program prints so many bytes, and ends */
#define PIECE ((size_t)64 * 1024)

static const char *const true_words[] = {"/bin/true", NULL};
static const char *const printer_words[] = {"/proc/self/exe", NULL};

__attribute__((constructor)) static void print(void)
{
    const char *text = getenv(PRINTER);
    static char bytes[PIECE];
    size_t left = text != NULL ? strtoull(text, NULL, 10) : 0;

    if (text == NULL)
        return;
    memset(bytes, 'x', sizeof bytes);
    while (left > 0) {
        ssize_t size = write(STDOUT_FILENO, bytes, left < sizeof bytes ? left : sizeof bytes);

        if (size <= 0)
            _exit(1);
        left -= (size_t)size;
    }
    _exit(0);
}

static int collect(pid_t pid)
{
    int status;

    if (waitpid(pid, &status, 0) < 0)
        return -errno;
    return status == 0 ? 0 : -EPROTO;
}

/* ---- from a process that has much memory --------------------------------------------------------------- */

/* Ordinary pages, each of them written, once for both ways of a row. */
static int make_large(struct course *c)
{
    static char *memory;

    if (memory != NULL)
        return 0;
    memory = mmap(NULL, c->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        (void)snprintf(c->error, sizeof c->error, "there are no %zu bytes of memory", c->size);
        return -ENOMEM;
    }
    memset(memory, 1, c->size);
    return 0;
}

static int work_spawn(struct course *c)
{
    struct enl_status status;
    struct enl_child *child;
    int r = enl_spawn(&(struct enl_spawn){.argv = true_words}, &child);

    (void)c;
    if (r < 0)
        return r;
    r = enl_child_wait(child, ENL_FOREVER, &status);
    enl_child_close(child);
    return r;
}

static int work_posix_spawn(struct course *c)
{
    pid_t pid;
    int error =
        posix_spawn(&pid, true_words[0], NULL, NULL, (char *const *)(uintptr_t)true_words, environ);

    (void)c;
    return error != 0 ? -error : collect(pid);
}

static int work_fork(struct course *c)
{
    pid_t pid = fork();

    (void)c;
    if (pid == 0) {
        (void)execve(true_words[0], (char *const *)(uintptr_t)true_words, environ);
        _exit(127);
    }
    return pid < 0 ? -errno : collect(pid);
}

const struct way way_spawn = {.name = "enlace", .make = make_large, .work = work_spawn};
const struct way way_posix_spawn = {.name = "posix_spawn",
                                    .make = make_large,
                                    .work = work_posix_spawn};
const struct way way_fork = {.name = "fork", .make = make_large, .work = work_fork};

/* ---- what a program prints -------------------------------------------------------------------------------- */

static char printer_size[64];

static const char *const *printer_environment(const struct course *c)
{
    static const char *const environment[] = {printer_size, NULL};

    (void)snprintf(printer_size, sizeof printer_size, PRINTER "=%zu", c->size);
    return environment;
}

static int work_run(struct course *c)
{
    struct enl_run_output output;
    int r =
        enl_run(&(struct enl_spawn){.argv = printer_words, .environment = printer_environment(c)},
                NULL, ENL_FOREVER, &output);

    if (r < 0)
        return r;
    if (output.output_size != c->size || output.status.number != 0)
        r = -EPROTO;
    enl_run_free(&output);
    return r;
}

/* The program, and the descriptor of what it prints. */
static int start_printer(struct course *c, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    int fds[2], error;

    if (pipe2(fds, O_CLOEXEC) != 0)
        return -errno;
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
    error = posix_spawn(ret_pid, printer_words[0], &actions, NULL,
                        (char *const *)(uintptr_t)printer_words,
                        (char *const *)(uintptr_t)printer_environment(c));
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)close(fds[1]);
    if (error == 0)
        return fds[0];
    (void)close(fds[0]);
    return -error;
}

/* A loop that forgets what it has read. */
static int work_read(struct course *c)
{
    static char bytes[PIECE];
    size_t sum = 0;
    ssize_t size;
    pid_t pid = 0;
    int fd = start_printer(c, &pid);

    if (fd < 0)
        return fd;
    while ((size = read(fd, bytes, sizeof bytes)) > 0)
        sum += (size_t)size;
    (void)close(fd);
    return sum == c->size ? collect(pid) : -EPROTO;
}

/* A loop that keeps it, in a buffer that it doubles. */
static int work_keep(struct course *c)
{
    size_t sum = 0, room = PIECE;
    char *bytes = malloc(room), *larger = bytes;
    ssize_t size = 0;
    pid_t pid = 0;
    int fd = start_printer(c, &pid);

    if (fd < 0 || bytes == NULL) {
        free(bytes);
        return fd < 0 ? fd : -ENOMEM;
    }
    while (larger != NULL && (size = read(fd, bytes + sum, room - sum)) > 0) {
        sum += (size_t)size;
        if (sum < room)
            continue;
        larger = realloc(bytes, room *= 2);
        bytes = larger != NULL ? larger : bytes;
    }
    (void)close(fd);
    free(bytes);
    return sum == c->size ? collect(pid) : -EPROTO;
}

const struct way way_run = {.name = "enl_run", .work = work_run};
const struct way way_read = {.name = "read", .work = work_read};
const struct way way_read_and_keep = {.name = "read and keep", .work = work_keep};
