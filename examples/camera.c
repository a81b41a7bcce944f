/* SPDX-License-Identifier: MIT */
/* A camera that must not wait: it loans a frame with a deadline of 5 ms, drops it if there is no room, encodes
 * in place, commits. */
#include <enlace/enlace.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define FRAMES 50
#define FRAME_SIZE 65536u

static int failed(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, enl_error_text());
    return 1;
}

static void encode(void *data, int number)
{
    memset(data, number, FRAME_SIZE);
}

/* 1: sent, 0: dropped, or a negative errno. */
static int shoot(struct enl_link *display, int number)
{
    struct enl_message frame;
    int r = enl_loan(display, FRAME_SIZE, enl_in_ms(5), &frame);

    if (r < 0)
        return r == -ETIMEDOUT ? 0 : r;
    encode(frame.data, number);
    r = enl_commit(&frame);
    if (r < 0)
        enl_cancel(&frame); /* it was still ours */
    return r == -ETIMEDOUT ? 0 : r < 0 ? r : 1;
}

/* Sleeps until the camera has dropped a frame, then looks at all that come. Returns how many were right. */
static int show(struct enl_link *camera, struct enl_link *wake)
{
    struct enl_message frame;
    int last = -1;
    int shown = 0;

    if (enl_receive(wake, NULL, 0, ENL_FOREVER) < 0)
        return failed("wake");
    while (enl_take(camera, NULL, ENL_FOREVER, &frame) >= 0) {
        const unsigned char *pixels = frame.data;

        if (frame.size != FRAME_SIZE || pixels[0] != pixels[FRAME_SIZE - 1] || pixels[0] <= last)
            return failed("a frame is torn or out of order");
        last = pixels[0];
        shown++;
        enl_release(&frame);
    }
    return shown;
}

int main(void)
{
    struct enl_link *ends[2], *bell[2];
    int sent = 0, dropped = 0;
    int status;

    if (enl_pair("unix:?type=seqpacket", ends) < 0 || enl_pair("pipe:", bell) < 0)
        return failed("pair");
    if (fork() == 0) {
        enl_close(ends[0]);
        enl_close(bell[1]);
        _exit(show(ends[1], bell[0]));
    }
    enl_close(ends[1]);
    enl_close(bell[0]);
    for (int i = 0; i < FRAMES; i++) {
        int r = shoot(ends[0], i);

        if (r < 0)
            return failed("camera");
        sent += r;
        if (r == 0 && dropped++ == 0 && enl_send(bell[1], "", 0, ENL_NOW) < 0)
            return failed("bell");
    }
    enl_close(bell[1]);
    enl_close(ends[0]); /* what was sent can still be received, then comes the end */
    if (wait(&status) < 0)
        return 1;
    printf("%d frames, each sent or dropped: %s\n", FRAMES,
           sent + dropped == FRAMES ? "yes" : "no");
    printf("some were dropped while the display slept: %s\n", dropped > 0 ? "yes" : "no");
    printf("every frame that was sent was shown, whole and in order: %s\n",
           WIFEXITED(status) && WEXITSTATUS(status) == sent ? "yes" : "no");
    return 0;
}
