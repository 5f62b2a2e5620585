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
 * @clear: what @inner points into, of type @first
 * @octets: of all its datagrams, of which there are @fragments
 */
struct v2_in {
	struct ike_sa *sa;
	const struct endpoint *local, *remote;
	struct bytes raw;
	struct wire_msg outer, inner;
	struct buf clear;
	uint8_t first;
	size_t octets;
	unsigned int fragments;
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
/* TEMPORARY_FAILURE; true: it has been so for minutes */
bool v2_busy_too_long(struct ike_sa *sa);
uint64_t v2_jitter(uint64_t ms);	/* from @ms to twice that */
void v2_out_init(struct v2_out *out);
void v2_out_free(struct v2_out *out);
void v2_request(struct ike_sa *sa, uint8_t exchange, struct v2_out *out);
/* RFC 7296 2.3: how many requests we take at once, said once on each IKE SA */
void v2_put_window(struct ike_sa *sa, struct v2_out *out);
/* a request of the peer's is being worked on */
bool v2_is_answering(const struct ike_sa *sa);
/* a job has this SPI, and request @msgid waits for it */
void v2_request_makes(struct ike_sa *sa, uint32_t msgid, uint32_t spi);
bool v2_request_of(const struct ike_sa *sa, uint32_t spi, uint32_t *msgid);
void v2_answers_free(struct ike_sa *sa);
/* answers request @msgid, and is what its repetitions get */
void v2_respond(struct ike_sa *sa, uint8_t exchange, uint32_t msgid, struct v2_out *out);
void v2_respond_notify(struct ike_sa *sa, uint8_t exchange, uint32_t msgid, uint16_t type,
		       struct bytes data);
/* INVALID_SYNTAX, which is the end of @sa at both ends: RFC 7296 2.21.3 */
void v2_refuse_malformed(struct ike_sa *sa, uint8_t exchange, uint32_t msgid, const char *what);
void v2_put_notify(struct v2_out *out, uint16_t type, struct bytes data);
/* the response has been taken: the window is free again */
void v2_answered(struct ike_sa *sa);
/* tells of a message; @in: received */
void v2_report(struct ike_sa *sa, bool in, uint8_t exchange, bool response, uint32_t msgid,
	       size_t len, const struct wire_msg *inner);
bool v2_find_notify(const struct wire_msg *msg, uint16_t type, struct wire_notification *out);
/* the first error; 0: none */
uint16_t v2_find_error(const struct wire_msg *msg, struct wire_notification *out);

/* ---- sk.c ---- */
/* in as many datagrams as it takes */
bool v2_seal(struct ike_sa *sa, uint8_t exchange, bool response, uint32_t msgid,
	     const struct v2_out *out, struct buf *msg);
/* Seals a message again, in more datagrams, after v2_datagram_max() has changed. */
bool v2_seal_again(struct ike_sa *sa, struct buf *msg);
/* SK or SKF; false: not by this SA's peer, or damaged */
bool v2_open(struct ike_sa *sa, struct v2_in *in);

/* ---- frag.c: RFC 7383 ---- */
bool v2_fragment_take(struct v2_in *in, bool response);
bool v2_fragment_repeats(struct v2_in *in);
void v2_frags_drop(struct ike_sa *sa, bool response, uint32_t msgid);
void v2_frags_free(struct ike_sa *sa);
size_t v2_datagram_max(const struct ike_sa *sa);
bool v2_smaller(struct ike_sa *sa, struct buf *msg);
void v2_repeat_response(struct ike_sa *sa, struct ike_answer *a);

/* ---- keys.c ---- */
/* RFC 7296 2.14; @old: rekeying, 2.18 */
bool v2_keys(struct ike_sa *sa, struct bytes shared, const struct ike_keys *old);
/* RFC 7296 2.17 */
bool v2_child_keys(const struct ike_child *child, struct bytes shared, struct bytes ni,
		   struct bytes nr, struct ike_child_keys *in, struct ike_child_keys *out);
/* RFC 7296 2.15: what AUTH is made of; as below */
bool v2_signed_octets(const struct ike_sa *sa, bool initiator, struct bytes id, struct buf *out);
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
const char *v2_kex_more(const struct wire_sa *offered);
uint16_t v2_kex_came(const struct wire_msg *msg);
bool v2_kex_wanted(const struct wire_msg *msg, const struct ike_proposal *chosen,
		   struct wire_ke *ke, uint8_t group[2]);
/* the peer's public value failed the tests of its group, RFC 6989 2 */
bool v2_kex_is_bad(const struct ike_job_dh *job);
/* so did the one of a response: RFC 6989 2.5, the end of @sa */
void v2_bad_public_value(struct ike_sa *sa, uint16_t group);

/* ---- sigalg.c: AlgorithmIdentifier in DER, RFC 7427 A ---- */
bool v2_sigalg_encode(const struct cert_alg *alg, struct buf *out);
/* false: @why says what it is */
bool v2_sigalg_decode(struct bytes der, struct cert_alg *alg, char *why, size_t why_len);
const char *v2_sigalg_str(const struct cert_alg *alg);

/* ---- sig.c: AUTH data by method; slow, on any thread ---- */
/**
 * struct v2_signer - how we sign
 * @hashes: what the peer can verify, a bit each; 0: no Digital Signature
 * @rsa: padding of RSA in a Digital Signature
 * @err: gets the error of a token; empty: none. NULL: unwanted
 * @err_len: room there
 */
struct v2_signer {
	const struct cert_key *key;
	uint32_t hashes;
	enum conf_rsa rsa;
	char *err;
	size_t err_len;
};
bool v2_sig_make(const struct v2_signer *signer, struct bytes octets, struct cert_alg *used,
		 uint8_t *method, struct buf *auth);
/* @hashes: as announced by both, 0: not; @alg gets what was used; false: @err */
bool v2_sig_check(const struct cert_pub *pub, uint32_t hashes, const struct wire_auth *auth,
		  struct bytes octets, struct cert_alg *alg, char *err, size_t err_len);
bool v2_sig_is_known(uint8_t method);
const char *v2_auth_method_str(uint8_t method);
/* "rsa-pss-sha256", "ecdsa-p256-sha256", "ed25519", ... */
void v2_sig_name(const struct cert_alg *alg, const struct cert_pub *pub, char *out, size_t len);

/* ---- certreq.c: what is announced, sent and asked for around AUTH ---- */
/* IKE_SA_INIT: SIGNATURE_HASH_ALGORITHMS; responder: CERTREQ too */
void v2_put_announcements(struct ike_sa *sa, struct wire_writer *w);
/* of IKE_SA_INIT */
void v2_take_hashes(struct ike_sa *sa, const struct wire_msg *msg);
/* of the responder's IKE_SA_INIT, of the initiator's IKE_AUTH: which CAs it trusts */
bool v2_take_certreq(struct ike_sa *sa, const struct wire_msg *msg);
void v2_put_certreq(const struct conf *conf, const struct conf_peer *peer, struct wire_writer *w);
/* which of our certificates it gets */
const struct cert *v2_own_cert(const struct ike_sa *sa);

/* ---- authjob.c: signing and verifying on another thread ---- */
/**
 * struct v2_auth_job - a trip to a worker: their AUTH first, then ours; two more when the network
 *			is to be asked between them
 * @in: the message that waits for it, kept; NULL: none
 * @verify, @sign: what is wanted
 * @must_ask: about revocation, of @chain; @since: when the peer's message came
 * @until: of the wall clock, when what is known of revocation ends; 0: nothing does
 * @claim: of the peer: certificates; with @pub, its raw key, these are not read
 * @ok, @error: the outcome; @error says which check failed
 * @subject: of its certificate; @used: how it signed
 * @own: certificate of the signing key, of @store; NULL: a raw key signs
 * @made: how we signed
 * @method, @auth: ours
 */
struct v2_auth_job {
	struct ike_job job;
	struct ike_sa *sa;
	void (*done)(struct ike_sa *sa, struct v2_auth_job *job);
	struct cert_store *store;
	struct v2_in *in;
	bool verify, sign;
	struct cert_claim claim;
	struct bytes received[CERT_RECEIVED_MAX];
	const struct cert_pub *pub;
	struct cert_chain *chain;
	enum conf_revocation revocation;
	bool must_ask;
	uint64_t since;
	time_t until;
	const struct ike_ops *ops;
	void *user;
	struct wire_auth theirs;
	struct buf their_octets, our_octets;
	struct v2_signer signer;
	bool ok;
	char error[CERT_ERROR_MAX], subject[CERT_TEXT_MAX];
	const struct cert *own;
	struct cert_alg used, made;
	uint8_t method;
	struct buf auth;
};
/* NULL: out of memory; @in is taken, its payloads stay valid with the job */
struct v2_auth_job *v2_auth_job_new(struct ike_sa *sa, struct v2_in *in,
				    void (*done)(struct ike_sa *sa, struct v2_auth_job *job));
/* its signed octets are there; @peer's certificates come from the message */
bool v2_auth_job_verify(struct v2_auth_job *job, const struct wire_id *id, struct bytes id_body,
			const struct wire_auth *auth);
bool v2_auth_job_sign(struct v2_auth_job *job, struct bytes id_body);
void v2_auth_job_submit(struct v2_auth_job *job);
void v2_auth_job_free(struct v2_auth_job *job);
/* Writes the CERT payloads for the signature of @job; NULL: none, for a pre-shared key. */
void v2_put_certs(const struct v2_auth_job *job, struct wire_writer *w);

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
bool v2_auth_may_try(const struct v2_in *in);	/* responder: the peer has not failed too often */
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
/* the peer refused: its reason in words; @n NULL: it gives none */
void v2_child_refused(const struct ike_child *child, const struct wire_notification *n, char *err,
		      size_t err_len);
/*
 * After SINGLE_PAIR_REQUIRED, deletes @child and asks for a CHILD SA for each entry. Returns false
 * for any other notification, for a rekey, and if the tunnel already works so.
 */
bool v2_child_by_entries(struct ike_child *child, const struct wire_notification *n);
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
bool v2_rekey_peer_won(struct ike_sa *old);

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
