/* SPDX-License-Identifier: MIT */
/* A POSIX queue: messages wait in it while nobody is there, and the highest priority is received first. */
#include <enlace/enlace.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static int failed(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, enl_error_text());
    return 1;
}

static int send_all(const char *address)
{
    static char words[][10] = {"later", "soon", "at once", "soon, too"};
    static const uint32_t priorities[] = {0, 5, 9, 5};
    struct enl_link *out;

    if (enl_open(address, ENL_WRITE | ENL_CREATE, &out) < 0)
        return failed("create");
    for (int i = 0; i < 4; i++) {
        struct enl_message m = {.data = words[i],
                                .size = strlen(words[i]),
                                .priority = priorities[i]};

        if (enl_send_message(out, &m, ENL_NOW) < 0)
            return failed("send");
    }
    enl_close(out); /* the queue stays, and what is in it */
    return 0;
}

static int receive_all(const char *address)
{
    char text[100];
    struct enl_message m = {.data = text, .capacity = sizeof text};
    struct enl_link *in;
    ssize_t size;

    if (enl_open(address, ENL_READ, &in) < 0)
        return failed("open");
    while ((size = enl_receive_message(in, NULL, ENL_NOW, &m)) >= 0)
        printf("priority %u: %.*s\n", m.priority, (int)size, text);
    enl_close(in);
    return size == -EAGAIN ? 0 : failed("receive");
}

int main(int argc, char **argv)
{
    const char *address = argc > 1 ? argv[1] : "mq:/enlace-mq?depth=4";
    int result = send_all(address);

    if (result == 0)
        result = receive_all(address);
    return enl_unlink(address) < 0 ? failed("unlink") : result;
}
