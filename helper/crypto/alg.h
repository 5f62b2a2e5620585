/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Algorithms by their IANA IKEv2 numbers and by the names people write in
 * proposals (strongSwan's keywords). One table serves the configuration, the
 * negotiation, the log and the crypto wrapper.
 */
#ifndef CRYPTO_ALG_H
#define CRYPTO_ALG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* RFC 7296 3.3.2 */
enum ike_transform_type {
	IKE_TRANSFORM_ENCR = 1,
	IKE_TRANSFORM_PRF = 2,
	IKE_TRANSFORM_INTEG = 3,
	IKE_TRANSFORM_DH = 4,
	IKE_TRANSFORM_ESN = 5,
};

enum { ENCR_DES_CBC = 2, ENCR_3DES_CBC = 3, ENCR_NULL = 11, ENCR_AES_CBC = 12, ENCR_AES_CTR = 13,
       ENCR_AES_CCM_8 = 14, ENCR_AES_CCM_12 = 15, ENCR_AES_CCM_16 = 16, ENCR_AES_GCM_8 = 18,
       ENCR_AES_GCM_12 = 19, ENCR_AES_GCM_16 = 20, ENCR_AES_GMAC = 21, ENCR_CAMELLIA_CBC = 23,
       ENCR_CHACHA20_POLY1305 = 28, ENCR_AES_CCM_16_IIV = 29, ENCR_AES_GCM_16_IIV = 30,
       ENCR_CHACHA20_POLY1305_IIV = 31 };
enum { PRF_HMAC_MD5 = 1, PRF_HMAC_SHA1 = 2, PRF_AES128_XCBC = 4, PRF_HMAC_SHA2_256 = 5,
       PRF_HMAC_SHA2_384 = 6, PRF_HMAC_SHA2_512 = 7, PRF_AES128_CMAC = 8 };
enum { INTEG_NONE = 0, INTEG_HMAC_MD5_96 = 1, INTEG_HMAC_SHA1_96 = 2, INTEG_AES_XCBC_96 = 5,
       INTEG_AES_CMAC_96 = 8, INTEG_HMAC_SHA2_256_128 = 12, INTEG_HMAC_SHA2_384_192 = 13,
       INTEG_HMAC_SHA2_512_256 = 14 };
/* 22 to 24 stay out: RFC 8247 2.4, the primes may hide a trap */
enum { DH_NONE = 0, DH_MODP768 = 1, DH_MODP1024 = 2, DH_MODP1536 = 5, DH_MODP2048 = 14,
       DH_MODP3072 = 15, DH_MODP4096 = 16, DH_MODP6144 = 17, DH_MODP8192 = 18, DH_ECP256 = 19,
       DH_ECP384 = 20, DH_ECP521 = 21, DH_BP224 = 27, DH_BP256 = 28, DH_BP384 = 29, DH_BP512 = 30,
       DH_X25519 = 31, DH_X448 = 32 };
enum { ESN_NO = 0, ESN_YES = 1 };
enum { PROTO_IKE = 1, PROTO_AH = 2, PROTO_ESP = 3 };	/* RFC 7296 3.3.1 */

struct ike_alg {
	uint8_t type;		/* enum ike_transform_type */
	uint16_t id;
	uint16_t key_bits;	/* the Key Length attribute, 0: has none */
	const char *name;	/* "aes256gcm16", "sha256", "prfsha384", "x25519" */
	uint16_t key_len;	/* octets of key material, the salt included */
	uint8_t iv_len, icv_len, block;	/* encryption: on the wire; integrity: icv_len */
	bool aead;
	bool esp_only;		/* the module has it, the IKE SA itself has not */
	bool weak;		/* RFC 8221, RFC 8247: broken; only where the configuration insists */
};

const struct ike_alg *ike_alg_find(uint8_t type, uint16_t id, uint16_t key_bits);
/* a cipher by the length of its key material; 0: any of that ID */
const struct ike_alg *ike_alg_cipher(uint16_t id, size_t key_len);
/* the word may name two transforms: "sha256" is integrity, and the PRF of an IKE proposal */
const struct ike_alg *ike_alg_by_name(const char *word, size_t len);
const struct ike_alg *ike_alg_prf_of_integ(const struct ike_alg *integ);

/* one transform as negotiated */
struct ike_transform {
	uint8_t type;
	uint16_t id;
	uint16_t key_bits;
};

#define IKE_PROPOSAL_TRANSFORMS 80	/* more than there are rows in the table, so that all fit */
/*
 * Stands in a decoded proposal for a transform that cannot be taken (unknown
 * attributes): its type is demanded all the same. The number is of the private
 * range, never ours.
 */
#define IKE_TRANSFORM_UNUSABLE	0xffff
#define IKE_TRANSFORM_STRLEN	64

/* "x25519, ecp256, ..." of a protocol's proposals */
const char *ike_alg_list(uint8_t proto, uint8_t type, char *out, size_t len);
const char *ike_transform_type_str(uint8_t type);		/* "encryption", "DH group" */
const char *ike_transform_str(const struct ike_transform *t, char *out, size_t len);

/* one proposal: RFC 7296 3.3.1; transforms grouped by type, most wanted first */
struct ike_proposal {
	uint8_t number;
	uint8_t proto;		/* PROTO_* */
	uint8_t spi_len;	/* 0, 4 or 8 */
	uint8_t spi[8];
	unsigned int n;
	struct ike_transform t[IKE_PROPOSAL_TRANSFORMS];
};

/*
 * "aes256gcm16-prfsha384-ecp384" for IKE, "aes128-sha256-modp2048" for either.
 * On error returns false, *err names the word and what would have been valid,
 * *err_off where it stands in @s. IKE: an AEAD wants a prf, a DH group is required;
 * ESP: the DH group is for PFS, "esn"/"noesn" words, both offered by default (esn first).
 */
bool ike_proposal_parse(const char *s, uint8_t proto, struct ike_proposal *out, char *err,
			size_t err_len, size_t *err_off);
const char *ike_proposal_str(const struct ike_proposal *p, char *out, size_t len);
/*
 * RFC 7296 2.7, 3.3.6: picks one transform of each type, for a responder. @ours in order
 * of preference. The chosen proposal has @theirs' number and SPI. False: none fits.
 */
bool ike_proposal_select(const struct ike_proposal *ours, unsigned int n_ours,
			 const struct ike_proposal *theirs, unsigned int n_theirs,
			 bool ignore_dh, struct ike_proposal *chosen);
/* the same, and one with the group of the KE payload before others */
bool ike_proposal_select_ke(const struct ike_proposal *ours, unsigned int n_ours,
			    const struct ike_proposal *theirs, unsigned int n_theirs, uint16_t ke,
			    struct ike_proposal *chosen);
/* initiator: is the answer one of what we offered, one transform of each type? */
bool ike_proposal_accept(const struct ike_proposal *ours, unsigned int n_ours,
			 const struct ike_proposal *answer);
/* the first of that type; integrity and DH "none" are the same as absent (NULL): RFC 7296 3.3.3 */
const struct ike_transform *ike_proposal_get(const struct ike_proposal *p, uint8_t type);
/* false when it is there already or there is no room */
bool ike_proposal_add(struct ike_proposal *p, uint8_t type, uint16_t id, uint16_t key_bits);
/* the first algorithm that is weak, NULL for none */
const struct ike_alg *ike_proposal_weak(const struct ike_proposal *p);
/* takes all of one type out: the first CHILD SA is offered without DH (RFC 7296 1.2) */
void ike_proposal_drop(struct ike_proposal *p, uint8_t type);
typedef void (*ike_difference_t)(const char *what, const char *theirs, const char *ours, void *arg);
const struct ike_proposal *ike_proposal_differences(const struct ike_proposal *ours,
						    unsigned int n_ours,
						    const struct ike_proposal *theirs,
						    unsigned int n_theirs, ike_difference_t fn,
						    void *arg);
/*
 * Human: how the nearest two of two sets differ, e.g. "encryption: offered aes256gcm16, expected
 * aes128gcm16; nearest to aes128gcm16". Returns @out.
 */
const char *ike_proposal_diff(const struct ike_proposal *ours, unsigned int n_ours,
			      const struct ike_proposal *theirs, unsigned int n_theirs,
			      char *out, size_t len);

#endif
