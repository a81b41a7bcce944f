/* SPDX-License-Identifier: MIT */
/* A server and its clients at one System V queue: questions are of type 1, and each client receives
 * the answers of its own type, which is its process number. */
#include <enlace/enlace.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CLIENTS 3
#define QUESTION 1
#define SOON enl_in_ms(5000)

struct question {
    int64_t answer_type;
    int number;
};

static int failed(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, enl_error_text());
    return 0;
}

static ssize_t send_typed(struct enl_link *l, int64_t type, void *data, size_t size)
{
    struct enl_message m = {.data = data, .size = size, .type = type};

    return enl_send_message(l, &m, SOON);
}

static ssize_t receive_typed(struct enl_link *l, int64_t type, void *data, size_t size)
{
    struct enl_match match = {.kind = ENL_MATCH_TYPE, .type = type};
    struct enl_message m = {.data = data, .capacity = size};

    return enl_receive_message(l, &match, SOON, &m);
}

/* Asks for the square of its number; gives it, or 0. */
static int ask(const char *address, int number)
{
    struct question question = {.answer_type = getpid(), .number = number};
    struct enl_link *l;
    int answer = 0;

    if (enl_open(address, ENL_READ | ENL_WRITE, &l) < 0)
        return failed("open");
    if (send_typed(l, QUESTION, &question, sizeof question) < 0)
        return failed("ask");
    if (receive_typed(l, question.answer_type, &answer, sizeof answer) < 0)
        return failed("wait for the answer");
    enl_close(l);
    return answer;
}

static int answer_one(struct enl_link *l)
{
    struct question question;
    int answer;

    if (receive_typed(l, QUESTION, &question, sizeof question) != sizeof question)
        return failed("wait for a question");
    answer = question.number * question.number;
    if (send_typed(l, question.answer_type, &answer, sizeof answer) < 0)
        return failed("answer");
    return 1;
}

int main(int argc, char **argv)
{
    char address[300];
    struct enl_link *l;
    pid_t clients[CLIENTS];
    int status, wrong = 0;

    /* by default, the queue of this very program: path and number, as ftok() takes them */
    snprintf(address, sizeof address, argc > 1 ? "%s" : "svmsg:%s#1", argv[argc > 1]);
    if (enl_open(address, ENL_READ | ENL_WRITE | ENL_CREATE, &l) < 0)
        return !failed("create");
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = fork();
        if (clients[i] == 0)
            _exit(ask(address, i + 1));
    }
    for (int i = 0; i < CLIENTS; i++)
        wrong += !answer_one(l);
    for (int i = 0; i < CLIENTS; i++) {
        waitpid(clients[i], &status, 0);
        printf("client %d: the square is %d\n", i + 1, WEXITSTATUS(status));
    }
    enl_close(l);
    enl_unlink(address);
    return wrong != 0;
}
