/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Why a network namespace has no policy: a line in a file, so that a command can say it when the
 * daemon or the unit that failed has ended. The file has the cookie of the namespace in its name.
 */
#ifndef CORE_REASON_H
#define CORE_REASON_H

#include <stdbool.h>
#include <stddef.h>

#ifndef REASON_DIR
#define REASON_DIR	"/run/nfipsec"
#endif

#define REASON_NETNS_LEN	24
/* Gets the cookie of this network namespace as text. Returns false if the kernel has none. */
bool reason_netns(char out[REASON_NETNS_LEN]);
/* REASON_DIR/NAME.COOKIE of this network namespace; false: the kernel does not name it */
bool reason_run_path(const char *name, char *out, size_t len);
/* makes REASON_DIR where no unit did; nfipsecd may make no folder any more after priv_drop() */
void reason_dir_make(void);
/* @text: the reason, on one line; NULL: a policy is in force. Without the permission nothing is done. */
void reason_set(const char *text);
/* false: no reason is known */
bool reason_get(char *out, size_t len);

#endif
