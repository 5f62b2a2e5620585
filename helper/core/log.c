// SPDX-License-Identifier: GPL-2.0
/* One line an event, to stderr or to whoever asked for it. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/log.h"

#define LINE_MAX_LEN	2048

static enum log_level max_level = LOG_LEVEL_INFO;
static void (*line_sink)(enum log_level level, const char *line, void *arg);
static void *line_sink_arg;

void log_set_level(enum log_level level)
{
	max_level = level;
}

void log_set_sink(void (*sink)(enum log_level level, const char *line, void *arg), void *arg)
{
	line_sink = sink;
	line_sink_arg = arg;
}

/* identities and notifies come from the network: they must not write lines or move cursors */
static void make_printable(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = '?';
}

static void log_line(enum log_level level, const char *fmt, va_list ap)
{
	/* sd-daemon(3): <3> error, <4> warning, <6> information, <7> debug */
	static const char priority[] = { '3', '4', '6', '7' };
	static const char *const name[] = { "error: ", "warning: ", "", "debug: " };
	char line[LINE_MAX_LEN];

	if (level > max_level)
		return;
	vsnprintf(line, sizeof(line), fmt, ap);
	make_printable(line);
	if (line_sink)
		line_sink(level, line, line_sink_arg);
	else if (isatty(STDERR_FILENO))
		fprintf(stderr, "nfipsecd: %s%s\n", name[level], line);
	else
		fprintf(stderr, "<%c>%s%s\n", priority[level], name[level], line);
}

#define LOG_FUNCTION(fn, level)				\
	void fn(const char *fmt, ...)			\
	{						\
		va_list ap;				\
							\
		va_start(ap, fmt);			\
		log_line(level, fmt, ap);		\
		va_end(ap);				\
	}

LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)
LOG_FUNCTION(log_warn, LOG_LEVEL_WARN)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)
