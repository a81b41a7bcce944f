/* SPDX-License-Identifier: MIT */
/* Proof that library, headers and numbers name one version. */
#include "runner/test.h"

#include <enlace/version.h>
#include <stdio.h>

TEST(the_version_is_that_of_the_headers)
{
    char numbers[32];

    (void)snprintf(numbers, sizeof numbers, "%d.%d.%d", ENL_VERSION_MAJOR, ENL_VERSION_MINOR,
                   ENL_VERSION_PATCH);
    CHECK_STR(ENL_VERSION, numbers);
    CHECK_STR(enl_version(), ENL_VERSION);
}
