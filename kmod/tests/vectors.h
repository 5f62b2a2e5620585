/* SPDX-License-Identifier: GPL-2.0 */
/* What others published, in hexadecimal as they print it. A name that is NULL ends each list. */
#ifndef _NFIPSEC_VECTORS_H
#define _NFIPSEC_VECTORS_H

#include <linux/types.h>

/**
 * struct nfipsec_esp_vector - an ESP packet
 * @name: the source of the vector, for reports
 * @encr: enum nfipsec_encr
 * @esn: extended sequence numbers
 * @seq: sequence number
 * @key: of @encr, then the salt where it has one
 * @packet: ESP header, IV, cipher text, and with an AEAD the ICV
 * @text: payload, padding, pad length, next header
 */
struct nfipsec_esp_vector {
	const char	*name;
	u16		encr;
	bool		esn;
	u64		seq;
	const char	*key, *packet, *text;
};

/* @message: what is authenticated; @icv: as long as it is sent */
struct nfipsec_mac_vector {
	const char	*name;
	u16		integ;
	const char	*key, *message, *icv;
};

extern const struct nfipsec_esp_vector nfipsec_esp_vectors[];
extern const struct nfipsec_mac_vector nfipsec_mac_vectors[];

#endif
