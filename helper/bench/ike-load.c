// SPDX-License-Identifier: GPL-2.0
/*
 * Thousands of initiators in one process, each with an address and an identity of its own, from our
 * own IKE core: the load for a responder. Not installed.
 *
 *	ike-load [OPTIONS] udp SERVER COUNT	against whoever listens at SERVER, over UDP
 *	ike-load [OPTIONS] self COUNT		against a core of ours in this process, without
 *						sockets: its own CPU time and heap are told
 *	ike-load [OPTIONS] hub COUNT		the other way round: one core begins with all of
 *						them, a block for each; what each step takes
 *	ike-load [OPTIONS] serve ADDRESS	is that core, over UDP, until stdin ends: for a
 *						comparison where our module is not loaded
 *
 * The initiators are 10.64.0.1 and up, called c1.example.com and up; each asks for a tunnel
 * between one address behind it, 10.128.0.1 and up, and 10.1.0.0/16. With `udp` all of
 * 10.64.0.0/10 must be local here:
 *
 *	ip route add local 10.64.0.0/10 dev lo
 *
 * With --certs DIR both ends have certificates in place of a pre-shared key: DIR/clients and DIR/server
 * have folders as beside a configuration; c1.pem in the former's certs/ is for c1.example.com. The
 * script selftests/bench/ike-pki.sh makes them.
 *
 * One line of JSON at the end, but of `serve`. With --hold they stay, answering, until stdin ends.
 */
#include <getopt.h>
#include <malloc.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/nfipsec.h>

#include "core/log.h"
#include "crypto/crypto.h"
#include "ike/ike.h"
#include "sys/udp.h"

#define PER_CORE	250	/* initiators of one core: its lists are short then */
#define FIRST		0x0a400000u
#define FIRST_INNER	0x0a800000u
#define NO_ANSWER_MS	60000

/* a core and what stands for its kernel and its network */
struct node {
	struct ike *ike;
	struct conf *conf;
	struct node *other;		/* self: of the responder, NULL */
	struct addr addr;		/* of the responder */
	unsigned int first, n;		/* initiators */
};

struct datagram {
	struct datagram *next;
	struct endpoint from, to;
	size_t len;
	uint8_t data[];
};

static struct {
	const char *ike, *esp, *psk, *certs, *peer_extra;
	unsigned int in_flight, first;	/* number of the first initiator */
	bool hold;
} opt = {
	.ike = "aes128gcm16-prfsha256-x25519", .esp = "aes128gcm16", .psk = "load", .peer_extra = "",
	.in_flight = 16, .first = 1,
};

static struct node *clients, server;
static unsigned int n_clients, count, begun, done, failed;
static struct udp *udp;
static struct datagram *queue, **queue_end = &queue;
static char last_error[900];
static uint64_t server_ns;

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static uint64_t now_ms(void)
{
	return clock_ns(CLOCK_MONOTONIC) / 1000000;
}

static void die(const char *what, const char *text)
{
	fprintf(stderr, "ike-load: %s: %s\n", what, text);
	exit(1);
}

/* @first: FIRST, or FIRST_INNER of what is behind it */
static struct addr client_addr(uint32_t first, unsigned int i)
{
	uint32_t a = first + opt.first + i;
	struct addr addr = { .family = AF_INET, .a = { a >> 24, a >> 16, a >> 8, a } };

	return addr;
}

/* which core an initiator's address belongs to */
static struct node *client_of(const struct addr *a)
{
	uint32_t i = get_u32(a->a) - FIRST - opt.first;

	return i < count ? &clients[i / PER_CORE] : NULL;
}

/* ---- what a core asks of its owner ---- */

static void op_send(const struct egress *by, const struct endpoint *local,
		    const struct endpoint *remote, struct bytes msg, void *user)
{
	struct datagram *d;

	(void)user;
	(void)by;
	if (udp) {
		udp_send(udp, by, local, remote, msg);
		return;
	}
	d = malloc(sizeof(*d) + msg.len);
	if (!d)
		die("memory", "none");
	*d = (struct datagram){ .from = *local, .to = *remote, .len = msg.len };
	memcpy(d->data, msg.p, msg.len);
	*queue_end = d;
	queue_end = &d->next;
}

static void op_keepalive(const struct egress *by, const struct endpoint *local,
			 const struct endpoint *remote, void *user)
{
	(void)by;
	(void)local;
	(void)remote;
	(void)user;
}

static int op_sa(const struct kern_sa *sa, void *user)
{
	(void)sa;
	(void)user;
	return 0;
}

static int op_spi_await(const struct kern_sa *sa, bool on, void *user)
{
	(void)sa;
	(void)on;
	(void)user;
	return 0;
}

static int op_sa_move(const struct kern_sa *sa, const struct kern_ends *to, void *user)
{
	(void)sa;
	(void)to;
	(void)user;
	return 0;
}

static int op_sa_get(struct kern_sa *sa, void *user)
{
	(void)user;
	sa->packets = 0;
	return 0;
}

static void op_tfc(const char *tunnel, bool allowed, void *user)
{
	(void)tunnel;
	(void)allowed;
	(void)user;
}

static void op_job(const struct ike_job *job, void *user)
{
	(void)user;
	job->run(job->arg);
	job->done(job->arg);
}

static void op_event(const struct ike_event *ev, void *user)
{
	(void)user;
	if (ev->type == IKE_EVENT_ERROR)
		snprintf(last_error, sizeof(last_error), "%s", ev->text);
}

static bool op_local_addr(const struct egress *by, const struct addr *remote, struct addr *local,
			  void *user)
{
	(void)by;
	(void)remote;
	(void)local;
	(void)user;
	return false;
}

static const struct ike_ops ops = {
	.send = op_send, .keepalive = op_keepalive, .sa_add = op_sa, .sa_del = op_sa,
	.sa_move = op_sa_move, .spi_await = op_spi_await, .sa_get = op_sa_get, .tfc = op_tfc, .job = op_job,
	.event = op_event, .local_addr = op_local_addr,
};

/* ---- configurations ---- */

/* @side: which folders of --certs are its own */
static struct conf *parse(const char *text, const char *secrets, const char *side)
{
	struct conf_error err = { .text = "" };
	struct conf *conf;
	char path[4200];

	snprintf(path, sizeof(path), "%s/%s/conf", opt.certs ? opt.certs : ".", side);
	conf = conf_parse(text, strlen(text), path, &err);
	if (!conf || !conf_secrets_parse(conf, secrets, strlen(secrets), "secrets", &err) ||
	    (opt.certs && !conf_certs_load(conf, &err)))
		die("configuration", err.text);
	return conf;
}

static void load(struct node *n, const char *text, const char *side)
{
	char secrets[200];

	snprintf(secrets, sizeof(secrets), "psk any any \"%s\"\n", opt.psk);
	n->conf = parse(text, secrets, side);
	n->ike = ike_new(&ops, n);
	if (!n->ike)
		die("memory", "none");
	ike_set_conf(n->ike, n->conf, now_ms());
}

static void load_client(struct node *n, const struct addr *responder)
{
	char us[ADDR_STRLEN], inner[ADDR_STRLEN], them[ADDR_STRLEN], auth[40] = "psk", *text;
	struct addr a;
	unsigned int i;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		die("memory", "none");
	addr_str(responder, them, sizeof(them));
	for (i = n->first; i < n->first + n->n; i++) {
		a = client_addr(FIRST, i);
		addr_str(&a, us, sizeof(us));
		a = client_addr(FIRST_INNER, i);
		addr_str(&a, inner, sizeof(inner));
		if (opt.certs)
			snprintf(auth, sizeof(auth), "cert cert c%u.pem", opt.first + i);
		fprintf(f, "access-list l%u { 10 protect ip from %s to 10.1.0.0/16 }\n"
			"peer c%u { local address %s id fqdn c%u.example.com\n"
			" remote address %s id fqdn hq.example.com\n"
			" auth %s ike %s dpd 0s ike-lifetime 1d %s\n"
			" tunnel t { access-list l%u esp %s start manual lifetime 1d } }\n",
			i, inner, i, us, opt.first + i, them, auth, opt.ike, opt.peer_extra, i, opt.esp);
	}
	fclose(f);
	load(n, text, "clients");
	free(text);
}

/* one block for all */
static void load_server(const struct addr *a)
{
	char us[ADDR_STRLEN], text[1000];

	addr_str(a, us, sizeof(us));
	snprintf(text, sizeof(text),
		 "limits { cookies-from 1000000 }\n"
		 "access-list l { 10 protect ip from 10.1.0.0/16 to 10.128.0.0/10 }\n"
		 "peer clients { local address %s id fqdn hq.example.com remote address any id any\n"
		 " auth %s ike %s dpd 0s ike-lifetime 1d %s\n"
		 " tunnel t { access-list l esp %s start manual lifetime 1d } }\n",
		 us, opt.certs ? "cert" : "psk", opt.ike, opt.peer_extra, opt.esp);
	load(&server, text, "server");
}

/* a block and a secret for each, and the hub begins */
static struct conf *hub_conf(const struct addr *a, const char *lifetime)
{
	char us[ADDR_STRLEN], them[ADDR_STRLEN], inner[ADDR_STRLEN], *text, *secrets;
	size_t len, secrets_len;
	FILE *f = open_memstream(&text, &len), *s = open_memstream(&secrets, &secrets_len);
	struct conf *conf;
	struct addr c;
	unsigned int i;

	if (!f || !s)
		die("memory", "none");
	addr_str(a, us, sizeof(us));
	for (i = 0; i < count; i++) {
		c = client_addr(FIRST, i);
		addr_str(&c, them, sizeof(them));
		c = client_addr(FIRST_INNER, i);
		addr_str(&c, inner, sizeof(inner));
		fprintf(f, "access-list l%u { 10 protect ip from 10.1.0.0/16 to %s }\n"
			"peer c%u { local address %s id fqdn hq.example.com\n"
			" remote address %s id fqdn c%u.example.com\n"
			" auth %s ike %s dpd 0s ike-lifetime %s %s\n"
			" tunnel t { access-list l%u esp %s start at-load lifetime 1d } }\n",
			i, inner, i, us, them, opt.first + i, opt.certs ? "cert" : "psk", opt.ike,
			lifetime, opt.peer_extra, i, opt.esp);
		fprintf(s, "psk hq.example.com c%u.example.com \"%s\"\n", opt.first + i, opt.psk);
	}
	fclose(f);
	fclose(s);
	conf = parse(text, secrets, "server");
	free(text);
	free(secrets);
	return conf;
}

/* ---- the load ---- */

static void waiter(void *arg, const char *error)
{
	(void)arg;
	done++;
	if (!error)
		return;
	failed++;
	snprintf(last_error, sizeof(last_error), "%s", error);
}

static void begin_some(void)
{
	char name[16];

	while (begun < count && begun - done < opt.in_flight) {
		snprintf(name, sizeof(name), "c%u", begun);
		begun++;
		ike_up(clients[(begun - 1) / PER_CORE].ike, name, NULL, waiter, NULL, now_ms());
	}
}

static void input(const struct endpoint *local, const struct endpoint *remote, struct bytes msg,
		  void *arg)
{
	struct node *n = client_of(&local->addr);

	(void)arg;
	if (!n)
		n = &server;
	if (n->ike)
		ike_input(n->ike, local, remote, msg, now_ms());
}

/* false: nothing was on its way */
static bool deliver(void)
{
	struct datagram *d = queue;
	struct bytes msg;
	uint64_t began;

	if (!d)
		return false;
	queue = d->next;
	if (!queue)
		queue_end = &queue;
	msg = (struct bytes){ d->data, d->len };
	if (addr_equal(&d->to.addr, &server.addr)) {
		began = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
		ike_input(server.ike, &d->to, &d->from, msg, now_ms());
		server_ns += clock_ns(CLOCK_PROCESS_CPUTIME_ID) - began;
	} else {
		input(&d->to, &d->from, msg, NULL);
	}
	free(d);
	return true;
}

static void tick(void)
{
	uint64_t now = now_ms(), began;
	unsigned int i;

	for (i = 0; i < n_clients; i++)
		if (ike_next(clients[i].ike) <= now)
			ike_tick(clients[i].ike, now);
	if (server.ike && ike_next(server.ike) <= now) {
		began = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
		ike_tick(server.ike, now);
		server_ns += clock_ns(CLOCK_PROCESS_CPUTIME_ID) - began;
	}
}

/* @out: what else ends it: stdin */
static bool turn(bool until_stdin)
{
	struct pollfd fds[UDP_SOCKETS + 1];
	unsigned int i, n = 0;

	tick();
	if (!udp)
		return deliver() || !until_stdin;
	for (i = 0; i < UDP_SOCKETS; i++)
		if (udp_fd(udp, i) >= 0)
			fds[n++] = (struct pollfd){ .fd = udp_fd(udp, i), .events = POLLIN };
	fds[n] = (struct pollfd){ .fd = until_stdin ? 0 : -1, .events = POLLIN };
	if (poll(fds, n + 1, 20) < 0)
		return false;
	for (i = 0; i < UDP_SOCKETS; i++)
		if (udp_fd(udp, i) >= 0)
			udp_read(udp, i, input, NULL);
	return !fds[n].revents;
}

static void run(void)
{
	uint64_t last = now_ms();
	unsigned int before = 0;

	while (done < count) {
		begin_some();
		turn(false);
		if (done != before) {
			if (udp && count > 1000 && done / 1000 > before / 1000)
				fprintf(stderr, "# %u of %u\n", done, count);
			before = done;
			last = now_ms();
		} else if (now_ms() - last > NO_ANSWER_MS) {
			die("nothing more comes", last_error);
		}
	}
}

static size_t heap(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

static void no_log(enum log_level level, const char *line, void *arg)
{
	(void)level;
	(void)line;
	(void)arg;
}

static void usage(void)
{
	fprintf(stderr, "usage: ike-load [--ike PROPOSAL] [--esp PROPOSAL] [--psk SECRET | --certs DIR] [--in-flight N]\n"
		"                [--first N] [--peer 'MORE OF THE PEER'] [--hold] udp SERVER COUNT | self COUNT |\n"
		"                hub COUNT | serve ADDRESS\n");
	exit(2);
}

static void options(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "ike", required_argument, NULL, 'i' }, { "esp", required_argument, NULL, 'e' },
		{ "psk", required_argument, NULL, 'p' }, { "in-flight", required_argument, NULL, 'n' },
		{ "certs", required_argument, NULL, 'c' }, { "first", required_argument, NULL, 'f' },
		{ "peer", required_argument, NULL, 'x' }, { "hold", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) >= 0) {
		switch (c) {
		case 'i': opt.ike = optarg; break;
		case 'e': opt.esp = optarg; break;
		case 'p': opt.psk = optarg; break;
		case 'c': opt.certs = optarg; break;
		case 'n': opt.in_flight = strtoul(optarg, NULL, 10); break;
		case 'f': opt.first = strtoul(optarg, NULL, 10); break;
		case 'x': opt.peer_extra = optarg; break;
		case 'h': opt.hold = true; break;
		default: usage();
		}
	}
}

static void clients_free(void)
{
	unsigned int i;

	for (i = 0; i < n_clients; i++) {
		ike_free(clients[i].ike);
		conf_free(clients[i].conf);
	}
	free(clients);
	clients = NULL;
	n_clients = 0;
}

/* ---- a hub that begins ---- */

static unsigned int hub_up(void)
{
	unsigned int n = 0;
	const char *state;
	json_t *show = ike_show(server.ike, now_ms()), *p;
	size_t i;

	json_array_foreach(json_object_get(show, "peers"), i, p) {
		state = json_string_value(json_object_get(p, "state"));
		n += state && !strcmp(state, "up");
	}
	json_decref(show);
	return n;
}

static void told(const char *step, uint64_t ns)
{
	printf(",\"%s_ms\":%.1f", step, ns / 1e6);
	fflush(stdout);
}

#define TIMED(step, what) do { \
	uint64_t _began = clock_ns(CLOCK_PROCESS_CPUTIME_ID); \
	what; \
	told(step, clock_ns(CLOCK_PROCESS_CPUTIME_ID) - _began); \
} while (0)

static void hub_set_conf(struct conf *conf)
{
	ike_set_conf(server.ike, conf, now_ms());
	conf_free(server.conf);
	server.conf = conf;
}

/* @what: of the hub itself, without its peers */
static void hub_until_up(const char *what)
{
	uint64_t end = now_ms() + NO_ANSWER_MS;
	unsigned int up = 0, n;

	server_ns = 0;
	while (up < count) {
		while (turn(true))
			;
		n = hub_up();
		if (n != up)
			end = now_ms() + NO_ANSWER_MS;
		else if (now_ms() > end)
			die("nothing more comes up", last_error);
		up = n;
		poll(NULL, 0, 10);
	}
	told(what, server_ns);
}

/* what the module tells, of each tunnel */
static void hub_events(void)
{
	struct kern_sa sa = { .spi = 1, .dir = NFIPSEC_DIR_IN };
	struct kern_flow flow = { .number = 10 };
	unsigned int i;

	for (i = 0; i < count; i++) {
		snprintf(flow.tunnel, sizeof(flow.tunnel), "c%u/t", i);
		memcpy(sa.tunnel, flow.tunnel, sizeof(sa.tunnel));
		ike_acquire(server.ike, &flow, now_ms());
		ike_expire(server.ike, &sa, now_ms());
	}
}

static void hub(const struct addr *a)
{
	struct conf *conf;

	printf("{\"peers\":%u", count);
	server.addr = *a;
	server.ike = ike_new(&ops, &server);
	if (!server.ike)
		die("memory", "none");
	TIMED("read", conf = hub_conf(a, "1d"));
	TIMED("load", hub_set_conf(conf));
	hub_until_up("up");
	TIMED("show", hub_up());
	TIMED("events", hub_events());
	conf = hub_conf(a, "1d");
	TIMED("reload_same", hub_set_conf(conf));
	conf = hub_conf(a, "2d");
	TIMED("reload_other", hub_set_conf(conf));
	hub_until_up("up_again");
	TIMED("end", ike_shutdown(server.ike, now_ms()));
	printf("}\n");
}

/* what the responder has, beside what it had before the first of them */
static void tell(uint64_t began, size_t before)
{
	printf("{\"tunnels\":%u,\"failed\":%u,\"seconds\":%.3f", count, failed,
	       (clock_ns(CLOCK_MONOTONIC) - began) / 1e9);
	if (server.ike) {
		clients_free();
		printf(",\"responder_cpu_us\":%.1f,\"responder_heap\":%zu",
		       server_ns / 1e3 / count, (heap() - before) / count);
	}
	printf("%s%s%s}\n", failed ? ",\"error\":\"" : "", failed ? last_error : "",
	       failed ? "\"" : "");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct addr responder;
	char err[200];
	uint64_t began;
	size_t before;
	unsigned int i;
	bool self, serve, all;

	options(argc, argv);
	argv += optind;
	argc -= optind;
	self = argc == 2 && !strcmp(argv[0], "self");
	serve = argc == 2 && !strcmp(argv[0], "serve");
	all = argc == 2 && !strcmp(argv[0], "hub");
	if (!self && !serve && !all && (argc != 3 || strcmp(argv[0], "udp")))
		usage();
	count = serve ? 0 : strtoul(argv[argc - 1], NULL, 10);
	if ((!count && !serve) || count > 4000000 || !opt.in_flight ||
	    !addr_parse(self || all ? "192.0.2.1" : argv[1], &responder))
		usage();
	if (!crypto_init())
		die("crypto", "not as it should be");
	log_set_sink(no_log, NULL);
	if (!self && !all) {
		udp = udp_open(err, sizeof(err));
		if (!udp)
			die("sockets", err);
	}
	if (self || serve) {
		server.addr = responder;
		load_server(&responder);
	}
	while (serve && turn(true))
		;
	before = heap();
	n_clients = (count + PER_CORE - 1) / PER_CORE;
	clients = calloc(n_clients, sizeof(*clients));
	for (i = 0; i < n_clients; i++) {
		clients[i].first = i * PER_CORE;
		clients[i].n = i + 1 < n_clients ? PER_CORE : count - i * PER_CORE;
		load_client(&clients[i], &responder);
	}
	began = clock_ns(CLOCK_MONOTONIC);
	if (all)
		hub(&responder);
	else
		run();
	if (!serve && !all)
		tell(began, before);
	while (opt.hold && !self && turn(true))
		;
	clients_free();
	if (server.ike) {
		ike_free(server.ike);
		conf_free(server.conf);
	}
	udp_close(udp);
	return failed ? 1 : 0;
}
