/* SPDX-License-Identifier: MIT */
/* What every public header needs: the mark of a public function, and C linkage in C++. */
#ifndef ENLACE_EXPORT_H
#define ENLACE_EXPORT_H

#define ENL_PUBLIC __attribute__((visibility("default")))

#ifdef __cplusplus
#define ENL_BEGIN extern "C" {
#define ENL_END }
#else
#define ENL_BEGIN
#define ENL_END
#endif

#endif
