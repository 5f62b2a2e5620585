/* SPDX-License-Identifier: GPL-2.0 */
/* One line an event, to stderr (as systemd wants it, with <N> priorities when not a terminal). */
#ifndef CORE_LOG_H
#define CORE_LOG_H

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

void log_set_level(enum log_level level);
/* tests and fuzzers take the lines instead; NULL restores stderr */
void log_set_sink(void (*sink)(enum log_level level, const char *line, void *arg), void *arg);
void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
