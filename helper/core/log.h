/* SPDX-License-Identifier: GPL-2.0 */
/* One line an event, to stderr (as systemd wants it, with <N> priorities when not a terminal). */
#ifndef CORE_LOG_H
#define CORE_LOG_H

#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

void log_set_level(enum log_level level);
/* tests and fuzzers take the lines instead; NULL restores stderr */
void log_set_sink(void (*sink)(enum log_level level, const char *line, void *arg), void *arg);
void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * A line that somebody outside of the daemon can cause: of each @cause, a constant word,
 * LOG_BURST at once and one in LOG_INTERVAL_MS. The next line says how many were suppressed.
 * Any thread may call it.
 */
#define LOG_BURST	10
#define LOG_INTERVAL_MS	10000
void log_limited(enum log_level level, const char *cause, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* tests: a clock in ms; NULL restores the monotonic one */
void log_set_clock(uint64_t (*clock)(void));

#endif
