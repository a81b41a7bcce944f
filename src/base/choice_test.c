/* SPDX-License-Identifier: MIT */
/* Proof that wrong words get the right ones listed, and the nearest suggested. */
#include "base/choice.h"
#include "runner/test.h"

#include <stdio.h>
#include <string.h>

/* What is suggested instead of the wrong word, or "". */
static const char *suggested(const char *wrong)
{
    static const char *const right[] = {"stream", "seqpacket", "datagram", "raw", "u32", "a"};
    static struct choice c;

    choice_init(&c, wrong, strlen(wrong));
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++)
        choice_add(&c, right[i]);
    return choice_hint(&c);
}

TEST(right_words_are_listed_in_order)
{
    struct choice c;

    choice_init(&c, "x", 1);
    CHECK_STR(c.list, "");
    choice_add(&c, "raw");
    CHECK_STR(c.list, "raw");
    choice_add(&c, "line");
    CHECK_STR(c.list, "raw, line");
}

TEST(a_slip_gets_the_nearest_word)
{
    CHECK_STR(suggested("steram"), " (did you mean \"stream\"?)");
    CHECK_STR(suggested("strem"), " (did you mean \"stream\"?)");
    CHECK_STR(suggested("streamm"), " (did you mean \"stream\"?)");
    CHECK_STR(suggested("seqpaket"), " (did you mean \"seqpacket\"?)");
    CHECK_STR(suggested("DataGram"), " (did you mean \"datagram\"?)");
    CHECK_STR(suggested("rwa"), " (did you mean \"raw\"?)");
    CHECK_STR(suggested("u23"), " (did you mean \"u32\"?)");
}

TEST(a_word_that_is_far_from_all_gets_none)
{
    CHECK_STR(suggested(""), "");
    CHECK_STR(suggested("b"), "");
    CHECK_STR(suggested("trumpet"), "");
    CHECK_STR(suggested("packet"), "");
    CHECK_STR(suggested("a-word-longer-than-any-option-is-ever-named"), "");
}

TEST(a_list_that_is_too_long_is_cut_and_still_suggests)
{
    struct choice c;
    char word[40];

    choice_init(&c, "word-999", 8);
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(word, sizeof word, "word-%03d", i);
        choice_add(&c, i == 999 ? "word-999" : word);
        CHECK(strlen(c.list) < sizeof c.list);
    }
    CHECK_STR(c.list + strlen(c.list) - 5, ", ...");
    CHECK_STR(choice_hint(&c), " (did you mean \"word-999\"?)");
}

TEST(nothing_follows_the_cut_of_a_list)
{
    static const char long_word[] =
        "a-word-that-is-so-long-that-only-one-of-its-kind-fits-in-the-list-of"
        "-words-that-were-right-here";
    struct choice c;

    choice_init(&c, "x", 1);
    choice_add(&c, long_word);
    choice_add(&c, long_word);
    choice_add(&c, "raw");
    CHECK_CONTAINS(c.list, "right-here, ...");
    CHECK_STR(c.list + strlen(c.list) - 5, ", ...");
}
