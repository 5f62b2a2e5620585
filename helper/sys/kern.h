/* SPDX-License-Identifier: GPL-2.0 */
/* The module's side of things: the only user of libnl. */
#ifndef SYS_KERN_H
#define SYS_KERN_H

#include "conf/conf.h"
#include "core/addr.h"
#include "core/buf.h"

#define KERN_SEL_MAX 64

struct kern_sel { struct ts src, dst; };	/* as packets of the SA's direction look */

/* one direction of an SA, to install or as reported; names as in linux/nfipsec.h */
struct kern_sa {
	uint8_t proto;			/* IPPROTO_ESP, IPPROTO_AH */
	uint32_t spi;			/* host order */
	uint8_t dir;			/* NFIPSEC_DIR_* */
	uint8_t mode;			/* NFIPSEC_MODE_* */
	char tunnel[64];		/* "peer/tunnel" */
	struct addr local, remote;
	uint16_t encr, integ;		/* encr 0 with AH */
	struct bytes encr_key, integ_key;	/* borrowed; empty when reported */
	uint16_t encap_local, encap_remote;	/* UDP ports, 0: no encapsulation */
	struct addr orig_local, orig_remote;	/* of the peer's checksums, RFC 3948 3.1.2; family 0: not known */
	bool esn;
	uint32_t replay_window;
	unsigned int n_sels;
	struct kern_sel sels[KERN_SEL_MAX];
	uint64_t soft_seconds, hard_seconds, soft_bytes, hard_bytes, soft_packets, hard_packets;
	uint64_t seq;			/* to go on from */
	/* reported */
	uint64_t bytes, packets, replayed, invalid, age, idle;
	bool expired_hard;
};

struct kern_flow {
	uint8_t dir, proto;
	struct addr src, dst;
	uint16_t sport, dport;
	char tunnel[64], list[64];
	uint32_t number;
};

struct kern_tunnel {
	char name[64];
	struct addr local, remote;
	uint8_t mode;
	uint32_t mtu, queued;
	uint64_t queue_drops, acquires;
	bool bundle;
	uint32_t tfc, mark;
	char vrf[16];
};

/* where an SA's packets go, or came from; ports 0: not in UDP */
struct kern_ends {
	struct addr local, remote;
	uint16_t local_port, remote_port;
};

struct kern_entry {
	char list[64], tunnel[64];
	uint32_t number;
	uint8_t action;
	struct ts src, dst;
	uint64_t out_packets, in_packets;
	bool standby;			/* for the packets of an entry before it, of a better tunnel */
	bool active;			/* of these entries, its tunnel takes the packets */
	bool strict;			/* set by kern_policy_dump(): implied by a strict protect entry */
};

struct kern_stat { const char *name; uint64_t value; };

extern const char kern_not_loaded[];	/* what kern_open() says then */

struct kern;	/* a command socket and, if asked for, an event socket */

/* on failure NULL, with a reason such as "the nfipsec module is not loaded" in @err */
struct kern *kern_open(bool events, char *err, size_t err_len);
void kern_close(struct kern *k);
const char *kern_error(const struct kern *k);	/* of the last call: extack text or strerror */
/* all: 0 or a negative errno */
int kern_sa_add(struct kern *k, const struct kern_sa *sa);
int kern_sa_del(struct kern *k, const struct kern_sa *sa);	/* proto, spi, dir, local, remote */
int kern_sa_get(struct kern *k, struct kern_sa *sa);		/* same keys; fills the rest */
int kern_sa_dump(struct kern *k, void (*each)(const struct kern_sa *sa, void *arg), void *arg);
int kern_sa_move(struct kern *k, const struct kern_sa *sa, const struct kern_ends *to);
int kern_sa_dummy(struct kern *k, const struct kern_sa *sa, uint32_t packets, uint32_t bytes);
int kern_sa_flush(struct kern *k, const char *tunnel);		/* NULL: all */
/*
 * The daemon's UDP sockets, whose packets alone pass a protect entry as IKE: all of the namespace's,
 * for as long as @k is open. Packets from any other socket to or from these ports do not pass.
 */
int kern_ike_sockets(struct kern *k, const int *fds, unsigned int n);
int kern_spi_await(struct kern *k, const struct kern_sa *sa, bool on);
int kern_policy_set(struct kern *k, const struct conf *conf);	/* NULL: the empty policy */
int kern_policy_dump(struct kern *k, void (*each)(const struct kern_entry *e, void *arg), void *arg);
/* 1: the namespace has an entry, 0: it has none */
int kern_policy_exists(struct kern *k);
int kern_tunnel_dump(struct kern *k, void (*each)(const struct kern_tunnel *t, void *arg), void *arg);
int kern_stats(struct kern *k, void (*each)(const struct kern_stat *s, void *arg), void *arg);
/* which entry and SA take this packet; *found_entry, *found_sa say what is filled */
int kern_explain(struct kern *k, const struct kern_flow *flow, struct kern_entry *entry,
		 bool *found_entry, struct kern_sa *sa, bool *found_sa);

struct kern_events {
	void (*acquire)(const struct kern_flow *flow, void *arg);
	void (*expire)(const struct kern_sa *sa, void *arg);
	void (*mapping)(const struct kern_sa *sa, const struct kern_ends *ends, void *arg);
	void (*lost)(void *arg);	/* ENOBUFS: events were lost, resynchronise by dump */
};
int kern_event_fd(const struct kern *k);
int kern_event_read(struct kern *k, const struct kern_events *ev, void *arg);

#endif
