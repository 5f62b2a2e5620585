/* SPDX-License-Identifier: GPL-2.0 */
/* The sockets of IKE: ports 500 and 4500 (RFC 7296 2.23, RFC 3948). */
#ifndef SYS_UDP_H
#define SYS_UDP_H

#include "core/addr.h"
#include "core/buf.h"

#define UDP_PORT_IKE	500
#define UDP_PORT_NATT	4500
#define UDP_SOCKETS	4	/* IPv4 and IPv6 */

struct udp;

/* one IKE message, without the non-ESP marker; @local is the address it was sent to */
typedef void (*udp_input_t)(const struct endpoint *local, const struct endpoint *remote,
			    struct bytes msg, void *arg);

struct udp *udp_open(char *err, size_t err_len);
void udp_close(struct udp *udp);
int udp_fd(const struct udp *udp, unsigned int i);	/* i < UDP_SOCKETS; -1: no IPv6 */
/* Reads datagrams of socket @i, as many as is fair at a time. */
void udp_read(struct udp *udp, unsigned int i, udp_input_t input, void *arg);
/* the NAT keepalive, RFC 3948 2.3; as udp_send() */
int udp_send_keepalive(struct udp *udp, const struct egress *by, const struct endpoint *local,
		       const struct endpoint *remote);
/* from @local, whose port chooses the socket, with the marker on 4500; 0 or -errno */
int udp_send(struct udp *udp, const struct egress *by, const struct endpoint *local,
	     const struct endpoint *remote, struct bytes msg);
bool udp_is_local(const struct addr *addr);
bool udp_local_addr(const struct egress *by, const struct addr *remote, struct addr *local);

/*
 * RFC 3948 2.2, 2.3: what a datagram to port 4500 is. True: an IKE message,
 * and *msg is moved past the marker.
 */
bool udp_strip_marker(struct bytes *msg);

#endif
