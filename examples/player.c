/* SPDX-License-Identifier: MIT */
/* A player and its display: pictures through shared memory, control over a socket. The memory has no name: it comes to
 * the display with the first message. Each picture is written once, and read where it is. */
#include <enlace/enlace.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WIDTH 640
#define HEIGHT 480
#define BUFFERS 2
#define PICTURES 50

struct pictures {
    uint32_t pixels[BUFFERS][HEIGHT][WIDTH];
};

static const struct enl_field fields[] = {ENL_FIELD(struct pictures, pixels)};
static const struct enl_layout layout = {.name = "pictures",
                                         .size = sizeof(struct pictures),
                                         .field_count = 1,
                                         .fields = fields};

static int failed(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, enl_error_text());
    return 1;
}

/* Sends the number of a buffer: to the display it is full, to the player it is free. */
static int tell(struct enl_link *l, uint32_t buffer)
{
    return enl_send(l, &buffer, sizeof buffer, ENL_FOREVER) == sizeof buffer ? 0 : failed("tell");
}

static int display(struct enl_link *l)
{
    int fd;
    char word[8];
    struct enl_message m = {.data = word, .capacity = sizeof word, .fds = &fd, .fd_capacity = 1};
    struct enl_region *region;
    const struct pictures *pictures;
    uint32_t buffer;
    uint64_t sum = 0;
    int shown = 0;

    if (enl_receive_message(l, NULL, ENL_FOREVER, &m) < 0 || m.fd_count != 1 ||
        enl_region_adopt(fd, "fd:", ENL_READ, &layout, &region) < 0)
        return failed("display");
    pictures = enl_region_data(region); /* read-only: a display cannot spoil a picture */
    while (enl_receive(l, &buffer, sizeof buffer, ENL_FOREVER) == sizeof buffer &&
           buffer < BUFFERS) {
        for (int y = 0; y < HEIGHT; y++)
            for (int x = 0; x < WIDTH; x++)
                sum += pictures->pixels[buffer][y][x];
        shown++;
        if (tell(l, buffer) != 0)
            return 1;
    }
    printf("%d pictures of %zu bytes shown, sum %llu\n", shown, sizeof pictures->pixels[0],
           (unsigned long long)sum);
    fflush(stdout);
    enl_region_close(region);
    enl_close(l);
    return 0;
}

static int play(struct enl_link *l, struct pictures *pictures)
{
    uint32_t buffer;

    for (uint32_t i = 0; i < PICTURES; i++) {
        if (i < BUFFERS)
            buffer = i; /* still free */
        else if (enl_receive(l, &buffer, sizeof buffer, ENL_FOREVER) != sizeof buffer ||
                 buffer >= BUFFERS)
            return failed("play");
        for (int y = 0; y < HEIGHT; y++)
            for (int x = 0; x < WIDTH; x++)
                pictures->pixels[buffer][y][x] = i;
        if (tell(l, buffer) != 0)
            return 1;
    }
    return tell(l, BUFFERS); /* the end */
}

int main(void)
{
    struct enl_link *ends[2];
    struct enl_region *region;
    struct enl_message m = {.data = (char[]){"here"}, .size = 4, .fd_count = 1};
    int fd;
    int status;

    if (enl_pair("unix:?fds=1", ends) < 0)
        return failed("pair");
    if (fork() == 0) {
        enl_close(ends[0]);
        _exit(display(ends[1]));
    }
    enl_close(ends[1]);
    if (enl_region_open("memfd:pictures?populate", ENL_READ | ENL_WRITE, &layout, &region) < 0)
        return failed("region");
    if (enl_region_seal(region, ENL_SEAL_SHRINK | ENL_SEAL_GROW) < 0)
        return failed("seal");
    fd = enl_region_fd(region);
    m.fds = &fd;
    if (enl_send_message(ends[0], &m, ENL_FOREVER) < 0)
        return failed("send");
    if (play(ends[0], enl_region_data(region)) != 0)
        return 1;
    if (wait(&status) < 0 || status != 0)
        return 1;
    enl_region_close(region);
    enl_close(ends[0]);
    return 0;
}
