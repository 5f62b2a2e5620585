/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The daemon's control socket: one JSON object a line each way, over a UNIX
 * stream socket, mode 0600. Request: {"cmd":"load"|"up"|"down"|"show"|"watch"|
 * "version", "path":..., "peer":..., "tunnel":..., "what":"peers"|...}.
 * Answer: any number of {"event":...} lines, and last {"ok":true, "data":...}
 * or {"ok":false, "error":"..."}. watch never ends until the client goes.
 * up and down stream the events of their peer while they wait.
 */
#ifndef CORE_CTL_H
#define CORE_CTL_H

#define CTL_SOCKET	"/run/nfipsec/nfipsecd.sock"
#define CTL_LINE_MAX	(1 << 20)

#endif
