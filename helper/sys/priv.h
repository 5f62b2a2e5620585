/* SPDX-License-Identifier: GPL-2.0 */
/* Least privilege: what the daemon gives away before it reads from the network. */
#ifndef SYS_PRIV_H
#define SYS_PRIV_H

#include <stdbool.h>
#include <stddef.h>

/* at the very start: no core files, no tracing by others, no secrets on swap */
void priv_protect_memory(void);
/* Keeps CAP_NET_ADMIN alone. @inherit: what root's process executes has it as well, else nothing. */
bool priv_drop_capabilities(bool inherit, char *err, size_t err_len);
/*
 * After the sockets are bound and before any thread exists: CAP_NET_ADMIN
 * alone (netlink to the module), and a list of allowed system calls.
 */
bool priv_drop(char *err, size_t err_len);

#endif
