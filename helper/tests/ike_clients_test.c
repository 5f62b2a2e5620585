// SPDX-License-Identifier: GPL-2.0
/*
 * 20,000 clients of one block with `remote address any`. What the gateway does for one of them is
 * counted in basic blocks of its code, not timed, and must not grow with the number of the others.
 */
#include <errno.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include <linux/nfipsec.h>

#include "core/log.h"
#include "fuzz/fake_dh.h"
#include "ike/core.h"
#include "v2/v2.h"

#define FEW		1000
#define MANY		20000
#define SAMPLE		250		/* of the clients, evenly spread */
#define PER_CORE	250		/* clients of one core */
#define OUTER		0x0a400000u	/* 10.64.0.0 */
#define INNER		0x0a800000u	/* 10.128.0.0, behind the clients */
#define CLIENT_BYTES	20000		/* of the gateway's memory for each client */

static struct core {
	struct ike *ike;
	struct conf *conf;
} gateway, cores[MANY / PER_CORE];

static struct datagram {
	struct endpoint from, to;
	size_t len;
	uint8_t data[2000];
} ring[64];

static unsigned int n_ring, n_outcomes, n_errors, n_sent, n_strays, n_out, n_gone;
static uint64_t now = 1000000, blocks;
static struct addr expected;		/* the gateway sends nowhere else; family 0: it may */
static bool lost;			/* the gateway's module has no SA */
static long bytes;			/* that the gateway allocated and did not free */
static bool counting, weighing;		/* blocks, and octets too */

void __sanitizer_cov_trace_pc(void);
__attribute__((no_sanitize("address", "undefined"))) void __sanitizer_cov_trace_pc(void)
{
	blocks += counting;
}

/* ASan fills no memory here, which takes most of the time; the tests of each part have that. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "quarantine_size_mb=16:max_malloc_fill_size=0";
}

size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static long allocated(void)
{
	if (__sanitizer_get_current_allocated_bytes)
		return __sanitizer_get_current_allocated_bytes();
	return mallinfo2().uordblks;
}

static void count_from_here(void)
{
	if (weighing)
		bytes -= allocated();
	counting = true;
}

static void count_to_here(void)
{
	counting = false;
	if (weighing)
		bytes += allocated();
}

static struct addr address(uint32_t first, unsigned int i)
{
	uint32_t a = first + i + 1;

	return (struct addr){ .family = AF_INET, .a = { a >> 24, a >> 16, a >> 8, a } };
}

/* ---- what a core asks of its owner ---- */

static void op_send(const struct egress *by, const struct endpoint *local,
		    const struct endpoint *remote, struct bytes msg, void *user)
{
	struct datagram *d = &ring[n_ring++];

	(void)by;
	assert_true(n_ring <= 64 && msg.len <= sizeof(d->data));
	d->from = *local;
	d->to = *remote;
	d->len = msg.len;
	memcpy(d->data, msg.p, msg.len);
	if (user != &gateway)
		return;
	n_sent++;
	n_strays += expected.family && !addr_equal(&expected, &remote->addr);
}

static void op_keepalive(const struct egress *by, const struct endpoint *local,
			 const struct endpoint *remote, void *user)
{
	(void)by;
	(void)local;
	(void)remote;
	(void)user;
}

static int op_sa_add(const struct kern_sa *sa, void *user)
{
	n_out += user == &gateway && sa->dir == NFIPSEC_DIR_OUT;
	return 0;
}

static int op_sa_del(const struct kern_sa *sa, void *user)
{
	(void)sa;
	n_gone += user == &gateway;
	return 0;
}

static int op_sa_get(struct kern_sa *sa, void *user)
{
	sa->packets = sa->idle = 0;
	return user == &gateway && lost ? -ENOENT : 0;
}

static int op_spi_await(const struct kern_sa *sa, bool on, void *user)
{
	(void)sa;
	(void)on;
	(void)user;
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
	n_errors += ev->type == IKE_EVENT_ERROR;
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
	.send = op_send, .keepalive = op_keepalive, .sa_add = op_sa_add, .sa_del = op_sa_del,
	.sa_get = op_sa_get, .spi_await = op_spi_await, .tfc = op_tfc, .job = op_job,
	.event = op_event, .local_addr = op_local_addr,
};

/* ---- the gateway and its clients ---- */

static void load(struct core *core, const char *text)
{
	static const char secrets[] = "psk any any \"secret\"\n";
	struct conf_error err = { .text = "" };

	core->conf = conf_parse(text, strlen(text), "f", &err);
	if (!core->conf || !conf_secrets_parse(core->conf, secrets, strlen(secrets), "s", &err))
		fail_msg("%s", err.text);
	core->ike = ike_new(&ops, core);
	assert_non_null(core->ike);
	ike_set_conf(core->ike, core->conf, now);
}

static void load_clients(unsigned int first)
{
	char *text, outer[ADDR_STRLEN], inner[ADDR_STRLEN];
	struct addr a;
	unsigned int i;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	for (i = first; i < first + PER_CORE; i++) {
		a = address(OUTER, i);
		addr_str(&a, outer, sizeof(outer));
		a = address(INNER, i);
		addr_str(&a, inner, sizeof(inner));
		fprintf(f, "access-list l%u { 10 protect ip from %s to 10.1.0.0/16 }\n"
			"peer c%u { local address %s id fqdn c%u.example.com\n"
			" remote address 192.0.2.1 id fqdn hq.example.com auth psk\n"
			" ike aes128gcm16-prfsha256-x25519 dpd 0s ike-lifetime 1d\n"
			" tunnel t { access-list l%u esp aes128gcm16 start manual lifetime 1d } }\n",
			i, inner, i, outer, i, i);
	}
	fclose(f);
	load(&cores[first / PER_CORE], text);
	free(text);
}

static struct core *core_of(unsigned int i)
{
	return &cores[i / PER_CORE];
}

static void arrive(const struct datagram *d)
{
	struct bytes msg = { d->data, d->len };
	struct addr first = address(OUTER, 0);
	uint32_t i;

	if (addr_len(&d->to.addr) == 4 && d->to.addr.a[0] == 192) {
		count_from_here();
		ike_input(gateway.ike, &d->to, &d->from, msg, now);
		count_to_here();
		return;
	}
	i = get_u32(d->to.addr.a) - get_u32(first.a);
	assert_true(i < MANY);
	ike_input(core_of(i)->ike, &d->to, &d->from, msg, now);
}

/* false: nothing is in flight */
static bool step(void)
{
	struct datagram d;

	if (!n_ring)
		return false;
	d = ring[0];
	memmove(ring, ring + 1, --n_ring * sizeof(d));
	arrive(&d);
	return true;
}

/* until nothing is in flight; a little time passes for the gateway and for the client's core */
static void run(unsigned int i)
{
	while (step())
		;
	now += 20;
	count_from_here();
	ike_tick(gateway.ike, now);
	count_to_here();
	ike_tick(core_of(i)->ike, now);
	while (step())
		;
}

static void waiter(void *arg, const char *error)
{
	(void)arg;
	n_outcomes += !error;
}

static const char *name_of(unsigned int i)
{
	static char name[20];

	snprintf(name, sizeof(name), "c%u", i);
	return name;
}

static struct ike_child *child_of(unsigned int i)
{
	struct ike_peer *peer = ike_peer_by_name(core_of(i)->ike, name_of(i));
	struct ike_child *c = peer->sas->children;

	while (c && (c->state != IKE_CHILD_UP || c->replaced))
		c = c->next;
	assert_non_null(c);
	return c;
}

/* ---- what a client does, and what is done for it ---- */

static void connect_one(unsigned int i)
{
	ike_up(core_of(i)->ike, name_of(i), NULL, waiter, NULL, now);
	run(i);
}

/* the packet goes to its client and to no other */
static void acquire(unsigned int i)
{
	struct addr here;
	struct kern_flow flow = { .dir = NFIPSEC_DIR_OUT, .number = 10, .tunnel = "clients/t",
				  .proto = 17, .sport = 1000, .dport = 53, .dst = address(INNER, i) };

	assert_true(addr_parse("10.1.0.7", &here));
	flow.src = here;
	expected = address(OUTER, i);
	n_sent = 0;
	lost = true;
	count_from_here();
	ike_acquire(gateway.ike, &flow, now);
	count_to_here();
	lost = false;
	assert_int_equal(n_sent, 1);
	assert_int_equal(n_strays, 0);
	expected.family = 0;
	run(i);
}

static void rekey_child(unsigned int i)
{
	ike_child_rekey(child_of(i));
	run(i);
}

static void rekey_ike(unsigned int i)
{
	v2_renew(child_of(i)->sa);
	run(i);
}

/* the gateway's basic blocks for each of SAMPLE clients among @n */
static uint64_t cost(void (*fn)(unsigned int), unsigned int n)
{
	unsigned int i;

	blocks = 0;
	for (i = 0; i < SAMPLE; i++)
		fn(i * (n / SAMPLE));
	return blocks / SAMPLE;
}

static void settle(void)
{
	unsigned int i;

	for (i = 0; i < 400; i++)
		run(0);
	for (i = 0; i < MANY / PER_CORE; i++)
		if (cores[i].ike)
			run(i * PER_CORE);
}

struct costs {
	uint64_t connect, acquire, rekey_child, rekey_ike, bytes;
};

static unsigned int n_connected;

/* Counts the cost of each of SAMPLE clients that connect as the last of @n clients. */
static void measure(unsigned int n, struct costs *out)
{
	while (n_connected < n) {
		if (n_connected % PER_CORE == 0)
			load_clients(n_connected);
		if (n_connected == n - SAMPLE) {
			blocks = 0;
			bytes = 0;
			weighing = true;
		}
		connect_one(n_connected++);
	}
	weighing = false;
	out->connect = blocks / SAMPLE;
	out->bytes = bytes / SAMPLE;
	assert_int_equal(n_outcomes, n);
	settle();
	out->rekey_child = cost(rekey_child, n);
	out->rekey_ike = cost(rekey_ike, n);
	settle();
	out->acquire = cost(acquire, n);
	settle();
	assert_int_equal(n_errors, 0);
}

static void no_growth(const char *what, uint64_t few, uint64_t many)
{
	print_message("%s: %lu with %u clients, %lu with %u\n", what, (unsigned long)few, FEW,
		      (unsigned long)many, MANY);
	assert_true(few > 0 && many <= few * 3 / 2);
}

static void cost_of_one_among_many(void **state)
{
	struct costs few, many;

	(void)state;
	measure(FEW, &few);
	measure(MANY, &many);
	no_growth("connect", few.connect, many.connect);
	no_growth("rekey a CHILD SA", few.rekey_child, many.rekey_child);
	no_growth("rekey an IKE SA", few.rekey_ike, many.rekey_ike);
	no_growth("a packet", few.acquire, many.acquire);
	no_growth("octets", few.bytes, many.bytes);
	assert_in_range(many.bytes, 1, CLIENT_BYTES);
	/* nothing stays of what was rekeyed */
	now += 600000;
	settle();
	assert_int_equal(gateway.ike->n_sas, MANY);
	/* unique.c leaves most of the duplicates that acquire() made until they end */
	assert_in_range(gateway.ike->by_spi_in.n, MANY, MANY + 2 * SAMPLE);
}

/* ---- with thousands connected ---- */

static void packet_for_nobody(void **state)
{
	struct kern_flow flow = { .dir = NFIPSEC_DIR_OUT, .number = 10, .tunnel = "clients/t",
				  .proto = 17, .dst = address(INNER, MANY + 5) };

	(void)state;
	assert_true(addr_parse("10.1.0.7", &flow.src));
	n_sent = 0;
	ike_acquire(gateway.ike, &flow, now);
	assert_int_equal(n_sent, 0);
}

/* The DELETE of one client does not install the deferred outbound SA of another client. */
static void deferred_of_another(void **state)
{
	(void)state;
	n_out = 0;
	ike_child_rekey(child_of(7));
	assert_true(step() && step());
	/* its DELETE of the old one is lost */
	n_ring = 0;
	assert_int_equal(n_out, 0);
	rekey_child(8);
	assert_int_equal(n_out, 1);
	/* a copy of the DELETE arrives */
	now += 2000;
	run(7);
	assert_int_equal(n_out, 2);
}

/* a client that disconnects takes along its own SAs, and not what another may still send by */
static void lingering_of_another(void **state)
{
	(void)state;
	settle();
	rekey_child(9);
	n_gone = 0;
	ike_down(core_of(10)->ike, name_of(10), NULL, waiter, NULL, now);
	while (step())
		;
	assert_int_equal(n_gone, 2);
}

/* an address that a client gave up is for another */
static void address_is_free_again(void **state)
{
	struct addr a = address(INNER, 10);
	struct kern_sel sel = { .src = { .port_max = 65535 }, .dst = { .port_max = 65535 } };
	struct ike_peer *peer = gateway.ike->peers;
	unsigned int n;

	(void)state;
	assert_true(addr_parse("10.1.0.0", &sel.src.min) && addr_parse("10.1.255.255", &sel.src.max));
	sel.dst.min = sel.dst.max = a;
	n = n_errors;
	assert_int_equal(ike_client_share(peer->sas, peer->tunnels, &sel, 1), 1);
	assert_int_equal(n_errors, n);
	/* the gateway grants no address that another client holds */
	a = address(INNER, 11);
	sel.dst.min = sel.dst.max = a;
	assert_int_equal(ike_client_share(peer->sas, peer->tunnels, &sel, 1), 0);
	assert_int_equal(n_errors, n + 1);
}

/* ---- */

static int up(void **state)
{
	(void)state;
	load(&gateway, "limits { cookies-from 1000000 }\n"
	     "access-list l { 10 protect ip from 10.1.0.0/16 to 10.128.0.0/10 }\n"
	     "peer clients { local address 192.0.2.1 id fqdn hq.example.com remote address any id any\n"
	     " auth psk ike aes128gcm16-prfsha256-x25519 dpd 0s ike-lifetime 1d\n"
	     " tunnel t { access-list l esp aes128gcm16 lifetime 1d } }\n");
	return 0;
}

static int down(void **state)
{
	unsigned int i;

	(void)state;
	ike_free(gateway.ike);
	conf_free(gateway.conf);
	for (i = 0; i < MANY / PER_CORE && cores[i].ike; i++) {
		ike_free(cores[i].ike);
		conf_free(cores[i].conf);
	}
	return 0;
}

static void no_log(enum log_level level, const char *line, void *arg)
{
	(void)level;
	(void)line;
	(void)arg;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cost_of_one_among_many),
		cmocka_unit_test(packet_for_nobody),
		cmocka_unit_test(deferred_of_another),
		cmocka_unit_test(lingering_of_another),
		cmocka_unit_test(address_is_free_again),
	};

	if (!crypto_init())
		return 1;
	log_set_sink(no_log, NULL);
	return cmocka_run_group_tests(tests, up, down);
}
