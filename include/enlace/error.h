/* SPDX-License-Identifier: MIT */
/* Errors: calls return a negative errno; the text says what was wrong, with which value, and what to do. */
#ifndef ENLACE_ERROR_H
#define ENLACE_ERROR_H

#include <enlace/export.h>

ENL_BEGIN

/* The text of this thread's last failed call, without a newline; "" if none failed yet. It stays valid
 * until this thread's next failing call. -EAGAIN, -ETIMEDOUT and -ECANCELED have texts too. */
ENL_PUBLIC const char *enl_error_text(void);

ENL_END

#endif
