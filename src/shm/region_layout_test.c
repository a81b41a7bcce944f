/* SPDX-License-Identifier: MIT */
/* Proof of headers: layouts that differ are told by the field, and what a dead maker left is finished. */
#include "shm/region_layout.h"

#include "runner/test.h"

#include <enlace/deadline.h>
#include <enlace/error.h>
#include <enlace/region.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BOTH (ENL_READ | ENL_WRITE)
#define NEW (BOTH | ENL_CREATE)

__attribute__((constructor)) static void explain(void)
{
    test_explain = enl_error_text;
}

struct counter {
    uint32_t count;
    uint32_t limit;
    char owner[16];
};

static const struct enl_field fields[] = {
    ENL_FIELD(struct counter, count),
    ENL_FIELD(struct counter, limit),
    ENL_FIELD(struct counter, owner),
};

static const struct enl_layout counter = {.name = "counter",
                                          .size = sizeof(struct counter),
                                          .field_count = 3,
                                          .fields = fields};

static const char *address(void)
{
    static char text[512];

    (void)snprintf(text, sizeof text, "file:%s", test_temp_path("region"));
    return text;
}

static struct enl_region *open_as(const struct enl_layout *layout, unsigned flags)
{
    struct enl_region *r;

    CHECK_OK(enl_region_open(address(), flags, layout, &r));
    return r;
}

static void remove_it(void)
{
    CHECK_OK(enl_region_unlink(address()));
}

/* ---- layouts ------------------------------------------------------------------------------------------------ */

TEST(programs_of_one_layout_share_a_region)
{
    struct enl_region *r = open_as(&counter, NEW);
    struct enl_region *other = open_as(&counter, BOTH);
    struct enl_region *any = open_as(NULL, BOTH | ENL_HEADER);

    CHECK_EQ(enl_region_size(r), sizeof(struct counter));
    ((struct counter *)enl_region_data(r))->limit = 7;
    CHECK_EQ(((struct counter *)enl_region_data(other))->limit, 7);
    CHECK_EQ(((struct counter *)enl_region_data(any))->limit, 7);
    enl_region_close(any);
    enl_region_close(other);
    enl_region_close(r);
    remove_it();
}

static void refused(const struct enl_layout *layout, const char *text)
{
    struct enl_region *r;

    CHECK_EQ(enl_region_open(address(), NEW, layout, &r), -EPROTOTYPE);
    CHECK_CONTAINS(enl_error_text(), text);
}

TEST(programs_of_other_layouts_are_told_the_field)
{
    struct enl_field changed[4] = {fields[0], fields[1], fields[2]};
    struct enl_layout other = counter;

    enl_region_close(open_as(&counter, NEW));
    other.fields = changed;

    changed[1].size = 3;
    refused(&other, "field \"limit\" of struct \"counter\" is at 4 with 3 bytes here, but at 4 "
                    "with 4 bytes in the region");
    changed[1] = fields[1];
    changed[2].offset = 4;
    refused(&other, "field \"owner\" of struct \"counter\" is at 4 with 16 bytes here, but at 8");
    changed[2] = fields[2];
    changed[0].name = "amount";
    refused(&other, "field \"amount\" of struct \"counter\" is unknown in the region, which has "
                    "\"count\" in its place");
    changed[0] = fields[1];
    changed[1] = fields[0];
    refused(&other, "field \"limit\" of struct \"counter\" is listed as number 1 here");
    memcpy(changed, fields, sizeof fields);
    other.field_count = 2;
    refused(&other, "has a field \"owner\" that is unknown here");
    other.field_count = 4;
    changed[3] = (struct enl_field){"last", 0, 1};
    refused(&other, "field \"last\" of struct \"counter\" is unknown in the region, which has "
                    "\"none\" in its place");
    other = counter;
    other.name = "meter";
    refused(&other, "holds a struct \"counter\", and not \"meter\"");
    remove_it();
}

TEST(a_struct_of_another_size_is_refused)
{
    struct enl_layout other = counter;
    struct enl_region *r;

    CHECK_OK(enl_region_open(address(), NEW | ENL_HEADER, &counter, &r));
    enl_region_close(r);
    other.size--;
    other.field_count = 2;
    refused(&other, "field \"owner\"");
    remove_it();
    other.field_count = 0;
    enl_region_close(open_as(&other, NEW));
    other.size++;
    refused(&other, "struct \"counter\" has 24 bytes here, but 23 in the region");
    remove_it();
}

TEST(more_fields_than_the_header_holds_are_compared_all_the_same)
{
    static char names[100][8];
    struct enl_field many[100];
    struct enl_layout layout = {.name = "wide", .size = 100, .field_count = 100, .fields = many};

    for (uint32_t i = 0; i < 100; i++) {
        (void)snprintf(names[i], sizeof names[i], "f%u", i);
        many[i] = (struct enl_field){names[i], i, 1};
    }
    enl_region_close(open_as(&layout, NEW));
    enl_region_close(open_as(&layout, BOTH));
    many[99].size = 0;
    refused(&layout, "differs from the region's in a field behind the first 64 of 100");
    remove_it();
}

TEST(a_region_without_a_layout_is_refused_to_those_who_have_one)
{
    struct enl_region *r;

    CHECK_OK(enl_region_open("file:region?size=100", NEW | ENL_HEADER, NULL, &r));
    enl_region_close(r);
    refused(&counter, "was made without a layout");
    remove_it();
}

TEST(a_layout_that_contradicts_itself_is_refused)
{
    const struct enl_field outside[] = {{"a", 8, 4}};
    const struct enl_field nameless[] = {{NULL, 0, 4}};
    struct enl_layout layout = {.name = "odd", .size = 11, .field_count = 1, .fields = outside};
    struct enl_region *r;

    CHECK_EQ(enl_region_open(address(), NEW, &layout, &r), -EINVAL);
    CHECK_CONTAINS(enl_error_text(), "outside of the struct's 11");
    layout.fields = nameless;
    CHECK_EQ(enl_region_open(address(), NEW, &layout, &r), -EINVAL);
    layout.fields = NULL;
    CHECK_EQ(enl_region_open(address(), NEW, &layout, &r), -EINVAL);
    CHECK_EQ(enl_region_open("file:region?size=10", NEW, &counter, &r), -EINVAL);
    CHECK_EQ(enl_region_open("file:region?private", NEW, &counter, &r), -EINVAL);
    CHECK_EQ(enl_region_open("file:region?offset=4096", NEW | ENL_HEADER, NULL, &r), -EINVAL);
    CHECK_EQ(access("region", F_OK), -1);
}

/* ---- foreign bytes ------------------------------------------------------------------------------------------- */

static void write_file(const void *bytes, size_t size, off_t offset)
{
    int fd = open("region", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    CHECK(fd >= 0);
    CHECK_EQ(pwrite(fd, bytes, size, offset), size);
    (void)close(fd);
}

static void set_size(off_t size)
{
    int fd = open("region", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    CHECK(fd >= 0);
    CHECK_EQ(ftruncate(fd, size), 0);
    (void)close(fd);
}

TEST(what_has_no_header_is_refused)
{
    struct enl_region *r;

    write_file("other", 5, 0);
    CHECK_EQ(enl_region_open(address(), NEW, &counter, &r), -EBADMSG);
    CHECK_CONTAINS(enl_error_text(), "too few for a region with a header");
    set_size(100000);
    CHECK_EQ(enl_region_open(address(), NEW, &counter, &r), -EBADMSG);
    CHECK_CONTAINS(enl_error_text(), "holds something else");
    remove_it();
    set_size(100000);
    write_file("x", 1, REGION_HEADER_SIZE - 1); /* zero, but for one byte of the header */
    CHECK_EQ(enl_region_open(address(), NEW, &counter, &r), -EBADMSG);
    remove_it();
}

TEST(another_version_is_refused)
{
    uint32_t version = REGION_VERSION + 1;
    struct enl_region *r;

    enl_region_close(open_as(&counter, NEW));
    write_file(&version, sizeof version, offsetof(struct region_header, version));
    CHECK_EQ(enl_region_open(address(), NEW, &counter, &r), -EBADMSG);
    CHECK_CONTAINS(enl_error_text(), "is of version 2");
    remove_it();
}

/* Everything behind the first words may be anything. */
TEST(a_header_of_random_bytes_harms_nobody, .stress = true, .deadline_s = 60)
{
    static unsigned char bytes[REGION_HEADER_SIZE - 4];
    unsigned seed = 1;
    struct enl_region *r;

    for (int round = 0; round < 300; round++) {
        enl_region_close(open_as(&counter, NEW));
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = (unsigned char)(rand_r(&seed) >> 8);
        /* from +16 on the header stays ready; from +4 on it is no header at all */
        write_file(bytes, sizeof bytes - 12, round % 2 == 0 ? 16 : 4);
        CHECK(enl_region_open(address(), BOTH, &counter, &r) < 0);
        if (enl_region_open(address(), BOTH | ENL_HEADER, NULL, &r) == 0)
            enl_region_close(r);
        remove_it();
    }
}

/* ---- half made ------------------------------------------------------------------------------------------------ */

struct making {
    struct test_gate *begun;
    int made; /* by how many processes */
};

static int fill(void *data, size_t size, void *argument)
{
    struct counter *c = data;

    (void)size;
    CHECK_EQ(c->count, 0);
    CHECK_EQ(c->limit, 0);
    c->count = 1;
    c->limit = 99;
    if (argument != NULL)
        ++*(int *)argument;
    return 0;
}

static struct enl_layout filled(int *made)
{
    struct enl_layout layout = counter;

    layout.init = fill;
    layout.argument = made;
    return layout;
}

TEST(init_is_called_once_by_who_makes_it)
{
    int made = 0;
    struct enl_layout layout = filled(&made);
    struct enl_region *r = open_as(&layout, NEW);

    CHECK_EQ(((struct counter *)enl_region_data(r))->limit, 99);
    enl_region_close(open_as(&layout, NEW));
    CHECK_EQ(made, 1);
    enl_region_close(r);
    remove_it();
}

static int fail(void *data, size_t size, void *argument)
{
    (void)argument;
    memset(data, 'x', size);
    return -ENODATA;
}

TEST(an_init_that_fails_leaves_no_region)
{
    struct enl_layout layout = counter;
    struct enl_region *r;

    layout.init = fail;
    CHECK_EQ(enl_region_open(address(), NEW, &layout, &r), -ENODATA);
    CHECK_CONTAINS(enl_error_text(), "init");
    CHECK_EQ(access("region", F_OK), -1);
}

/* As who makes it where the name comes first leaves it: an empty file; one with its size; a header that is begun. */
TEST(what_a_dead_maker_left_is_finished_by_the_next)
{
    const struct {
        uint32_t state, magic;
    } begun = {REGION_STATE_MAKING, 0};
    const uint32_t going_on = REGION_STATE_MAKING;
    int made = 0;
    struct enl_layout layout = filled(&made);

    for (int stage = 0; stage < 5; stage++) {
        struct enl_region *r;

        set_size(stage == 0 ? 0 : stage == 1 ? REGION_HEADER_SIZE : 100000);
        if (stage == 3)
            write_file(&begun, sizeof begun, 0);
        if (stage == 4) {
            remove_it();
            enl_region_close(open_as(&counter, NEW));
            write_file(&going_on, sizeof going_on, 0);
            write_file("half", 5, REGION_HEADER_SIZE); /* by the dead one's init */
        }
        CHECK_EQ(enl_region_open(address(), BOTH, &layout, &r), -EAGAIN);
        CHECK_CONTAINS(enl_error_text(), "ENL_CREATE");
        CHECK_EQ(enl_region_open(address(), ENL_READ, &layout, &r), -EAGAIN);
        CHECK_OK(enl_region_open(address(), NEW, &layout, &r));
        CHECK_EQ(made, stage + 1);
        CHECK_EQ(((struct counter *)enl_region_data(r))->limit, 99);
        enl_region_close(r);
        enl_region_close(open_as(&counter, ENL_READ));
        remove_it();
    }
}

static int fill_slowly(void *data, size_t size, void *argument)
{
    struct making *m = argument;

    (void)data, (void)size;
    m->made++;
    test_gate_open(m->begun);
    while (pause() < 0) /* until it is killed */
        continue;
    return 0;
}

static void make_for_ever(void *argument)
{
    struct enl_layout layout = counter;
    struct enl_region *r;

    layout.init = fill_slowly;
    layout.argument = argument;
    (void)enl_region_open(address(), NEW, &layout, &r);
}

/* An empty file is visible before it is whole, so here others meet a maker at work. */
TEST(others_wait_for_a_maker_that_lives_and_replace_a_dead_one, .deadline_s = 60)
{
    struct making *m = test_shared(sizeof *m);
    int made = 0;
    struct enl_layout layout = filled(&made);
    struct enl_region *r;
    pid_t child;

    m->begun = test_gate_new();
    set_size(0);
    child = test_child(make_for_ever, m);
    test_gate_wait(m->begun);
    CHECK_EQ(enl_region_open(address(), NEW, &layout, &r), -EBUSY);
    CHECK_CONTAINS(enl_error_text(), "half made for two seconds");
    CHECK_EQ(enl_region_open(address(), BOTH, &layout, &r), -EBUSY);
    test_kill(child);
    CHECK_EQ(enl_region_open(address(), BOTH, &layout, &r), -EAGAIN);
    CHECK_OK(enl_region_open(address(), NEW, &layout, &r));
    CHECK_EQ(made, 1);
    CHECK_EQ(m->made, 1);
    CHECK_EQ(((struct counter *)enl_region_data(r))->limit, 99);
    enl_region_close(r);
    remove_it();
}

static void open_and_count(void *argument)
{
    struct enl_layout layout = filled(argument);
    struct enl_region *r;
    int result;

    do /* the machine may not let a maker run for so long that others give up */
        result = enl_region_open(address(), NEW, &layout, &r);
    while (result == -EBUSY && enl_in_ns(1) < test_until());
    CHECK_OK(result);
    CHECK_EQ(((struct counter *)enl_region_data(r))->limit, 99);
    (void)__atomic_fetch_add(&((struct counter *)enl_region_data(r))->count, 1, __ATOMIC_RELAXED);
    enl_region_close(r);
}

/* From nothing at all, and from an empty file, where one must finish under the eyes of the others. */
TEST(many_makers_at_once_make_one_region, .stress = true, .deadline_s = 60)
{
    for (int round = 0; round < 20; round++) {
        pid_t children[6];
        struct enl_region *r;
        int made = 0;

        if (round % 2 == 1)
            set_size(0);
        for (int i = 0; i < 6; i++)
            children[i] = test_child(open_and_count, &made);
        for (int i = 0; i < 6; i++)
            test_join(children[i]);
        r = open_as(&counter, BOTH);
        CHECK_EQ(((struct counter *)enl_region_data(r))->count, 7);
        enl_region_close(r);
        remove_it();
    }
}
