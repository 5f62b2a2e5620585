// SPDX-License-Identifier: GPL-2.0
/* One line an event, to stderr or to whoever asked for it. */
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/log.h"
#include "core/printable.h"
#include "core/rate.h"

#define LINE_MAX_LEN	2048

static enum log_level max_level = LOG_LEVEL_INFO;
static void (*line_sink)(enum log_level level, const char *line, void *arg);
static void *line_sink_arg;
static uint64_t (*line_clock)(void);

void log_set_level(enum log_level level)
{
	max_level = level;
}

void log_set_sink(void (*sink)(enum log_level level, const char *line, void *arg), void *arg)
{
	line_sink = sink;
	line_sink_arg = arg;
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
	/* identities and notifies come from the network: they must not write lines or move cursors */
	printable(line);
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

/* ---- what somebody outside can cause ---- */

#define CAUSES		64	/* a power of two; causes with the same hash share a limit */

static struct rate_limit causes[CAUSES];
static pthread_mutex_t causes_lock = PTHREAD_MUTEX_INITIALIZER;	/* protects causes */

static uint64_t clock_now(void)
{
	struct timespec t;

	if (line_clock)
		return line_clock();
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void log_set_clock(uint64_t (*clock)(void))
{
	line_clock = clock;
}

static struct rate_limit *limit_of(const char *cause)
{
	uint32_t h = 2166136261u;

	for (; *cause; cause++)
		h = (h ^ (uint8_t)*cause) * 16777619u;
	return &causes[(h ^ h >> 16) % CAUSES];
}

/* true: the line is due, and @held were suppressed before it */
static bool take_turn(const char *cause, unsigned int *held)
{
	static const struct rate rate = { LOG_BURST, LOG_INTERVAL_MS };
	struct rate_limit *l = limit_of(cause);
	bool ok;

	pthread_mutex_lock(&causes_lock);
	ok = rate_limit_take(l, &rate, clock_now());
	*held = ok ? rate_limit_held(l) : 0;
	pthread_mutex_unlock(&causes_lock);
	return ok;
}

static void log_args(enum log_level level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(level, fmt, ap);
	va_end(ap);
}

void log_limited(enum log_level level, const char *cause, const char *fmt, ...)
{
	char line[LINE_MAX_LEN];
	unsigned int held;
	va_list ap;

	if (level > max_level || !take_turn(cause, &held))
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (held)
		log_args(level, "%s (%u more like this were suppressed)", line, held);
	else
		log_args(level, "%s", line);
}
