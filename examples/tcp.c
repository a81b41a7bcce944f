/* SPDX-License-Identifier: MIT */
/* A connection over TCP: the system chooses a free port, the listener tells its address, the other end opens
 * it. Messages keep their boundaries, which TCP itself does not know. */
#include <enlace/enlace.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int failed(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, enl_error_text());
    return 1;
}

static int child(const char *address)
{
    static const char *const words[] = {"one", "", "three"};
    struct enl_link *out;

    /* a connection takes its time, hence a deadline */
    if (enl_open_until(address, ENL_READ | ENL_WRITE, enl_in_ms(10000), &out) < 0)
        return failed("open");
    for (int i = 0; i < 3; i++)
        if (enl_send(out, words[i], strlen(words[i]), ENL_FOREVER) < 0)
            return failed("send");
    enl_close(out);
    return 0;
}

static int receive_all(struct enl_link *listener)
{
    struct enl_link *in;
    char text[100];
    ssize_t size;

    if (enl_accept(listener, ENL_FOREVER, &in) < 0)
        return failed("accept");
    while ((size = enl_receive(in, text, sizeof text, ENL_FOREVER)) >= 0)
        printf("%zd bytes: \"%.*s\"\n", size, (int)size, text);
    enl_close(in);
    if (size != -ESHUTDOWN)
        return failed("receive");
    printf("the end\n");
    return 0;
}

int main(int argc, char **argv)
{
    struct enl_link *listener;
    char address[ENL_ADDRESS_MAX];
    int result;
    int status;

    if (enl_listen(argc > 1 ? argv[1] : "tcp:127.0.0.1:0", &listener) < 0 ||
        enl_link_address(listener, address, sizeof address) < 0)
        return failed("listen");
    if (fork() == 0)
        _exit(child(address));
    result = receive_all(listener);
    enl_close(listener);
    return wait(&status) < 0 || status != 0 || result != 0;
}
