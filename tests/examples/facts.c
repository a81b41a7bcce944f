/* SPDX-License-Identifier: MIT */
/* Prints what the library says of itself, for the test that compares the documents with it: a line for each
 * mechanism of the catalog, or for each address that is given. */
#include <enlace/enlace.h>
#include <inttypes.h>
#include <stdio.h>

static void print_bits(uint32_t can)
{
    const char *between = "";

    for (uint32_t bit = 1; enl_capability_name(bit) != NULL; bit <<= 1)
        if (can & bit) {
            printf("%s%s", between, enl_capability_name(bit));
            between = ",";
        }
}

static void print_number(uint64_t number, uint64_t unknown)
{
    if (number == unknown)
        printf("\t-");
    else
        printf("\t%" PRIu64, number);
}

static void print(const char *address, const struct enl_caps *caps, const char *options)
{
    printf("caps\t%s\t", address);
    print_bits(caps->can);
    printf("\t%" PRIu32 "\t%" PRIu32, caps->meet, caps->reach);
    print_number(caps->senders, ENL_MANY);
    print_number(caps->receivers, ENL_MANY);
    print_number(caps->largest_message, ENL_UNKNOWN);
    print_number(caps->capacity, ENL_UNKNOWN);
    printf("\t%s\n", options);
}

static void print_address(const char *address)
{
    struct enl_caps caps;

    if (enl_address_caps(address, &caps) < 0)
        printf("error\t%s\t%s\n", address, enl_error_text());
    else
        print(address, &caps, "");
}

/* An address of the mechanism, with a name if it takes one; none of these is opened. */
static void print_mechanism(const struct enl_mechanism *mechanism)
{
    static const char *const names[] = {"name", "/name", "1", "USR1"};
    char address[100];

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(address, sizeof address, "%s:%s", mechanism->scheme, names[i]);
        if (enl_address_caps(address, NULL) == 0) {
            print(address, &mechanism->caps, mechanism->options);
            return;
        }
    }
    (void)snprintf(address, sizeof address, "%s:", mechanism->scheme);
    print(address, &mechanism->caps, mechanism->options);
}

int main(int argc, char **argv)
{
    const struct enl_mechanism *mechanism;

    for (int i = 1; i < argc; i++)
        print_address(argv[i]);
    for (size_t i = 0; argc == 1 && (mechanism = enl_mechanism(i)) != NULL; i++)
        print_mechanism(mechanism);
    return 0;
}
