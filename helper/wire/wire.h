/* SPDX-License-Identifier: GPL-2.0 */
/*
 * IKE messages on the wire. Decoders take octets from the network: they check
 * every length, allocate nothing, and point into the message they were given.
 * Each payload has validate/decode in one function and an encoder beside it.
 */
#ifndef WIRE_WIRE_H
#define WIRE_WIRE_H

#include "core/addr.h"
#include "core/buf.h"
#include "crypto/alg.h"

#define WIRE_HDR_LEN		28
#define WIRE_MSG_MAX		65535
#define WIRE_PAYLOADS_MAX	64
#define WIRE_PROPOSALS_MAX	16
#define WIRE_TRANSFORMS_MAX	256	/* of all proposals of an SA payload */
#define WIRE_TS_MAX		64
#define WIRE_NONCE_MIN		16
#define WIRE_NONCE_MAX		256
#define WIRE_ID_NAME_MAX	255	/* FQDN: RFC 1035 2.3.4 */
#define WIRE_ID_EMAIL_MAX	320	/* RFC 3696 3: 64 before the @, 255 behind it */
#define WIRE_ID_MAX		1024	/* DN, and what has no limit of its own */
#define WIRE_DN_PARTS_MAX	32	/* attributes of a DN */
#define WIRE_CERT_MAX		16384	/* a certificate; with RSA-8192 and 100 names it has 5,000 octets */

enum wire_exchange {		/* RFC 7296 3.1 */
	WIRE_IKE_SA_INIT = 34,
	WIRE_IKE_AUTH = 35,
	WIRE_CREATE_CHILD_SA = 36,
	WIRE_INFORMATIONAL = 37,
};

enum wire_flag { WIRE_FLAG_INITIATOR = 0x08, WIRE_FLAG_VERSION = 0x10, WIRE_FLAG_RESPONSE = 0x20 };

enum wire_payload_type {	/* RFC 7296 3.2 */
	WIRE_PLD_NONE = 0, WIRE_PLD_SA = 33, WIRE_PLD_KE, WIRE_PLD_IDI, WIRE_PLD_IDR, WIRE_PLD_CERT,
	WIRE_PLD_CERTREQ, WIRE_PLD_AUTH, WIRE_PLD_NONCE, WIRE_PLD_NOTIFY, WIRE_PLD_DELETE,
	WIRE_PLD_VENDOR, WIRE_PLD_TSI, WIRE_PLD_TSR, WIRE_PLD_SK, WIRE_PLD_CP, WIRE_PLD_EAP,
	WIRE_PLD_SKF = 53,
};

enum wire_notify {		/* RFC 7296 3.10.1 */
	WIRE_N_UNSUPPORTED_CRITICAL_PAYLOAD = 1, WIRE_N_INVALID_IKE_SPI = 4,
	WIRE_N_INVALID_MAJOR_VERSION = 5, WIRE_N_INVALID_SYNTAX = 7, WIRE_N_INVALID_MESSAGE_ID = 9,
	WIRE_N_INVALID_SPI = 11, WIRE_N_NO_PROPOSAL_CHOSEN = 14, WIRE_N_INVALID_KE_PAYLOAD = 17,
	WIRE_N_AUTHENTICATION_FAILED = 24, WIRE_N_SINGLE_PAIR_REQUIRED = 34,
	WIRE_N_NO_ADDITIONAL_SAS = 35, WIRE_N_INTERNAL_ADDRESS_FAILURE = 36,
	WIRE_N_FAILED_CP_REQUIRED = 37, WIRE_N_TS_UNACCEPTABLE = 38, WIRE_N_INVALID_SELECTORS = 39,
	WIRE_N_TEMPORARY_FAILURE = 43, WIRE_N_CHILD_SA_NOT_FOUND = 44,
	WIRE_N_INITIAL_CONTACT = 16384, WIRE_N_SET_WINDOW_SIZE = 16385,
	WIRE_N_ADDITIONAL_TS_POSSIBLE = 16386, WIRE_N_NAT_DETECTION_SOURCE_IP = 16388,
	WIRE_N_NAT_DETECTION_DESTINATION_IP = 16389, WIRE_N_COOKIE = 16390,
	WIRE_N_USE_TRANSPORT_MODE = 16391, WIRE_N_REKEY_SA = 16393,
	WIRE_N_ESP_TFC_PADDING_NOT_SUPPORTED = 16394, WIRE_N_NON_FIRST_FRAGMENTS_ALSO = 16395,
	WIRE_N_FRAGMENTATION_SUPPORTED = 16430, WIRE_N_SIGNATURE_HASH_ALGORITHMS = 16431,
};
#define WIRE_N_ERROR(type) ((type) < 16384)

enum wire_id_type { WIRE_ID_IPV4 = 1, WIRE_ID_FQDN = 2, WIRE_ID_EMAIL = 3, WIRE_ID_IPV6 = 5,
		    WIRE_ID_DN = 9, WIRE_ID_KEY = 11 };
enum wire_auth_method {	/* RFC 7296 3.8, RFC 4754 2, RFC 7427 3 */
	WIRE_AUTH_RSA = 1, WIRE_AUTH_PSK = 2, WIRE_AUTH_ECDSA_256 = 9, WIRE_AUTH_ECDSA_384 = 10,
	WIRE_AUTH_ECDSA_521 = 11, WIRE_AUTH_SIGNATURE = 14,
};
enum wire_cert_encoding {	/* RFC 7296 3.6, RFC 7670 2 */
	WIRE_CERT_X509 = 4, WIRE_CERT_RAW_KEY = 15,
};

struct wire_hdr {		/* RFC 7296 3.1 */
	uint64_t spi_i, spi_r;	/* host order numbers */
	uint8_t next;		/* first payload */
	uint8_t major, minor;
	uint8_t exchange;
	uint8_t flags;
	uint32_t msgid;
	uint32_t length;
};

struct wire_payload {
	uint8_t type;
	bool critical;
	uint8_t next;		/* of its generic header; for SK the first payload inside */
	struct bytes body;	/* without the generic header */
};

/* the payloads of one message, or of the inside of an SK payload, in order */
struct wire_msg {
	struct wire_hdr hdr;
	unsigned int n;
	struct wire_payload pld[WIRE_PAYLOADS_MAX];
};

enum wire_err {
	WIRE_OK,
	WIRE_TRUNCATED,		/* a length runs past the end */
	WIRE_SYNTAX,		/* a field has a value RFC 7296 forbids */
	WIRE_TOO_MANY,		/* more payloads than we take; or proposals or selectors, see below */
	WIRE_VERSION,		/* major version above 2: RFC 7296 2.5 */
	WIRE_CRITICAL,		/* an unknown payload with the critical bit; its type in *bad */
	WIRE_MISSING,		/* a payload this exchange requires; its type in *bad */
	WIRE_UNEXPECTED,	/* more often than the exchange allows; its type in *bad */
};
const char *wire_err_str(enum wire_err err);
const char *wire_exchange_str(uint8_t exchange);
const char *wire_id_type_str(uint8_t type);
const char *wire_notify_str(uint16_t type);	/* "NO_PROPOSAL_CHOSEN", "notify 12345" */
const char *wire_payload_str(uint8_t type);

/* der.c: takes one element off @in; false: there is none that fits */
bool wire_der_next(struct bytes *in, uint8_t *tag, struct bytes *whole, struct bytes *body);

/* hdr.c */
enum wire_err wire_hdr_decode(struct bytes msg, struct wire_hdr *hdr);
void wire_hdr_encode(struct buf *b, const struct wire_hdr *hdr);	/* length patched by wire_finish */
void wire_finish(struct buf *b);		/* sets the header's length from b->len */

/* v2.c: walks the chain that begins with payload type @first; SK and SKF end it (RFC 7296 3.14) */
enum wire_err wire_v2_walk(uint8_t first, struct bytes body, struct wire_msg *msg, uint8_t *bad);
enum wire_err wire_v2_decode(struct bytes raw, struct wire_msg *msg, uint8_t *bad);
const struct wire_payload *wire_find(const struct wire_msg *msg, uint8_t type);

/* rules.c: tables of what each exchange requires and allows; unknown payloads pass */
enum wire_err wire_rules_check(const struct wire_msg *inner, uint8_t exchange, bool response,
			       uint8_t *bad);

struct wire_ke { uint16_t group; struct bytes data; };
struct wire_id { uint8_t type; struct bytes data; };
struct wire_auth { uint8_t method; struct bytes data; };
struct wire_cert { uint8_t encoding; struct bytes data; };	/* CERT and CERTREQ */
struct wire_notification { uint8_t proto; struct bytes spi; uint16_t type; struct bytes data; };
struct wire_delete { uint8_t proto; uint8_t spi_len; uint16_t n; struct bytes spis; };
/* @more_kes: the decoder left out a proposal with additional key exchanges (RFC 9370) */
struct wire_sa { unsigned int n; bool more_kes; struct ike_proposal p[WIRE_PROPOSALS_MAX]; };
struct wire_ts { unsigned int n; struct ts ts[WIRE_TS_MAX]; };
struct wire_skf { uint16_t number, total; struct bytes sealed; };	/* RFC 7383 2.5 */

/*
 * Of proposals and selectors a message may have more than we take: the first ones are
 * read, which are the most wanted (RFC 7296 2.9, 3.3), the others checked only, and
 * WIRE_TOO_MANY says so. To a request that is no error.
 */
static inline bool wire_is_read(enum wire_err err)
{
	return err == WIRE_OK || err == WIRE_TOO_MANY;
}

/*
 * Proposals with unknown transform types or attributes are kept out of the
 * result (RFC 7296 3.3.6: skip the proposal or transform, not the message);
 * selectors of unknown types are left out likewise.
 */
enum wire_err wire_sa_decode(struct bytes body, struct wire_sa *out);
enum wire_err wire_ke_decode(struct bytes body, struct wire_ke *out);
enum wire_err wire_id_decode(struct bytes body, struct wire_id *out);
enum wire_err wire_auth_decode(struct bytes body, struct wire_auth *out);
enum wire_err wire_cert_decode(struct bytes body, struct wire_cert *out);
enum wire_err wire_nonce_decode(struct bytes body, struct bytes *out);
enum wire_err wire_notify_decode(struct bytes body, struct wire_notification *out);
enum wire_err wire_delete_decode(struct bytes body, struct wire_delete *out);
enum wire_err wire_ts_decode(struct bytes body, struct wire_ts *out);
enum wire_err wire_skf_decode(struct bytes body, struct wire_skf *out);

/*
 * Encoders append one payload each; the chain's "next payload" octets are kept
 * right by the writer: open it on the message (or on the inside of SK), put
 * payloads, close it.
 */
struct wire_writer {
	struct buf *b;
	size_t next_at;		/* offset of the octet that names the next payload */
	size_t body_at;		/* offset of the payload being written */
	uint8_t *first;		/* wire_open_inner(): where the first type goes, NULL once it is set */
};
void wire_open(struct wire_writer *w, struct buf *b, const struct wire_hdr *hdr);
/* a chain without IKE header, for the inside of SK; its first type is put in *first at each put */
void wire_open_inner(struct wire_writer *w, struct buf *b, uint8_t *first);
void wire_put_sa(struct wire_writer *w, const struct ike_proposal *p, unsigned int n);
void wire_put_ke(struct wire_writer *w, uint16_t group, struct bytes data);
void wire_put_id(struct wire_writer *w, uint8_t pld_type, uint8_t id_type, struct bytes data);
void wire_put_auth(struct wire_writer *w, uint8_t method, struct bytes data);
void wire_put_cert(struct wire_writer *w, uint8_t pld_type, uint8_t encoding, struct bytes data);
void wire_put_nonce(struct wire_writer *w, struct bytes nonce);
void wire_put_notify(struct wire_writer *w, uint8_t proto, struct bytes spi, uint16_t type,
		     struct bytes data);
void wire_put_delete(struct wire_writer *w, uint8_t proto, uint8_t spi_len, struct bytes spis);
void wire_put_ts(struct wire_writer *w, uint8_t pld_type, const struct ts *ts, unsigned int n);
/*
 * The generic header of the SK payload, with the lengths of it and of the
 * message already counting the @sealed_len = crypto_sk_len() octets to come:
 * the whole buffer is then the AAD, and crypto_sk_seal() appends to it.
 */
void wire_put_sk(struct wire_writer *w, uint8_t first_inside, size_t sealed_len);
/* the same for one fragment of the inside */
void wire_put_skf(struct wire_writer *w, uint8_t first_inside, uint16_t number, uint16_t total,
		  size_t sealed_len);
void wire_put_raw(struct wire_writer *w, uint8_t pld_type, bool critical, struct bytes body);

#endif
