/* SPDX-License-Identifier: MIT */
/* Proof of the grammar: what is taken and what comes of it, what is refused and where the text points. */
#include "base/address.h"
#include "runner/test.h"

#include <enlace/error.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Mechanisms made up for this test: one without a name, one with, one with or without, and one that has as
 * many options as there can be. */
static const char *const skins[] = {"goat", "calf", "nylon", NULL};

static const struct address_option letter_options[] = {
    {.name = "mode", .kind = ADDRESS_MODE, .preset = 0600},
    {.name = "size", .kind = ADDRESS_SIZE, .least = 1, .most = UINT64_C(64) << 20, .preset = 65536},
    {.name = "copies", .kind = ADDRESS_NUMBER, .least = 2, .most = 40, .preset = 3},
    {.name = "any", .kind = ADDRESS_NUMBER, .least = 0, .most = UINT64_MAX, .preset = 7},
    {.name = "bytes", .kind = ADDRESS_SIZE, .least = 0, .most = UINT64_MAX, .preset = 9},
    {.name = "skin", .kind = ADDRESS_WORD, .preset = 2, .words = skins},
    {.name = "keep", .kind = ADDRESS_FLAG, .preset = 0},
    {.name = "loud", .kind = ADDRESS_FLAG, .preset = 1},
    {.name = "label", .kind = ADDRESS_TEXT},
    {.name = NULL},
};

static const struct address_option no_options[] = {{.name = NULL}};

#define NUMBER_NAMED(n)                                                                            \
    {                                                                                              \
        .name = (n), .kind = ADDRESS_NUMBER, .least = 0, .most = 9                                 \
    }
static const struct address_option many_options[] = {
    NUMBER_NAMED("first-of-sixteen"),
    NUMBER_NAMED("second-of-sixteen"),
    NUMBER_NAMED("third-of-sixteen"),
    NUMBER_NAMED("fourth-of-sixteen"),
    NUMBER_NAMED("fifth-of-sixteen"),
    NUMBER_NAMED("sixth-of-sixteen"),
    NUMBER_NAMED("seventh-of-sixteen"),
    NUMBER_NAMED("eighth-of-sixteen"),
    NUMBER_NAMED("ninth-of-sixteen"),
    NUMBER_NAMED("tenth-of-sixteen"),
    NUMBER_NAMED("eleventh-of-sixteen"),
    NUMBER_NAMED("twelfth-of-sixteen"),
    NUMBER_NAMED("13th-of-sixteen"),
    NUMBER_NAMED("14th-of-sixteen"),
    NUMBER_NAMED("15th-of-sixteen"),
    NUMBER_NAMED("last-of-sixteen"),
    {.name = NULL},
};

static const struct address_scheme drum = {
    .scheme = "drum", .syntax = "drum:", .name = ADDRESS_NAME_NONE, .options = no_options};
static const struct address_scheme letter = {.scheme = "letter",
                                             .syntax = "letter:PATH",
                                             .name = ADDRESS_NAME_NEEDED,
                                             .name_most = ADDRESS_NAME_MAX,
                                             .options = letter_options};
static const struct address_scheme bell = {.scheme = "bell",
                                           .syntax = "bell:TOWER or bell:",
                                           .name = ADDRESS_NAME_OPTIONAL,
                                           .name_most = 8,
                                           .options = letter_options};
static const struct address_scheme many = {
    .scheme = "many", .syntax = "many:", .name = ADDRESS_NAME_NONE, .options = many_options};

static const struct address_scheme *const known[] = {&drum, &letter, &bell, &many, NULL};

static struct address parse(const char *text)
{
    struct address a;

    CHECK_OK(address_parse(text, known, &a));
    return a;
}

/* ---- what is refused ------------------------------------------------------------------------- */

static const struct refusal {
    const char *text;
    unsigned character; /* where the text points; 0: nowhere */
    const char *part;   /* of the text */
} refusals[] = {
    {NULL, 0, "the address is NULL; an address is mechanism:name?option=value"},
    {"", 0, "the address is empty; an address is mechanism:name?option=value"},

    /* blanks and control bytes, wherever they are */
    {" ", 1, "\" \" at character 1 is not allowed; in a name it is written %20"},
    {" drum:", 1, "\" \" at"},
    {"drum :", 5, "\" \" at"},
    {"drum: ", 6, "\" \" at"},
    {"drum:\n", 6, "\"\\x0a\" at character 6 is not allowed; in a name it is written %0A"},
    {"letter:a b", 9, "written %20"},
    {"letter:a\tb", 9, "\"\\x09\""},
    {"letter:a\rb", 9, "\"\\x0d\""},
    {"letter:a\177b", 9, "\"\\x7f\" at character 9 is not allowed; in a name it is written %7F"},
    {"letter:a\001b", 9, "\"\\x01\""},
    {"letter:a\033[31mb", 9, "\"letter:a\\x1b[31mb\": \"\\x1b\""},
    {"letter:a?keep ", 14, "\" \" at"},
    {"letter:a? keep", 10, "\" \" at"},
    {"letter:a?copies= 3", 17, "\" \" at"},
    {"letter:\303\261\303\261 b", 10, "\" \" at"},
    {"letter:\342\202\254 b", 9, "\" \" at"},

    /* no colon */
    {"drum", 5, "no \":\" at character 5"},
    {"drum", 5, "known mechanisms are drum, letter, bell, many"},
    {"/tmp/x", 7, "an address is mechanism:name?option=value"},
    {"@chat", 6, "no \":\""},
    {"?", 1, "no \":\""},
    {"?keep", 1, "no \":\""},
    {"letter?keep", 7, "no \":\""},
    {"letter?label=a:b", 7, "no \":\""},
    {"letter=a", 9, "no \":\""},
    {"%6c", 4, "no \":\""},

    /* no mechanism, an unknown one, a near miss */
    {":", 1, "no mechanism before \":\" at character 1; known are drum, letter, bell, many"},
    {":a", 1, "no mechanism"},
    {"::", 1, "no mechanism"},
    {"://a", 1, "no mechanism"},
    {"trumpet:", 1, "unknown mechanism \"trumpet\" at character 1; known are drum, letter, bell"},
    {"DRUM:", 1, "unknown mechanism \"DRUM\" at character 1"},
    {"DRUM:", 1, "(did you mean \"drum\"?)"},
    {"Drum:", 1, "(did you mean \"drum\"?)"},
    {"Letter:a", 1, "(did you mean \"letter\"?)"},
    {"lettre:a", 1, "(did you mean \"letter\"?)"},
    {"lette:a", 1, "(did you mean \"letter\"?)"},
    {"leter:a", 1, "(did you mean \"letter\"?)"},
    {"letters:a", 1, "(did you mean \"letter\"?)"},
    {"bel:", 1, "(did you mean \"bell\"?)"},
    {"belll:", 1, "(did you mean \"bell\"?)"},
    {"mnay:", 1, "(did you mean \"many\"?)"},
    {"%64rum:", 1, "unknown mechanism \"%64rum\""},
    {"\303\261:", 1, "unknown mechanism \"\\xc3\\xb1\""},
    {"dr&um:", 1, "unknown mechanism \"dr&um\""},
    {"drum/:", 1, "unknown mechanism \"drum/\""},
    {"http://host/", 1, "unknown mechanism \"http\""},

    /* names */
    {"letter:", 8, "no name at character 8; write letter:PATH"},
    {"letter:?keep", 8, "no name at character 8; write letter:PATH"},
    {"drum:x", 6, "name \"x\" at character 6, but drum: takes none"},
    {"drum:/tmp/x?keep", 6, "name \"/tmp/x\" at"},
    {"drum::", 6, "name \":\" at"},
    {"drum:&", 6, "name \"&\" at"},
    {"drum:%", 6, "name \"%\" at"},
    {"bell:123456789", 6, "name of 9 bytes at character 6 is too long; bell: takes at most 8"},
    {"bell:1234567%389", 6, "name of 9 bytes"},
    {"bell:\303\261\303\261\303\261\303\261\303\261", 6, "name of 10 bytes"},
    {"letter:%", 8, "\"%\" at character 8 is no escape; an escape is %XX"},
    {"letter:a%", 9, "\"%\" at"},
    {"letter:a%4", 9, "\"%4\" at"},
    {"letter:a%4?keep", 9, "\"%4\" at"},
    {"letter:%4g", 8, "\"%4g\" at character 8 is no escape"},
    {"letter:%4G", 8, "\"%4G\" at"},
    {"letter:%g4", 8, "\"%g4\" at"},
    {"letter:%%41", 8, "\"%%4\" at"},
    {"letter:%-1", 8, "\"%-1\" at"},
    {"letter:%0x41", 8, "\"%0x\" at"},
    {"letter:%\303\261", 8, "\"%\\xc3\\xb1\" at"},
    {"letter:100%/a", 11,
     "\"%/a\" at character 11 is no escape; an escape is %XX with two hexadecimal"
     " digits, and \"%\" itself is written %25"},
    {"letter:%00", 8, "%00 at character 8; a zero byte cannot be part of an address"},
    {"letter:abc%00def", 11, "%00 at"},
    {"letter:a%41%0", 12, "\"%0\" at"},

    /* options that are not there, or not theirs */
    {"letter:a?", 10, "empty option at character 10"},
    {"bell:?", 7, "empty option"},
    {"drum:?", 7, "empty option"},
    {"letter:a?&", 10, "empty option"},
    {"letter:a?&keep", 10, "empty option"},
    {"letter:a?keep&", 15,
     "empty option at character 15; an address is mechanism:name?option=value"},
    {"letter:a?keep&&copies=3", 15, "empty option"},
    {"letter:a?keep&copies=3&", 24, "empty option"},
    {"letter:a?keep?", 14, "second \"?\" at character 14; options are separated by \"&\""},
    {"letter:a??", 10, "second \"?\""},
    {"letter:a??keep", 10, "second \"?\""},
    {"letter:a?keep?copies=3", 14, "second \"?\""},
    {"letter:a?label=why?", 19,
     "second \"?\" at character 19; options are separated by \"&\", and \"?\" in"
     " a name or value is written %3F"},
    {"letter:a?keep&label=b?c", 22, "second \"?\""},
    {"letter:a?=", 10, "option without a name at character 10"},
    {"letter:a?=3", 10, "option without a name"},
    {"letter:a?keep&=3", 15, "option without a name"},
    {"letter:a?colour=red", 10,
     "unknown option \"colour\" at character 10; letter: takes mode, size,"
     " copies, any, bytes, skin, keep, loud, label"},
    {"letter:a?skni=goat", 10, "unknown option \"skni\" at character 10; letter: takes mode"},
    {"letter:a?skni=goat", 10, "(did you mean \"skin\"?)"},
    {"letter:a?Keep", 10, "(did you mean \"keep\"?)"},
    {"letter:a?KEEP=yes", 10, "(did you mean \"keep\"?)"},
    {"letter:a?copy=3", 10, "unknown option \"copy\""},
    {"letter:a?copie=3", 10, "(did you mean \"copies\"?)"},
    {"letter:a?keep&sise=3", 15, "unknown option \"sise\" at character 15"},
    {"letter:a?keep&sise=3", 15, "(did you mean \"size\"?)"},
    {"letter:a?k%65ep", 10, "unknown option \"k%65ep\""},
    {"letter:a?keep;copies=3", 10, "unknown option \"keep;copies\""},
    {"letter:a?keep:1", 10, "unknown option \"keep:1\""},
    {"letter:\303\261?sise=3", 10, "unknown option \"sise\" at character 10"},
    {"letter:a?\303\261=3", 10, "unknown option \"\\xc3\\xb1\" at"},
    {"drum:?keep", 7, "unknown option \"keep\" at character 7; drum: takes none"},
    {"many:?first=1", 7, "many: takes first-of-sixteen, second-of-sixteen"},
    {"many:?lats-of-sixteen=1", 7, ", ... (did you mean \"last-of-sixteen\"?)"},
    {"letter:a?keep&keep", 15, "option \"keep\" again at character 15; it may be given once"},
    {"letter:a?keep=no&keep=no", 18, "option \"keep\" again"},
    {"letter:a?copies=3&keep&copies=3", 24, "option \"copies\" again at character 24"},
    {"letter:a?label=x&label=y", 18, "option \"label\" again"},

    /* values that are not there */
    {"letter:a?copies", 16, "no value of option \"copies\" at character 16; copies takes 2 to 40"},
    {"letter:a?copies=", 17, "no value of option \"copies\" at character 17; copies takes 2 to 40"},
    {"letter:a?copies=&keep", 17, "no value of option \"copies\""},
    {"letter:a?copies&keep", 16, "no value of option \"copies\""},
    {"letter:a?mode", 14, "mode takes octal 0 to 0777"},
    {"letter:a?size=", 15, "size takes 1 to 64M, in bytes or with k, M or G"},
    {"letter:a?skin", 14, "skin takes goat, calf, nylon"},
    {"letter:a?keep=", 15, "keep takes no, yes"},
    {"letter:a?label", 15, "label takes a text of 1 to 255 bytes"},
    {"letter:a?label=", 16, "label takes a text of 1 to 255 bytes"},

    /* numbers */
    {"letter:a?copies=many", 17, "\"many\" at character 17 is no number; copies takes 2 to 40"},
    {"letter:a?copies=+3", 17, "\"+3\" at character 17 is no number"},
    {"letter:a?copies=.3", 17, "\".3\" at"},
    {"letter:a?copies==3", 17, "\"=3\" at"},
    {"letter:a?copies=-3", 17, "\"-3\" at character 17 is negative; copies takes 2 to 40"},
    {"letter:a?copies=-", 17, "is negative"},
    {"letter:a?copies=-99999999999999999999", 17, "is negative"},
    {"letter:a?copies=0x10", 18, "\"x10\" after the number at character 18; copies takes 2 to 40"},
    {"letter:a?copies=12abc", 19, "\"abc\" after the number at character 19; copies takes 2 to 40"},
    {"letter:a?copies=%31%32abc", 23, "\"abc\" after the number at character 23"},
    {"letter:a?copies=3,4", 18, "\",4\" after the number"},
    {"letter:a?copies=3.0", 18, "\".0\" after the number"},
    {"letter:a?copies=3%20", 18, "\" \" after the number"},
    {"letter:a?copies=3k", 18, "\"k\" after the number"},
    {"letter:a?copies=3=4", 18, "\"=4\" after the number"},
    {"letter:a?copies=1", 17, "\"1\" at character 17 is out of range; copies takes 2 to 40"},
    {"letter:a?copies=41", 17, "\"41\" at character 17 is out of range; copies takes 2 to 40"},
    {"letter:a?copies=0", 17, "is out of range"},
    {"letter:a?copies=18446744073709551618", 17, "is out of range"},
    {"letter:a?copies=340282366920938463463374607431768211458", 17, "is out of range"},
    {"letter:a?any=18446744073709551616", 14, "any takes 0 to 18446744073709551615"},
    {"letter:a?any=99999999999999999999", 14, "is out of range"},
    {"letter:a?keep&any=18446744073709551616", 19,
     "\"18446744073709551616\" at character 19 is out of"},

    /* sizes */
    {"letter:a?size=0", 15,
     "\"0\" at character 15 is out of range; size takes 1 to 64M, in bytes or with"
     " k, M or G"},
    {"letter:a?size=67108865", 15, "is out of range"},
    {"letter:a?size=65M", 15, "\"65M\" at character 15 is out of range"},
    {"letter:a?size=1G", 15, "is out of range"},
    {"letter:a?size=0k", 15, "is out of range"},
    {"letter:a?size=17179869185G", 15, "is out of range"},
    {"letter:a?bytes=17179869184G", 16, "is out of range"},
    {"letter:a?bytes=18014398509481984k", 16, "bytes takes 0 to 18446744073709551615, in bytes or"},
    {"letter:a?size=8m", 16,
     "\"m\" after the number at character 16; size takes 1 to 64M, in bytes or"
     " with k, M or G"},
    {"letter:a?size=8K", 16, "\"K\" after the number"},
    {"letter:a?size=8kB", 16, "\"kB\" after the number"},
    {"letter:a?size=8MM", 16, "\"MM\" after the number"},
    {"letter:a?size=8KiB", 16, "\"KiB\" after the number"},
    {"letter:a?size=8T", 16, "\"T\" after the number"},
    {"letter:a?size=M", 15, "\"M\" at character 15 is no number"},
    {"letter:a?size=-1k", 15, "is negative"},
    {"letter:a?size=1.5M", 16, "\".5M\" after the number"},

    /* modes */
    {"letter:a?mode=rw", 15, "\"rw\" at character 15 is no number; mode takes octal 0 to 0777"},
    {"letter:a?mode=888", 15, "\"888\" at character 15 is no number"},
    {"letter:a?mode=668", 17, "\"8\" after the number at character 17; mode takes octal 0 to 0777"},
    {"letter:a?mode=0o600", 16, "\"o600\" after the number"},
    {"letter:a?mode=u=rw", 15, "\"u=rw\" at"},
    {"letter:a?mode=1000", 15, "\"1000\" at character 15 is out of range"},
    {"letter:a?mode=4755", 15, "is out of range"},
    {"letter:a?mode=-600", 15, "is negative"},
    {"letter:a?mode=7777777777777777777777777", 15, "is out of range"},

    /* words and flags */
    {"letter:a?skin=sheep", 15,
     "unknown value \"sheep\" at character 15; skin takes goat, calf, nylon"},
    {"letter:a?skin=gaot", 15, "skin takes goat, calf, nylon (did you mean \"goat\"?)"},
    {"letter:a?skin=GOAT", 15, "(did you mean \"goat\"?)"},
    {"letter:a?skin=goat,calf", 15, "unknown value \"goat,calf\""},
    {"letter:a?skin=0", 15, "unknown value \"0\""},
    {"letter:a?skin=%01", 15, "unknown value \"\\x01\""},
    {"letter:a?skin=%", 15, "\"%\" at character 15 is no escape"},
    {"letter:a?skin=goat%00", 19, "%00 at character 19"},
    {"letter:a?keep=maybe", 15, "unknown value \"maybe\" at character 15; keep takes no, yes"},
    {"letter:a?keep=1", 15, "keep takes no, yes"},
    {"letter:a?keep=Yes", 15, "(did you mean \"yes\"?)"},
    {"letter:a?keep=true", 15, "unknown value \"true\""},
    {"letter:a?label=%zz", 16, "\"%zz\" at character 16 is no escape"},
    {"letter:a?label=a%0", 17, "\"%0\" at"},
};

/* The text is one line of printable ASCII, and not more than fits. */
static void check_shape(const char *text)
{
    CHECK(strlen(text) < 512);
    CHECK(strlen(text) > 0);
    for (const char *c = text; *c; c++)
        CHECK(*c >= ' ' && *c <= '~');
}

static void check_refusal(const struct refusal *x)
{
    char place[40] = "";
    const char *text;
    const char *found;
    struct address a;
    int r = address_parse(x->text, known, &a);

    if (r != -EINVAL)
        FAIL("\"%s\" gives %d", x->text ? x->text : "NULL", r);
    text = enl_error_text();
    check_shape(text);
    CHECK_CONTAINS(text, x->part);
    if (x->character == 0) {
        CHECK(!strstr(text, "at character"));
        return;
    }
    (void)snprintf(place, sizeof place, "at character %u", x->character);
    CHECK_CONTAINS(text, place);
    found = strstr(text, place) + strlen(place);
    if (*found >= '0' && *found <= '9')
        FAIL("%s: not at %u", text, x->character);
}

TEST(malformed_addresses_are_refused_at_their_place)
{
    size_t count = sizeof refusals / sizeof refusals[0];

    CHECK(count >= 100);
    for (size_t i = 0; i < count; i++)
        check_refusal(&refusals[i]);
}

TEST(no_suggestion_is_made_when_nothing_is_near)
{
    static const char *const far[] = {"trumpet:", "xy:", "letter:a?colour=red", "letter:a?skin=x",
                                      "letter:a?keep=maybe"};
    struct address a;

    for (size_t i = 0; i < sizeof far / sizeof far[0]; i++) {
        CHECK_EQ(address_parse(far[i], known, &a), -EINVAL);
        CHECK(!strstr(enl_error_text(), "did you mean"));
    }
}

TEST(a_refused_address_leaves_the_output_as_it_was)
{
    struct address before;
    struct address a;

    memset(&before, 0x5a, sizeof before);
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        memcpy(&a, &before, sizeof a);
        CHECK_EQ(address_parse(refusals[i].text, known, &a), -EINVAL);
        CHECK_MEM(&a, &before, sizeof a);
    }
}

/* prefix, then count times piece, then suffix; to be freed */
static char *repeated(const char *prefix, size_t count, const char *piece, const char *suffix)
{
    size_t size = strlen(prefix) + count * strlen(piece) + strlen(suffix) + 1;
    char *text = malloc(size);
    char *end;

    CHECK(text);
    end = stpcpy(text, prefix);
    while (count-- > 0)
        end = stpcpy(end, piece);
    memcpy(end, suffix, strlen(suffix) + 1);
    return text;
}

TEST(very_long_addresses_are_cut_in_the_text_and_the_reason_is_whole)
{
    static const struct long_refusal {
        const char *prefix;
        size_t count;
        const char *piece;
        const char *suffix;
        const char *part;
    } cases[] = {
        {"letter:", 4096, "n", "",
         "name of 4096 bytes at character 8 is too long; letter: takes at"},
        {"letter:", 4096, "%6e", "", "name of 4096 bytes at character 8 is too long"},
        {"letter:", 1000000, "\377", "", "name of 1000000 bytes at character 8 is too long"},
        {"letter:", 4000, "n", "?kepe",
         "unknown option \"kepe\" at character 4009; letter: takes mode"},
        {"letter:", 4000, "n", "?kepe", "address \"letter:nnn"},
        {"letter:", 4000, "n", "?kepe", "nnn...nnn"},
        {"letter:", 4000, "n", "?kepe", "nnn?kepe\": unknown option"},
        {"letter:", 4000, "n", "?kepe", "label (did you mean \"keep\"?)"},
        {"", 1000000, "m", "", "no \":\" at character 1000001"},
        {"", 1000000, "m", ":", "mmm\" at character 1; known are drum, letter, bell, many"},
        {"", 1000000, "\377", ":", "\\xff\" at character 1; known are drum, letter, bell, many"},
        {"letter:a?", 5000, "o", "=1", "ooo\" at character 10; letter: takes mode"},
        {"letter:a?label=", 256, "t", "",
         "value of 256 bytes at character 16 is too long; label takes"},
        {"letter:a?skin=", 255, "\376", "",
         "\\xfe\" at character 15; skin takes goat, calf, nylon"},
        {"letter:a?any=", 255, "9", "",
         "999\" at character 14 is out of range; any takes 0 to 1844"},
        {"letter:a?any=1", 254, "z", "", "zzz\" after the number at character 15; any takes"},
        {"drum:", 5000, "x", "", "xxx\" at character 6, but drum: takes none"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct long_refusal *x = &cases[i];
        char *text = repeated(x->prefix, x->count, x->piece, x->suffix);
        struct address a;

        CHECK_EQ(address_parse(text, known, &a), -EINVAL);
        check_shape(enl_error_text());
        CHECK_CONTAINS(enl_error_text(), x->part);
        CHECK_CONTAINS(enl_error_text(), "...");
        free(text);
    }
}

/* ---- what is taken ----------------------------------------------------------------------------- */

TEST(names_come_decoded_and_may_hold_what_paths_hold)
{
    static const struct {
        const char *text;
        const char *name;
    } cases[] = {
        {"drum:", ""},
        {"bell:", ""},
        {"bell:?keep", ""},
        {"bell:12345678", "12345678"},
        {"bell:%31%32%33%34%35%36%37%38", "12345678"},
        {"letter:a", "a"},
        {"letter:/tmp/a", "/tmp/a"},
        {"letter:@abstract", "@abstract"},
        {"letter:host:80", "host:80"},
        {"letter:::", "::"},
        {"letter:a=b", "a=b"},
        {"letter:a&b", "a&b"},
        {"letter:/a=b&c:d,e;f#g+h!", "/a=b&c:d,e;f#g+h!"},
        {"letter:a+b", "a+b"},
        {"letter:\"'\\", "\"'\\"},
        {"letter:\303\261", "\303\261"},
        {"letter:\200\377", "\200\377"},
        {"letter:a%20b", "a b"},
        {"letter:%0a%0A%7F%01", "\n\n\177\001"},
        {"letter:%3F%3f%25%26%3D", "\?\?%&="},
        {"letter:%2500", "%00"},
        {"letter:%fF%Ff", "\377\377"},
        {"letter:a%3fkeep", "a?keep"},
        {"letter:-", "-"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct address a = parse(cases[i].text);

        CHECK_STR(a.name, cases[i].name);
        CHECK_EQ(a.name_size, strlen(cases[i].name));
    }
}

TEST(the_scheme_is_the_one_that_was_named)
{
    CHECK(parse("drum:").scheme == &drum);
    CHECK(parse("letter:a").scheme == &letter);
    CHECK(parse("bell:").scheme == &bell);
    CHECK(parse("many:").scheme == &many);
}

TEST(the_longest_name_is_taken_whole)
{
    char *text = repeated("letter:", ADDRESS_NAME_MAX, "n", "?keep");
    struct address a = parse(text);

    CHECK_EQ(a.name_size, ADDRESS_NAME_MAX);
    CHECK_EQ(strlen(a.name), ADDRESS_NAME_MAX);
    CHECK_EQ(address_value(&a, "keep"), 1);
    free(text);
}

TEST(values_come_as_their_kind_says)
{
    static const struct {
        const char *text;
        const char *option;
        uint64_t value;
    } cases[] = {
        {"letter:a?copies=2", "copies", 2},
        {"letter:a?copies=40", "copies", 40},
        {"letter:a?copies=007", "copies", 7},
        {"letter:a?copies=%33", "copies", 3},
        {"letter:a?any=0", "any", 0},
        {"letter:a?any=18446744073709551615", "any", UINT64_MAX},
        {"letter:a?size=1", "size", 1},
        {"letter:a?size=67108864", "size", 67108864},
        {"letter:a?size=1k", "size", 1024},
        {"letter:a?size=8M", "size", 8388608},
        {"letter:a?size=64M", "size", 67108864},
        {"letter:a?bytes=3G", "bytes", UINT64_C(3221225472)},
        {"letter:a?bytes=0G", "bytes", 0},
        {"letter:a?bytes=17179869183G", "bytes", UINT64_C(17179869183) << 30},
        {"letter:a?bytes=18446744073709551615", "bytes", UINT64_MAX},
        {"letter:a?mode=0", "mode", 0},
        {"letter:a?mode=600", "mode", 0600},
        {"letter:a?mode=0644", "mode", 0644},
        {"letter:a?mode=0777", "mode", 0777},
        {"letter:a?skin=goat", "skin", 0},
        {"letter:a?skin=calf", "skin", 1},
        {"letter:a?skin=n%79lon", "skin", 2},
        {"letter:a?keep", "keep", 1},
        {"letter:a?keep=yes", "keep", 1},
        {"letter:a?keep=no", "keep", 0},
        {"letter:a?loud=no", "loud", 0},
        {"letter:a?keep&copies=5&size=2k", "copies", 5},
        {"letter:a?keep&copies=5&size=2k", "size", 2048},
        {"bell:?copies=9", "copies", 9},
        {"many:?last-of-sixteen=9", "last-of-sixteen", 9},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct address a = parse(cases[i].text);

        CHECK_EQ(address_value(&a, cases[i].option), cases[i].value);
        CHECK(address_given(&a, cases[i].option));
    }
}

TEST(options_that_are_not_given_have_their_presets)
{
    struct address a = parse("letter:a");

    CHECK_EQ(address_value(&a, "mode"), 0600);
    CHECK_EQ(address_value(&a, "size"), 65536);
    CHECK_EQ(address_value(&a, "copies"), 3);
    CHECK_EQ(address_value(&a, "skin"), 2);
    CHECK_EQ(address_value(&a, "keep"), 0);
    CHECK_EQ(address_value(&a, "loud"), 1);
    CHECK_STR(a.text, "");
    CHECK_EQ(a.given, 0);
}

TEST(an_option_that_is_given_as_its_preset_counts_as_given)
{
    struct address a = parse("letter:a?copies=3");

    CHECK(address_given(&a, "copies"));
    CHECK(!address_given(&a, "size"));
    CHECK(!address_given(&a, "colour"));
    CHECK(address_has_option(&a, "size"));
    CHECK(!address_has_option(&a, "colour"));
    a = parse("drum:");
    CHECK(!address_has_option(&a, "size"));
}

TEST(texts_come_decoded)
{
    char *longest = repeated("letter:a?label=", ADDRESS_TEXT_MAX, "t", "&keep");
    struct address a = parse("letter:a?label=%3Fa=b%26c:%20d&keep");

    CHECK_STR(a.text, "?a=b&c: d");
    CHECK_EQ(address_value(&a, "label"), 9);
    CHECK(address_given(&a, "keep"));
    a = parse(longest);
    CHECK_EQ(strlen(a.text), ADDRESS_TEXT_MAX);
    free(longest);
}

TEST(every_byte_but_zero_comes_back_from_its_escape)
{
    char text[8 + 3 * 255] = "letter:";
    char expected[256];
    char *end = text + strlen(text);
    struct address a;

    for (unsigned byte = 1; byte < 256; byte++) {
        end += sprintf(end, byte % 2 ? "%%%02x" : "%%%02X", byte);
        expected[byte - 1] = (char)byte;
    }
    a = parse(text);
    CHECK_EQ(a.name_size, 255);
    CHECK_MEM(a.name, expected, 255);
}

TEST(an_address_keeps_nothing_of_the_text)
{
    char text[] = "letter:name?label=text&skin=calf";
    struct address a = parse(text);

    memset(text, 'x', sizeof text - 1);
    CHECK_STR(a.name, "name");
    CHECK_STR(a.text, "text");
    CHECK_EQ(address_value(&a, "skin"), 1);
}
