/* SPDX-License-Identifier: GPL-2.0 */
/* IKEv2: RFC 7296. One file an exchange; fsm.c says which message goes to which function. */
#ifndef V2_V2_H
#define V2_V2_H

#include "ike/core.h"

#define V2_TEMPORARY_MS	2000	/* until a request is tried again, up to twice that */

/**
 * struct v2_in - a message on its way through the state machine
 * @outer: as it came
 * @inner: of the SK payload, or @outer again where the exchange has none
 * @clear: what @inner points into
 */
struct v2_in {
	struct ike_sa *sa;
	const struct endpoint *local, *remote;
	struct bytes raw;
	struct wire_msg outer, inner;
	struct buf clear;
};

/* the inside of a message that is being written */
struct v2_out {
	struct buf body;
	uint8_t first;
	struct wire_writer w;
};

/* ---- fsm.c ---- */
void v2_input(struct v2_in *in);
void v2_run(struct ike_sa *sa);		/* the next task, when the window is free */
void v2_unanswered(struct ike_sa *sa);
bool v2_new_nonce(struct buf *b);
int v2_nonce_cmp(struct bytes a, struct bytes b);	/* RFC 7296 2.8.1 */
/* TEMPORARY_FAILURE; true: it has been so for minutes */
bool v2_busy_too_long(struct ike_sa *sa);
uint64_t v2_jitter(uint64_t ms);	/* from @ms to twice that */
void v2_out_init(struct v2_out *out);
void v2_out_free(struct v2_out *out);
void v2_request(struct ike_sa *sa, uint8_t exchange, struct v2_out *out);
/* answers request @msgid, and is what its repetitions get */
void v2_respond(struct ike_sa *sa, uint8_t exchange, uint32_t msgid, struct v2_out *out);
void v2_respond_notify(struct ike_sa *sa, uint8_t exchange, uint32_t msgid, uint16_t type,
		       struct bytes data);
void v2_put_notify(struct v2_out *out, uint16_t type, struct bytes data);
/* the response has been taken: the window is free again */
void v2_answered(struct ike_sa *sa);
/* tells of a message; @in: received */
void v2_tell(struct ike_sa *sa, bool in, uint8_t exchange, bool response, uint32_t msgid,
	     size_t len, const struct wire_msg *inner);
bool v2_find_notify(const struct wire_msg *msg, uint16_t type, struct wire_notification *out);
/* the first error; 0: none */
uint16_t v2_find_error(const struct wire_msg *msg, struct wire_notification *out);

/* ---- sk.c ---- */
bool v2_seal(struct ike_sa *sa, uint8_t exchange, bool response, uint32_t msgid,
	     const struct v2_out *out, struct buf *msg);
/* false: not by this SA's peer, or damaged */
bool v2_open(struct ike_sa *sa, struct v2_in *in);

/* ---- keys.c ---- */
/* RFC 7296 2.14; @old: rekeying, 2.18 */
bool v2_keys(struct ike_sa *sa, struct bytes shared, const struct ike_keys *old);
/* RFC 7296 2.17 */
bool v2_child_keys(const struct ike_child *child, struct bytes shared, struct bytes ni,
		   struct bytes nr, struct ike_child_keys *in, struct ike_child_keys *out);
/* RFC 7296 2.15: what AUTH holds; @initiator: whose AUTH, @id: body of his ID payload */
bool v2_psk_auth(const struct ike_sa *sa, struct bytes psk, bool initiator, struct bytes id,
		 uint8_t *out);

/* ---- kex.c ---- */
uint16_t v2_kex_first(const struct ike_proposal *ours, unsigned int n,
		      const struct ike_transform *known);
bool v2_kex_make(struct ike_sa *sa, struct ike_kex *kex, uint16_t group, ike_job_done_t done,
		 uint32_t spi);
bool v2_kex_made(struct ike_kex *kex, struct ike_job_dh *job);	/* takes the key pair */
void v2_kex_put(const struct ike_kex *kex, struct wire_writer *w);
uint16_t v2_kex_other_group(struct ike_kex *kex, const struct ike_proposal *ours, unsigned int n,
			    const struct wire_notification *refusal);
bool v2_kex_take(const struct ike_kex *kex, const struct wire_msg *msg,
		 const struct ike_proposal *chosen, struct wire_ke *ke);
bool v2_kex_share(struct ike_sa *sa, struct ike_kex *kex, const struct wire_ke *ke,
		  ike_job_done_t done, uint32_t spi);
bool v2_kex_wanted(const struct wire_msg *msg, const struct ike_proposal *chosen,
		   struct wire_ke *ke, uint8_t group[2]);
void v2_kex_clear(struct ike_kex *kex);

/* ---- init.c ---- */
void v2_initiate(struct ike_peer *peer, struct ike_tunnel *tun, const struct kern_flow *flow,
		 uint64_t replaces);
void v2_init_request(struct ike *ike, const struct endpoint *local, const struct endpoint *remote,
		     struct bytes raw);
void v2_init_response(struct v2_in *in);
/* outside any SA, so nothing that happens often */
void v2_stray_notify(struct ike *ike, const struct wire_hdr *hdr, const struct endpoint *local,
		     const struct endpoint *remote, uint16_t type, struct bytes data);

/* ---- auth.c ---- */
void v2_auth_start(struct ike_sa *sa);		/* initiator: keys are there */
void v2_auth_request(struct v2_in *in);
void v2_auth_response(struct v2_in *in);

/* ---- offer.c: the CHILD SA's payloads, the same in IKE_AUTH and CREATE_CHILD_SA ---- */
void v2_child_put_sa(struct ike_child *child, struct v2_out *out);
/* initiator: what is offered; responder: what was chosen */
void v2_child_put_ts(const struct ike_child *child, struct v2_out *out);
/* initiator: chooses what to offer; false: nothing can come of it, why is in @err */
bool v2_child_offer(struct ike_child *child, const struct kern_flow *flow, char *err,
		    size_t err_len);
/*
 * Responder: chooses tunnel, proposal and selectors for the request. 0: @*child is
 * ready for its keys; else the error to answer, which was told. @old: is rekeyed, or NULL
 */
uint16_t v2_child_select(struct v2_in *in, bool first, const struct ike_child *old,
			 struct ike_child **child);
/* initiator: takes SA, TSi and TSr of the response */
bool v2_child_accept(struct ike_child *child, struct v2_in *in, char *err, size_t err_len);
/* the peer refused: its reason in words */
void v2_child_refused(const struct ike_child *child, uint16_t type, char *err, size_t err_len);
/* told once, and passed to who waits; the child goes, with a word to the peer if it has it */
void v2_child_failed(struct ike_child *child, bool peer_has_it, const char *error);
/* keys into the module; false: not installed, why is in @err */
bool v2_child_install(struct ike_child *child, bool in, bool out, struct bytes shared,
		      struct bytes ni, struct bytes nr, char *err, size_t err_len);

/* ---- child.c ---- */
void v2_child_start(struct ike_sa *sa, const struct ike_task *task);
void v2_child_request(struct v2_in *in);
void v2_child_response(struct v2_in *in);

/* ---- ike_rekey.c ---- */
void v2_rekey_start(struct ike_sa *old);
void v2_rekey_request(struct v2_in *in);
void v2_rekey_response(struct v2_in *in);
bool v2_rekey_yield(struct ike_sa *old);

/* ---- renew.c ---- */
void v2_renew(struct ike_sa *sa);		/* its life nears its end */
void v2_reauthenticate(struct ike_sa *sa);	/* RFC 7296 2.8.3 */

/* ---- info.c ---- */
void v2_delete_child_start(struct ike_sa *sa, uint32_t spi);
void v2_delete_ike_start(struct ike_sa *sa);
void v2_liveness_start(struct ike_sa *sa);
void v2_goodbye(struct ike_sa *sa);		/* DELETE without waiting */
void v2_info_request(struct v2_in *in);
void v2_info_response(struct v2_in *in);
/* initiator who does not believe the responder: RFC 7296 2.21.2 */
void v2_auth_failed_notify(struct ike_sa *sa);

#endif
