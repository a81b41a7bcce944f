/* SPDX-License-Identifier: MIT */
/* A client of echo_server: asks many questions before it wants the answers, and compares.
 *
 *     echo_server channel:echo 2 & echo_client channel:echo & echo_client channel:echo
 */
#include <enlace/enlace.h>
#include <stdio.h>
#include <string.h>

#define QUESTIONS 10000
#define UNDER_WAY 8

static int failed(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, enl_error_text());
    return 1;
}

static size_t question(char text[32], int number)
{
    return (size_t)snprintf(text, 32, "question %d", number);
}

int main(int argc, char **argv)
{
    struct enl_link *server;
    char asked[32], answer[32];

    if (enl_open_until(argc > 1 ? argv[1] : "channel:echo", ENL_READ | ENL_WRITE, enl_in_ms(5000),
                       &server) < 0)
        return failed("open");
    for (int i = 0; i < QUESTIONS + UNDER_WAY; i++) {
        size_t size = question(asked, i);

        if (i < QUESTIONS && enl_send(server, asked, size, ENL_FOREVER) < 0)
            return failed("send");
        if (i < UNDER_WAY)
            continue;
        size = question(asked, i - UNDER_WAY);
        if (enl_receive(server, answer, sizeof answer, ENL_FOREVER) != (ssize_t)size ||
            memcmp(asked, answer, size) != 0)
            return failed("answer");
    }
    enl_close(server);
    printf("%d questions, %d answers, in order\n", QUESTIONS, QUESTIONS);
    return 0;
}
