/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The IKE core: a state machine over messages without any I/O. It is told of
 * messages, time, the module's events and the operator's wishes; it answers
 * through struct ike_ops. Tests and fuzzers drive it without sockets or a
 * kernel. Single-threaded; only what goes through ops->job runs elsewhere.
 * Time is milliseconds of a monotonic clock, given with every call.
 */
#ifndef IKE_IKE_H
#define IKE_IKE_H

#include <time.h>

#include <jansson.h>

#include "conf/conf.h"
#include "core/addr.h"
#include "core/buf.h"
#include "sys/kern.h"
#include "sys/route.h"

struct ike;

/**
 * struct ike_job - a slow computation: @run on any thread touching only @arg, then @done on the main one
 * @waits: not for a CPU but for the network, so it is to keep no thread from those that compute
 * @stranger: for a peer that is not authenticated: others come before it, but for every eighth job
 * @arg: argument of both
 * @done: takes over the result
 * @run: the computation
 */
struct ike_job {
	void (*run)(void *arg);
	void (*done)(void *arg);
	void *arg;
	bool waits;
	bool stranger;
};

enum ike_revocation {
	IKE_REVOCATION_GOOD,	/* none is revoked, as far as the configuration wants to know */
	IKE_REVOCATION_BAD,
	IKE_REVOCATION_UNASKED,	/* that takes the network */
};

/* Events for `nfipsec watch`, for callers of up and down, and for the log. */
enum ike_event_type {
	IKE_EVENT_ACQUIRE,	/* the module asked */
	IKE_EVENT_EXCHANGE,	/* one message sent or received: name, message ID, sizes */
	IKE_EVENT_IKE_UP, IKE_EVENT_IKE_DOWN,
	IKE_EVENT_CHILD_UP, IKE_EVENT_CHILD_DOWN,
	IKE_EVENT_ADOPTED,	/* SAs of an earlier run carry on */
	IKE_EVENT_MOVED,	/* a peer behind a NAT has another address or port */
	IKE_EVENT_RESOLVED,	/* a name that could not be resolved has an address again */
	IKE_EVENT_VERIFY,	/* a step of ike_verify() is over: data has step, ok, ms */
	IKE_EVENT_ERROR,	/* one clear line: which peer, what was offered, what was expected */
};
struct ike_event {
	enum ike_event_type type;
	const char *peer, *tunnel;	/* NULL where unknown */
	const char *text;		/* the line for people */
	json_t *data;			/* borrowed object with the particulars, may be NULL */
	unsigned int count;		/* number of equal errors in a row */
	bool quiet;			/* the log already has this error */
};

struct ike_ops {
	void (*send)(const struct egress *by, const struct endpoint *local,
		     const struct endpoint *remote, struct bytes msg,
		     void *user);	/* adds the non-ESP marker on port 4500 */
	/* one octet 0xff from port 4500: RFC 3948 2.3 */
	void (*keepalive)(const struct egress *by, const struct endpoint *local,
			  const struct endpoint *remote, void *user);
	int (*sa_add)(const struct kern_sa *sa, void *user);	/* 0 or -errno, error text logged there */
	int (*sa_del)(const struct kern_sa *sa, void *user);
	int (*sa_move)(const struct kern_sa *sa, const struct kern_ends *to, void *user);
	int (*sa_get)(struct kern_sa *sa, void *user);		/* counters: idle-timeout, DPD */
	/* packets of an inbound SA that is not installed yet: queue them, or no longer; 0 or -errno */
	int (*spi_await)(const struct kern_sa *sa, bool on, void *user);
	/* a peer of this tunnel does, or does not, take packets with TFC padding */
	void (*tfc)(const char *tunnel, bool allowed, void *user);
	void (*job)(const struct ike_job *job, void *user);	/* tests: run and done at once */
	/*
	 * On another thread: has none of these certificates been revoked? The peer's first, the trusted
	 * CA last. @since, a time as the core is told it: from a job that waits; 0: from one that does
	 * not, and the answer may be IKE_REVOCATION_UNASKED. NULL: nobody is asked. @until: if the answer
	 * is good, the moment of the wall clock at which the first of what it rests on ends; 0: nothing does
	 */
	enum ike_revocation (*revocation)(struct gnutls_x509_crt_int *const *chain, unsigned int n,
					  enum conf_revocation mode, uint64_t since,
					  time_t *until, char *why, size_t why_len, void *user);
	void (*event)(const struct ike_event *ev, void *user);
	/* the source address the host would use towards @remote, for local address any; false: no route */
	bool (*local_addr)(const struct egress *by, const struct addr *remote, struct addr *local,
			   void *user);
	/*
	 * On another thread: the addresses of a DNS name, at most @max, of @family (0: both).
	 * Returns their number; 0: @err says why there is none.
	 */
	unsigned int (*resolve)(const char *name, uint8_t family, struct addr *out,
				unsigned int max, char *err, size_t err_len, void *user);
	/* Returns false if @addr is no address of this host. NULL: the core does not check. */
	bool (*is_local)(const struct addr *addr, void *user);
	/* Installs, changes or removes a route to nfipsec0. Returns 0 or -errno. NULL: no route is. */
	int (*route)(const struct route_entry *e, enum route_change how, void *user);
	/*
	 * Selectors came up or went: runs @command with @env, strings such as PLUTO_VERB=up-client, each
	 * with a NUL. NULL: nothing is run.
	 */
	void (*updown)(const char *tunnel, const char *command, struct bytes env, void *user);
	time_t (*wall)(void *user);	/* the wall clock, on any thread; NULL: time(2) */
};

struct ike *ike_new(const struct ike_ops *ops, void *user);
/* no messages are sent; ike_shutdown() before it says goodbye. All jobs are over before it. */
void ike_free(struct ike *ike);
/*
 * Before the first configuration: an SA that the module has of an earlier run. It
 * stays there and carries traffic until another has taken its place, if the
 * configuration has its tunnel and would make the like.
 */
void ike_adopt(struct ike *ike, const struct kern_sa *sa);
/* Before the first configuration: a route that an earlier run left. The first load removes it or uses it. */
void ike_route_left(struct ike *ike, const struct route_entry *e);
/* Devices or addresses changed, so the kernel may have removed routes. */
void ike_routes_changed(struct ike *ike, uint64_t now);
/*
 * Likewise, what ike_remember() said in that run, after its last ike_set_conf(): without it no SA is
 * adopted, and with it none of a peer whose identities, secret, CAs or CRLs were others then.
 */
bool ike_recall(struct ike *ike, struct bytes memo);
bool ike_remember(const struct ike *ike, struct buf *out);	/* false: no memory, or nothing is loaded */
/*
 * A new configuration (borrowed until the next call or ike_free). Tunnels that
 * are gone or changed are deleted with their peers; unchanged ones stay up.
 * Tunnels with start at-load are begun.
 */
void ike_set_conf(struct ike *ike, const struct conf *conf, uint64_t now);
/* one datagram; without the non-ESP marker */
void ike_input(struct ike *ike, const struct endpoint *local, const struct endpoint *remote,
	       struct bytes msg, uint64_t now);
void ike_tick(struct ike *ike, uint64_t now);
uint64_t ike_next(const struct ike *ike);	/* when ike_tick() is due; UINT64_MAX: never */
void ike_acquire(struct ike *ike, const struct kern_flow *flow, uint64_t now);
/* an inbound SA's newest packet came from somewhere else */
void ike_mapping(struct ike *ike, const struct kern_sa *sa, const struct kern_ends *ends,
		 uint64_t now);
void ike_expire(struct ike *ike, const struct kern_sa *sa, uint64_t now);
/* Checks the limits of @sa, read from the module after events were lost. */
void ike_resync(struct ike *ike, const struct kern_sa *sa, uint64_t now);

/* called once with the outcome; @error NULL: done. Also when the core is freed. */
typedef void (*ike_waiter_t)(void *arg, const char *error);
/* @tunnel NULL: all of the peer's */
void ike_up(struct ike *ike, const char *peer, const char *tunnel, ike_waiter_t waiter, void *arg,
	    uint64_t now);
/* up, liveness, rekeying: each step is an event, the first failure the outcome */
void ike_verify(struct ike *ike, const char *peer, const char *tunnel, ike_waiter_t waiter,
		void *arg, uint64_t now);
void ike_down(struct ike *ike, const char *peer, const char *tunnel, ike_waiter_t waiter, void *arg,
	      uint64_t now);
/* deletes everything; ops->send gets the DELETEs; the SAs leave the module */
void ike_shutdown(struct ike *ike, uint64_t now);
json_t *ike_show_failures(const struct ike *ike, uint64_t now);	/* likewise */
/* {"peers":[{name, state, ike_sas:[...], tunnels:[...]}]}; caller owns it */
json_t *ike_show(const struct ike *ike, uint64_t now);

/* Limits of the configuration; tests change them. They hold until the next ike_set_conf(). */
struct ike_limits {
	/* half-open SAs, or requests without one in a second, from which COOKIE is demanded: RFC 7296 2.6 */
	unsigned int cookie_threshold;
	unsigned int half_open_max;
	unsigned int half_open_per_addr;
	unsigned int inits_per_addr;	/* a second, of who shows a cookie */
	unsigned int unauthenticated_jobs_max;	/* jobs of half-open SAs; 0: no limit */
	unsigned int retrans_tries;	/* default 5 resends */
	uint64_t retrans_first;		/* ms, default 1000, then x 1.8 with jitter */
	unsigned int children_max;	/* of one IKE SA, that the peer may ask for; 0: as many as it likes */
	unsigned int sas_of_id_max;	/* IKE SAs with one identity; 0: the same */
};
void ike_set_limits(struct ike *ike, const struct ike_limits *limits);

#endif
