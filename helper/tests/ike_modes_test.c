// SPDX-License-Identifier: GPL-2.0
/*
 * What a CHILD SA can be: transport mode (RFC 7296 1.3.1, 2.23.1), AH, implicit IVs,
 * IPv6 inside and outside; and peers whose NAT moves them (RFC 7296 2.23).
 */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <linux/nfipsec.h>

#include "ike_bend.h"
#include "v2/v2.h"

#define HOSTS_A "10 protect ip from 192.0.2.1 to 192.0.2.2"
#define HOSTS_B "10 protect ip from 192.0.2.2 to 192.0.2.1"

static const struct world_conf host_a = { .mode = "transport", .entries = HOSTS_A };
static const struct world_conf host_b = { .mode = "transport", .entries = HOSTS_B };

static void assert_sel(const struct fake_sa *sa, unsigned int i, const char *src, const char *dst)
{
	char s[TS_STRLEN];

	assert_non_null(sa);
	assert_true(i < sa->n_sels);
	assert_string_equal(ts_str(&sa->sels[i].src, s, sizeof(s)), src);
	assert_string_equal(ts_str(&sa->sels[i].dst, s, sizeof(s)), dst);
}

static void all_have(const struct node *n, uint8_t proto, uint8_t mode)
{
	const struct fake_sa *sa;

	for (sa = n->sas; sa < n->sas + WORLD_SAS; sa++) {
		if (!sa->used)
			continue;
		assert_int_equal(sa->proto, proto);
		assert_int_equal(sa->mode, mode);
	}
}

/* rekeyed by either end, it is still what it was; then it goes */
static void rekey_and_end(struct world *w, uint8_t proto, uint8_t mode)
{
	struct node *by[] = { &w->a, &w->b };
	uint32_t spi;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		spi = node_newest(&w->a, NFIPSEC_DIR_OUT)->spi;
		w->now += 1000;
		node_expire(by[i], node_newest(by[i], NFIPSEC_DIR_OUT), false);
		world_deliver(w);
		world_is_up(w);
		assert_int_not_equal(node_newest(&w->a, NFIPSEC_DIR_OUT)->spi, spi);
		all_have(&w->a, proto, mode);
		all_have(&w->b, proto, mode);
	}
	node_down(&w->b, NULL);
	world_deliver(w);
	world_nothing_left(w);
	world_free(w);
}

static void transport(void **state)
{
	struct world *w = world_up(&host_a, &host_b);

	(void)state;
	all_have(&w->a, IPPROTO_ESP, NFIPSEC_MODE_TRANSPORT);
	all_have(&w->b, IPPROTO_ESP, NFIPSEC_MODE_TRANSPORT);
	assert_sel(node_newest(&w->a, NFIPSEC_DIR_OUT), 0, "192.0.2.1", "192.0.2.2");
	assert_non_null(node_line(&w->a, IKE_EVENT_CHILD_UP, "in transport mode"));
	rekey_and_end(w, IPPROTO_ESP, NFIPSEC_MODE_TRANSPORT);
}

/* what an access list says beyond the two hosts is not asked for, and not granted */
static void transport_is_between_hosts(void **state)
{
	static const struct world_conf a = {
		.mode = "transport",
		.entries = "10 protect tcp from 192.0.2.0/24 to 192.0.0.0/16 port 80\n"
			   "20 protect udp from any to 0.0.0.0/0",
	};
	static const struct world_conf b = { .mode = "transport",
					     .entries = "10 protect ip from any to 192.0.2.0/24" };
	struct world *w = world_up(&a, &b);

	(void)state;
	assert_int_equal(node_newest(&w->a, NFIPSEC_DIR_OUT)->n_sels, 2);
	assert_sel(node_newest(&w->a, NFIPSEC_DIR_OUT), 0, "tcp 192.0.2.1", "tcp 192.0.2.2 port 80");
	assert_sel(node_newest(&w->a, NFIPSEC_DIR_OUT), 1, "udp 192.0.2.1", "udp 192.0.2.2");
	world_free(w);
}

/* RFC 7296 1.3.1: unacceptable, so the SA is deleted */
static void transport_declined(void **state)
{
	static const struct world_conf b = { .entries = HOSTS_B };
	struct world *w = world_new(&host_a, &b);

	(void)state;
	node_up(&w->a, NULL);
	world_deliver(w);
	assert_true(w->a.up_done);
	assert_non_null(strstr(w->a.up_error, "192.0.2.2 chose tunnel mode: offered transport mode, "
			       "and expected it"));
	assert_int_equal(node_count(&w->a, IKE_EVENT_ERROR), 1);
	assert_int_equal(node_sas(&w->a), 0);
	assert_int_equal(node_sas(&w->b), 0);
	world_free(w);
}

static void transport_not_asked_for(void **state)
{
	static const struct world_conf a = { .entries = HOSTS_A };
	struct world *w = world_new(&a, &host_b);

	(void)state;
	node_up(&w->a, NULL);
	world_deliver(w);
	assert_non_null(strstr(w->a.up_error, "accepts no ESP proposal of ours"));
	assert_non_null(node_line(&w->b, IKE_EVENT_ERROR, "no common mode with 192.0.2.1: offered "
				  "tunnel, expected transport"));
	assert_int_equal(node_sas(&w->a) + node_sas(&w->b), 0);
	world_free(w);
}

/* of two tunnels that fit, the one of the mode that is asked for */
static void mode_chooses_the_tunnel(void **state)
{
	static const struct world_conf b = {
		.entries = "10 protect ip from any to 192.0.0.0/8\n}\naccess-list h {\n" HOSTS_B,
		.extra_tunnel = "}\n tunnel h {\n access-list h\n esp aes128gcm16\n mode transport",
	};
	struct world *w = world_up(&host_a, &b);

	(void)state;
	assert_string_equal(node_newest(&w->b, NFIPSEC_DIR_OUT)->tunnel, "p/h");
	world_free(w);
}

static void ah(void **state)
{
	static const struct world_conf conf = { .ah = "sha256-ecp256 aesxcbc" };
	static const struct world_conf host6_a = {
		.ah = "sha512-noesn", .six = true, .mode = "transport",
		.entries = "10 protect ip from 2001:db8::1 to 2001:db8::2",
	};
	static const struct world_conf host6_b = {
		.ah = "sha512-noesn", .mode = "transport",
		.entries = "10 protect ip from 2001:db8::2 to 2001:db8::1",
	};
	struct world *w = world_up(&conf, &conf);
	struct fake_sa *out = node_newest(&w->a, NFIPSEC_DIR_OUT);

	(void)state;
	assert_int_equal(out->integ, INTEG_HMAC_SHA2_256_128);
	assert_int_equal(out->integ_key_len, 32);
	assert_int_equal(out->encr_key_len, 0);
	assert_true(out->esn);
	assert_non_null(node_line(&w->b, IKE_EVENT_CHILD_UP, "up: AH sha256"));
	all_have(&w->b, IPPROTO_AH, NFIPSEC_MODE_TUNNEL);
	rekey_and_end(w, IPPROTO_AH, NFIPSEC_MODE_TUNNEL);

	w = world_up(&host6_a, &host6_b);
	out = node_newest(&w->b, NFIPSEC_DIR_IN);
	assert_false(out->esn);
	assert_int_equal(out->integ_key_len, 64);
	rekey_and_end(w, IPPROTO_AH, NFIPSEC_MODE_TRANSPORT);
}

/* RFC 7296 3.11: an SPI is one of a protocol, in DELETE and in REKEY_SA */
static void spis_are_of_a_protocol(void **state)
{
	static const struct world_conf conf = { .ah = "sha256" };
	struct world *w = world_up(&conf, &conf);
	uint32_t spi = bend_sa(&w->b)->children->spi_out;
	struct packet like;
	struct bend m;

	(void)state;
	/* A's own request, with the other protocol */
	w->cut = true;
	node_expire(&w->a, node_newest(&w->a, NFIPSEC_DIR_OUT), false);
	like = w->a.log[w->a.n_log - 1];
	assert_true(bend_open(w, &like, &m));
	assert_int_equal(bend_find_notify(&m, WIRE_N_REKEY_SA)->body.p[0], PROTO_AH);
	bend_find_notify(&m, WIRE_N_REKEY_SA)->body.p[0] = PROTO_ESP;
	bend_send(w, &m, &like);
	world_deliver(w);
	assert_int_equal(node_sas(&w->b), 2);
	assert_non_null(node_line(&w->b, IKE_EVENT_EXCHANGE, "N(CHILD_SA_NOT_FOUND)"));

	bend_sa(&w->a)->next_out = bend_sa(&w->b)->next_in;
	bend_new(&w->a, &m, WIRE_INFORMATIONAL, false);
	bend_delete(&m, PROTO_ESP, &spi, 1);
	bend_send_from(&w->a, &m);
	world_deliver(w);
	assert_int_equal(node_sas(&w->b), 2);

	bend_new(&w->a, &m, WIRE_INFORMATIONAL, false);
	bend_delete(&m, PROTO_AH, &spi, 1);
	bend_send_from(&w->a, &m);
	world_deliver(w);
	assert_int_equal(node_sas(&w->b), 0);
	world_free(w);
}

static void ah_against_esp(void **state)
{
	static const struct world_conf a = { .ah = "sha256" };
	struct world *w = world_new(&a, NULL);

	(void)state;
	node_up(&w->a, NULL);
	world_deliver(w);
	assert_non_null(strstr(w->a.up_error, "accepts no AH proposal of ours"));
	assert_non_null(node_line(&w->b, IKE_EVENT_ERROR,
				  "no common ESP proposal with 192.0.2.1: protocol: offered AH, expected ESP"));
	world_free(w);
}

/* RFC 8750: numbers of their own, so a peer that has only the usual ones chooses those */
static void implicit_iv(void **state)
{
	static const struct world_conf a = { .esp = "aes256gcm16iiv chacha20poly1305iiv aes256gcm16" };
	static const struct world_conf b = { .esp = "chacha20poly1305iiv aes256gcm16" };
	static const struct world_conf plain = { .esp = "aes256gcm16" };
	struct world *w = world_up(&a, &b);

	(void)state;
	assert_int_equal(node_newest(&w->a, NFIPSEC_DIR_OUT)->encr, ENCR_CHACHA20_POLY1305_IIV);
	assert_int_equal(node_newest(&w->a, NFIPSEC_DIR_OUT)->encr_key_len, 36);
	world_free(w);
	w = world_up(&a, &plain);
	assert_int_equal(node_newest(&w->a, NFIPSEC_DIR_OUT)->encr, ENCR_AES_GCM_16);
	world_free(w);
}

static void bundles_are_not_negotiated(void **state)
{
	static const struct world_conf a = { .start = "manual", .extra_tunnel = "ah sha256" };
	struct world *w = world_new(&a, NULL);

	(void)state;
	node_up(&w->a, "t");
	assert_string_equal(w->a.up_error, "p/t: IKEv2 cannot negotiate ESP and AH together: its SAs "
			    "are set by hand (nfipsec sa add)");
	assert_int_equal(w->n_packets, 0);
	/* nor does the peer get one */
	node_up(&w->b, "t");
	world_deliver(w);
	assert_non_null(strstr(w->b.up_error, "TS_UNACCEPTABLE"));
	assert_int_equal(node_sas(&w->a) + node_sas(&w->b), 0);
	world_free(w);
}

static void ipv6_outside_and_inside(void **state)
{
	static const struct world_conf a = {
		.six = true, .entries = "10 protect ip from 10.1.0.0/16 to 10.2.0.0/16\n"
					"20 protect ip from 2001:db8:1::/48 to 2001:db8:2::/48",
	};
	static const struct world_conf b = {
		.entries = "10 protect ip from 10.2.0.0/16 to 10.1.0.0/16\n"
			   "20 protect tcp from 2001:db8:2:7::/64 port 80 to 2001:db8::/32",
	};
	struct world *w = world_new(&a, &b);
	struct fake_sa *out;

	(void)state;
	node_acquire(&w->a, "10.1.0.1", "10.2.0.1");
	world_deliver(w);
	world_is_up(w);
	out = node_newest(&w->a, NFIPSEC_DIR_OUT);
	assert_int_equal(out->remote.family, AF_INET6);
	assert_int_equal(out->encap_local, 0);
	assert_int_equal(out->n_sels, 2);
	assert_sel(out, 0, "10.1.0.0/16", "10.2.0.0/16");
	assert_sel(out, 1, "tcp 2001:db8:1::/48", "tcp 2001:db8:2:7::/64 port 80");
	assert_non_null(node_line(&w->a, IKE_EVENT_CHILD_UP, "CHILD SA with 2001:db8::2 up"));
	world_free(w);
}

/* without an id, the address: 16 octets of ID_IPV6_ADDR */
static void ipv6_is_the_default_id(void **state)
{
	static const struct world_conf a = { .six = true, .addr_ids = true };
	static const struct world_conf b = { .addr_ids = true };
	struct world *w = world_up(&a, &b);

	(void)state;
	assert_int_equal(w->b.ike->sas->remote_id.type, WIRE_ID_IPV6);
	assert_string_equal(w->b.ike->sas->remote_id.text, "2001:db8::1");
	world_free(w);
}

/* ---- NAT ---- */

static uint16_t nat_port;		/* what A's port 4500 has become */
static const char *nat_addr;		/* and its address; NULL: its own */

static unsigned int nat(struct world *w, const struct packet *p, unsigned int n)
{
	struct packet other = *p;
	struct addr outside;

	(void)n;
	outside = w->a.addr;
	if (nat_addr)
		assert_true(addr_parse(nat_addr, &outside));
	if (addr_equal(&p->from.addr, &w->a.addr)) {
		other.from.addr = outside;
		other.from.port = p->from.port == 500 ? 1500 : nat_port;
	} else {
		/* a mapping that is gone leads nowhere */
		if (!addr_equal(&p->to.addr, &outside) ||
		    p->to.port != (p->from.port == 500 ? 1500 : nat_port))
			return 0;
		other.to.addr = w->a.addr;
		other.to.port = p->from.port;
	}
	world_send(w, &other);
	return 0;
}

static struct world *behind_nat(const struct world_conf *a, const struct world_conf *b)
{
	struct world *w = world_new(a, b);

	nat_port = 5500;
	nat_addr = NULL;
	w->filter = nat;
	node_up(&w->a, NULL);
	world_deliver(w);
	assert_string_equal(w->a.up_error, "");
	world_is_up(w);
	return w;
}

static void all_go_to(const struct node *n, const char *addr, uint16_t port)
{
	const struct fake_sa *sa;
	char s[ADDR_STRLEN];

	for (sa = n->sas; sa < n->sas + WORLD_SAS; sa++) {
		if (!sa->used)
			continue;
		assert_string_equal(addr_str(&sa->remote, s, sizeof(s)), addr);
		assert_int_equal(sa->encap_local, 4500);
		assert_int_equal(sa->encap_remote, port);
	}
}

/* an authenticated ESP packet from elsewhere: both SAs and the IKE SA follow */
static void mapping_by_esp(void **state)
{
	struct world *w = behind_nat(NULL, NULL);

	(void)state;
	all_go_to(&w->b, "192.0.2.1", 5500);
	nat_port = 5501;
	node_mapping(&w->b, node_newest(&w->b, NFIPSEC_DIR_IN), "192.0.2.1", 5501);
	all_go_to(&w->b, "192.0.2.1", 5501);
	assert_int_equal(w->b.moves, 2);
	assert_non_null(node_line(&w->b, IKE_EVENT_MOVED,
				  "moved from 192.0.2.1[5500] to 192.0.2.1[5501]"));
	/* told once more, and nothing is to be done */
	node_mapping(&w->b, node_newest(&w->b, NFIPSEC_DIR_IN), "192.0.2.1", 5501);
	assert_int_equal(w->b.moves, 2);
	/* what B asks now gets through */
	node_expire(&w->b, node_newest(&w->b, NFIPSEC_DIR_OUT), false);
	world_deliver(w);
	world_is_up(w);
	all_go_to(&w->b, "192.0.2.1", 5501);
	node_down(&w->b, NULL);
	world_deliver(w);
	world_nothing_left(w);
	world_free(w);
}

/* an authenticated IKE request from elsewhere, and from another address */
static void mapping_by_ike(void **state)
{
	static const struct world_conf b = { .remote = "any" };
	struct world *w = behind_nat(NULL, &b);

	(void)state;
	nat_port = 7000;
	nat_addr = "198.51.100.9";
	w->now += 1000;
	node_expire(&w->a, node_newest(&w->a, NFIPSEC_DIR_OUT), false);
	world_deliver(w);
	world_is_up(w);
	all_go_to(&w->b, "198.51.100.9", 7000);
	assert_int_equal(node_count(&w->b, IKE_EVENT_MOVED), 1);
	/* who is behind the NAT sees nothing of it */
	all_go_to(&w->a, "192.0.2.2", 4500);
	assert_int_equal(w->a.moves, 0);
	node_down(&w->b, NULL);
	world_deliver(w);
	world_nothing_left(w);
	world_free(w);
}

/* RFC 7296 2.23: not by a host behind a NAT, and not where there is none */
static void who_does_not_follow(void **state)
{
	struct world *w = behind_nat(NULL, NULL);

	(void)state;
	node_mapping(&w->a, node_newest(&w->a, NFIPSEC_DIR_IN), "203.0.113.6", 4500);
	node_mapping(&w->a, node_newest(&w->a, NFIPSEC_DIR_IN), "192.0.2.2", 4501);
	assert_int_equal(w->a.moves, 0);
	all_go_to(&w->a, "192.0.2.2", 4500);
	world_free(w);

	w = world_up(NULL, NULL);
	node_mapping(&w->b, node_newest(&w->b, NFIPSEC_DIR_IN), "203.0.113.6", 4500);
	assert_int_equal(w->b.moves, 0);
	assert_int_equal(node_newest(&w->b, NFIPSEC_DIR_IN)->encap_local, 0);
	world_free(w);
}

/* what is not authenticated moves nobody: the last octet is of the ICV */
static void forged_messages_move_nobody(void **state)
{
	struct world *w = behind_nat(NULL, NULL);
	struct packet forged;

	(void)state;
	w->cut = true;
	w->filter = NULL;
	node_down(&w->a, NULL);
	forged = w->a.log[w->a.n_log - 1];
	forged.data[forged.len - 1] ^= 1;
	forged.from.port = 6666;
	world_send(w, &forged);
	world_deliver(w);
	all_go_to(&w->b, "192.0.2.1", 5500);
	assert_int_equal(w->b.moves, 0);
	assert_int_equal(node_counter(&w->b, "bad_icv"), 1);
	world_free(w);
}

/* RFC 3948 3.1.2: with which addresses the peer makes its checksums */
static void assert_orig(struct node *n, const char *local, const char *remote)
{
	const struct fake_sa *in = node_newest(n, NFIPSEC_DIR_IN);
	char s[ADDR_STRLEN];

	assert_string_equal(addr_str(&in->orig_local, s, sizeof(s)), local);
	assert_string_equal(addr_str(&in->orig_remote, s, sizeof(s)), remote);
	assert_int_equal(node_newest(n, NFIPSEC_DIR_OUT)->orig_remote.family, 0);
}

/* RFC 7296 2.23.1: each side has its own idea of A's address */
static void transport_through_nat(void **state)
{
	static const struct world_conf b = { .mode = "transport", .remote = "any",
		.entries = "10 protect udp from 192.0.2.2 port 1701 to 0.0.0.0/0" };
	struct world *w = world_new(&host_a, &b);

	(void)state;
	nat_port = 5500;
	nat_addr = "203.0.113.5";
	w->filter = nat;
	node_up(&w->a, NULL);
	world_deliver(w);
	assert_string_equal(w->a.up_error, "");
	assert_int_equal(node_sas(&w->a), 2);
	assert_int_equal(node_sas(&w->b), 2);
	assert_sel(node_newest(&w->a, NFIPSEC_DIR_OUT), 0, "udp 192.0.2.1", "udp 192.0.2.2 port 1701");
	assert_sel(node_newest(&w->b, NFIPSEC_DIR_OUT), 0, "udp 192.0.2.2 port 1701",
		   "udp 203.0.113.5");
	all_have(&w->b, IPPROTO_ESP, NFIPSEC_MODE_TRANSPORT);
	assert_orig(&w->a, "203.0.113.5", "192.0.2.2");
	assert_orig(&w->b, "192.0.2.2", "192.0.2.1");
	/* B begins: it knows A by the NAT's address, and A knows that for its own */
	w->now += 1000;
	node_expire(&w->b, node_newest(&w->b, NFIPSEC_DIR_OUT), false);
	world_deliver(w);
	assert_int_equal(node_sas(&w->a), 2);
	assert_int_equal(node_sas(&w->b), 2);
	assert_int_equal(node_count(&w->a, IKE_EVENT_ERROR) + node_count(&w->b, IKE_EVENT_ERROR), 0);
	assert_sel(node_newest(&w->a, NFIPSEC_DIR_OUT), 0, "udp 192.0.2.1", "udp 192.0.2.2 port 1701");
	assert_sel(node_newest(&w->b, NFIPSEC_DIR_IN), 0, "udp 203.0.113.5", "udp 192.0.2.2 port 1701");
	assert_orig(&w->a, "203.0.113.5", "192.0.2.2");
	assert_orig(&w->b, "192.0.2.2", "192.0.2.1");
	world_free(w);
}

/* RFC 4302: the NAT would change what is signed */
static void ah_and_nat(void **state)
{
	static const struct world_conf conf = { .ah = "sha256" };
	struct world *w = world_new(&conf, &conf);

	(void)state;
	nat_port = 5500;
	nat_addr = NULL;
	w->filter = nat;
	node_up(&w->a, NULL);
	world_deliver(w);
	assert_non_null(strstr(w->a.up_error, "a NAT is between us, which AH cannot pass"));
	assert_int_equal(node_sas(&w->a) + node_sas(&w->b), 0);
	world_free(w);
}

static void nat_over_ipv6(void **state)
{
	static const struct world_conf a = { .six = true };
	struct world *w = behind_nat(&a, NULL);

	(void)state;
	all_go_to(&w->a, "2001:db8::2", 4500);
	all_go_to(&w->b, "2001:db8::1", 5500);
	world_free(w);
}

static void tfc_is_told(void **state)
{
	static const struct world_conf a = { .extra_tunnel = "tfc mtu" };
	struct world *w = world_up(&a, NULL);

	(void)state;
	assert_true(w->a.tfc_told && w->a.tfc_allowed);
	/* its configuration has none, so there is nothing to say */
	assert_false(w->b.tfc_told);
	world_free(w);
}

/* ESP_TFC_PADDING_NOT_SUPPORTED: known before a packet can leave by the SA */
static void tfc_is_refused(void **state)
{
	static const struct world_conf a = { .extra_tunnel = "tfc mtu" };
	static const struct bytes none = { NULL, 0 };
	struct world *w = world_up(&a, NULL);
	struct v2_in in = { .sa = w->a.ike->sas };
	struct ike_child_keys keys = { .encr_len = 20 };
	struct ike_child *up = in.sa->children, *child;
	struct ike_proposal p = up->prop;
	struct wire_ts local, remote;
	struct v2_out out;
	uint8_t bad;

	(void)state;
	ike_ts_lists(up->sels, up->n_sels, &local, &remote);
	v2_out_init(&out);
	v2_put_notify(&out, WIRE_N_ESP_TFC_PADDING_NOT_SUPPORTED, none);
	p.number = 1;
	wire_put_sa(&out.w, &p, 1);
	wire_put_ts(&out.w, WIRE_PLD_TSI, remote.ts, remote.n);
	wire_put_ts(&out.w, WIRE_PLD_TSR, local.ts, local.n);
	assert_int_equal(wire_v2_walk(out.first, buf_bytes(&out.body), &in.inner, &bad), WIRE_OK);
	assert_int_equal(v2_child_select(&in, false, NULL, &child), 0);
	assert_true(child->no_tfc);
	child->spi_out = 0x12345678;
	assert_int_equal(ike_install(child, false, &keys), 0);
	assert_false(w->a.tfc_allowed);
	ike_child_free(child, "seen");
	v2_out_free(&out);
	world_free(w);
}

/* RFC 7296 2.23.1: of selectors of several addresses none stands for the one in front of a NAT */
static void one_address_is_substituted(void **state)
{
	static struct wire_ts ts;
	struct addr a, b, front;

	(void)state;
	assert_true(addr_parse("10.0.0.1", &a) && addr_parse("10.0.0.2", &b) &&
		    addr_parse("192.0.2.7", &front));
	ts.n = 2;
	ts_from_prefix(&a, 32, &ts.ts[0]);
	ts_from_prefix(&a, 32, &ts.ts[1]);
	assert_true(ike_ts_substitute(&ts, &front));
	assert_true(addr_equal(&ts.ts[0].min, &front) && addr_equal(&ts.ts[1].max, &front));
	ts_from_prefix(&a, 32, &ts.ts[0]);
	ts_from_prefix(&b, 32, &ts.ts[1]);
	assert_false(ike_ts_substitute(&ts, &front));
	assert_true(addr_equal(&ts.ts[0].min, &a) && addr_equal(&ts.ts[1].max, &b));
	ts_from_prefix(&a, 31, &ts.ts[0]);
	ts.n = 1;
	assert_false(ike_ts_substitute(&ts, &front));
	assert_true(addr_equal(&ts.ts[0].max, &a) || addr_equal(&ts.ts[0].min, &a));
	assert_false(addr_equal(&ts.ts[0].max, &front));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_address_is_substituted),
		cmocka_unit_test(transport),
		cmocka_unit_test(transport_is_between_hosts),
		cmocka_unit_test(transport_declined),
		cmocka_unit_test(transport_not_asked_for),
		cmocka_unit_test(mode_chooses_the_tunnel),
		cmocka_unit_test(ah),
		cmocka_unit_test(spis_are_of_a_protocol),
		cmocka_unit_test(ah_against_esp),
		cmocka_unit_test(implicit_iv),
		cmocka_unit_test(bundles_are_not_negotiated),
		cmocka_unit_test(ipv6_outside_and_inside),
		cmocka_unit_test(ipv6_is_the_default_id),
		cmocka_unit_test(mapping_by_esp),
		cmocka_unit_test(mapping_by_ike),
		cmocka_unit_test(who_does_not_follow),
		cmocka_unit_test(forged_messages_move_nobody),
		cmocka_unit_test(transport_through_nat),
		cmocka_unit_test(ah_and_nat),
		cmocka_unit_test(nat_over_ipv6),
		cmocka_unit_test(tfc_is_told),
		cmocka_unit_test(tfc_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
