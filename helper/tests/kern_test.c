// SPDX-License-Identifier: GPL-2.0
/* Attributes of the netlink interface, put and got back, without a kernel. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include <linux/genetlink.h>
#include <linux/nfipsec.h>

#include "sys/kern_attr.h"

static struct nl_msg *message(size_t room)
{
	struct nl_msg *msg = nlmsg_alloc_size(room + NLMSG_HDRLEN + GENL_HDRLEN);

	assert_non_null(msg);
	assert_non_null(nlmsg_put(msg, 0, 0, 100, GENL_HDRLEN, 0));
	return msg;
}

static struct addr v4(const char *s)
{
	struct addr a = { .family = AF_INET };

	assert_int_equal(inet_pton(AF_INET, s, a.a), 1);
	return a;
}

static struct addr v6(const char *s)
{
	struct addr a = { .family = AF_INET6 };

	assert_int_equal(inet_pton(AF_INET6, s, a.a), 1);
	return a;
}

static struct ts net(const char *min, const char *max, uint8_t proto, uint16_t pmin, uint16_t pmax)
{
	return (struct ts){ .proto = proto, .port_min = pmin, .port_max = pmax,
			    .min = v4(min), .max = v4(max) };
}

static void sa_round_trip(void **state)
{
	static const uint8_t key[36] = { 1, 2, 3 };
	struct kern_sa *sa = calloc(1, sizeof(*sa)), *got = calloc(1, sizeof(*got));
	struct nlattr *tb[NFIPSEC_A_MAX + 1];
	struct nl_msg *msg;
	unsigned int i;

	(void)state;
	sa->proto = IPPROTO_ESP;
	sa->spi = 0xc0ffee01;
	sa->dir = NFIPSEC_DIR_IN;
	sa->mode = NFIPSEC_MODE_TUNNEL;
	strcpy(sa->tunnel, "branch/lan");
	sa->local = v4("192.0.2.1");
	sa->remote = v4("198.51.100.1");
	sa->encr = ENCR_AES_GCM_16;
	sa->encr_key = (struct bytes){ key, sizeof(key) };
	sa->esn = true;
	sa->replay_window = 1024;
	sa->hard_bytes = 1ull << 40;
	sa->soft_seconds = 3000;
	sa->n_sels = KERN_SEL_MAX;
	for (i = 0; i < KERN_SEL_MAX; i++) {
		sa->sels[i].src = net("10.2.0.0", "10.2.255.255", 6, 0, 65535);
		sa->sels[i].dst = net("10.1.0.0", "10.1.255.255", 6, i, i + 1);
	}

	msg = message(KERN_SEL_MAX * 160 + 1024);
	assert_true(kern_attr_put_sa(msg, sa, KERN_SA_ALL));
	assert_true(kern_attr_parse(nlmsg_hdr(msg), tb));
	assert_true(tb[NFIPSEC_A_SA]->nla_type & NLA_F_NESTED);
	assert_true(kern_attr_get_sa(tb[NFIPSEC_A_SA], got));
	/* keys are never reported */
	assert_null(got->encr_key.p);
	sa->encr_key = (struct bytes){ 0 };
	/* selectors have padding, which nobody promises to keep */
	for (i = 0; i < KERN_SEL_MAX; i++) {
		assert_true(ts_equal(&sa->sels[i].src, &got->sels[i].src));
		assert_true(ts_equal(&sa->sels[i].dst, &got->sels[i].dst));
	}
	memcpy(got->sels, sa->sels, sizeof(sa->sels));
	assert_memory_equal(sa, got, sizeof(*sa));
	nlmsg_free(msg);
	free(sa);
	free(got);
}

static void sa_keys_only(void **state)
{
	struct kern_sa *sa = calloc(1, sizeof(*sa)), *got = calloc(1, sizeof(*got));
	struct nlattr *tb[NFIPSEC_A_MAX + 1];
	struct nl_msg *msg = message(256);

	(void)state;
	sa->proto = IPPROTO_ESP;
	sa->spi = 256;
	sa->dir = NFIPSEC_DIR_OUT;
	sa->remote = v4("198.51.100.1");
	strcpy(sa->tunnel, "not sent");
	assert_true(kern_attr_put_sa(msg, sa, KERN_SA_KEYS_ONLY));
	assert_true(kern_attr_parse(nlmsg_hdr(msg), tb));
	assert_true(kern_attr_get_sa(tb[NFIPSEC_A_SA], got));
	assert_int_equal(got->spi, 256);
	assert_int_equal(got->local.family, 0);
	assert_string_equal(got->tunnel, "");
	nlmsg_free(msg);
	free(sa);
	free(got);
}

static void entry_any_takes_family(void **state)
{
	struct conf_entry e = { .number = 10, .action = CONF_DISCARD };
	struct nlattr *tb[NFIPSEC_A_MAX + 1];
	struct nl_msg *msg = message(KERN_ATTR_ENTRY_MAX);
	struct kern_entry got;

	(void)state;
	e.src = (struct ts){ .proto = 17, .port_max = 65535 };
	e.dst = net("192.0.2.9", "192.0.2.9", 17, 53, 53);
	assert_true(kern_attr_put_entry(msg, "branch", &e, NULL, false));
	assert_true(kern_attr_parse(nlmsg_hdr(msg), tb));
	assert_true(kern_attr_get_entry(tb[NFIPSEC_A_ENTRY], &got));
	assert_int_equal(got.src.min.family, AF_INET);
	assert_memory_equal(got.src.min.a, "\0\0\0\0", 4);
	assert_memory_equal(got.src.max.a, "\xff\xff\xff\xff", 4);
	assert_int_equal(got.src.proto, 17);
	assert_int_equal(got.src.port_max, 65535);
	assert_int_equal(got.dst.port_min, 53);
	assert_int_equal(got.action, NFIPSEC_ACTION_DISCARD);
	assert_string_equal(got.list, "branch");
	assert_string_equal(got.tunnel, "");
	nlmsg_free(msg);
}

static void standby_entry(void **state)
{
	struct conf_entry e = { .number = 10, .action = CONF_PROTECT };
	struct nlattr *tb[NFIPSEC_A_MAX + 1];
	struct kern_entry got;
	struct nl_msg *msg;
	int standby;

	(void)state;
	e.src = e.dst = net("192.0.2.9", "192.0.2.9", 17, 53, 53);
	for (standby = 0; standby < 2; standby++) {
		msg = message(KERN_ATTR_ENTRY_MAX);
		assert_true(kern_attr_put_entry(msg, "branch", &e, "p/t", standby));
		assert_true(kern_attr_parse(nlmsg_hdr(msg), tb));
		assert_true(kern_attr_get_entry(tb[NFIPSEC_A_ENTRY], &got));
		assert_int_equal(got.standby, standby);
		assert_false(got.active);
		nlmsg_free(msg);
	}
}

/* what policy_size() in kern.c relies on */
static void bounds_hold(void **state)
{
	char name[CONF_NAME_MAX + 1];
	struct conf_peer peer = { 0 };
	struct conf_tunnel t = { .peer = &peer, .mode = CONF_MODE_TUNNEL };
	struct conf_entry e = { .number = 1, .action = CONF_PROTECT };
	struct addr six = { .family = AF_INET6 };
	struct nl_msg *msg;
	char full[NFIPSEC_NAME_MAX + 1];

	(void)state;
	memset(name, 'x', CONF_NAME_MAX);
	name[CONF_NAME_MAX] = 0;
	strcpy(peer.name, name);
	strcpy(t.name, name);
	peer.local = peer.remote = six;
	t.mtu = t.tfc = t.mark = 1;
	t.n_esp = t.n_ah = 1;
	strcpy(t.vrf, "fifteen-letters");
	msg = message(KERN_ATTR_TUNNEL_MAX);
	assert_true(kern_attr_put_tunnel(msg, &t));
	nlmsg_free(msg);

	e.src = e.dst = (struct ts){ .proto = 6, .port_min = 1, .port_max = 2, .min = six,
				     .max = six };
	msg = message(KERN_ATTR_ENTRY_MAX);
	assert_true(kern_attr_put_entry(msg, name, &e,
					kern_attr_tunnel_name(&t, full, sizeof(full)), true));
	assert_int_equal(strlen(full), NFIPSEC_NAME_MAX);
	nlmsg_free(msg);

	msg = message(16);
	assert_false(kern_attr_put_entry(msg, name, &e, full, true));
	nlmsg_free(msg);
}

static void tunnel_round_trip(void **state)
{
	struct conf_peer peer = { .name = "p" };
	struct conf_tunnel t = { .peer = &peer, .name = "t", .mode = CONF_MODE_TRANSPORT,
				 .df = CONF_DF_SET, .dscp = -1 };
	struct nl_msg *msg = message(KERN_ATTR_TUNNEL_MAX);
	struct nlattr *tb[NFIPSEC_A_MAX + 1];
	struct kern_tunnel got;

	(void)state;
	peer.local = v6("2001:db8::1");
	assert_true(kern_attr_put_tunnel(msg, &t));
	assert_true(kern_attr_parse(nlmsg_hdr(msg), tb));
	assert_true(kern_attr_get_tunnel(tb[NFIPSEC_A_TUNNEL], &got));
	assert_string_equal(got.name, "p/t");
	assert_int_equal(got.mode, NFIPSEC_MODE_TRANSPORT);
	assert_true(addr_equal(&got.local, &peer.local));
	assert_int_equal(got.remote.family, 0);
	assert_false(got.bundle);
	assert_int_equal(got.tfc | got.mark, 0);
	assert_string_equal(got.vrf, "");
	nlmsg_free(msg);

	t.n_esp = t.n_ah = 1;
	t.tfc = CONF_TFC_MTU;
	t.mark = 0xffffffff;
	strcpy(t.vrf, "red");
	msg = message(KERN_ATTR_TUNNEL_MAX);
	assert_true(kern_attr_put_tunnel(msg, &t));
	assert_true(kern_attr_parse(nlmsg_hdr(msg), tb));
	assert_true(kern_attr_get_tunnel(tb[NFIPSEC_A_TUNNEL], &got));
	assert_true(got.bundle);
	assert_int_equal(got.tfc, 65535);
	assert_int_equal(got.mark, 0xffffffff);
	assert_string_equal(got.vrf, "red");
	nlmsg_free(msg);
}

/* AH: no word about encryption; addresses of 16 octets */
static void ah_sa_round_trip(void **state)
{
	static const uint8_t key[32] = { 1, 2, 3 };
	struct kern_sa *sa = calloc(1, sizeof(*sa)), *got = calloc(1, sizeof(*got));
	struct nlattr *tb[NFIPSEC_A_MAX + 1], *inner[NFIPSEC_A_SA_MAX + 1];
	struct nl_msg *msg = message(1024);

	(void)state;
	sa->proto = IPPROTO_AH;
	sa->spi = 0x1000;
	sa->dir = NFIPSEC_DIR_OUT;
	sa->mode = NFIPSEC_MODE_TRANSPORT;
	strcpy(sa->tunnel, "p/t");
	sa->local = v6("2001:db8::1");
	sa->remote = v6("2001:db8::2");
	sa->integ = INTEG_HMAC_SHA2_256_128;
	sa->integ_key = (struct bytes){ key, sizeof(key) };
	sa->n_sels = 1;
	ts_from_prefix(&sa->local, 128, &sa->sels[0].src);
	ts_from_prefix(&sa->remote, 128, &sa->sels[0].dst);
	assert_true(kern_attr_put_sa(msg, sa, KERN_SA_ALL));
	assert_true(kern_attr_parse(nlmsg_hdr(msg), tb));
	assert_int_equal(nla_parse_nested(inner, NFIPSEC_A_SA_MAX, tb[NFIPSEC_A_SA], NULL), 0);
	assert_null(inner[NFIPSEC_A_SA_ENCR]);
	assert_null(inner[NFIPSEC_A_SA_ENCR_KEY]);
	assert_int_equal(nla_len(inner[NFIPSEC_A_SA_LOCAL]), 16);
	assert_int_equal(nla_len(inner[NFIPSEC_A_SA_INTEG_KEY]), 32);
	assert_true(kern_attr_get_sa(tb[NFIPSEC_A_SA], got));
	assert_int_equal(got->proto, IPPROTO_AH);
	assert_int_equal(got->mode, NFIPSEC_MODE_TRANSPORT);
	assert_int_equal(got->encr, 0);
	assert_true(addr_equal(&got->remote, &sa->remote));
	assert_true(ts_equal(&got->sels[0].dst, &sa->sels[0].dst));
	nlmsg_free(msg);
	free(sa);
	free(got);
}

static void ends_round_trip(void **state)
{
	struct kern_ends e = { .local_port = 4500, .remote_port = 40000 }, got;
	struct nlattr *tb[NFIPSEC_A_MAX + 1], *dummy[NFIPSEC_A_DUMMY_MAX + 1];
	struct nl_msg *msg = message(256);

	(void)state;
	e.local = v6("2001:db8::1");
	e.remote = v6("2001:db8::2");
	assert_true(kern_attr_put_ends(msg, &e));
	assert_true(kern_attr_put_dummy(msg, 3, 1200));
	assert_true(kern_attr_parse(nlmsg_hdr(msg), tb));
	assert_true(kern_attr_get_ends(tb[NFIPSEC_A_ENDS], &got));
	assert_true(addr_equal(&got.local, &e.local));
	assert_true(addr_equal(&got.remote, &e.remote));
	assert_int_equal(got.local_port, 4500);
	assert_int_equal(got.remote_port, 40000);
	assert_int_equal(nla_parse_nested(dummy, NFIPSEC_A_DUMMY_MAX, tb[NFIPSEC_A_DUMMY], NULL), 0);
	assert_int_equal(nla_get_u32(dummy[NFIPSEC_A_DUMMY_PACKETS]), 3);
	assert_int_equal(nla_get_u32(dummy[NFIPSEC_A_DUMMY_BYTES]), 1200);
	assert_false(kern_attr_get_ends(NULL, &got));
	nlmsg_free(msg);
}

static void flow_round_trip(void **state)
{
	struct kern_flow f = { .dir = NFIPSEC_DIR_OUT, .proto = 1 }, got;
	struct nlattr *tb[NFIPSEC_A_MAX + 1];
	struct nl_msg *msg = message(512);

	(void)state;
	f.src = v4("10.1.0.1");
	f.dst = v4("10.2.0.1");
	f.sport = 8;
	assert_true(kern_attr_put_flow(msg, &f));
	assert_true(kern_attr_parse(nlmsg_hdr(msg), tb));
	assert_true(kern_attr_get_flow(tb[NFIPSEC_A_FLOW], &got));
	assert_memory_equal(&f, &got, sizeof(f));
	nlmsg_free(msg);
}

static void malformed_is_refused(void **state)
{
	struct kern_sa *sa = calloc(1, sizeof(*sa));
	struct nlattr *tb[NFIPSEC_A_MAX + 1], *nest;
	struct nl_msg *msg = message(256);
	struct kern_entry e;
	struct kern_flow f;

	(void)state;
	/* an address of five octets */
	nest = nla_nest_start(msg, NFIPSEC_A_SA | NLA_F_NESTED);
	nla_put_u8(msg, NFIPSEC_A_SA_PROTO, 50);
	nla_put_u32(msg, NFIPSEC_A_SA_SPI, 1);
	nla_put_u8(msg, NFIPSEC_A_SA_DIR, 1);
	nla_put(msg, NFIPSEC_A_SA_LOCAL, 5, "12345");
	nla_nest_end(msg, nest);
	assert_true(kern_attr_parse(nlmsg_hdr(msg), tb));
	assert_false(kern_attr_get_sa(tb[NFIPSEC_A_SA], sa));
	assert_false(kern_attr_get_entry(tb[NFIPSEC_A_ENTRY], &e));
	assert_false(kern_attr_get_flow(tb[NFIPSEC_A_FLOW], &f));
	nlmsg_free(msg);

	/* the SPI too short, and no direction */
	msg = message(256);
	nest = nla_nest_start(msg, NFIPSEC_A_SA | NLA_F_NESTED);
	nla_put_u8(msg, NFIPSEC_A_SA_PROTO, 50);
	nla_put_u16(msg, NFIPSEC_A_SA_SPI, 1);
	nla_nest_end(msg, nest);
	assert_true(kern_attr_parse(nlmsg_hdr(msg), tb));
	assert_false(kern_attr_get_sa(tb[NFIPSEC_A_SA], sa));
	nlmsg_free(msg);
	free(sa);
}

static void stat_sum(const struct kern_stat *s, void *arg)
{
	uint64_t *sum = arg;

	assert_non_null(s->name);
	*sum += s->value;
}

static void stats_by_name(void **state)
{
	struct nlattr *tb[NFIPSEC_A_MAX + 1], *nest;
	struct nl_msg *msg = message(1024);
	uint64_t sum = 0;

	(void)state;
	nest = nla_nest_start(msg, NFIPSEC_A_STATS | NLA_F_NESTED);
	nla_put_u64(msg, NFIPSEC_STAT_OUT_PACKETS, 40);
	nla_put_u64(msg, NFIPSEC_STAT_ACQUIRE_LOST, 2);
	nla_put(msg, NFIPSEC_STAT_PAD, 0, NULL);
	nla_nest_end(msg, nest);
	assert_true(kern_attr_parse(nlmsg_hdr(msg), tb));
	assert_true(kern_attr_get_stats(tb[NFIPSEC_A_STATS], stat_sum, &sum));
	assert_int_equal(sum, 42);
	nlmsg_free(msg);
}

static void ike_sockets_are_u32s(void **state)
{
	static const int fds[] = { 7, 8, 1023 };
	struct nl_msg *msg = message(256), *small = message(8);
	struct nlattr *a;
	unsigned int n = 0;
	int rem;

	(void)state;
	assert_true(kern_attr_put_ike_fds(msg, fds, 3));
	nlmsg_for_each_attr(a, nlmsg_hdr(msg), GENL_HDRLEN, rem) {
		assert_int_equal(nla_type(a), NFIPSEC_A_IKE_FD);
		assert_int_equal(nla_len(a), sizeof(uint32_t));
		assert_int_equal(nla_get_u32(a), fds[n++]);
	}
	assert_int_equal(n, 3);
	assert_false(kern_attr_put_ike_fds(small, fds, 3));
	nlmsg_free(msg);
	nlmsg_free(small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ike_sockets_are_u32s),
		cmocka_unit_test(sa_round_trip),
		cmocka_unit_test(sa_keys_only),
		cmocka_unit_test(entry_any_takes_family),
		cmocka_unit_test(standby_entry),
		cmocka_unit_test(bounds_hold),
		cmocka_unit_test(tunnel_round_trip),
		cmocka_unit_test(ah_sa_round_trip),
		cmocka_unit_test(ends_round_trip),
		cmocka_unit_test(flow_round_trip),
		cmocka_unit_test(malformed_is_refused),
		cmocka_unit_test(stats_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
