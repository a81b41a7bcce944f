/* SPDX-License-Identifier: MIT */
/* A player and its display: small commands go over a pipe, pictures through a channel. A picture is painted where
 * the display will look at it; no byte of it is copied. */
#include <enlace/enlace.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WIDTH 640
#define HEIGHT 240
#define PICTURES 25
#define CONTROL "pipe:?frame=line"
#define PIXELS "channel:?message=160k&depth=4"

static int failed(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, enl_error_text());
    return 1;
}

/* ---- the player ------------------------------------------------------------------------------------------- */

/* A ball that flies from the left to the right; grey from 0 to 255. */
static void paint(unsigned char *pixels, int number)
{
    int last = PICTURES - 1, radius = 55;
    int ball_x = 60 + (WIDTH - 120) * number / last;
    int ball_y = HEIGHT - 60 - 600 * number * (last - number) / (last * last);

    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            int away = (x - ball_x) * (x - ball_x) + (y - ball_y) * (y - ball_y);
            int grey = 255 - 255 * away / (radius * radius);

            pixels[y * WIDTH + x] = (unsigned char)(grey > 0 ? grey : 0);
        }
}

static int say(struct enl_link *control, const char *command, int number)
{
    char line[32];
    int size = snprintf(line, sizeof line, "%s %d", command, number);

    return enl_send(control, line, (size_t)size, ENL_FOREVER) < 0;
}

/* Paints ahead of the display, as many pictures as the channel has room for. */
static int play(struct enl_link *control, struct enl_link *pixels)
{
    struct enl_message picture;

    for (int i = 0; i < PICTURES; i++) {
        if (enl_loan(pixels, (size_t)WIDTH * HEIGHT, ENL_FOREVER, &picture) < 0)
            return failed("loan");
        paint(picture.data, i);
        if (enl_commit(&picture) < 0)
            return failed("commit");
        if (say(control, i % 12 == 0 ? "show" : "skip", i))
            return failed("control");
    }
    return say(control, "stop", 0) ? failed("control") : 0;
}

/* ---- the display ------------------------------------------------------------------------------------------- */

static void show(const unsigned char *pixels, int number)
{
    static const char greys[] = " .:-=+*#%@";

    printf("picture %d\n", number);
    for (int y = 20; y < HEIGHT; y += 40) {
        char line[WIDTH / 20 + 1] = "";

        for (int x = 10; x < WIDTH; x += 20)
            line[x / 20] = greys[pixels[y * WIDTH + x] * 10 / 256];
        printf("|%s|\n", line);
    }
}

/* Does what it is told, and takes a picture for each command that is about one. */
static int display(struct enl_link *control, struct enl_link *pixels)
{
    struct enl_message picture;
    char line[32], command[8];
    int number;

    for (;;) {
        ssize_t size = enl_receive(control, line, sizeof line - 1, ENL_FOREVER);

        if (size < 0)
            return failed("control");
        line[size] = '\0';
        if (sscanf(line, "%7s %d", command, &number) != 2)
            return failed("a command that nobody knows");
        if (strcmp(command, "stop") == 0)
            return fflush(stdout);
        if (enl_take(pixels, NULL, ENL_FOREVER, &picture) < 0)
            return failed("take");
        if (strcmp(command, "show") == 0)
            show(picture.data, number);
        enl_release(&picture);
    }
}

int main(void)
{
    struct enl_link *control[2], *pixels[2];
    int result, status;

    if (enl_pair(CONTROL, control) < 0 || enl_pair(PIXELS, pixels) < 0)
        return failed("pair");
    if (fork() == 0) {
        enl_close(control[1]);
        enl_close(pixels[1]);
        _exit(display(control[0], pixels[0]));
    }
    enl_close(control[0]);
    enl_close(pixels[0]);
    result = play(control[1], pixels[1]);
    enl_close(control[1]);
    enl_close(pixels[1]);
    if (wait(&status) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
        result = 1;
    return result;
}
