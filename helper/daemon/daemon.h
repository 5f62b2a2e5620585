/* SPDX-License-Identifier: GPL-2.0 */
/* nfipsecd: the IKE core tied to the module, the sockets, the worker threads and the operator. */
#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H

#include <stdbool.h>
#include <stddef.h>

struct daemon;
struct event_loop;
struct launch;

/*
 * Opens what needs privileges: the module's netlink, ports 500 and 4500, the
 * control socket. NULL and a reason in @err when one of them is not to be had.
 */
struct daemon *daemon_open(struct event_loop *loop, const char *ctl_path, char *err,
			   size_t err_len);
/* before daemon_start(); @l is borrowed until daemon_close() */
void daemon_set_launch(struct daemon *d, struct launch *l);
void daemon_launch_report(bool failed, const char *text, void *arg);
/* after privileges are dropped: threads, and work begins */
bool daemon_start(struct daemon *d, char *err, size_t err_len);
/* Path that daemon_load() reads if the caller gives none and nothing was loaded. */
bool daemon_set_path(struct daemon *d, const char *path);
/*
 * Reads @path (NULL: what was loaded last) and the secrets beside it, and puts
 * it in force: first in the module, as one step, then in the IKE core. False:
 * refused, the reason in @err, and what was in force is in force. The first
 * load puts the policy into force even when secrets or certificates are broken:
 * the peers that lack them say so, and @err has a warning then, else it is empty.
 */
bool daemon_load(struct daemon *d, const char *path, char *err, size_t err_len);
/* @fn: called after each load that was not refused */
void daemon_on_load(struct daemon *d, void (*fn)(void *arg), void *arg);
/* a configuration is loaded, or the module has the policy of an earlier load */
bool daemon_has_policy(struct daemon *d);
/*
 * Says goodbye to the peers and takes the SAs out of the module. The policy
 * stays there: what must be protected is held, never sent in clear.
 */
void daemon_shutdown(struct daemon *d);
void daemon_close(struct daemon *d);

#endif
