/* SPDX-License-Identifier: GPL-2.0 */
/* Two IKE cores in one process: a fake network, a fake module for each, and a clock that jumps. */
#ifndef TESTS_IKE_WORLD_H
#define TESTS_IKE_WORLD_H

#include "ike/ike.h"

#define WORLD_SAS	64
#define WORLD_PACKETS	256
#define WORLD_LINES	512
#define WORLD_ROUTES	512
#define WORLD_UPDOWNS	16

struct node;
struct world;

struct packet {
	struct endpoint from, to;
	struct egress by;		/* of who sent it */
	uint8_t *data;
	size_t len;
	uint64_t at;			/* it arrives */
};

struct fake_sa {
	bool used;
	uint8_t dir, proto, mode;
	uint32_t spi;
	struct addr local, remote;
	char tunnel[64];
	uint16_t encr, integ, encap_local, encap_remote;
	struct addr orig_local, orig_remote;
	uint8_t encr_key[64], integ_key[64];
	size_t encr_key_len, integ_key_len;
	bool esn;
	uint64_t soft_seconds, hard_seconds, soft_bytes, hard_bytes;
	uint32_t replay_window;
	unsigned int n_sels;
	struct kern_sel sels[KERN_SEL_MAX];
	uint64_t added, last, packets;	/* ms */
};

struct line {
	enum ike_event_type type;
	char peer[32], tunnel[32], text[800];
};

struct node {
	struct world *w;
	const char *name;
	struct ike *ike;
	struct conf *conf;
	struct addr addr, also;		/* @also: a second one; family 0: none */
	unsigned int n_lookups;		/* names that it resolved, or tried to */
	char last_lookup[64];		/* the last one of them */
	bool conf_kept;
	struct fake_sa *sas;		/* WORLD_SAS of them, or as many as world_room() said */
	unsigned int room;
	uint32_t awaited[WORLD_SAS];	/* inbound SPIs whose packets the module queues; 0: none */
	int refuse_await;		/* spi_await fails with this errno */
	int refuse_in, refuse_out;	/* sa_add of that direction fails with this errno */
	struct line *lines;
	unsigned int n_lines, n_events[IKE_EVENT_ERROR + 1];	/* events: also those without room */
	unsigned int n_loud;		/* errors that the log would have */
	bool not_local;			/* it has no address */
	struct route_entry routes[WORLD_ROUTES];	/* of its kernel */
	unsigned int n_routes, n_route_changes;
	int refuse_route;		/* ROUTE_ADD fails with this errno */
	unsigned int n_updowns;		/* updown commands that it ran; the first WORLD_UPDOWNS are kept */
	char updowns[WORLD_UPDOWNS][2048];	/* "p/t /command PLUTO_VERB=up-client ..." */
	bool crashing;			/* its daemon ends without a word */
	struct buf memo;		/* and leaves this */
	bool up_done, down_done;
	char up_error[900];
	unsigned int sent, keepalives, moves;
	struct egress keepalive_by, looked_up_by;	/* of the last one */
	bool tfc_told, tfc_allowed;
	bool revoked;			/* every certificate is */
	unsigned int revocation_asked, revocation_chain;
	time_t revocation_until;	/* of the answers, when they are good; 0: nobody says */
	struct packet *log;		/* all that it sent */
	unsigned int n_log;
};

/* what happens to packet number @n (from 0) on its way: the number of copies that arrive */
typedef unsigned int (*world_filter_t)(struct world *w, const struct packet *p, unsigned int n);

struct world {
	struct node a, b;		/* 192.0.2.1 and 192.0.2.2; 2001:db8::1 and ::2 */
	uint64_t now;
	time_t started;			/* the wall clock when it was made */
	struct packet queue[WORLD_PACKETS];
	unsigned int n_queue, n_packets;
	world_filter_t filter;
	unsigned int filter_arg;
	bool cut;			/* nothing arrives */
	struct addr dead;		/* nothing arrives there */
	const char *names;		/* "gw.example.com=192.0.2.2,192.0.2.9 b=..."; NULL: none is known */
	bool lifo;			/* the newest first */
	uint64_t delay;			/* ms at most, each message another */
	uint64_t trip;			/* ms that each message takes besides */
	uint32_t seed;			/* of world_random() */
	bool strict;			/* always an outbound SA, and always one that the other end can open */
	bool defer_jobs;
	const struct ike_job *jobs[64];
	unsigned int n_jobs;
	/* NULL: jobs run at once, and a node's @revoked says it; @user is the node */
	void (*job)(const struct ike_job *job, void *user);
	enum ike_revocation (*revocation)(struct gnutls_x509_crt_int *const *chain, unsigned int n,
					  enum conf_revocation mode, uint64_t since,
					  time_t *until, char *why, size_t why_len, void *user);
};

/* what differs between configurations; NULL: the usual */
struct world_conf {
	const char *ike, *esp;		/* default aes128gcm16-prfsha256-x25519, aes128gcm16 */
	const char *psk, *id, *remote_id;
	const char *entries;		/* of the access list, as this side sees them */
	const char *start, *extra_peer, *extra_tunnel, *tunnels;
	const char *remote;		/* address */
	const char *ah;			/* in place of esp */
	const char *mode;
	const char *auth;		/* default psk */
	const char *certs;		/* folder with certs, cacerts, private */
	bool addr_ids;			/* no `id` on either side */
	bool six;			/* IKE over IPv6, of the first of the two */
};

/*
 * For a fuzzer, which makes thousands of worlds: what they are made of is kept for the next one,
 * and nobody reads the lines, so there are none. @confs: configurations that were parsed before, too;
 * these are never freed, so that who still reads an old one is not found out.
 */
void world_thrift(bool confs);
void world_room(unsigned int sas);	/* of the worlds made from then on */
struct world *world_new(const struct world_conf *a, const struct world_conf *b);
void world_free(struct world *w);	/* fails the test when an SA is left in a module */
void world_load(struct node *n, const struct world_conf *c);
void world_deliver(struct world *w);	/* until nothing is on its way; time stands still */
void world_run(struct world *w, uint64_t ms);	/* time passes */
void world_step(struct world *w, struct node *from);	/* the oldest that it sent arrives */
void world_lose(struct world *w, struct node *from);	/* that one does not */
unsigned int world_sent(const struct world *w, const struct node *from);	/* and has not arrived */
unsigned int world_random(struct world *w, unsigned int below);
void world_send(struct world *w, const struct packet *p);	/* by somebody else */
void world_jobs(struct world *w);	/* those that were put off */
struct node *world_other(struct node *n);
void node_restart(struct node *n);	/* another daemon, which knows nothing */
void node_crash(struct node *n);	/* and is not loaded yet; its module keeps the SAs */
void node_adopt(struct node *n);	/* it takes over what is there, and is loaded */

void node_up(struct node *n, const char *tunnel);	/* outcome in up_done, up_error */
void node_down(struct node *n, const char *tunnel);
void node_acquire(struct node *n, const char *src, const char *dst);
/* "10.2.0.0/16", with " table 7" and " source 10.1.0.1" where the route has them */
bool node_has_route(const struct node *n, const char *route);
unsigned int node_sas(const struct node *n);	/* but for those that linger */
unsigned int node_awaited(const struct node *n);	/* announced SPIs without an SA */
bool node_awaits(const struct node *n, uint32_t spi);
unsigned int node_lingering(const struct node *n);	/* ike/linger.c has them */
unsigned int node_count(const struct node *n, enum ike_event_type type);
const struct line *node_line(const struct node *n, enum ike_event_type type, const char *part);
/* an ESP packet came by @f, its newest inbound SA, from this address and port */
void node_mapping(struct node *n, struct fake_sa *f, const char *from, uint16_t port);
void node_expire(struct node *n, struct fake_sa *sa, bool hard);
struct fake_sa *node_newest(struct node *n, uint8_t dir);	/* but for those that linger */
uint64_t node_counter(const struct node *n, const char *name);
unsigned int node_ike_sas(const struct node *n, const char *state);
/* both are loaded, and the first has brought the tunnel up */
struct world *world_up(const struct world_conf *a, const struct world_conf *b);
void world_is_up(struct world *w);		/* one IKE SA, one CHILD SA, no error */
void world_nothing_left(struct world *w);
/* each outbound SA has its mirror in the other module: same SPI, keys, selectors */
void world_check_pairs(struct world *w);

#endif
