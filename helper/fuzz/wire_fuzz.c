// SPDX-License-Identifier: GPL-2.0
/*
 * The IKE parser, on both sides of the decryption boundary. The first octet says
 * what the rest is: a datagram; the inside of an SK payload, sealed here under a
 * known key so that it gets through; the body of one payload; the text of a
 * proposal. What decodes must encode to what decodes to the same.
 *
 * Seeds are made here and not kept as files: the custom mutator begins from them
 * now and then, and mends the length of the header, which mutation spoils.
 */
#include "fuzz/pld.h"
#include "tests/hex.h"
#include "tests/wire_capture.h"

enum mode { MODE_MESSAGE, MODE_INSIDE, MODE_BODY, MODE_PROPOSAL, MODES };

#define SEEDS_MAX	16

static struct buf seeds[SEEDS_MAX];
static unsigned int n_seeds;

/* ---- chains ---- */

static void chain(const struct wire_msg *msg, uint8_t exchange, struct bytes whole)
{
	unsigned int i;
	uint8_t bad;

	check(msg->n <= WIRE_PAYLOADS_MAX);
	wire_exchange_str(exchange);
	wire_rules_check(msg, exchange, false, &bad);
	wire_rules_check(msg, exchange, true, &bad);
	for (i = 0; i < msg->n; i++) {
		inside_of(msg->pld[i].body, whole);
		pld_body(msg->pld[i].type, msg->pld[i].body);
	}
}

static void message(struct bytes raw)
{
	static struct wire_msg msg;
	enum wire_err err;
	uint8_t bad;

	err = wire_v2_decode(raw, &msg, &bad);
	wire_err_str(err);
	/* The payloads before the error are read as well. */
	chain(&msg, msg.hdr.exchange, raw);
}

/* the way of a message from a peer that has the keys and means ill */
static void inside(struct bytes data)
{
	static const uint8_t octets[128] = { 1 };
	static struct wire_msg outer, inner;
	struct bytes key, ikey = { octets, 32 }, aad, clear;
	struct wire_hdr hdr = { .spi_i = 1, .spi_r = 2, .major = 2, .msgid = 1 };
	struct buf msg, out;
	struct wire_writer w;
	uint16_t encr;
	uint8_t bad;
	size_t len;

	if (data.len < 3)
		return;
	encr = data.p[0] & 0x80 ? ENCR_AES_CBC : ENCR_AES_GCM_16;
	key = (struct bytes){ octets, encr == ENCR_AES_CBC ? 16 : 20 };
	hdr.exchange = (uint8_t)(WIRE_IKE_SA_INIT + (data.p[0] & 3));
	hdr.flags = data.p[0] & (WIRE_FLAG_INITIATOR | WIRE_FLAG_RESPONSE);
	clear = (struct bytes){ data.p + 2, data.len - 2 };
	len = crypto_sk_len(encr, INTEG_HMAC_SHA2_256_128, clear.len);
	buf_init(&msg);
	buf_init(&out);
	wire_open(&w, &msg, &hdr);
	wire_put_sk(&w, data.p[1], len);
	if (!msg.failed) {
		check(crypto_sk_seal(encr, key, INTEG_HMAC_SHA2_256_128, ikey, buf_bytes(&msg), clear,
				     &msg));
		check(wire_v2_decode(buf_bytes(&msg), &outer, &bad) == WIRE_OK);
		check(outer.n == 1 && outer.pld[0].next == data.p[1]);
		aad = (struct bytes){ msg.p, (size_t)(outer.pld[0].body.p - msg.p) };
		check(crypto_sk_open(encr, key, INTEG_HMAC_SHA2_256_128, ikey, aad,
				     outer.pld[0].body, &out));
		check(bytes_equal(buf_bytes(&out), clear));
		wire_v2_walk(outer.pld[0].next, buf_bytes(&out), &inner, &bad);
		chain(&inner, outer.hdr.exchange, buf_bytes(&out));
	}
	buf_free(&msg);
	buf_free(&out);
}

static void proposal(struct bytes data)
{
	char text[512], err[512], *s;
	struct ike_proposal p, again;
	uint8_t proto;
	size_t off = 0;

	if (!data.len || data.len > 256)
		return;
	proto = (uint8_t)(PROTO_IKE + data.p[0] % 3);
	s = strndup((const char *)data.p + 1, data.len - 1);
	check(s != NULL);
	if (ike_proposal_parse(s, proto, &p, err, sizeof(err), &off)) {
		ike_proposal_str(&p, text, sizeof(text));
		check(ike_proposal_parse(text, proto, &again, err, sizeof(err), &off));
		check(same(&p, &again));
	} else {
		check(off <= strlen(s) && *err);
	}
	free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes rest = { data + 1, size - 1 };

	if (!size)
		return 0;
	switch (data[0] % MODES) {
	case MODE_MESSAGE:
		message(rest);
		break;
	case MODE_INSIDE:
		inside(rest);
		break;
	case MODE_BODY:
		if (rest.len)
			pld_body(rest.p[0], (struct bytes){ rest.p + 1, rest.len - 1 });
		break;
	case MODE_PROPOSAL:
		proposal(rest);
		break;
	}
	return 0;
}

/* ---- seeds ---- */

static struct bytes str(const char *s)
{
	return (struct bytes){ (const uint8_t *)s, strlen(s) };
}

static struct buf *seed(enum mode mode)
{
	struct buf *b = &seeds[n_seeds++];

	check(n_seeds <= SEEDS_MAX);
	buf_init(b);
	buf_put_u8(b, (uint8_t)mode);
	return b;
}

/* the chain that a writer made, as the inside of an exchange */
static void seed_inside(uint8_t how, uint8_t first, struct buf *chain_octets)
{
	struct buf *b = seed(MODE_INSIDE);

	buf_put_u8(b, how);
	buf_put_u8(b, first);
	buf_put_bytes(b, buf_bytes(chain_octets));
	check(!b->failed);
	buf_free(chain_octets);
}

static void seed_auth(uint8_t how)
{
	struct ts ts[2] = { { .port_max = 65535, .min = { .family = 2 }, .max = { .family = 2 } },
			    { .port_max = 65535, .min = { .family = 10 }, .max = { .family = 10 } } };
	struct wire_writer w;
	uint8_t first;
	struct buf b;

	buf_init(&b);
	wire_open_inner(&w, &b, &first);
	wire_put_id(&w, WIRE_PLD_IDI, WIRE_ID_FQDN, str("hq.example.com"));
	wire_put_id(&w, WIRE_PLD_IDR, WIRE_ID_FQDN, str("branch.example.com"));
	wire_put_auth(&w, WIRE_AUTH_PSK, str("0123456789abcdef0123456789abcdef"));
	wire_put_sa(&w, pld_ours() + 2, 2);
	wire_put_ts(&w, WIRE_PLD_TSI, ts, 2);
	wire_put_ts(&w, WIRE_PLD_TSR, ts, 1);
	wire_put_notify(&w, 0, str(""), WIRE_N_INITIAL_CONTACT, str(""));
	seed_inside(how, first, &b);
}

static void seed_info(void)
{
	struct wire_writer w;
	uint8_t first;
	struct buf b;

	buf_init(&b);
	wire_open_inner(&w, &b, &first);
	wire_put_delete(&w, PROTO_ESP, 4, str("SPI1SPI2"));
	wire_put_delete(&w, PROTO_IKE, 0, str(""));
	wire_put_notify(&w, PROTO_ESP, str("SPI1"), WIRE_N_CHILD_SA_NOT_FOUND, str(""));
	seed_inside(3, first, &b);
}

static void seed_child(void)
{
	struct wire_writer w;
	uint8_t first;
	struct buf b;

	buf_init(&b);
	wire_open_inner(&w, &b, &first);
	wire_put_sa(&w, pld_ours() + 2, 1);
	wire_put_nonce(&w, str("0123456789abcdef"));
	wire_put_ke(&w, DH_X25519, str("0123456789abcdef0123456789abcdef"));
	seed_inside(0x82, first, &b);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char *const words[] = {
		"aes256gcm16-prfsha384-ecp384", "aes128-sha256-modp2048-x25519",
		"aes128gcm16-ecp256", "aes256-sha256-noesn",
	};
	struct buf *b;
	size_t i;

	(void)argc;
	(void)argv;
	check(crypto_init());
	for (i = 0; i < 4; i++) {
		b = seed(MODE_PROPOSAL);
		buf_put_u8(b, i < 2 ? 0 : 2);
		buf_put(b, words[i], strlen(words[i]));
	}
	b = seed(MODE_MESSAGE);
	hex_put(b, WIRE_CAPTURE_STRONGSWAN_INIT);
	b = seed(MODE_BODY);
	hex_put(b, "21 0000001c 01030401 c0000001 00000010 01000014 800e0080 800f0001");
	b = seed(MODE_BODY);
	hex_put(b, "2c 02000000 07060010 0050ffff 0a010000 0a01ffff"
		   "08000028 0000ffff 20010db8000000000000000000000000 20010db80000000000000000000000ff");
	seed_auth(1);
	seed_auth(0x21);
	seed_info();
	seed_child();
	return 0;
}

/* a datagram whose length is wrong tells the fuzzer nothing more */
static void mend(uint8_t *data, size_t size)
{
	size_t len = size - 1;

	if (size < 1 + WIRE_HDR_LEN || data[0] % MODES != MODE_MESSAGE)
		return;
	data[1 + 17] = 0x20;
	data[1 + 24] = (uint8_t)(len >> 24);
	data[1 + 25] = (uint8_t)(len >> 16);
	data[1 + 26] = (uint8_t)(len >> 8);
	data[1 + 27] = (uint8_t)len;
}

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int random);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int random)
{
	const struct buf *b = &seeds[random / 64 % n_seeds];

	if ((size < 2 || random % 64 == 0) && b->len <= max_size) {
		memcpy(data, b->p, b->len);
		return b->len;
	}
	size = LLVMFuzzerMutate(data, size, max_size);
	if (random % 8)
		mend(data, size);
	return size;
}
