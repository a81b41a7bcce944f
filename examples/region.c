/* SPDX-License-Identifier: MIT */
/* Memory of two processes: made by one, found by the other under its address; who uses it, and what differs is told.
 *
 *     region [ADDRESS]     as in shm:/numbers, svshm:0x1234, file:numbers; shm:/enlace-example if not given */
#include <enlace/enlace.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct numbers {
    uint32_t count;
    uint32_t values[100];
};

static const struct enl_field fields[] = {
    ENL_FIELD(struct numbers, count),
    ENL_FIELD(struct numbers, values),
};

static const struct enl_layout layout = {.name = "numbers",
                                         .size = sizeof(struct numbers),
                                         .field_count = 2,
                                         .fields = fields};

/* What another version of the program may have: the count has grown. */
static const struct enl_field wide_fields[] = {{"count", 0, 8}, {"values", 8, 400}};
static const struct enl_layout wide = {.name = "numbers",
                                       .size = 408,
                                       .field_count = 2,
                                       .fields = wide_fields};

static int failed(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, enl_error_text());
    return 1;
}

static int child(const char *address)
{
    struct enl_region *region;
    struct numbers *numbers;

    if (enl_region_open(address, ENL_READ | ENL_WRITE, &layout, &region) < 0)
        return failed("child");
    printf("the child finds %zu bytes, used by %zd processes\n", enl_region_size(region),
           enl_region_users(region, NULL, 0));
    fflush(stdout);
    numbers = enl_region_data(region);
    for (uint32_t i = 0; i < 100; i++)
        numbers->values[i] = i;
    numbers->count = 100;
    enl_region_close(region);
    return 0;
}

/* Errors name the address, which is another one each time: from the field on the text is the same. */
static void try_other_layout(const char *address)
{
    struct enl_region *region;
    int result = enl_region_open(address, ENL_READ | ENL_WRITE, &wide, &region);
    const char *field = strstr(enl_error_text(), "field");

    printf("another layout: %s\n", result != -EPROTOTYPE || field == NULL ? "taken" : field);
}

int main(int count, char *words[])
{
    const char *address = count > 1 ? words[1] : "shm:/enlace-example";
    struct enl_region_stat stat;
    struct enl_region *region;
    struct numbers *numbers;
    int status;

    if (enl_region_open(address, ENL_READ | ENL_WRITE | ENL_CREATE | ENL_EXCLUSIVE, &layout,
                        &region) < 0)
        return failed("make");
    if (fork() == 0)
        _exit(child(address));
    if (wait(&status) < 0 || status != 0)
        return 1;
    numbers = enl_region_data(region);
    printf("the child left %u numbers, the last is %u\n", numbers->count, numbers->values[99]);
    try_other_layout(address);
    if (enl_region_stat(region, &stat) < 0)
        return failed("ask");
    printf("mode 0%o, made by this process: %s\n", (unsigned)stat.mode,
           stat.creator_pid == (uint64_t)getpid() ? "yes" : "no");
    if (enl_region_unlink(address) < 0)
        return failed("remove");
    numbers->count = 0; /* the name is gone, the memory stays for its users */
    enl_region_close(region);
    if (enl_region_open(address, ENL_READ, &layout, &region) != -ENOENT)
        return 1;
    printf("removed: nobody finds it any more\n");
    return 0;
}
