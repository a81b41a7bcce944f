/* SPDX-License-Identifier: MIT */
/* An intermediate file with a lock: one process appends results to it while another one takes what is there, and when
 * a writer dies inside of the lock, the next one sees that and cuts off its half.
 *
 *     intermediate_file [ADDRESS]     of the region, as in file:results, shm:/results; file:results if not given */
#include <enlace/enlace.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define RECORDS 1000
#define ROOM 4096

struct results {
    struct enl_mutex lock;
    struct enl_condition changed;
    uint32_t used; /* bytes of text that are whole */
    uint32_t done; /* no more will come */
    char text[ROOM];
};

static const struct enl_field fields[] = {
    ENL_FIELD(struct results, lock), ENL_FIELD(struct results, changed),
    ENL_FIELD(struct results, used), ENL_FIELD(struct results, done),
    ENL_FIELD(struct results, text),
};

static const struct enl_layout layout = {.name = "results",
                                         .size = sizeof(struct results),
                                         .field_count = 5,
                                         .fields = fields};

/* What each process opens for itself: nothing but the address is common to them. */
struct user {
    struct enl_region *region;
    struct results *file;
    struct enl_sync *lock, *changed;
};

static int failed(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, enl_error_text());
    return 1;
}

static int start(struct user *u, const char *address)
{
    struct enl_sync_options mutex = {.size = sizeof mutex, .kind = ENL_MUTEX};
    struct enl_sync_options condition = {.size = sizeof condition, .kind = ENL_CONDITION};

    if (enl_region_open(address, ENL_READ | ENL_WRITE | ENL_CREATE, &layout, &u->region) < 0 ||
        enl_sync_at(u->region, offsetof(struct results, lock), &mutex, ENL_CREATE, &u->lock) < 0 ||
        enl_sync_at(u->region, offsetof(struct results, changed), &condition, ENL_CREATE,
                    &u->changed) < 0)
        return failed("open");
    u->file = enl_region_data(u->region);
    return 0;
}

static void end(struct user *u)
{
    enl_sync_close(u->lock);
    enl_sync_close(u->changed);
    enl_region_close(u->region);
}

/* The dead one may have left text behind what is used: that is not counted, so nothing is to be done. */
static int lock(struct user *u)
{
    int result = enl_mutex_lock(u->lock, ENL_FOREVER);

    if (result == -EOWNERDEAD) {
        printf("a writer died with the lock: its half line is cut off\n");
        fflush(stdout);
        memset(u->file->text + u->file->used, 0, ROOM - u->file->used);
        result = enl_mutex_consistent(u->lock);
    }
    return result;
}

static int append(struct user *u, const char *line)
{
    size_t size = strlen(line);

    if (lock(u) < 0)
        return failed("lock");
    while (u->file->used + size > ROOM)
        if (enl_condition_wait(u->changed, u->lock, ENL_FOREVER) < 0)
            return failed("wait");
    memcpy(u->file->text + u->file->used, line, size);
    u->file->used += (uint32_t)size;
    enl_condition_broadcast(u->changed);
    return enl_mutex_unlock(u->lock);
}

static int dying_writer(const char *address)
{
    struct user u;

    if (start(&u, address) != 0 || lock(&u) < 0)
        return 1;
    memcpy(u.file->text + u.file->used, "result 0: ha", 12); /* and not counted yet */
    return raise(SIGKILL);
}

static int writer(const char *address)
{
    struct user u;
    char line[32];
    int result = start(&u, address);

    for (int i = 1; i <= RECORDS && result == 0; i++) {
        snprintf(line, sizeof line, "result %d\n", i);
        result = append(&u, line);
    }
    if (result == 0 && lock(&u) == 0) {
        u.file->done = 1;
        enl_condition_broadcast(u.changed);
        result = enl_mutex_unlock(u.lock);
    }
    end(&u);
    return result;
}

/* Takes all that is there at a time. */
static int reader(struct user *u)
{
    uint64_t lines = 0;
    int done = 0;

    while (!done) {
        if (lock(u) < 0)
            return failed("lock");
        while (u->file->used == 0 && !u->file->done)
            if (enl_condition_wait(u->changed, u->lock, ENL_FOREVER) < 0)
                return failed("wait");
        for (uint32_t i = 0; i < u->file->used; i++)
            lines += u->file->text[i] == '\n';
        done = u->file->done != 0;
        u->file->used = 0;
        enl_condition_broadcast(u->changed);
        if (enl_mutex_unlock(u->lock) < 0)
            return failed("unlock");
    }
    printf("%llu results\n", (unsigned long long)lines);
    return 0;
}

int main(int count, char *words[])
{
    const char *address = count > 1 ? words[1] : "file:results";
    struct user u;
    int status;
    int result;

    if (start(&u, address) != 0)
        return 1;
    if (fork() == 0)
        _exit(dying_writer(address));
    wait(&status);
    if (fork() == 0)
        _exit(writer(address));
    result = reader(&u);
    if (wait(&status) < 0 || status != 0)
        result = 1;
    end(&u);
    if (enl_region_unlink(address) < 0)
        return failed("remove");
    return result;
}
