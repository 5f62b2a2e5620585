// SPDX-License-Identifier: GPL-2.0
/* Errors of a configuration: FILE:LINE:COLUMN, and what is wrong there. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "conf/scan.h"

bool conf_fail(struct conf_error *err, const char *path, unsigned int line, unsigned int column,
	       const char *fmt, ...)
{
	va_list ap;
	int n;

	if (*err->text)		/* a later error may only follow from the first */
		return false;
	n = snprintf(err->text, sizeof(err->text), "%s:%u:%u: ", path, line, column);
	if (n < 0 || (size_t)n >= sizeof(err->text))
		return false;
	va_start(ap, fmt);
	vsnprintf(err->text + n, sizeof(err->text) - n, fmt, ap);
	va_end(ap);
	return false;
}

/* flex calls this when it has no memory, and expects no return. */
_Noreturn void conf_scan_fatal(const char *msg)
{
	fprintf(stderr, "configuration: %s\n", msg);
	abort();
}

bool conf_fail_at(struct conf_error *err, const struct conf_place *at, const char *fmt, ...)
{
	char text[sizeof(err->text)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return conf_fail(err, at->file, at->line, at->column, "%s", text);
}
