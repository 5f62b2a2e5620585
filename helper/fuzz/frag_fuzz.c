// SPDX-License-Identifier: GPL-2.0
/*
 * Reassembly behind the decryption boundary: the input says which fragments a
 * peer that has the keys sends, in which order, with which numbers and how much
 * inside, and what is damaged on the way. A model that keeps every fragment
 * says whether the message is whole and what it is.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "v2/reassembly.h"
#include "v2/v2.h"

#define check(what) \
	do { \
		if (!(what)) { \
			fprintf(stderr, "line %d: not so: %s\n", __LINE__, #what); \
			abort(); \
		} \
	} while (0)

#define MODEL_MAX	V2_FRAGMENTS_MAX

/* all fragments of the highest total so far, by their number */
static struct {
	uint32_t msgid;
	uint8_t exchange, first;
	unsigned int total, have;
	struct buf parts[MODEL_MAX];
	bool here[MODEL_MAX];
	size_t clear;
} model;

static struct ike ike;

static void no_event(const struct ike_event *ev, void *user)
{
	(void)user;
	check(ev->type == IKE_EVENT_ERROR && *ev->text);
}

static const struct ike_ops ops = { .event = no_event };

static void model_clear(void)
{
	unsigned int i;

	for (i = 0; i < MODEL_MAX; i++)
		buf_free(&model.parts[i]);
	memset(&model, 0, sizeof(model));
}

/* true: the message is whole */
static bool model_add(uint32_t msgid, uint8_t exchange, uint8_t first, unsigned int number,
		      unsigned int total, struct bytes clear)
{
	if (!number || number > total || total > MODEL_MAX)
		return false;
	if (model.total && model.msgid == msgid) {
		if (model.exchange != exchange || total < model.total)
			return false;
	}
	if (!model.total || model.msgid != msgid || total > model.total) {
		model_clear();
		model.msgid = msgid;
		model.exchange = exchange;
		model.total = total;
	}
	if (model.here[number - 1])
		return false;
	if (model.clear + clear.len > WIRE_MSG_MAX) {
		model_clear();
		return false;
	}
	model.here[number - 1] = true;
	check(buf_copy(&model.parts[number - 1], clear));
	model.clear += clear.len;
	if (number == 1)
		model.first = first;
	return ++model.have == model.total;
}

static void suite(struct ike_sa *sa, unsigned int which)
{
	static const struct ike_proposal suites[] = {
		{ .proto = PROTO_IKE, .n = 1,
		  .t = { { IKE_TRANSFORM_ENCR, ENCR_AES_GCM_16, 128 } } },
		{ .proto = PROTO_IKE, .n = 2,
		  .t = { { IKE_TRANSFORM_ENCR, ENCR_AES_CBC, 128 },
			 { IKE_TRANSFORM_INTEG, INTEG_HMAC_SHA2_256_128, 0 } } },
	};

	sa->prop = suites[which];
	sa->keys.encr_len = which ? 16 : 20;
	sa->keys.integ_len = which ? 32 : 0;
	memset(sa->keys.ei, 1, IKE_KEY_MAX);
	memset(sa->keys.er, 2, IKE_KEY_MAX);
	memset(sa->keys.ai, 3, IKE_KEY_MAX);
	memset(sa->keys.ar, 4, IKE_KEY_MAX);
}

/* a fragment as the peer would make it */
static void make(const struct ike_sa *sa, const struct v2_fragment *f, struct buf *msg)
{
	bool cbc = sa->prop.n > 1;
	uint16_t encr = cbc ? ENCR_AES_CBC : ENCR_AES_GCM_16;
	struct bytes key = { sa->initiator ? sa->keys.er : sa->keys.ei, sa->keys.encr_len };
	struct bytes ikey = { sa->initiator ? sa->keys.ar : sa->keys.ai, sa->keys.integ_len };
	struct wire_hdr hdr = { .spi_i = 1, .spi_r = 2, .major = 2, .exchange = f->exchange,
				.msgid = f->msgid };
	struct wire_writer w;

	buf_init(msg);
	wire_open(&w, msg, &hdr);
	wire_put_skf(&w, f->first, f->number, f->total,
		     crypto_sk_len(encr, INTEG_HMAC_SHA2_256_128, f->clear.len));
	check(!msg->failed);
	check(crypto_sk_seal(encr, key, INTEG_HMAC_SHA2_256_128, ikey, buf_bytes(msg), f->clear,
			     msg));
}

static void one(struct ike_sa *sa, const struct v2_fragment *f, uint8_t damage)
{
	struct endpoint from = { .port = 500 };
	struct v2_in in = { .sa = sa, .local = &from, .remote = &from };
	struct buf msg, want;
	bool whole, expected;
	unsigned int i;
	uint8_t bad;

	make(sa, f, &msg);
	/* the numbers, the ciphertext or the ICV */
	if (damage)
		msg.p[WIRE_HDR_LEN + 4 + damage % (msg.len - WIRE_HDR_LEN - 4)] ^= damage;
	in.raw = buf_bytes(&msg);
	check(wire_v2_decode(in.raw, &in.outer, &bad) == WIRE_OK);
	expected = !damage && model_add(f->msgid, f->exchange, f->first, f->number, f->total,
					f->clear);
	buf_init(&in.clear);
	whole = v2_fragment_take(&in, false);
	check(whole == expected);
	if (whole) {
		buf_init(&want);
		for (i = 0; i < model.total; i++)
			buf_put_bytes(&want, buf_bytes(&model.parts[i]));
		check(bytes_equal(buf_bytes(&want), buf_bytes(&in.clear)));
		check(in.first == model.first && in.fragments == model.total);
		check(!sa->frags[0]);
		buf_free(&want);
		model_clear();
	}
	check(ike.unauthenticated_memory <= 8u << 20);
	check(!!sa->frags[0] == (model.total > 0));
	buf_free(&in.clear);
	buf_free(&msg);
}

/* A message that is sealed in one way must open when it is sealed in another. */
static void cut_again(struct ike_sa *sa, struct bytes clear, uint8_t first)
{
	static struct conf_peer conf = { .fragment_size = 600 };
	static struct ike_peer peer = { .conf = &conf };
	struct v2_out out = { .first = first };
	struct bytes rest, datagram;
	struct v2_in in;
	struct buf msg;
	bool whole = false;
	uint8_t bad;

	buf_init(&msg);
	buf_init(&out.body);
	buf_put_bytes(&out.body, clear);
	sa->peer = &peer;
	sa->frag_size = 0;
	check(v2_seal(sa, WIRE_IKE_AUTH, false, 7, &out, &msg));
	v2_smaller(sa, &msg);
	check(sa->frag_size == 0 || sa->frag_size == 576);
	/* and read as the peer would */
	sa->initiator = !sa->initiator;
	for (rest = buf_bytes(&msg); ike_datagram(&rest, &datagram);) {
		/* as they were, where others would be as many */
		check(!whole && datagram.len + 28 <= (sa->frag_size ? 576 : 600));
		in = (struct v2_in){ .sa = sa, .raw = datagram };
		check(wire_v2_decode(datagram, &in.outer, &bad) == WIRE_OK);
		buf_init(&in.clear);
		whole = wire_find(&in.outer, WIRE_PLD_SKF) ? v2_fragment_take(&in, true) :
							     v2_open(sa, &in);
		check(!whole || (bytes_equal(buf_bytes(&in.clear), clear) && in.first == first));
		buf_free(&in.clear);
	}
	check(whole && !rest.len);
	sa->initiator = !sa->initiator;
	sa->peer = NULL;
	buf_free(&msg);
	buf_free(&out.body);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	check(crypto_init());
	return 0;
}

/*
 * An SA; then fragments, each: number, total (its high bits in @how), how, length, and
 * what is inside. How: 1 the exchange, 2 the next message ID, 4 many copies of the
 * inside, 8 time passes, 16 damaged by the next octet, 32 a large total.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t large[16384];
	struct ike_sa sa;
	struct v2_fragment f;
	uint32_t msgid = IKE_WINDOW;
	uint8_t how;

	if (size < 2)
		return 0;
	memset(&sa, 0, sizeof(sa));
	memset(&ike, 0, sizeof(ike));
	ike.ops = &ops;
	ike.now = 1000;
	ike.half_open_end = &ike.half_open;
	sa.ike = &ike;
	sa.spi_i = 1;
	sa.spi_r = 2;
	sa.initiator = data[0] & 2;
	sa.state = data[0] & 4 ? IKE_STATE_ESTABLISHED : IKE_STATE_HALF_OPEN;
	sa.fragments = true;
	sa.local.port = sa.remote.port = 500;
	suite(&sa, data[0] & 1);
	if (data[0] & 8) {
		cut_again(&sa, (struct bytes){ data + 1, size - 1 }, WIRE_PLD_IDI);
		data += size;
		size = 0;
	} else {
		data++;
		size--;
	}
	while (size >= 4) {
		how = data[2];
		f = (struct v2_fragment){ .number = data[0], .total = data[1],
					  .exchange = how & 1 ? WIRE_INFORMATIONAL : WIRE_IKE_AUTH };
		if (how & 32)
			f.total = (uint16_t)(f.total << 3);
		/* in the place of the one before; those of a window are apart from each other */
		msgid += how & 2 ? IKE_WINDOW : 0;
		f.msgid = msgid;
		f.first = f.number == 1 ? WIRE_PLD_IDI : 0;
		f.clear = (struct bytes){ data + 4, data[3] < size - 4 ? data[3] : size - 4 };
		data += 4 + f.clear.len;
		size -= 4 + f.clear.len;
		if (how & 4) {
			if (f.clear.len)
				memset(large, f.clear.p[0], sizeof(large));
			f.clear = (struct bytes){ large, f.clear.len * 64 };
		}
		if (how & 8) {
			ike.now += 15000;
			ike_timers_run(&ike.timers, ike.now);
			if (!sa.frags[0])
				model_clear();
		}
		one(&sa, &f, how & 16 ? (uint8_t)(data[-1] | 1) : 0);
	}
	v2_frags_free(&sa);
	check(!ike.unauthenticated_memory);
	ike_failure_free(ike.refusal);
	ike_timers_free(&ike.timers);
	model_clear();
	return 0;
}
