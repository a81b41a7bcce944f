/* SPDX-License-Identifier: MIT */
/* Locks whose holder dies: a transfer between two accounts is cut short by SIGKILL, and the next process is told, and
 * finishes it. Then mistakes, which are answered too, readers and a writer, something done once, and turns.
 *
 *     survivor [ADDRESS]     the region, as in shm:/bank, svshm:0x1234, file:bank; memfd: if not given */
#include <enlace/enlace.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

struct shared {
    struct enl_mutex mutex, checked;
    struct enl_rwlock rwlock;
    struct enl_condition turned;
    struct enl_once once;
    volatile int32_t accounts[2];
    /* what is being done to them, written down before it is done */
    volatile uint32_t begun;
    volatile int32_t becomes[2];
    volatile uint32_t made, turn;
};

static struct shared *shared;
static struct enl_region *region;

static int failed(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, enl_error_text());
    return 1;
}

static struct enl_sync *object(const void *room, uint32_t kind, uint32_t flags)
{
    struct enl_sync_options options = {.size = sizeof options, .kind = kind, .flags = flags};
    struct enl_sync *s = NULL;

    if (enl_sync_at(region, (size_t)((const char *)room - (const char *)shared), &options,
                    ENL_CREATE, &s) < 0)
        _exit(failed("enl_sync_at"));
    return s;
}

/* Runs it in a child, and waits for its end. */
static int in_a_child(int (*run)(struct enl_sync *), struct enl_sync *argument)
{
    int status;
    pid_t pid;

    fflush(stdout);
    pid = fork();
    if (pid == 0)
        _exit(run(argument));
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return -1;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* ---- a death ------------------------------------------------------------------------------------------ */

static int transfer_and_die(struct enl_sync *mutex)
{
    if (enl_mutex_lock(mutex, ENL_FOREVER) < 0)
        return failed("enl_mutex_lock");
    shared->becomes[0] = shared->accounts[0] - 100;
    shared->becomes[1] = shared->accounts[1] + 100;
    shared->begun = 1;
    shared->accounts[0] = shared->becomes[0];
    return raise(SIGKILL); /* before the other half */
}

static int survive(struct enl_sync *mutex)
{
    int r;

    shared->accounts[0] = shared->accounts[1] = 1000;
    in_a_child(transfer_and_die, mutex);
    r = enl_mutex_lock(mutex, ENL_FOREVER);
    if (r != -EOWNERDEAD)
        return failed("enl_mutex_lock");
    printf("the holder died: %d + %d\n", (int)shared->accounts[0], (int)shared->accounts[1]);
    for (int i = 0; shared->begun && i < 2; i++)
        shared->accounts[i] = shared->becomes[i];
    shared->begun = 0;
    if (enl_mutex_consistent(mutex) < 0 || enl_mutex_unlock(mutex) < 0)
        return failed("enl_mutex_consistent");
    printf("the next one finished it: %d + %d\n", (int)shared->accounts[0],
           (int)shared->accounts[1]);
    return 0;
}

/* ---- mistakes ----------------------------------------------------------------------------------------- */

static int unlock_anothers(struct enl_sync *mutex)
{
    return enl_mutex_unlock(mutex) == -EPERM;
}

static int err(struct enl_sync *mutex)
{
    if (enl_mutex_lock(mutex, ENL_FOREVER) < 0)
        return failed("enl_mutex_lock");
    printf("locked twice: %s\n",
           enl_mutex_lock(mutex, ENL_FOREVER) == -EDEADLK ? "-EDEADLK" : "it hangs");
    printf("unlocked by a stranger: %s\n",
           in_a_child(unlock_anothers, mutex) == 1 ? "-EPERM" : "it is done");
    printf("destroyed while held: %s\n",
           enl_sync_destroy(mutex) == -EBUSY ? "-EBUSY" : "it is gone");
    return enl_mutex_unlock(mutex);
}

/* ---- the others --------------------------------------------------------------------------------------- */

static int read_too(struct enl_sync *rwlock)
{
    if (enl_rwlock_read(rwlock, ENL_NOW) < 0)
        return 0;
    return enl_rwlock_unlock(rwlock) == 0;
}

static int write_now(struct enl_sync *rwlock)
{
    return enl_rwlock_write(rwlock, enl_in_ms(10)) == 0;
}

static int read_together(struct enl_sync *rwlock)
{
    if (enl_rwlock_read(rwlock, ENL_FOREVER) < 0)
        return failed("enl_rwlock_read");
    printf("while one reads: another %s, a writer %s\n",
           in_a_child(read_too, rwlock) ? "reads" : "waits",
           in_a_child(write_now, rwlock) ? "writes" : "waits");
    return enl_rwlock_unlock(rwlock);
}

static int make(void *argument)
{
    (void)argument;
    shared->made++;
    return 0;
}

static int make_once(struct enl_sync *once)
{
    return enl_once_run(once, make, NULL, ENL_FOREVER) < 0;
}

static struct enl_sync *turned, *table;

static void take_turns(uint32_t who, const char *word)
{
    for (uint32_t i = who; i < 6; i += 2) {
        if (enl_mutex_lock(table, ENL_FOREVER) < 0)
            _exit(failed("enl_mutex_lock"));
        while (shared->turn != i)
            if (enl_condition_wait(turned, table, ENL_FOREVER) < 0)
                _exit(failed("enl_condition_wait"));
        printf("%s%s", word, i == 5 ? "\n" : " ");
        fflush(stdout);
        shared->turn++;
        if (enl_condition_broadcast(turned) < 0 || enl_mutex_unlock(table) < 0)
            _exit(failed("enl_condition_broadcast"));
    }
}

int main(int argc, char **argv)
{
    const struct enl_layout layout = {.name = "bank", .size = sizeof(struct shared)};
    const char *address = argc > 1 ? argv[1] : "memfd:bank";
    struct enl_sync *mutex, *checked, *rwlock, *once;
    pid_t pid;

    if (enl_region_open(address, ENL_READ | ENL_WRITE | ENL_CREATE | ENL_EXCLUSIVE, &layout,
                        &region) < 0)
        return failed(address);
    shared = enl_region_data(region);
    mutex = object(&shared->mutex, ENL_MUTEX, 0);
    checked = object(&shared->checked, ENL_MUTEX, ENL_CHECKED);
    rwlock = object(&shared->rwlock, ENL_RWLOCK, 0);
    once = object(&shared->once, ENL_ONCE, 0);
    turned = object(&shared->turned, ENL_CONDITION, 0);
    table = mutex;

    if (survive(mutex) != 0 || err(checked) != 0 || read_together(rwlock) != 0)
        return 1;
    for (int i = 0; i < 3; i++)
        if (in_a_child(make_once, once) != 0)
            return 1;
    printf("made %u time by three processes\n", (unsigned)shared->made);

    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        take_turns(1, "tock");
        _exit(0);
    }
    take_turns(0, "tick");
    if (pid < 0 || waitpid(pid, NULL, 0) != pid)
        return 1;

    enl_sync_close(mutex);
    enl_sync_close(checked);
    enl_sync_close(rwlock);
    enl_sync_close(once);
    enl_sync_close(turned);
    enl_region_close(region);
    if (argc > 1)
        (void)enl_region_unlink(address);
    return 0;
}
