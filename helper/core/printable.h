/* SPDX-License-Identifier: GPL-2.0 */
/* Text from outside, made harmless for a terminal, a log, JSON and other programs. */
#ifndef CORE_PRINTABLE_H
#define CORE_PRINTABLE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <jansson.h>

char *printable(char *s);
char *printable_copy(const void *p, size_t n, char *out, size_t len);
json_t *printable_json(const char *s);
void printable_json_tree(json_t *value);
void printable_print(FILE *to, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void printable_vprint(FILE *to, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

#endif
