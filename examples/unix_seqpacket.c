/* SPDX-License-Identifier: MIT */
/* A seqpacket socket keeps what a stream does not: where each message ends. */
#include <enlace/enlace.h>
#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static int failed(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, enl_error_text());
    return 1;
}

static int child(struct enl_link *out)
{
    if (enl_send(out, "one", 3, ENL_FOREVER) < 0 || enl_send(out, "", 0, ENL_FOREVER) < 0 ||
        enl_send(out, "a longer one", 12, ENL_FOREVER) < 0)
        return failed("send");
    enl_close(out);
    return 0;
}

static int receive_all(struct enl_link *in)
{
    char text[8]; /* too small for the last one */
    struct enl_message m = {.data = text, .capacity = sizeof text};
    ssize_t size;

    while ((size = enl_receive_message(in, NULL, ENL_FOREVER, &m)) != -ESHUTDOWN) {
        if (size == -EMSGSIZE) {
            printf("%s\n", enl_error_text());
            m.flags = ENL_TRUNCATE; /* give me its beginning, then */
            continue;
        }
        if (size < 0)
            return failed("receive");
        printf("\"%.*s\", %zu of %zu bytes\n", (int)m.size, text, m.size, m.full_size);
    }
    printf("the end, which an empty message is not\n");
    return 0;
}

int main(void)
{
    struct enl_link *ends[2];
    pid_t pid;
    int result;
    int status;

    if (enl_pair("unix:?type=seqpacket", ends) < 0)
        return failed("pair");
    pid = fork();
    if (pid == 0) {
        enl_close(ends[0]);
        _exit(child(ends[1]));
    }
    enl_close(ends[1]);
    result = receive_all(ends[0]);
    enl_close(ends[0]);
    return wait(&status) < 0 || status != 0 || result != 0;
}
