// SPDX-License-Identifier: GPL-2.0
/* nfipsecd's parts, tied together. The decisions are in ike/; here is only what carries them out. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include <linux/nfipsec.h>

#include "conf/warn.h"
#include "core/event.h"
#include "core/log.h"
#include "core/memo.h"
#include "core/printable.h"
#include "core/reason.h"
#include "core/worker.h"
#include "daemon/ctl.h"
#include "daemon/daemon.h"
#include "ike/ike.h"
#include "pki/revoke.h"
#include "sys/launch.h"
#include "sys/resolve.h"
#include "sys/udp.h"

#define ASKERS		16	/* so many ask the network about certificates at once */
#define WARNINGS_MAX	16	/* warnings about access lists that one load logs */
#define LACKS_MAX	16	/* so many peers are named that lack something */

/* the commands of the old and of the new configuration */
_Static_assert(LAUNCH_COMMANDS_MAX >= 2 * CONF_UPDOWNS_MAX, "the launcher has too little room");

struct udp_arg {
	struct daemon *d;
	unsigned int i;
};

/**
 * struct daemon - all of it; one thread, but for what the workers run
 * @conf: in force; NULL before the first load
 * @conf_path: where the next reload reads: what was loaded last, before that what was asked for
 * @ctl: the control socket
 * @ike: the IKE state
 * @kern: netlink sockets to the module
 * @kern_io: watches @kern
 * @launch: launcher of updown commands; NULL: it has ended
 * @launch_io: watches @launch
 * @links: socket that reports changes of devices and addresses; -1: none
 * @links_io: watches @links
 * @loop: the event loop
 * @on_load: called when a configuration has come into force; may be NULL
 * @on_load_arg: argument of @on_load
 * @prepare: callback before each wait of @loop
 * @refused: why the newest load was refused, or empty
 * @resolver: DNS names
 * @revoke: revocation of certificates
 * @tick: timer of @ike
 * @udp: IKE sockets
 * @udp_arg: arguments of the callbacks of @udp_io
 * @udp_io: watches the sockets of @udp
 * @workers: threads for slow computations
 */
struct daemon {
	struct event_loop *loop;
	struct kern *kern;
	struct udp *udp;
	struct udp_arg udp_arg[UDP_SOCKETS];
	struct ctl *ctl;
	struct worker_pool *workers;
	struct ike *ike;
	struct revoke *revoke;
	struct resolver *resolver;
	struct conf *conf;
	char *conf_path;
	struct launch *launch;
	struct event_io *kern_io, *links_io, *launch_io, *udp_io[UDP_SOCKETS];
	int links;
	struct event_timer *tick;
	struct event_prepare *prepare;
	char refused[1024];
	void (*on_load)(void *arg);
	void *on_load_arg;
};

/* "peer/tunnel" */
static struct conf_tunnel *tunnel_by_name(const struct conf *conf, const char *name)
{
	char peer[CONF_NAME_MAX + 1];
	const char *slash = strchr(name, '/');
	const struct conf_peer *p;

	if (!conf || !slash || slash - name > CONF_NAME_MAX)
		return NULL;
	snprintf(peer, sizeof(peer), "%.*s", (int)(slash - name), name);
	p = conf_peer_find(conf, peer);
	return p ? conf_tunnel_find(p, slash + 1) : NULL;
}

/* ---- what the core wants done ---- */

static void op_send(const struct egress *by, const struct endpoint *local,
		    const struct endpoint *remote, struct bytes msg, void *user)
{
	char l[ENDPOINT_STRLEN], r[ENDPOINT_STRLEN];
	struct daemon *d = user;
	int ret = udp_send(d->udp, by, local, remote, msg);

	if (ret)
		log_limited(LOG_LEVEL_WARN, "send", "cannot send from %s to %s: %s",
			    endpoint_str(local, l, sizeof(l)), endpoint_str(remote, r, sizeof(r)),
			    strerror(-ret));
}

static void op_keepalive(const struct egress *by, const struct endpoint *local,
			 const struct endpoint *remote, void *user)
{
	struct daemon *d = user;

	/* the next one may get through, and who is gone, liveness finds out */
	udp_send_keepalive(d->udp, by, local, remote);
}

static int op_sa_add(const struct kern_sa *sa, void *user)
{
	struct daemon *d = user;
	int ret = kern_sa_add(d->kern, sa);

	if (ret)
		log_limited(LOG_LEVEL_ERROR, "sa-add",
			    "%s: the module refused the SA with SPI 0x%08x: %s", sa->tunnel, sa->spi,
			    kern_error(d->kern));
	return ret;
}

static int op_sa_del(const struct kern_sa *sa, void *user)
{
	struct daemon *d = user;
	int ret = kern_sa_del(d->kern, sa);

	/* the module may have been first: hard limit, or the tunnel left the policy */
	if (ret && ret != -ENOENT)
		log_limited(LOG_LEVEL_ERROR, "sa-del",
			    "%s: the module did not delete the SA with SPI 0x%08x: %s", sa->tunnel,
			    sa->spi, kern_error(d->kern));
	return ret;
}

static int op_sa_move(const struct kern_sa *sa, const struct kern_ends *to, void *user)
{
	struct daemon *d = user;
	int ret = kern_sa_move(d->kern, sa, to);

	if (ret && ret != -ENOENT)
		log_limited(LOG_LEVEL_ERROR, "sa-move",
			    "%s: the module did not move the SA with SPI 0x%08x: %s", sa->tunnel,
			    sa->spi, kern_error(d->kern));
	return ret;
}

static int op_sa_get(struct kern_sa *sa, void *user)
{
	struct daemon *d = user;

	return kern_sa_get(d->kern, sa);
}

/* an older module queues no packets, and a full one no more: neither is a reason to stop */
static int op_spi_await(const struct kern_sa *sa, bool on, void *user)
{
	struct daemon *d = user;
	int ret = kern_spi_await(d->kern, sa, on);

	if (ret && on)
		log_debug("%s: the module queues no packets for SPI 0x%08x: %s", sa->tunnel, sa->spi,
			  kern_error(d->kern));
	return ret;
}

/* the module pads by tunnel, so what a peer does not take is taken out of its tunnel */
static void op_tfc(const char *tunnel, bool allowed, void *user)
{
	struct daemon *d = user;
	struct conf_tunnel *t = tunnel_by_name(d->conf, tunnel);

	if (!t || t->tfc_refused == !allowed)
		return;
	t->tfc_refused = !allowed;
	if (!allowed)
		log_limited(LOG_LEVEL_WARN, "tfc",
			    "%s: the peer does not support TFC padding, so tfc is not used", tunnel);
	if (kern_policy_set(d->kern, d->conf))
		log_error("%s: the module refused the policy: %s", tunnel, kern_error(d->kern));
}

static void op_job(const struct ike_job *job, void *user)
{
	struct daemon *d = user;

	worker_submit(d->workers, job->waits ? WORKER_WAITS :
		      job->stranger ? WORKER_STRANGERS : WORKER_COMPUTES, job->run, job->done,
		      job->arg);
}

/* on a worker's thread; the core's time is event_now()'s */
static enum ike_revocation op_revocation(struct gnutls_x509_crt_int *const *chain, unsigned int n,
					 enum conf_revocation mode, uint64_t since,
					 time_t *until, char *why, size_t why_len, void *user)
{
	static const enum revoke_mode modes[] = {
		[CONF_REVOCATION_OFF] = REVOKE_OFF,
		[CONF_REVOCATION_SOFT] = REVOKE_SOFT,
		[CONF_REVOCATION_HARD] = REVOKE_HARD,
	};
	struct daemon *d = user;

	switch (revoke_check_until(d->revoke, chain, n, modes[mode], since, until, why, why_len)) {
	case REVOKE_GOOD:
		return IKE_REVOCATION_GOOD;
	case REVOKE_UNASKED:
		return IKE_REVOCATION_UNASKED;
	default:
		return IKE_REVOCATION_BAD;
	}
}

static bool op_local_addr(const struct egress *by, const struct addr *remote, struct addr *local,
			  void *user)
{
	(void)user;
	return udp_local_addr(by, remote, local);
}

static bool op_is_local(const struct addr *addr, void *user)
{
	(void)user;
	return udp_is_local(addr);
}

/* on a worker's thread */
static unsigned int op_resolve(const char *name, uint8_t family, struct addr *out,
			       unsigned int max, char *err, size_t err_len, void *user)
{
	struct daemon *d = user;

	return resolve_name(d->resolver, name, family, out, max, err, err_len);
}

static int op_route(const struct route_entry *e, enum route_change how, void *user)
{
	(void)user;
	return route_change(e, how);
}

static void op_updown(const char *tunnel, const char *command, struct bytes env, void *user)
{
	struct daemon *d = user;

	if (!d->launch || !launch_run(d->launch, tunnel, command, env))
		log_limited(LOG_LEVEL_ERROR, "updown-lost", "%s: updown %s was not run: the launcher does not take it",
			    tunnel, command);
}

static const char *const event_names[] = {
	[IKE_EVENT_ACQUIRE]	= "acquire",
	[IKE_EVENT_EXCHANGE]	= "exchange",
	[IKE_EVENT_IKE_UP]	= "ike-up",
	[IKE_EVENT_IKE_DOWN]	= "ike-down",
	[IKE_EVENT_CHILD_UP]	= "child-up",
	[IKE_EVENT_CHILD_DOWN]	= "child-down",
	[IKE_EVENT_ADOPTED]	= "adopted",
	[IKE_EVENT_MOVED]	= "moved",
	[IKE_EVENT_RESOLVED]	= "resolved",
	[IKE_EVENT_VERIFY]	= "verify",
	[IKE_EVENT_ERROR]	= "error",
};

static void event_log(const struct ike_event *ev)
{
	const char *peer = ev->peer ? ev->peer : "", *tunnel = ev->tunnel ? ev->tunnel : "";
	const char *slash = ev->peer && ev->tunnel ? "/" : "";
	const char *colon = ev->peer || ev->tunnel ? ": " : "";

	if (ev->type == IKE_EVENT_ERROR && ev->quiet)
		log_debug("%s%s%s%s%s (%u times now)", peer, slash, tunnel, colon, ev->text,
			  ev->count);
	else if (ev->type == IKE_EVENT_ERROR && ev->count > 1)
		log_error("%s%s%s%s%s (%u times now)", peer, slash, tunnel, colon, ev->text,
			  ev->count);
	else if (ev->type == IKE_EVENT_ERROR)
		log_error("%s%s%s%s%s", peer, slash, tunnel, colon, ev->text);
	else if (ev->type == IKE_EVENT_EXCHANGE)
		log_debug("%s%s%s%s%s", peer, slash, tunnel, colon, ev->text);
	else
		log_info("%s%s%s%s%s", peer, slash, tunnel, colon, ev->text);
}

/* members that are unknown are left out */
static void set_string(json_t *obj, const char *key, const char *value)
{
	if (value)
		json_object_set_new(obj, key, printable_json(value));
}

static void op_event(const struct ike_event *ev, void *user)
{
	struct daemon *d = user;
	struct timeval tv;
	json_t *line;

	event_log(ev);
	line = json_object();
	if (!line)
		return;
	gettimeofday(&tv, NULL);
	set_string(line, "event", event_names[ev->type]);
	json_object_set_new(line, "time", json_real(tv.tv_sec + tv.tv_usec / 1e6));
	set_string(line, "peer", ev->peer);
	set_string(line, "tunnel", ev->tunnel);
	set_string(line, "text", ev->text);
	if (ev->data)
		json_object_set(line, "data", ev->data);
	if (ev->count > 1)
		json_object_set_new(line, "count", json_integer(ev->count));
	ctl_event(d->ctl, ev->peer, line);
	json_decref(line);
}

static const struct ike_ops ike_ops = {
	.send		= op_send,
	.keepalive	= op_keepalive,
	.sa_add		= op_sa_add,
	.sa_del		= op_sa_del,
	.sa_move	= op_sa_move,
	.spi_await	= op_spi_await,
	.sa_get		= op_sa_get,
	.tfc		= op_tfc,
	.job		= op_job,
	.revocation	= op_revocation,
	.event		= op_event,
	.local_addr	= op_local_addr,
	.is_local	= op_is_local,
	.resolve	= op_resolve,
	.route		= op_route,
	.updown		= op_updown,
};

/* ---- what happens outside ---- */

static void on_message(const struct endpoint *local, const struct endpoint *remote,
		       struct bytes msg, void *arg)
{
	struct daemon *d = arg;

	ike_input(d->ike, local, remote, msg, event_now());
}

static void on_udp(unsigned int events, void *arg)
{
	struct udp_arg *a = arg;

	(void)events;
	udp_read(a->d->udp, a->i, on_message, a->d);
}

static void on_acquire(const struct kern_flow *flow, void *arg)
{
	struct daemon *d = arg;

	ike_acquire(d->ike, flow, event_now());
}

static void on_expire(const struct kern_sa *sa, void *arg)
{
	struct daemon *d = arg;

	ike_expire(d->ike, sa, event_now());
}

static void on_mapping(const struct kern_sa *sa, const struct kern_ends *ends, void *arg)
{
	struct daemon *d = arg;

	ike_mapping(d->ike, sa, ends, event_now());
}

/* a tunnel with packets waiting has asked, whether we heard it or not */
static void ask_for_queued(const struct kern_tunnel *t, void *arg)
{
	struct kern_flow flow = { .dir = NFIPSEC_DIR_OUT };
	struct daemon *d = arg;

	if (!t->queued)
		return;
	snprintf(flow.tunnel, sizeof(flow.tunnel), "%s", t->name);
	ike_acquire(d->ike, &flow, event_now());
}

static void check_limits(const struct kern_sa *sa, void *arg)
{
	struct daemon *d = arg;

	ike_resync(d->ike, sa, event_now());
}

static void resync(struct daemon *d)
{
	if (kern_tunnel_dump(d->kern, ask_for_queued, d) ||
	    kern_sa_dump(d->kern, check_limits, d))
		log_limited(LOG_LEVEL_ERROR, "module-state", "cannot read the module's state: %s",
			    kern_error(d->kern));
}

static void on_lost(void *arg)
{
	struct daemon *d = arg;

	/* a local user who sends much can have that again and again */
	log_limited(LOG_LEVEL_WARN, "events-lost",
		    "events of the module were lost, reading its state instead");
	resync(d);
}

static void on_kern(unsigned int events, void *arg)
{
	static const struct kern_events handlers = {
		.acquire = on_acquire, .expire = on_expire, .mapping = on_mapping,
		.lost = on_lost,
	};
	struct daemon *d = arg;

	(void)events;
	if (kern_event_read(d->kern, &handlers, d))
		log_limited(LOG_LEVEL_ERROR, "module-events", "%s", kern_error(d->kern));
}

static void on_links(unsigned int events, void *arg)
{
	struct daemon *d = arg;

	(void)events;
	route_watch_read(d->links);
	ike_routes_changed(d->ike, event_now());
}

/**
 * daemon_launch_report() - log what the launcher says of an updown command
 * @failed: the command failed or was refused
 * @text: printable
 * @arg: not used
 */
void daemon_launch_report(bool failed, const char *text, void *arg)
{
	(void)arg;
	if (failed)
		log_limited(LOG_LEVEL_ERROR, "updown", "%s", text);
	else if (strstr(text, ": done: "))
		log_limited(LOG_LEVEL_INFO, "updown", "%s", text);
	else
		log_debug("%s", text);
}

static void on_launch(unsigned int events, void *arg)
{
	struct daemon *d = arg;

	(void)events;
	if (launch_read(d->launch, daemon_launch_report, NULL))
		return;
	log_error("the launcher of updown commands has ended: restart nfipsecd to run them again");
	event_io_free(d->launch_io);
	d->launch_io = NULL;
	d->launch = NULL;
}

static void on_tick(void *arg)
{
	struct daemon *d = arg;

	ike_tick(d->ike, event_now());
}

/* whatever happened since the last wait may have changed when the core wants to be called */
static void on_prepare(void *arg)
{
	struct daemon *d = arg;

	event_timer_at(d->tick, ike_next(d->ike));
}

static void set_conf(struct daemon *d, const struct conf *conf);

/* ---- what the operator asks ---- */

static bool ctl_load(const char *path, char *err, size_t err_len, void *user)
{
	return daemon_load(user, path, err, err_len);
}

/*
 * Removes the policy from the module first. If the module refuses, nothing changes. Then deletes
 * all SAs, here and at the peers. The next load counts as the first one: it puts the policy into
 * force even with broken credentials.
 */
static bool unload(struct daemon *d, char *err, size_t err_len)
{
	struct conf *old = d->conf;

	if (kern_policy_set(d->kern, NULL)) {
		snprintf(err, err_len, "the module did not remove the policy: %s",
			 kern_error(d->kern));
		return false;
	}
	d->conf = NULL;
	*d->refused = 0;
	set_conf(d, NULL);
	conf_free(old);
	reason_set("nfipsec unload removed it");
	log_info("nfipsec unload removed the policy");
	return true;
}

static bool ctl_unload(const char *netns, char *err, size_t err_len, void *user)
{
	char ours[REASON_NETNS_LEN];

	if (netns && reason_netns(ours) && strcmp(netns, ours))
		return true;
	return unload(user, err, err_len);
}

static void ctl_up(const char *peer, const char *tunnel, ctl_waiter_t waiter, void *arg, void *user)
{
	struct daemon *d = user;

	ike_up(d->ike, peer, tunnel, waiter, arg, event_now());
}

static void ctl_down(const char *peer, const char *tunnel, ctl_waiter_t waiter, void *arg,
		     void *user)
{
	struct daemon *d = user;

	ike_down(d->ike, peer, tunnel, waiter, arg, event_now());
}

static void ctl_verify(const char *peer, const char *tunnel, ctl_waiter_t waiter, void *arg,
		       void *user)
{
	struct daemon *d = user;

	ike_verify(d->ike, peer, tunnel, waiter, arg, event_now());
}

static json_t *ctl_show(const char *what, void *user)
{
	struct daemon *d = user;
	json_t *shown;

	if (!strcmp(what, "failures"))
		return ike_show_failures(d->ike, event_now());
	shown = strcmp(what, "peers") ? NULL : ike_show(d->ike, event_now());
	if (shown && *d->refused)
		set_string(shown, "refused", d->refused);
	return shown;
}

static const struct ctl_ops ctl_ops = {
	.load = ctl_load, .unload = ctl_unload, .up = ctl_up, .down = ctl_down,
	.verify = ctl_verify, .show = ctl_show,
};

/* ---- configuration ---- */

static void warn_broken(const char *text, void *arg)
{
	(void)arg;
	log_warn("%s; not used", text);
}

/*
 * Over a configuration in force a load is all or nothing. The first one puts the policy into force
 * whatever its credentials are like: a protect entry without a key holds packets, no policy lets
 * them pass in clear.
 */
static struct conf *conf_read(const char *path, bool first, char *err, size_t err_len)
{
	struct conf_error ce = { .text = "" };
	struct conf *conf = conf_load(path, &ce);
	bool ok;

	if (!conf) {
		snprintf(err, err_len, "%s", ce.text);
		return NULL;
	}
	if (first) {
		snprintf(ce.text, sizeof(ce.text), "out of memory");
		ok = conf_credentials_load_good(conf, warn_broken, NULL);
	} else {
		ok = conf_credentials_load(conf, &ce);
	}
	if (!ok) {
		snprintf(err, err_len, "%s", ce.text);
		conf_free(conf);
		return NULL;
	}
	return conf;
}

static void adopt(const struct kern_sa *sa, void *arg)
{
	struct daemon *d = arg;

	ike_adopt(d->ike, sa);
}

static void adopt_route(const struct route_entry *e, void *arg)
{
	struct daemon *d = arg;

	ike_route_left(d->ike, e);
}

bool daemon_set_path(struct daemon *d, const char *path)
{
	char *copy = strdup(path);

	if (!copy)
		return false;
	free(d->conf_path);
	d->conf_path = copy;
	return true;
}

/* Each load logs what `allow-weak` permits. */
static void warn_weak_of(const struct conf_peer *peer, const struct conf_tunnel *t,
			 const struct ike_proposal *p, unsigned int n)
{
	const struct ike_alg *weak;

	for (; n; n--, p++) {
		weak = ike_proposal_weak(p);
		if (weak)
			log_warn("%s%s%s: %s is weak (RFC %s) and allowed by allow-weak",
				 peer->name, t ? "/" : "", t ? t->name : "", weak->name,
				 t ? "8221" : "8247");
	}
}

static void warn_weak(const struct conf *conf)
{
	unsigned int i, k;

	for (i = 0; i < conf->n_peers; i++) {
		const struct conf_peer *peer = &conf->peers[i];

		warn_weak_of(peer, NULL, peer->ike, peer->n_ike);
		for (k = 0; k < peer->n_tunnels; k++) {
			const struct conf_tunnel *t = &peer->tunnels[k];

			warn_weak_of(peer, t, t->esp, t->n_esp);
			warn_weak_of(peer, t, t->ah, t->n_ah);
		}
	}
}

static void log_warning(const char *text, void *arg)
{
	unsigned int *n_warned = arg;

	if (++*n_warned <= WARNINGS_MAX)
		log_warn("%s", text);
}

/* Logs the warnings of `nfipsec check` about access lists, except those about nftables. */
static void warn_lists(const struct conf *conf)
{
	struct conf_host host = { .is_local = udp_is_local };
	struct addr_own *addrs = NULL;
	unsigned int n_warned = 0;

	route_addrs(&addrs, &host.n_addrs);
	host.addrs = addrs;
	conf_warn(conf, &host, log_warning, &n_warned);
	free(addrs);
	if (n_warned > WARNINGS_MAX)
		log_warn("%s: %u more warnings, see nfipsec check", conf->path,
			 n_warned - WARNINGS_MAX);
}

static void warn_certs(const struct conf *conf)
{
	char text[CERT_ERROR_MAX];
	unsigned int i;

	for (i = 0; conf_certs_warning(conf, i, time(NULL), text, sizeof(text)); i++)
		if (*text)
			log_warn("%s", text);
}

/* @warning: for the command that loads the configuration; empty: no peer lacks anything */
static void warn_lacks(const struct conf *conf, char *warning, size_t len)
{
	const struct conf_peer *p;
	unsigned int i, n = 0;

	*warning = 0;
	for (i = 0; i < conf->n_peers; i++) {
		p = &conf->peers[i];
		if (!p->lacks || ++n > LACKS_MAX)
			continue;
		log_warn("%s: it cannot come up: %s", p->name, p->lacks);
		if (n == 1)
			snprintf(warning, len, "%s: it cannot come up: %s", p->name, p->lacks);
	}
	if (n > LACKS_MAX)
		log_warn("%u more peers cannot come up, see nfipsec show peers", n - LACKS_MAX);
}

/* What a peer announced for a tunnel holds as long as its SAs may. */
static void keep_refusals(const struct conf *old, struct conf *conf)
{
	char name[sizeof(((struct kern_sa *)0)->tunnel)];
	struct conf_tunnel *t;
	unsigned int i, k;

	for (i = 0; i < old->n_peers; i++)
		for (k = 0; k < old->peers[i].n_tunnels; k++) {
			snprintf(name, sizeof(name), "%s/%s", old->peers[i].name,
				 old->peers[i].tunnels[k].name);
			t = tunnel_by_name(conf, name);
			if (t)
				t->tfc_refused = old->peers[i].tunnels[k].tfc_refused;
		}
}

static void in_force(struct daemon *d, char *warning, size_t len)
{
	const struct conf *conf = d->conf;
	char empty[PATH_MAX + 32];

	*d->refused = 0;
	snprintf(empty, sizeof(empty), "%s has no entry", conf->path);
	reason_set(conf_has_entries(conf) ? NULL : empty);
	warn_weak(conf);
	warn_certs(conf);
	warn_lists(conf);
	warn_lacks(conf, warning, len);
	log_info("%s loaded: %u access lists, %u peers", conf->path, conf->n_lists,
		 conf->n_peers);
	if (d->on_load)
		d->on_load(d->on_load_arg);
}

/* from then on IKE passes the protect entries, and nothing else does, whatever its ports */
static bool name_sockets(struct daemon *d, char *err, size_t err_len)
{
	int fds[UDP_SOCKETS];
	unsigned int i, n = 0;

	for (i = 0; i < UDP_SOCKETS; i++)
		if (udp_fd(d->udp, i) >= 0)
			fds[n++] = udp_fd(d->udp, i);
	if (!kern_ike_sockets(d->kern, fds, n))
		return true;
	snprintf(err, err_len, "IKE sockets: %s", kern_error(d->kern));
	return false;
}

/* after the SAs of the old configuration have gone, and before there are some of the new one */
static void remember(struct daemon *d)
{
	struct buf memo;

	buf_init(&memo);
	if (!ike_remember(d->ike, &memo) || !memo_write(buf_bytes(&memo)))
		log_warn("what authenticates the peers cannot be kept: if this daemon is killed, the next one adopts no SA");
	buf_free(&memo);
}

static void recall(struct daemon *d)
{
	struct buf memo;

	buf_init(&memo);
	if (memo_read(&memo) && !ike_recall(d->ike, buf_bytes(&memo)))
		log_warn("what authenticated the peers of an earlier run cannot be read: no SA is adopted");
	buf_free(&memo);
}

/* The launcher takes the commands of both configurations until launch_allow_end(). */
static void allow_commands(struct daemon *d, const struct conf *conf)
{
	const char *last = "", *command;
	unsigned int i, k;

	if (!d->launch)
		return;
	launch_allow_begin(d->launch);
	for (i = 0; conf && i < conf->n_peers; i++)
		for (k = 0; k < conf->peers[i].n_tunnels; k++) {
			command = conf->peers[i].tunnels[k].updown;
			if (*command && strcmp(command, last))
				launch_allow(d->launch, command);
			last = command;
		}
}

static void set_conf(struct daemon *d, const struct conf *conf)
{
	allow_commands(d, conf);
	ike_set_conf(d->ike, conf, event_now());
	if (d->launch)
		launch_allow_end(d->launch);
}

static bool load(struct daemon *d, const char *path, char *err, size_t err_len)
{
	struct conf *conf, *old = d->conf;

	/* each time, since a module that was removed and loaded again knows none; the policy comes first */
	if (!name_sockets(d, err, err_len))
		log_error("%s", err);
	conf = conf_read(path, !old, err, err_len);
	if (!conf)
		return false;
	if (old)
		keep_refusals(old, conf);
	/* the module first: it may refuse, and must never lag behind what IKE negotiates */
	if (kern_policy_set(d->kern, conf)) {
		snprintf(err, err_len, "%s: the module refused the policy: %s", path,
			 kern_error(d->kern));
		conf_free(conf);
		return false;
	}
	d->conf = conf;
	revoke_set_crls(d->revoke, conf->crls);
	if (path != d->conf_path && !daemon_set_path(d, path))
		log_warn("out of memory: the next reload reads what was read before");
	set_conf(d, conf);
	remember(d);
	conf_free(old);
	/* packets held since before we listened */
	resync(d);
	in_force(d, err, err_len);
	return true;
}

bool daemon_load(struct daemon *d, const char *path, char *err, size_t err_len)
{
	if (!path)
		path = d->conf_path;
	if (!path) {
		snprintf(err, err_len, "load: no configuration was loaded yet; which file?");
		return false;
	}
	if (load(d, path, err, err_len))
		return true;
	snprintf(d->refused, sizeof(d->refused), "%s", err);
	/* a command reads the reason after this daemon has ended */
	reason_set(err);
	return false;
}

void daemon_on_load(struct daemon *d, void (*fn)(void *arg), void *arg)
{
	d->on_load = fn;
	d->on_load_arg = arg;
}

bool daemon_has_policy(struct daemon *d)
{
	return d->conf || kern_policy_exists(d->kern) > 0;
}

/* ---- life ---- */

static bool watch_all(struct daemon *d)
{
	unsigned int i;

	for (i = 0; i < UDP_SOCKETS; i++) {
		if (udp_fd(d->udp, i) < 0)
			continue;
		d->udp_arg[i] = (struct udp_arg){ d, i };
		d->udp_io[i] = event_io_new(d->loop, udp_fd(d->udp, i), EVENT_READ, on_udp,
					    &d->udp_arg[i]);
		if (!d->udp_io[i])
			return false;
	}
	if (d->launch)
		d->launch_io = event_io_new(d->loop, launch_fd(d->launch), EVENT_READ, on_launch, d);
	d->links_io = event_io_new(d->loop, d->links, EVENT_READ, on_links, d);
	d->kern_io = event_io_new(d->loop, kern_event_fd(d->kern), EVENT_READ, on_kern, d);
	d->tick = event_timer_new(d->loop, on_tick, d);
	d->prepare = event_prepare_new(d->loop, on_prepare, d);
	return d->kern_io && d->links_io && (!d->launch || d->launch_io) && d->tick && d->prepare;
}

struct daemon *daemon_open(struct event_loop *loop, const char *ctl_path, char *err, size_t err_len)
{
	struct daemon *d = calloc(1, sizeof(*d));

	if (!d) {
		snprintf(err, err_len, "out of memory");
		return NULL;
	}
	d->loop = loop;
	d->links = route_watch_open();
	if (d->links < 0) {
		snprintf(err, err_len, "rtnetlink: %s", strerror(-d->links));
		goto out;
	}
	d->kern = kern_open(true, err, err_len);
	if (!d->kern)
		goto out;
	d->udp = udp_open(err, err_len);
	if (!d->udp)
		goto out;
	d->ctl = ctl_open(loop, ctl_path, &ctl_ops, d, err, err_len);
	if (!d->ctl)
		goto out;
	return d;
out:
	daemon_close(d);
	return NULL;
}

void daemon_set_launch(struct daemon *d, struct launch *l)
{
	d->launch = l;
}

bool daemon_start(struct daemon *d, char *err, size_t err_len)
{
	int ret;

	d->revoke = revoke_new();
	d->resolver = resolver_new();
	d->workers = worker_new(d->loop, 0, ASKERS);
	d->ike = ike_new(&ike_ops, d);
	if (!d->revoke || !d->resolver || !d->workers || !d->ike || !watch_all(d)) {
		snprintf(err, err_len, "out of memory or threads");
		return false;
	}
	if (!name_sockets(d, err, err_len))
		return false;
	recall(d);
	if (kern_sa_dump(d->kern, adopt, d)) {
		snprintf(err, err_len, "cannot read the module's SAs: %s", kern_error(d->kern));
		return false;
	}
	ret = route_dump(adopt_route, d);
	if (ret)
		log_warn("routes of an earlier run cannot be read: %s", strerror(-ret));
	return true;
}

void daemon_shutdown(struct daemon *d)
{
	ike_shutdown(d->ike, event_now());
}

void daemon_close(struct daemon *d)
{
	unsigned int i;

	if (!d)
		return;
	event_prepare_free(d->prepare);
	event_timer_free(d->tick);
	event_io_free(d->kern_io);
	event_io_free(d->links_io);
	event_io_free(d->launch_io);
	for (i = 0; i < UDP_SOCKETS; i++)
		event_io_free(d->udp_io[i]);
	if (d->revoke)
		revoke_stop(d->revoke);
	if (d->resolver)
		resolver_stop(d->resolver);
	/* jobs end in the core, the core's last words go to the control's clients */
	worker_free(d->workers);
	if (d->ike)
		ike_free(d->ike);
	ctl_close(d->ctl);
	revoke_free(d->revoke);
	resolver_free(d->resolver);
	conf_free(d->conf);
	udp_close(d->udp);
	kern_close(d->kern);
	if (d->links >= 0)
		close(d->links);
	free(d->conf_path);
	free(d);
}
