/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The inside of the IKE core, for ike/ and v2/ only. One thread owns all of
 * it; jobs on other threads touch nothing but their own struct ike_job_dh.
 */
#ifndef IKE_CORE_H
#define IKE_CORE_H

#include <stdarg.h>

#include "core/printable.h"
#include "core/rate.h"
#include "crypto/crypto.h"
#include "ike/ike.h"
#include "ike/span.h"
#include "ike/table.h"
#include "ike/timer.h"
#include "wire/wire.h"

#define IKE_PORT		500
#define IKE_NATT_PORT		4500
#define IKE_TEXT_MAX		768
#define IKE_NAME_MAX		64	/* "peer/tunnel" */
#define IKE_NONCE_LEN		32
#define IKE_HALF_OPEN_MS	30000	/* an SA that is not established goes */
#define IKE_RESTARTS_MAX	6	/* of IKE_SA_INIT: cookies and groups */
#define IKE_BACKOFF_FIRST	1000	/* ms before a tunnel that failed is tried again */
#define IKE_BACKOFF_MAX		30000
#define IKE_REKEY_RETRY		10000
#define IKE_RETRY_MIN	200	/* ms until a request is sent again near the end of a short life */
#define IKE_OVERDUE_SPREAD	60000	/* ms within which SAs are renewed that a load made too old */
#define IKE_TASKS_MAX		131072	/* tasks of an IKE SA: more than its CHILD SAs and entries */
#define IKE_KEY_MAX		64
#define IKE_STRANGER_MSG_MAX	32768	/* octets of a message on an SA before it is authenticated */
#define IKE_ROUTES_MAX		256	/* routes of the CHILD SAs of one IKE SA */
#define IKE_WINDOW		4	/* requests of the peer's that we take at once: RFC 7296 2.3 */

struct ike_orphans;
struct ike_failure;
struct ike_linger;
struct ike_verify;
struct ike_peer;
struct ike_tunnel;
struct ike_sa;
struct ike_child;
struct v2_frags;
struct ike_certs;
struct ike_memo;
struct ike_lookup;
struct ike_remote;
struct ike_route;
struct ike_route_use;
struct ike_updown;

/* Counters of messages without effect. */
#define IKE_COUNTERS(X)				\
	X(RECEIVED,		"received")	\
	X(SENT,			"sent")		\
	X(RETRANSMITTED,	"retransmitted")	\
	X(MALFORMED,		"malformed")	/* header or payloads */	\
	X(VERSION,		"version")	/* major version not 2 */	\
	X(UNKNOWN_SPI,		"unknown_spi")	\
	X(BAD_ICV,		"bad_icv")	/* does not decrypt */		\
	X(OLD,			"old")		/* message ID outside the window */ \
	X(DUPLICATE,		"duplicate")	/* answered with the same answer */ \
	X(FRAGMENT,		"fragment")	/* of a message, kept: RFC 7383 */ \
	X(FRAGMENT_REFUSED,	"fragment_refused")	/* impossible, here already, or too much */ \
	X(FRAGMENTS_LOST,	"fragments_lost")	/* messages that were never whole */ \
	X(UNEXPECTED,		"unexpected")	/* no transition for it */	\
	X(HALF_OPEN_LIMIT,	"half_open_limit")	\
	X(ADDRESS_LIMIT,	"address_limit")	/* of half-open SAs, or too fast under load */ \
	X(AUTH_FAILED,		"auth_failed")	/* IKE_AUTH of an initiator, refused */	\
	X(AUTH_LIMIT,		"auth_limited")	/* not looked at: too many of those before */	\
	X(JOB_LIMIT,		"job_limited")	/* IKE_SA_INIT dropped, strangers' jobs are queued */ \
	X(COOKIE_DEMANDED,	"cookie_demanded")	\
	X(COOKIE_WRONG,		"cookie_wrong")	\
	X(NO_PEER,		"no_peer")	/* no peer with these addresses */ \
	X(SUSPECTED,		"suspected")	/* told without protection that the peer forgot it */ \
	X(NOTIFY_LIMITED,	"notify_limited")	/* answers outside an SA held back */

enum ike_counter {
#define X(id, name) IKE_COUNT_##id,
	IKE_COUNTERS(X)
#undef X
	IKE_COUNT_MAX
};

/* causes of log lines about unauthenticated peers; each has its own limit */
enum ike_cause {
	IKE_CAUSE_VERSION,
	IKE_CAUSE_NO_PEER,
	IKE_CAUSE_PROPOSAL,
	IKE_CAUSE_FRAGMENTS,
	IKE_CAUSE_MALFORMED,
	IKE_CAUSE_AUTH,
	IKE_CAUSE_AUTH_LIMIT,
	IKE_CAUSE_EXCHANGE,	/* IKE_EVENT_EXCHANGE of a half-open SA */
	IKE_CAUSE_MAX
};

/* limits of a failure record: failure.c */
#define IKE_DIFFERENCES_MAX	8
#define IKE_DIFFERENCE_MAX	400	/* octets of the text of one side */
#define IKE_STEPS_MAX		6	/* messages */
#define IKE_STEP_PAYLOADS	20	/* payload types kept of a message */

/**
 * struct ike_difference - two values that may have caused a failure
 * @what: name of the value, a constant
 * @theirs: value of the peer; NULL: the peer did not send one
 * @ours: value that this host has or expects; NULL: any
 */
struct ike_difference {
	const char *what;
	char *theirs, *ours;
};

/**
 * struct ike_step - a message in a transcript
 * @at: time of the message, in ms of the core's clock
 * @msgid: Message ID
 * @octets: size of all its datagrams
 * @fragments: number of datagrams
 * @exchange: exchange type
 * @n: number of @types
 * @in: this host received the message
 * @response: the message is a response
 * @more: the message has more payloads than @n
 * @types: types of the first payloads
 * @notifies: Notify Message Type of each payload that is a notification
 */
struct ike_step {
	uint64_t at;
	uint32_t msgid, octets;
	uint16_t fragments;
	uint8_t exchange, n;
	bool in, response, more;
	uint8_t types[IKE_STEP_PAYLOADS];
	uint16_t notifies[IKE_STEP_PAYLOADS];
};

/* RFC 7296 2.6: the secret and the one before it */
struct ike_cookie {
	uint8_t secret[2][32];
	uint8_t version;
	uint64_t since;
	bool used;
};

/* limit.c: of the addresses that hash to it */
struct ike_limit_cell {
	uint32_t half_open;
};
#define IKE_LIMIT_CELLS	4096

struct ike {
	const struct ike_ops *ops;
	void *user;
	const struct conf *conf;
	struct ike_limits limits;
	uint64_t now;			/* as last told */
	uint64_t seq;			/* of what happens: the clock stands still within an event */
	struct ike_peer *peers;
	struct ike_table peers_by_name, tunnels_by_name;
	struct ike_table peers_by_addr;	/* struct ike_remote_addr */
	struct ike_peer *peers_any;	/* those with `any`, a range or a name; by next_any */
	bool any_differ;		/* not all of them have the same egress */
	struct ike_lookup *lookups;	/* that wait for their turn */
	unsigned int n_lookups;		/* under way */
	struct ike_sa *sas;
	unsigned int n_sas, n_half_open;
	struct ike_sa *half_open, **half_open_end;	/* the oldest first; also dead ones with a job */
	unsigned int n_unauthenticated_jobs;
	struct ike_sa **by_spi, **by_init;	/* hash tables of table_size heads each */
	size_t table_size;
	struct ike_table by_id;		/* established SAs, by the peer's identity */
	struct ike_table by_spi_in, by_spi_out;	/* CHILD SAs */
	struct ike_table by_sels;	/* those with an outbound SA, by what it carries */
	struct ike_table deferred;	/* those whose outbound SA is put off, by their tunnel and client */
	struct ike_span *spans;		/* addresses of peers that CHILD SAs carry, or clients had */
	struct ike_table to_look_at;	/* IKE SAs, by their peer: unique.c */
	uint64_t hash_key;
	struct ike_orphans *orphans;		/* SAs of an earlier run, of each tunnel */
	struct ike_table orphans_by_tunnel;
	struct ike_timer orphan_timer;
	struct ike_memo *memo;		/* of the run that left them; NULL: none is adopted */
	struct ike_linger *lingers, **lingers_end;	/* the oldest first */
	struct ike_table by_spi_lingering;
	struct ike_timer linger_timer;
	struct ike_verify *verifies;
	struct ike_route *routes;
	struct ike_table routes_by_key;
	struct ike_timer routes_timer;
	uint32_t routes_round;
	bool routes_renewing;
	struct ike_table updowns;
	struct ike_timers timers;
	struct ike_cookie cookie;
	struct ike_limit_cell limit_cells[IKE_LIMIT_CELLS];
	struct rate_limit unproved;	/* IKE_SA_INIT requests without a cookie */
	struct rate_limit causes[IKE_CAUSE_MAX];
	struct rate_table starts, notifies, failures, lines;	/* of addresses: limit.c, report.c */
	struct rate_table proved;	/* identities and addresses authenticated lately: limit.c */
	size_t unauthenticated_memory;	/* fragments that half-open SAs hold */
	uint64_t counters[IKE_COUNT_MAX];
	/* notes for the next failure that is reported */
	struct ike_difference noted[IKE_DIFFERENCES_MAX];
	unsigned int n_noted;
	const struct ike_sa *noted_sa;	/* SA of an unauthenticated initiator, or NULL */
	struct ike_failure *refusal;	/* the last refused initiator without a configured peer */
	struct ike_sa *recheck_first, *recheck_last;	/* to be judged again, by recheck_next */
	unsigned int n_rechecks;	/* that run */
	bool recheck_runs;		/* recheck.c starts some */
	bool closing;
};

/* somebody waits for the outcome of up or down; freed when nothing is pending */
struct ike_waiter {
	unsigned int pending;
	char *error;
	ike_waiter_t waiter;
	void *arg;
};

struct ike_waiter_list {
	unsigned int n;
	struct ike_waiter **ops;
};

/**
 * struct ike_peer - a configured peer
 * @next_old: while another configuration is loaded: the next of those that were there
 * @old: likewise, until it is found in the new one
 * @next_any: where its remote address is any
 * @order: in the configuration
 * @conf: changes with each configuration
 * @sas: its IKE SAs, the newest first
 * @failure: the last failure of an IKE SA that this host initiated or an authenticated peer caused
 * @refusal: the last failure of an unauthenticated initiator; NULL: none
 * @n_failures: number of failures since the peer was configured
 * @version: version of IKE that it speaks
 * @n_remotes: number of @remotes
 * @remotes: addresses, names and ranges, in order of preference; none: any
 * @at: index of the one that the next IKE SA begins with
 * @at_addr: index of the address, of a name with several
 * @n_failed: how many of @remotes failed, one after the other
 * @try_next: an IKE SA just failed, and @at is the next one to try
 * @prefer: when the first is tried again
 * @preferring: that waits until its name is resolved
 */
struct ike_peer {
	struct ike_peer *next, *next_old, *next_any;
	bool old;
	unsigned int order;
	struct ike *ike;
	struct ike_link by_name;
	const struct conf_peer *conf;
	const struct ike_version *version;
	struct ike_tunnel *tunnels;
	struct ike_sa *sas;
	struct ike_timer unique;
	unsigned int n_closed;		/* duplicates that it let us close since @closed_since */
	uint64_t closed_since;
	struct ike_failure *failure, *refusal;
	uint64_t n_failures;
	unsigned int n_remotes, at, at_addr, n_failed;
	struct ike_remote *remotes;
	bool try_next, preferring;
	struct ike_timer prefer;
};

#define IKE_REMOTE_ADDRS_MAX	8	/* addresses of a name that are tried */
#define IKE_REMOTE_ERROR_LEN	128

/* An address of a peer, in ike->peers_by_addr. */
struct ike_remote_addr {
	struct ike_link by_addr;
	struct ike_remote *of;
	struct addr addr;
};

/**
 * struct ike_remote - one value of `remote address`
 * @peer: its peer
 * @conf: the value; changes with each configuration
 * @n: number of @addrs; 0 for a range, and for a name that was never resolved
 * @addrs: the address, or those of the name by the last answer
 * @lookup: resolves the name; NULL: none is under way
 * @looked_at: time of the last answer, in ms of the core's clock; 0: there was none
 * @failures: answers without an address, one after the other
 * @error: why; empty: the last answer had one
 * @again: when the name is resolved again
 * @told: hash of the last failure to initiate to it that the log has; 0: none
 * @told_at: time of that log line, in ms of the core's clock
 */
struct ike_remote {
	struct ike_peer *peer;
	const struct conf_remote *conf;
	unsigned int n;
	struct ike_remote_addr addrs[IKE_REMOTE_ADDRS_MAX];
	struct ike_lookup *lookup;
	uint64_t looked_at;
	unsigned int failures;
	char error[IKE_REMOTE_ERROR_LEN];
	struct ike_timer again;
	uint32_t told;
	uint64_t told_at;
};

#define IKE_MISSES_MAX	8

/**
 * struct ike_miss - an entry whose packets the granted selectors exclude
 * @entry: number of the entry
 * @n: number of SAs in a row that exclude the packet that caused them; 0: the place is free
 * @until: time of the next negotiation for a packet of @entry, in ms of the core's clock
 */
struct ike_miss {
	uint32_t entry;
	unsigned int n;
	uint64_t until;
};

/**
 * struct ike_tunnel - a configured tunnel
 * @sa: the IKE SA that is to bring it up, while one is
 * @n_up: CHILD SAs in use
 * @wanted: a packet asked while it had to wait, @flow is that packet
 * @resolving: it waits until a name of the peer is resolved, for @flow if @has_flow
 * @retry_at: not before
 * @single_pair: the peer sent SINGLE_PAIR_REQUIRED, so each entry gets its own CHILD SA
 * @down: taken down by the operator: at-load does not bring it back
 * @waits: the limit on lines about packets that wait for it
 * @error: reason of the last failure; NULL: the last try did not fail
 * @error_at: time of the last failure, in ms of the core's clock
 * @ended: why the last CHILD SA was deleted; empty: there was none
 * @misses: entries whose packets wait for longer than those of others
 * @told_partial: the log has the selectors that the peer did not grant
 * @routes: routes that it has without an SA
 * @route_told: time of the last error about its routes, in ms of the core's clock; 0: none
 */
struct ike_tunnel {
	struct ike_tunnel *next;
	struct ike_peer *peer;
	struct ike_link by_name;
	const struct conf_tunnel *conf;
	char name[IKE_NAME_MAX];
	struct ike_sa *sa;
	unsigned int n_up;
	bool wanted, has_flow, down, single_pair, resolving;
	struct kern_flow flow;
	struct rate_limit waits;
	unsigned int failures;
	struct ike_miss misses[IKE_MISSES_MAX];
	uint64_t retry_at;
	char *error;
	uint64_t error_at;
	char ended[64];
	bool told_partial;
	struct ike_route_use *routes;
	uint64_t route_told;
	struct ike_timer timer;
	struct ike_waiter_list ops;
};

enum ike_state {
	IKE_STATE_NEW = 1,	/* a DH job runs before the first message */
	IKE_STATE_INIT_SENT,	/* initiator */
	IKE_STATE_HALF_OPEN,	/* responder: IKE_SA_INIT answered */
	IKE_STATE_AUTH_SENT,	/* initiator */
	IKE_STATE_ESTABLISHED,
	IKE_STATE_REKEYED,	/* another took over: it answers, and the peer deletes it */
	IKE_STATE_DELETING,	/* the DELETE is sent or waits for the window */
};

enum ike_task_type {
	IKE_TASK_CHILD,		/* a new CHILD SA for @tun, or one in place of @spi */
	IKE_TASK_DELETE_CHILD,	/* @spi: our inbound one */
	IKE_TASK_DELETE_IKE,
	IKE_TASK_REKEY,		/* of the IKE SA itself */
	IKE_TASK_LIVENESS,
};

/* something we want to ask the peer; one after the other, whatever its window (RFC 7296 2.3) */
struct ike_task {
	struct ike_task *next;
	enum ike_task_type type;
	struct ike_tunnel *tun;
	uint32_t spi;
	uint32_t entry;			/* of a tunnel with a CHILD SA for each */
	bool force_new;			/* though there is one, on an SA that is to go */
	bool has_flow;
	struct kern_flow flow;
};

/**
 * struct ike_kex - the key exchange of a negotiation
 * @dh: our key pair, until the shared secret is made of it
 * @group: of the KE payloads; DH_NONE: there are none
 * @step: which of its key exchanges: RFC 9370 has more than one
 * @restarts: how often the peer wanted another group
 * @insists: the peer asked again for the @group of the last request: a copy, or a broken peer
 */
struct ike_kex {
	struct crypto_dh *dh;
	uint16_t group;
	unsigned int step, restarts;
	bool insists;
};

/* RFC 7296 2.14 */
struct ike_keys {
	uint16_t prf;
	uint8_t prf_len, integ_len, encr_len;
	uint8_t d[IKE_KEY_MAX], ai[IKE_KEY_MAX], ar[IKE_KEY_MAX], ei[IKE_KEY_MAX],
		er[IKE_KEY_MAX], pi[IKE_KEY_MAX], pr[IKE_KEY_MAX];
};

/*
 * An outstanding request of ours and its repetition: RFC 7296 2.1. @msg has the
 * datagrams of all its fragments, one behind the other.
 */
struct ike_retrans {
	struct buf msg;
	uint8_t exchange;
	bool waiting;
	unsigned int tries, cut_at;	/* @cut_at: the one that went in smaller fragments */
	uint64_t started;
	struct ike_timer timer;
};

/**
 * struct ike_auth_info - how one end has shown who it is, for people
 * @how: "psk", "ecdsa-p256-sha256", ...; empty: not yet
 * @key: subject of the certificate, or file of the raw key; NULL: neither
 * @not_after: of the certificate; 0: there is none
 */
struct ike_auth_info {
	char how[24];
	char *key;
	time_t not_after;
};

/**
 * struct ike_answer - a request of the peer's, and what it was answered: RFC 7296 2.1, 2.3
 * @given: @msg is the answer, with all datagrams of its fragments; else it is being worked on
 * @repeats: how often that was asked for again
 * @local, @remote: where the request came to and from, and so the answer goes
 * @req_tail: the last octets of the request, its ICV: says whether another is the same
 * @makes: what a job is to finish before the answer, by the SPI that the job has
 */
struct ike_answer {
	uint32_t msgid;
	bool given;
	uint8_t repeats;
	struct buf msg;
	struct endpoint local, remote;
	uint8_t req_tail[32];
	size_t req_len;
	uint32_t makes;
};

/**
 * struct ike_sa - one IKE SA
 * @refs: the list of all, who handles a message of it, jobs that run for it
 * @dead: unpublished; jobs that end find this and do nothing
 * @version: its version of IKE
 * @peer: NULL when its configuration has gone, then only in IKE_STATE_DELETING; ike_sa_set_peer()
 * @peer_next: in the peer's list, while it is in that of all
 * @prop: what was chosen
 * @init_req, @init_resp: signed by AUTH (RFC 7296 2.15)
 * @next_in: the lowest message ID of a request of the peer's that is not answered
 * @window: as many from there on are taken, in any order; more than one once we have said so
 * @answers: to these and to as many before them, by message ID modulo IKE_WINDOW
 * @fragments: both can (RFC 7383 2.3); @frag_size: IP datagrams no larger, 0: as configured
 * @frags: of the peer's requests, as @answers, and of its response, while not all have come
 * @busy_out: our next request is being made by a job, or a response is being worked on
 * @negotiation: the CHILD SA that our outstanding request is to create
 * @n_negotiations_in: how many the peer's requests are to create that are not answered yet
 * @deleting_spi: our inbound one of the CHILD SA that our outstanding request deletes
 * @delete_sent: the DELETE of the IKE SA is on its way
 * @tasks: what else we want, the first to be asked first
 * @tasks_end: where the next one is appended
 * @replaces: the SA this one is to take over from, by its own SPI; 0: none
 * @from: the SA that this one is to succeed by rekeying, while that is not decided
 * @rekey_out: what our outstanding request to rekey this one is to make
 * @rekey_in: what the peer's made, until it is known which of both takes over
 * @keyed: it has its keys
 * @heir: own SPI of the SA that took over
 * @authenticated: by which exchange it counts, whatever rekeyed it since
 * @rekey_at: when to rekey it, @reauth_at: when to reauthenticate; 0: never
 * @ends_after: a load made it too old: its end by `ike-lifetime` and `reauth` is not before; 0: no load
 * @rekey_refused: the peer does not rekey IKE SAs
 * @temporary_since: the first TEMPORARY_FAILURE in its answers to that
 * @no_additional_sas: the peer makes no further CHILD SA on it
 * @sig_hashes: what the peer can verify in a Digital Signature, a bit each; 0: it has not said
 * @certreq: key IDs of the CAs that the peer trusts, side by side
 * @our_auth_info: how this host authenticated
 * @their_auth_info: how the peer authenticated
 * @tested_at: time of the last liveness test after an INVALID_SPI; 0: there was none
 * @created_seq: value of ike->seq when it was created
 * @auth_seq: value of ike->seq when the peer was authenticated with it; 0: it is not yet, or the IKE
 *	SA was created by rekeying
 * @confirmed: the peer has it, too: it has said something by it
 * @loses_to: both ends began at once, and the SA with this SPI of ours stays
 * @asked: whether the peer has that one, too
 * @close_at: the peer should have closed it by then
 * @half_open_next: the next younger one of ike->half_open
 * @half_open_at: the pointer to this one in that list
 * @stranger_jobs: its jobs that are counted in ike->n_stranger_jobs
 * @init_repeats: answers given to copies of its IKE_SA_INIT request
 * @asker: responder: the address that IKE_SA_INIT was answered to. It stays when @remote moves
 * @natt_forced: the block of the peer has `encapsulation udp`
 * @called: this host initiated it, or the IKE SA that it succeeds, to an address of the peer's list
 * @called_at: the index of that address in the list
 * @egress: of its datagrams: that of its newest block, also after that block is gone
 * @move_to: address that its successor is to begin with; family 0: that of @remote
 * @had: selectors of its newest CHILD SA that went while it stayed: client.c
 * @n_had: their number
 * @had_in: their tunnel
 * @had_spans: the same in ike->spans
 * @certs: certificates that authenticated the peer, for recheck.c; NULL: none did
 * @recheck_at: of the wall clock, when they are judged again
 * @recheck: timer of that
 * @recheck_next: in the queue of those that are due; out of it, the successor that a verdict is for
 * @recheck_queued: it is in that queue
 * @rechecking: a job judges them
 * @recheck_again: while that runs, a load asked for it once more
 * @n_steps: number of @steps
 * @steps: the newest messages of the IKE SA, the oldest first
 */
struct ike_sa {
	unsigned int refs;
	bool dead;
	struct ike *ike;
	const struct ike_version *version;
	struct ike_peer *peer;
	char name[CONF_NAME_MAX + 1];
	struct ike_sa *prev, *next, *spi_next, *init_next;
	struct ike_sa *peer_next, **peer_at;
	bool in_init;
	uint64_t spi_i, spi_r;
	bool initiator;
	enum ike_state state;
	struct endpoint local, remote;
	struct ike_proposal prop;
	struct ike_keys keys;
	struct buf ni, nr, cookie, init_req, init_resp;
	struct ike_kex kex;
	unsigned int cookies;
	uint32_t next_out, next_in;
	struct ike_retrans retrans;
	unsigned int window;
	struct ike_answer *answers[IKE_WINDOW];
	bool busy_out;
	bool fragments;
	uint16_t frag_size;
	struct v2_frags *frags[IKE_WINDOW + 1];
	struct ike_child *negotiation;
	unsigned int n_negotiations_in;
	uint32_t deleting_spi;
	bool delete_sent;
	struct ike_task *tasks, **tasks_end;
	unsigned int n_tasks;
	struct ike_child *children;
	struct conf_id remote_id;	/* as authenticated; owned */
	struct ike_auth_info our_auth_info, their_auth_info;
	struct ike_link id_link, look_link;
	uint64_t created, established, last_in;
	struct ike_timer life, liveness, keepalive;
	bool natt;			/* ESP goes in UDP: a NAT is between us, or @natt_forced */
	bool natt_forced;
	bool nat_ours;			/* and we are behind it */
	bool nat_theirs;		/* and the peer is behind one */
	struct ike_waiter_list ops;
	uint32_t sig_hashes;
	struct buf certreq;
	uint64_t replaces;
	bool replacing;			/* its successor is being negotiated */
	struct ike_sa *from, *rekey_out, *rekey_in;
	uint64_t heir;
	uint64_t authenticated, rekey_at, reauth_at, ends_after, temporary_since;
	bool keyed, rekey_refused, no_additional_sas;
	struct ike_waiter_list answered;	/* who waits for the peer's next answer */
	uint64_t rtt;			/* ms from our last request to its answer */
	unsigned int rtt_tries;		/* repetitions of it */
	uint64_t tested_at;
	uint64_t created_seq, auth_seq, loses_to, close_at;
	bool confirmed, asked;
	bool one_too_many;		/* it is closed for that */
	bool called;
	unsigned int called_at;
	struct egress egress;
	struct addr move_to;
	struct kern_sel *had;
	unsigned int n_had;
	const struct ike_tunnel *had_in;
	struct ike_span had_spans[IKE_SPANS];
	struct ike_certs *certs;
	struct ike_timer recheck;
	struct ike_sa *recheck_next;
	time_t recheck_at;
	bool recheck_queued, rechecking, recheck_again;
	struct ike_limit_cell *half_open;	/* counted there and in ike->n_half_open; NULL: not */
	struct ike_sa *half_open_next, **half_open_at;
	unsigned int stranger_jobs, init_repeats;
	struct addr asker;
	unsigned int n_steps;
	struct ike_step steps[IKE_STEPS_MAX];
};

enum ike_child_state {
	IKE_CHILD_OFFERED,
	IKE_CHILD_UP,
	IKE_CHILD_DELETING,
};

/* State of a CHILD SA that exists only while it is negotiated. */
struct ike_negotiation {
	struct buf ni, nr;
	struct ike_kex kex;
	uint32_t rekeys;		/* our inbound SPI of the CHILD SA that it replaces */
	uint32_t msgid;			/* responder: of the request */
	struct wire_ts local, remote;	/* initiator: as offered */
	bool has_flow;			/* the packet that asked */
	struct kern_flow flow;
	bool first;			/* in IKE_AUTH: no KE, the IKE SA's nonces */
};

/**
 * struct ike_child - a pair of IPsec SAs
 * @tun: NULL when its configuration has gone
 * @negotiation: state of its negotiation; NULL: there is none
 * @sels: as outbound packets look; ike_child_set_sels()
 * @spans: the same in ike->spans
 * @orig_local: our address as the peer knows it, transport mode through a NAT; family 0: none
 * @orig_remote: the peer's address as the peer knows it; the same
 * @prop: what was chosen
 * @hard_at: when the module ends its first SA by time, in ms of the core's clock; 0: never
 * @answering: the peer's request that is to create it is not answered yet
 * @replacing: a successor is being negotiated
 * @replaced: a successor is up: its end starts no new one
 * @final: nor is its end when this is set: it was idle
 * @awaited_at: destination of the packets with SPI @spi_in that the module queues until the
 *	inbound SA is installed; family 0: the module queues none
 * @wished: the DELETE under way names the CHILD SA
 * @wish_next: the next CHILD SA that this DELETE names
 * @up_seq: when it came up, of ike->seq
 * @fresh: nobody has looked yet whether there is another like it
 * @close_at: there is, and this one is to be closed then; 0: there is none
 * @routes: routes to its selectors
 * @updowns: of each pair of selectors; NULL: the tunnel has no updown command
 * @n_updowns: number of @updowns
 */
struct ike_child {
	struct ike_child *next;
	struct ike_link in_link, out_link, sels_link, defer_link;
	struct ike_sa *sa;
	struct ike_tunnel *tun;
	char name[IKE_NAME_MAX];
	enum ike_child_state state;
	bool initiator;
	uint32_t spi_in, spi_out;
	uint32_t entry;			/* that it is for, with `child-sa per-entry` */
	struct ike_proposal prop;
	uint8_t mode;
	bool no_tfc;		/* the peer takes no padded packets */
	struct ike_waiter_list rekeyed;	/* who waits for its successor */
	uint64_t soft_at;	/* when that comes by time; 0: never */
	uint64_t hard_at;
	bool soft;		/* its soft limit is over */
	bool answering;
	struct addr awaited_at;
	bool esn, in_installed, out_installed, counted, replacing, replaced, final;
	unsigned int n_sels;
	struct kern_sel *sels;
	struct ike_span spans[IKE_SPANS];
	struct addr orig_local, orig_remote;
	uint64_t since;
	bool wished;
	struct ike_child *wish_next;
	uint64_t up_seq, close_at;
	bool fresh;
	struct buf lowest_nonce;	/* RFC 7296 2.8.1 */
	struct buf rival_nonce;		/* the same of @rival */
	uint32_t rival;			/* our inbound SPI of what the peer made for the same */
	struct ike_timer idle, renew, defer;
	struct ike_child_keys *out_keys;	/* of an outbound SA that is put off */
	uint64_t defer_until;
	struct ike_waiter_list ops;
	struct ike_negotiation *negotiation;
	struct ike_route_use *routes;
	struct ike_updown **updowns;
	unsigned int n_updowns;
};

struct ike_job_dh;
typedef void (*ike_job_done_t)(struct ike_sa *sa, struct ike_job_dh *job);

/* a Diffie-Hellman computation for @sa: a key pair, or the shared secret, or both */
struct ike_job_dh {
	struct ike_job job;
	struct ike_sa *sa;		/* holds a reference */
	uint16_t group;
	struct crypto_dh *dh;
	struct buf peer_public;		/* empty: no shared secret is wanted */
	struct buf shared;
	bool ok;
	ike_job_done_t done;
	uint32_t spi;			/* the CHILD SA it is for */
};

/* ---- report.c: what people are told ---- */
void ike_report(struct ike *ike, enum ike_event_type type, const char *peer, const char *tunnel,
		json_t *data, const char *fmt, ...) __attribute__((format(printf, 6, 7)));
/* reports an event that any host can cause: limited for each cause and, within it, each address */
void ike_report_unauthenticated(struct ike *ike, struct ike_peer *peer, enum ike_cause cause,
				const struct addr *from, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
const char *ike_proposals_str(const struct ike_proposal *p, unsigned int n, char *out, size_t len);
const char *ike_ts_list_str(const struct ts *ts, unsigned int n, char *out, size_t len);
/* would a line about a stranger be written? What is dear to say need not be put together else */
bool ike_hears_unauthenticated(struct ike *ike, enum ike_cause cause, const struct addr *from);
void ike_unheard(struct ike *ike, enum ike_cause cause);	/* a line was not put together */
bool ike_is_unauthenticated(const struct ike_sa *sa);	/* responder, not authenticated yet */
const struct addr *ike_asker(const struct ike_sa *sa);	/* whose share its lines take */
bool ike_reports_exchange(struct ike_sa *sa);	/* takes a turn where the SA is a stranger's */
void ike_count(struct ike *ike, enum ike_counter counter);
/* Reports an error of an IKE SA. This host initiated it, or its peer is authenticated. */
void ike_report_error(struct ike_sa *sa, const char *tunnel, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Reports why this host did not send IKE_SA_INIT. */
void ike_report_not_begun(struct ike_tunnel *tun, const char *text);
void ike_report_peer(struct ike_peer *peer, const char *text);	/* about none of its tunnels */

/* ---- failure.c: the last failure of each peer ---- */
void ike_note_sa(const struct ike_sa *sa);	/* SA of an unauthenticated initiator */
void ike_note(struct ike *ike, const char *what, const char *theirs, const char *ours);
void ike_note_proposals(struct ike *ike, const struct ike_proposal *ours, unsigned int n_ours,
			const struct ike_proposal *theirs, unsigned int n_theirs);
void ike_note_ts(struct ike *ike, const struct wire_ts *local, const struct wire_ts *remote,
		 const struct wire_ts *our_local, const struct wire_ts *our_remote);
void ike_note_id(struct ike *ike, const char *what, const struct wire_id *theirs,
		 const struct wire_id *ours);
void ike_note_ids(const struct ike_sa *sa);
void ike_note_message(struct ike_sa *sa, const struct ike_step *step, const struct wire_msg *inner);
void ike_notes_drop(struct ike *ike);
bool ike_failure_is(const struct ike_failure *f, const struct ike *ike, const char *tunnel,
		    const char *text);
uint64_t ike_failure_age(const struct ike_failure *f, uint64_t now);
void ike_failure_again(struct ike_failure *f);	/* counts a failure without an event */
bool ike_failure_record(struct ike_failure **at, struct ike *ike, const struct ike_sa *sa,
			const char *tunnel, const char *text, unsigned int *count);
void ike_failure_over(struct ike_peer *peer, const char *tunnel);
json_t *ike_failure_json(const struct ike_failure *f, uint64_t now);
void ike_failure_free(struct ike_failure *f);

/* ---- waiter.c: callers that wait for an outcome ---- */
struct ike_waiter *ike_waiter_new(ike_waiter_t waiter, void *arg);	/* pending once */
bool ike_waiter_add(struct ike_waiter_list *list,
		    struct ike_waiter *op);	/* one more pending */
void ike_waiter_done(struct ike_waiter *op, const char *error);
void ike_waiters_done(struct ike_waiter_list *list, const char *error);

/* ---- tunnel.c ---- */
void ike_tunnel_start(struct ike_tunnel *tun, const struct kern_flow *flow);
/* Checks whether each entry of the tunnel gets its own CHILD SA. */
bool ike_tunnel_per_entry(const struct ike_tunnel *tun);
/* has it all CHILD SAs that it can have? */
bool ike_tunnel_is_whole(const struct ike_tunnel *tun);
/* Adds a task to @sa. Returns false without memory, or with too many tasks. */
bool ike_tunnel_ask(struct ike_sa *sa, struct ike_tunnel *tun, const struct kern_flow *flow);
/* one more packet waits, of an entry with a CHILD SA of its own */
void ike_tunnel_ask_more(struct ike_tunnel *tun, const struct kern_flow *flow);
/* @error has no names in front; where it was told already it is not told again */
void ike_tunnel_failed(struct ike_tunnel *tun, const char *error);
/* RFC 7296 2.25: the peer is busy. Nothing failed, it is tried again in @ms */
void ike_tunnel_later(struct ike_tunnel *tun, const struct kern_flow *flow, uint64_t ms);
void ike_tunnel_up(struct ike_tunnel *tun);
/* Delays the next negotiation, because the new SA excludes the packet that caused it. */
void ike_tunnel_missed(struct ike_tunnel *tun, uint32_t entry);
void ike_tunnel_hit(struct ike_tunnel *tun, uint32_t entry);
/* Composes the message for `nfipsec up` about a partial grant. NULL: the grant is complete. */
const char *ike_tunnel_partial(const struct ike_tunnel *tun, char *out, size_t len);
/* a CHILD SA or the IKE SA that was to make one has gone */
void ike_tunnel_lost(struct ike_tunnel *tun);
void ike_tunnel_reset(struct ike_tunnel *tun, const char *error);
void ike_tunnel_timer(struct ike_timer *t);
bool ike_tunnel_covers(const struct ike_tunnel *tun, const struct kern_flow *flow);
struct ike_tunnel *ike_tunnel_by_name(struct ike *ike, const char *name);
struct ike_peer *ike_peer_by_name(struct ike *ike, const char *name);
/* @name of a peer, or "peer/tunnel" */
uint32_t ike_name_hash(const struct ike *ike, const char *name);
struct ike_tunnel *ike_peer_tunnel(struct ike_peer *peer, const char *name);

/* ---- grant.c: the parts of an access list that have no SA ---- */
/* Returns an array such as ["entry 20: ..."] for a tunnel that is up. */
json_t *ike_grant_missing(const struct ike_tunnel *tun);
const char *ike_grant_str(const struct ike_tunnel *tun, char *out, size_t len);

/* ---- client.c: peers that share a block ---- */
bool ike_has_clients(const struct ike_peer *peer);
void ike_client_remember(struct ike_child *child);
void ike_client_forget(struct ike_sa *sa);	/* that */
void ike_client_inherit(struct ike_sa *sa, struct ike_sa *old);	/* by rekeying */
struct ike_sa *ike_client_of(const struct ike_tunnel *tun, const struct kern_flow *flow);
unsigned int ike_client_has(const struct ike_child *child, struct kern_sel *out);
unsigned int ike_client_share(struct ike_sa *sa, const struct ike_tunnel *tun, struct kern_sel *sels,
			      unsigned int n);

/* ---- invalid_spi.c: RFC 7296 2.4 ---- */
/* @from says that the peer does not know @sa */
void ike_sa_test_liveness(struct ike_sa *sa, const struct endpoint *from);
/* handles an INVALID_SPI outside of any IKE SA */
void ike_invalid_spi(struct ike *ike, const struct endpoint *from, uint32_t spi);

/* ---- orphan.c: SAs of an earlier run ---- */
/* a new configuration: which of them it still wants */
void ike_orphans_sort(struct ike *ike);
/* Starts to replace the SAs that an earlier run left, where this run can. */
void ike_orphans_start(struct ike *ike);
bool ike_orphans_wait(const struct ike_tunnel *tun);	/* has it any that is to be replaced? */
unsigned int ike_orphans_of(const struct ike_tunnel *tun);
bool ike_orphans_of_peer(const struct ike_peer *peer);
/* the peer that holds a part of @sel by one of them, unless it is at @asker; NULL: none does */
const struct addr *ike_orphans_holder(const struct ike_tunnel *tun, const struct kern_sel *sel,
				      const struct addr *asker);
/* have they what @child is to carry, outbound? */
bool ike_orphans_carry(const struct ike_child *child);
/* @child is up, or its outbound SA is: what it covers goes */
void ike_orphans_replace(const struct ike_child *child);
/* the peer knows of no other SA than @sa */
void ike_orphans_contact(const struct ike_sa *sa);
void ike_orphans_drop(struct ike *ike, const struct ike_tunnel *tun);	/* NULL: all */
void ike_orphans_free(struct ike *ike);		/* they stay in the module */
bool ike_orphan_expire(struct ike_tunnel *tun, const struct kern_sa *sa);
void ike_orphan_mapping(struct ike *ike, const struct kern_sa *sa, const struct kern_ends *ends);

void ike_orphans_routes(const struct ike_tunnel *tun, json_t *to,
			void (*add)(json_t *to, const struct ike_route_use *uses));

/* ---- route.c: routes to the remote networks ---- */
void ike_routes_hold(struct ike_tunnel *tun, const struct addr *remote, const struct kern_sel *sels,
		     unsigned int n, unsigned int most, struct ike_route_use **held);
void ike_routes_drop(struct ike *ike, struct ike_route_use **held);
/* Installs the routes of a CHILD SA that is up, or changes them. */
void ike_routes_child(struct ike_child *child);
void ike_routes_set_conf(struct ike *ike);
void ike_routes_end(struct ike *ike);
bool ike_route_cuts(const struct ike *ike, const struct addr *remote);
json_t *ike_routes_show(const struct ike_tunnel *tun);

/* ---- updown.c: the commands of tunnels ---- */
void ike_updown_child(struct ike_child *child);
void ike_updown_end(struct ike_child *child);
void ike_updown_set_conf(struct ike *ike);

/* ---- memo.c: digests of the credentials of an earlier run ---- */
bool ike_memo_holds(const struct ike_peer *peer);

/* ---- linger.c: inbound SAs that take what is on its way, though their pair is closed ---- */
bool ike_linger(struct ike_child *child);
bool ike_lingers(const struct ike *ike, uint32_t spi);
void ike_lingers_drop(struct ike *ike, const struct ike_tunnel *tun, const struct ike_child *after);
bool ike_linger_expire(struct ike *ike, const struct kern_sa *sa);

/* ---- recheck.c: certificates of established peers ---- */
time_t ike_wall(const struct ike_ops *ops, void *user);	/* any thread */
enum ike_revocation ike_revocation_check(const struct ike_ops *ops, void *user,
					 struct cert_chain *chain, enum conf_revocation mode,
					 uint64_t since, time_t *until, char *err, size_t err_len);
/* @chain, by @store, authenticated @sa; good until @until, 0: nobody says; false: out of memory */
bool ike_recheck_begin(struct ike_sa *sa, const struct cert_store *store,
		       const struct cert_chain *chain, time_t until);
void ike_recheck_inherit(struct ike_sa *sa, const struct ike_sa *old);
void ike_recheck_hand_over(struct ike_sa *sa, struct ike_sa *old);	/* @sa takes over */
void ike_recheck(struct ike_sa *sa);
void ike_recheck_all(struct ike *ike);
void ike_recheck_end(struct ike_sa *sa);	/* it is dead */
void ike_rechecks_drop(struct ike *ike);
struct ike_certs *ike_certs_get(struct ike_certs *certs);
void ike_certs_put(struct ike_certs *certs);

/* ---- verify.c ---- */
void ike_verifies_end(struct ike *ike);

/* ---- unique.c: one IKE SA for each peer, one CHILD SA for the same selectors ---- */
/* by the same configuration, and with the same ID */
bool ike_sa_same_peer(const struct ike_sa *a, const struct ike_sa *b);
/* something has come up or gone: look when this event is over */
void ike_unique_soon(struct ike_peer *peer);
/* a CHILD SA of it is new, or one of them or itself is to go: it is looked at then */
void ike_unique_look(struct ike_sa *sa);
void ike_unique_due(struct ike_timer *t);
/* the peer is authenticated by @sa */
void ike_unique_authenticated(struct ike_sa *sa);
/* the peer has said something by @sa behind IKE_AUTH */
int ike_nonce_cmp(struct bytes a, struct bytes b);
void ike_unique_confirmed(struct ike_sa *sa);
/* the peer has answered our DELETE of @sa */
void ike_unique_closed(struct ike_sa *sa);
/* initiator, before IKE_AUTH; true: the peer's own IKE SA came first, and @sa is gone */
bool ike_unique_peer_won(struct ike_sa *sa);

/* ---- reload.c ---- */
void ike_peers_free(struct ike *ike);

/* ---- show.c ---- */
json_t *ike_show_peer(const struct ike_peer *peer, uint64_t now);

/* ---- sa.c ---- */
struct ike_sa *ike_sa_new(struct ike *ike, struct ike_peer *peer, bool initiator);
struct ike_sa *ike_sa_get(struct ike_sa *sa);
/* it is of this peer after all; NULL: of none any more */
void ike_sa_set_peer(struct ike_sa *sa, struct ike_peer *peer);
void ike_sa_put(struct ike_sa *sa);
void ike_sa_publish_init(struct ike_sa *sa);
struct ike_sa *ike_sa_find(struct ike *ike, uint64_t own_spi);
struct ike_sa *ike_sa_find_init(struct ike *ike, uint64_t spi_i, const struct endpoint *remote);
/* established SAs with who has this identity; @prev NULL: the first */
struct ike_sa *ike_sa_of_id(struct ike *ike, const struct conf_id *id, const struct ike_sa *prev);
uint64_t ike_sa_own_spi(const struct ike_sa *sa);
uint64_t ike_sa_peer_spi(const struct ike_sa *sa);
void ike_sa_established(struct ike_sa *sa);
void ike_sa_watch(struct ike_sa *sa);
uint64_t ike_soft_ms(uint64_t ms, unsigned int percent, bool initiator);
uint64_t ike_sa_end(const struct ike_sa *sa);	/* of an established one; IKE_NEVER */
uint64_t ike_overdue(const struct ike *ike, uint64_t end);
void ike_sa_life_changed(struct ike_sa *sa, const struct conf_peer *from);
/* Copies what a successor by rekeying inherits from @old at once. */
bool ike_sa_inherit(struct ike_sa *sa, const struct ike_sa *old);
/* and all the rest, which @old has no more: CHILD SAs, tasks, those who wait */
void ike_sa_take_over(struct ike_sa *sa, struct ike_sa *old);
/* it answers and asks nothing, until the peer deletes it, or @ms are over */
void ike_sa_await_peer_delete(struct ike_sa *sa, uint64_t ms);
/* deletes it with a word to the peer, once the window allows; CHILD SAs leave the module now */
void ike_sa_delete(struct ike_sa *sa, const char *why);
/* the same, but what comes in by its CHILD SAs is taken until the peer knows */
void ike_sa_delete_delayed(struct ike_sa *sa, const char *why);
/* without a word; @why is told when it was established */
void ike_sa_kill(struct ike_sa *sa, const char *why);
/* the same because of an error, which is told, and passed to whoever waits */
void ike_sa_fail(struct ike_sa *sa, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void ike_sa_fail_quiet(struct ike_sa *sa, const char *error);
void ike_sa_detach(struct ike_sa *sa);
/* an established SA of the peer that takes further CHILD SAs; or one of ours on its way */
struct ike_sa *ike_sa_usable(const struct ike_peer *peer);
const char *ike_sa_state_str(const struct ike_sa *sa);
struct ike_task *ike_task_add(struct ike_sa *sa, enum ike_task_type type, struct ike_tunnel *tun,
			      uint32_t spi, const struct kern_flow *flow);
struct ike_task *ike_task_take(struct ike_sa *sa);
void ike_tasks_init(struct ike_sa *sa);
void ike_tasks_move(struct ike_sa *sa, struct ike_sa *old);
bool ike_task_queued(const struct ike_sa *sa, enum ike_task_type type, uint32_t spi);
const struct ike_task *ike_task_of(const struct ike_sa *sa, const struct ike_tunnel *tun);
void ike_sa_drop_tunnel(struct ike_sa *sa, struct ike_tunnel *tun);
const char *ike_sa_id_str(const struct ike_sa *sa, bool ours, char *out, size_t len);
const char *ike_sa_id_named(const struct ike_sa *sa, bool ours, char *out, size_t len);
bool ike_job_dh(struct ike_sa *sa, uint16_t group, struct crypto_dh *dh, struct bytes peer_public,
		ike_job_done_t done, uint32_t spi);
void ike_kex_clear(struct ike_kex *kex);

/* a job for @sa: counted as a stranger's while the SA is half-open, from here to ike_job_over() */
void ike_job_submit(struct ike_sa *sa, struct ike_job *job);
void ike_job_over(struct ike_sa *sa, const struct ike_job *job);

/* ---- retrans.c ---- */
void ike_retrans_init(struct ike_retrans *r);
void ike_retrans_start(struct ike_sa *sa, struct buf *msg, uint8_t exchange);	/* takes @msg; sends */
void ike_retrans_stop(struct ike_sa *sa);
/* all datagrams that @msg has */
void ike_send(struct ike_sa *sa, const struct endpoint *local, const struct endpoint *remote,
	      struct bytes msg);
/* takes the first datagram of @rest; false: there is none */
bool ike_datagram(struct bytes *rest, struct bytes *one);

/* ---- child.c ---- */
struct ike_child *ike_child_new(struct ike_sa *sa, struct ike_tunnel *tun, bool initiator);
bool ike_child_set_sels(struct ike_child *child, const struct kern_sel *sels, unsigned int n);
void ike_child_up(struct ike_child *child);
void ike_child_free(struct ike_child *child, const char *why);	/* out of the module and the list */
void ike_child_stop_sending(struct ike_child *child);
bool ike_child_delete_delayed(struct ike_child *child, const char *why);
/* DELETE to the peer, when the window allows; the IKE SA with it when this was its last */
void ike_child_delete(struct ike_child *child, const char *why);
bool ike_child_is_last(const struct ike_child *child);	/* of its IKE SA */
void ike_child_rekey(struct ike_child *child);
/* Starts the timer that rekeys a CHILD SA if the module's soft-expire event is lost. */
void ike_child_clock(struct ike_child *child);
/* the same, but not before @ms have passed */
void ike_child_rekey_again(struct ike_child *child, uint64_t ms);
/* Reports that the rekeying of the CHILD SA with this inbound SPI failed. */
void ike_child_rekey_failed(struct ike_sa *sa, uint32_t spi_in);
struct ike_child *ike_child_find(struct ike_sa *sa, uint32_t spi_in);
/* of any IKE SA */
struct ike_child *ike_child_by_spi(struct ike *ike, const struct ike_tunnel *tun, bool in,
				   uint32_t spi);
/* that is up; two peers may have chosen the same SPI */
struct ike_child *ike_child_of_peer(struct ike *ike, const struct addr *remote, uint32_t spi_out);
void ike_child_publish_out(struct ike_child *child);	/* it has its outbound SPI */
struct ike_child *ike_child_find_out(struct ike_sa *sa, uint8_t proto, uint32_t spi_out);
uint8_t ike_child_proto(const struct ike_child *child);		/* PROTO_ESP, PROTO_AH */
const char *ike_proto_str(uint8_t proto);			/* "ESP", "AH" */
void ike_negotiation_free(struct ike_child *child);
/* it is to come of a request of the peer's, until that is answered */
void ike_child_answering(struct ike_child *child, bool on);
unsigned int ike_sa_children_up(const struct ike_sa *sa);

/* ---- install.c ---- */
void ike_child_limits_changed(struct ike_child *child, const struct conf_tunnel *from);
struct ike_child_keys {		/* of one direction */
	uint8_t encr[IKE_KEY_MAX], integ[IKE_KEY_MAX];
	uint8_t encr_len, integ_len;
};
/* where its two SAs are from now on; the IKE SA still has the old ends */
void ike_move(struct ike_child *child, const struct endpoint *local, const struct endpoint *remote);
int ike_install(struct ike_child *child, bool in, const struct ike_child_keys *keys);
/**
 * ike_await() - have the module queue packets for a CHILD SA that is not installed yet
 * @child: CHILD SA whose inbound SPI this end offers next
 *
 * The peer may send by the CHILD SA as soon as it has accepted the request (RFC 7296 1.2).
 * This end installs the SA only after it has checked the response. Meanwhile the module
 * queues the packets unopened. If the module refuses, they are lost as before.
 */
void ike_await(struct ike_child *child);
/**
 * ike_await_end() - end what ike_await() began
 * @child: CHILD SA, announced or not
 *
 * The module drops the packets that it has queued.
 */
void ike_await_end(struct ike_child *child);
/*
 * RFC 7296 2.8: a responder that has another outbound SA for the same goes on with
 * it until the initiator surely has the new one. False: not put off.
 */
bool ike_install_later(struct ike_child *child, const struct ike_child_keys *keys);
void ike_install_deferred_free(struct ike_child *child);
/* @child is about to go, what was put off because of it has to come first */
void ike_install_before(const struct ike_child *child);
/* another outbound SA carries what it does */
bool ike_install_carried(const struct ike_child *child);
void ike_uninstall_in(struct ike_child *child);
void ike_uninstall_out(struct ike_child *child);
bool ike_child_counters(const struct ike_child *child, bool in, struct kern_sa *out);

/* ---- id.c ---- */
const char *ike_id_str(uint8_t type, struct bytes data, char *out, size_t len);
/* "fqdn 'hq.example.com'", for messages */
const char *ike_id_named(uint8_t type, struct bytes data, char *out, size_t len);
const char *ike_id_with_type(uint8_t type, const char *text, char *out, size_t len);
#define IKE_ID_NAMED_STRLEN	320
bool ike_id_match(const struct conf_id *conf, const struct addr *addr, uint8_t type,
		  struct bytes data);
/* the ID to send: the configured one, or the address */
void ike_id_local(const struct conf_id *conf, const struct addr *addr, struct wire_id *out);
bool ike_id_set(struct conf_id *id, uint8_t type, struct bytes data);
void ike_id_clear(struct conf_id *id);
/* @key, if any, is copied; where there is no memory it is not said */
void ike_auth_info_set(struct ike_auth_info *proof, const char *how, const char *key,
		       time_t not_after);
void ike_auth_info_copy(struct ike_auth_info *to, const struct ike_auth_info *from);
void ike_auth_info_clear(struct ike_auth_info *proof);
/* @remote: as it told us, NULL: not yet */
const struct conf_secret *ike_id_secret(const struct conf *conf, const struct conf_peer *peer,
					const struct addr *local, const struct conf_id *remote,
					const struct addr *remote_addr);
/* ---- remote.c: the addresses and names of a peer ---- */
enum ike_pick { IKE_PICK_READY, IKE_PICK_WAIT, IKE_PICK_FAILED, IKE_PICK_TOLD };
#define IKE_RANK_ANY	0
#define IKE_RANK_RANGE	2
#define IKE_RANK_NAMED	4
bool ike_remotes_set(struct ike_peer *peer, bool same);
void ike_remotes_free(struct ike_peer *peer);
void ike_lookups_drop(struct ike *ike);
int ike_remote_rank(const struct ike_peer *peer, const struct addr *a);
enum ike_pick ike_remote_pick(struct ike_peer *peer, struct addr *remote, struct addr *local,
			      char *err, size_t len);
bool ike_remote_failed(const struct ike_sa *sa);
unsigned int ike_remote_first(const struct ike_peer *peer);	/* index of the preferred one */
unsigned int ike_remote_tries(const struct ike_sa *sa, unsigned int tries);
/* Does the log have this failure of an SA? One record is for all addresses of the peer. */
bool ike_remote_is_told(const struct ike_sa *sa, const char *text);
void ike_remote_established(struct ike_sa *sa);
void ike_remote_prefer(struct ike_timer *t);
json_t *ike_remotes_json(const struct ike_peer *peer, uint64_t now);
/* how an address is found in ike->peers_by_addr */
uint32_t ike_addr_hash(const struct ike *ike, const struct addr *a);
/* responder: peers by addresses; @prev NULL: the first; most specific first */
struct ike_peer *ike_peer_by_addr(struct ike *ike, const struct addr *local,
				  const struct addr *remote, struct ike_peer *prev);
struct egress ike_egress_to(struct ike *ike, const struct addr *local, const struct addr *remote);

/* ---- ts.c ---- */
/**
 * struct ike_ts_ours - what of an access list a CHILD SA may carry
 * @transport_sa: transport mode, between these two alone; NULL: tunnel mode
 * @has_entry: `child-sa per-entry`: only what @entry, a number, protects
 * @whole: the peer gets the selectors that it proposes, or none: they are not narrowed to an entry
 * @has: offered in place of the list's entries; NULL: the entries are
 * @n_has: number of @has
 */
struct ike_ts_ours {
	const struct conf_list *list;
	const struct ike_sa *transport_sa;
	bool has_entry, whole;
	uint32_t entry;
	const struct kern_sel *has;
	unsigned int n_has;
};

void ike_ts_offer(const struct ike_ts_ours *ours, const struct kern_flow *flow,
		  struct wire_ts *local, struct wire_ts *remote);
unsigned int ike_ts_narrow(const struct ike_ts_ours *ours, const struct wire_ts *local,
			   const struct wire_ts *remote, struct kern_sel *out, unsigned int max);
/* the one address that all of @ts have becomes @a; false: they have several */
bool ike_ts_substitute(struct wire_ts *ts, const struct addr *a);
void ike_ts_lists(const struct kern_sel *sels, unsigned int n, struct wire_ts *local,
		  struct wire_ts *remote);
/* does @ts take a packet with this end? */
bool ike_ts_takes(const struct ts *ts, const struct addr *a, uint8_t proto, uint16_t port);
bool ike_ts_within(const struct wire_ts *inner, const struct wire_ts *outer);
bool ike_ts_any_overlaps(const struct kern_sel *sels, unsigned int n, const struct kern_sel *sel);
/* Checks whether the selectors of @child contain a packet of @flow. */
bool ike_child_covers(const struct ike_child *child, const struct kern_flow *flow);

/* ---- natt.c: RFC 7296 2.23 ---- */
bool ike_natt_hash(uint64_t spi_i, uint64_t spi_r, const struct endpoint *e, uint8_t out[20]);
void ike_natt_put(const struct ike_sa *sa, struct wire_writer *w);
/*
 * Sets natt, nat_ours and nat_theirs of @sa from the NAT_DETECTION notifications. Returns false if
 * the peer sent none and @sa must use UDP.
 */
bool ike_natt_detect(struct ike_sa *sa, const struct wire_msg *msg, const struct endpoint *local,
		     const struct endpoint *remote);
/* transport mode, RFC 7296 2.23.1: the peer's selectors as they look from here */
void ike_natt_substitute(const struct ike_sa *sa, struct wire_ts *local, struct wire_ts *remote);
/*
 * An authenticated message came from @from to @to: who is behind a NAT may have
 * another address or port there from now on (RFC 7296 2.23).
 */
void ike_natt_follow(struct ike_sa *sa, const struct endpoint *to, const struct endpoint *from);
/* Starts the keepalives of an established IKE SA behind a NAT or with `encapsulation udp`. */
void ike_natt_keepalive(struct ike_sa *sa);

/* ---- limit.c: each address has its share ---- */
bool ike_limit_half_open(struct ike *ike, const struct addr *from);
bool ike_limit_take(struct ike *ike, const struct addr *from);
/* an IKE_SA_INIT request without a cookie, while there are few half-open SAs */
bool ike_limit_unproved(struct ike *ike);
/* an answer outside of any SA */
bool ike_limit_notify(struct ike *ike, const struct addr *from);
/* failed authentications: of an address, and of one identity from it */
bool ike_limit_may_begin(const struct ike *ike, const struct addr *from);
bool ike_limit_may_claim(const struct ike *ike, const struct addr *from, const struct wire_id *id);
void ike_limit_failed(struct ike *ike, const struct addr *from, const struct wire_id *id);
void ike_limit_proved(struct ike *ike, const struct addr *from, const struct wire_id *id);
/* Hashes @from (of IPv6 its /64) and @more with a secret: the key of a limit. */
uint64_t ike_limit_key(const struct ike *ike, unsigned int kind, const struct addr *from,
		       struct bytes more);
/* false: there are as many as may be, and all may still be answered */
bool ike_half_open_make_room(struct ike *ike);
void ike_half_open_begin(struct ike_sa *sa);
void ike_half_open_end(struct ike_sa *sa);
/* it is gone: its place is free as soon as its jobs are over */
void ike_half_open_leave(struct ike_sa *sa);

/* ---- cookie.c: RFC 7296 2.6 ---- */
#define IKE_COOKIE_LEN 33
bool ike_cookie_make(struct ike *ike, struct bytes ni, const struct addr *from, uint64_t spi_i,
		     uint8_t out[IKE_COOKIE_LEN]);
bool ike_cookie_check(struct ike *ike, struct bytes cookie, struct bytes ni,
		      const struct addr *from, uint64_t spi_i);

#endif
