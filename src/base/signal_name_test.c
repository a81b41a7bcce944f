/* SPDX-License-Identifier: MIT */
/* Proof that signals are found by every name they have, and by no other. */
#include "base/signal_name.h"
#include "runner/test.h"

#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static int parse(const char *text)
{
    return signal_name_parse(text, strlen(text));
}

TEST(a_signal_is_found_by_its_name_with_or_without_sig_in_any_case)
{
    CHECK_EQ(parse("USR1"), SIGUSR1);
    CHECK_EQ(parse("SIGUSR1"), SIGUSR1);
    CHECK_EQ(parse("usr1"), SIGUSR1);
    CHECK_EQ(parse("SigUsr1"), SIGUSR1);
    CHECK_EQ(parse("CLD"), SIGCHLD);
    CHECK_EQ(parse("POLL"), SIGIO);
    CHECK_EQ(parse("SYS"), SIGSYS);
}

TEST(a_realtime_signal_is_found_by_its_place)
{
    CHECK_EQ(parse("RTMIN"), SIGRTMIN);
    CHECK_EQ(parse("SIGRTMIN+0"), SIGRTMIN);
    CHECK_EQ(parse("RTMIN+2"), SIGRTMIN + 2);
    CHECK_EQ(parse("rtmax-1"), SIGRTMAX - 1);
    CHECK_EQ(parse("RTMAX"), SIGRTMAX);
    CHECK(signal_name_is_realtime(SIGRTMIN));
    CHECK(signal_name_is_realtime(SIGRTMAX));
    CHECK(!signal_name_is_realtime(SIGRTMIN - 1));
    CHECK(!signal_name_is_realtime(SIGRTMAX + 1));
}

TEST(a_number_stands_for_itself_unless_libc_keeps_it)
{
    for (int number = 1; number <= 31; number++) {
        char text[16];

        (void)snprintf(text, sizeof text, "%d", number);
        CHECK_EQ(parse(text), number);
    }
    for (int number = 32; number < SIGRTMIN; number++) {
        char text[16];

        (void)snprintf(text, sizeof text, "%d", number);
        CHECK_EQ(parse(text), 0);
    }
    CHECK_EQ(parse("64"), SIGRTMAX);
    CHECK_EQ(parse("010"), SIGUSR1);
}

TEST(what_is_no_signal_is_refused)
{
    static const char *const wrong[] = {"",         "SIG",       "USR",     "USR3",       "USR11",
                                        "0",        "65",        "999",     "1000",       "-1",
                                        "+1",       "1x",        "RTMIN+",  "RTMIN-1",    "RTMAX+1",
                                        "RTMIN+99", "RTMIN+31",  "RTMINX1", "RTMIN+1000", "RTMAX-",
                                        "RTMI",     "SIGSIGHUP", "SIG10",   "RTMIN + 1",  "USR1 ",
                                        " USR1",    "RTMAX-31"};

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (parse(wrong[i]) != 0)
            FAIL("\"%s\" is signal %d", wrong[i], parse(wrong[i]));
    CHECK_EQ(signal_name_parse("USR1,USR2", 4), SIGUSR1); /* the size counts, not what follows */
}

TEST(every_signal_has_a_name_that_finds_it)
{
    char name[SIGNAL_NAME_ROOM];

    for (int number = 1; number <= SIGNAL_NUMBER_MAX; number++) {
        if (number > 31 && number < SIGRTMIN)
            continue;
        CHECK_EQ(parse(signal_name_format(name, number)), number);
        CHECK(isupper((unsigned char)name[0]));
    }
    CHECK_STR(signal_name_format(name, SIGABRT), "ABRT");
    CHECK_STR(signal_name_format(name, SIGRTMIN), "RTMIN");
    CHECK_STR(signal_name_format(name, SIGRTMIN + 3), "RTMIN+3");
    CHECK_STR(signal_name_format(name, 32), "32");
}

TEST(a_slip_gets_the_nearest_name)
{
    struct choice c;

    choice_init(&c, "TREM", 4);
    signal_name_choices(&c);
    CHECK_STR(choice_hint(&c), " (did you mean \"TERM\"?)");
    CHECK_CONTAINS(c.list, "HUP, INT, QUIT");
}
