/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The daemon's control socket: one JSON object a line each way, over a UNIX
 * stream socket, mode 0600. Request: {"cmd":"load"|"unload"|"up"|"down"|"show"|"watch"|
 * "version", "path":..., "netns":..., "peer":..., "tunnel":..., "verify":true, "what":"peers"|...}.
 * Answer: any number of {"event":...} lines, and last {"ok":true, "data":..., "warning":...}
 * or {"ok":false, "error":"..."}. watch never ends until the client goes.
 * up and down stream the events of their peer while they wait.
 */
#ifndef DAEMON_CTL_H
#define DAEMON_CTL_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#define CTL_SOCKET	"/run/nfipsec/nfipsecd.sock"
#define CTL_LINE_MAX	(1 << 20)

/* ---- the server's side ---- */

#define CTL_CLIENTS_MAX	64
/* a client with that much unread is gone rather than waited for */
#define CTL_UNREAD_MAX	(4 << 20)

struct ctl;
struct event_loop;

/* called once, when an up or down has its outcome; @error NULL: done */
typedef void (*ctl_waiter_t)(void *arg, const char *error);

/* Handlers of the requests; @path and @tunnel may be NULL. */
struct ctl_ops {
	/* false: refused, nothing has changed, the reason in @err; true: a warning there, or none */
	bool (*load)(const char *path, char *err, size_t err_len, void *user);
	/*
	 * @netns: reason_netns() of the client, or NULL. The daemon ignores a client of another
	 * network namespace. Returns false with the reason in @err if nothing has changed.
	 */
	bool (*unload)(const char *netns, char *err, size_t err_len, void *user);
	void (*up)(const char *peer, const char *tunnel, ctl_waiter_t waiter, void *arg,
		   void *user);
	void (*down)(const char *peer, const char *tunnel, ctl_waiter_t waiter, void *arg,
		     void *user);
	/* up, and what the tunnel will need later; its steps are events */
	void (*verify)(const char *peer, const char *tunnel, ctl_waiter_t waiter, void *arg,
		       void *user);
	json_t *(*show)(const char *what, void *user);	/* owned by the caller; NULL: unknown */
};

struct ctl *ctl_open(struct event_loop *loop, const char *path, const struct ctl_ops *ops,
		     void *user, char *err, size_t err_len);
/* waiters that come later find nobody and are fine */
void ctl_close(struct ctl *ctl);
/*
 * Sends @event (borrowed, made printable) to all clients of `watch`. Clients that wait for an
 * outcome of @peer (may be NULL) get it, too.
 */
void ctl_event(struct ctl *ctl, const char *peer, json_t *event);

#endif
