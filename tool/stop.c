/* SPDX-License-Identifier: MIT */
/* SIGINT and SIGTERM end the command in order. */
#include "stop.h"

#include <enlace/link.h>

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* The handler runs in the only thread; atomics keep the compiler from moving what it reads. */
static struct enl_link *_Atomic guarded;
static atomic_bool asked;
static int wake_fd = -1;

static void on_signal(int number)
{
    struct enl_link *l = atomic_load(&guarded);
    int saved = errno;
    uint64_t one = 1;

    if (l == NULL) {
        /* SA_RESETHAND has put the default back; it strikes when this handler returns. */
        (void)raise(number);
        return;
    }
    atomic_store(&asked, true);
    if (write(wake_fd, &one, sizeof one) < 0)
        asked = true; /* the counter is full: it is readable already */
    (void)enl_interrupt(l);
    errno = saved;
}

int stop_install(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART | SA_RESETHAND};

    wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake_fd < 0)
        return -errno;
    (void)sigemptyset(&action.sa_mask);
    if (sigaction(SIGINT, &action, NULL) < 0 || sigaction(SIGTERM, &action, NULL) < 0)
        return -errno;
    return 0;
}

void stop_guard(struct enl_link *l)
{
    atomic_store(&guarded, l);
    /* A stop asked for while another link was guarded holds for this one too. */
    if (l != NULL && stop_asked())
        (void)enl_interrupt(l);
}

static void change_mask(int how)
{
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    (void)sigprocmask(how, &set, NULL);
}

void stop_hold(void)
{
    change_mask(SIG_BLOCK);
}

void stop_release(void)
{
    change_mask(SIG_UNBLOCK);
}

bool stop_asked(void)
{
    return atomic_load(&asked);
}

int stop_fd(void)
{
    return wake_fd;
}
