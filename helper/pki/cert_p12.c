// SPDX-License-Identifier: GPL-2.0
/* PKCS#12 (RFC 7292): a private key with its certificate, and those of CAs, in one file. */
#include "pki/cert_priv.h"

static void free_list(gnutls_x509_crt_t *crts, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		gnutls_x509_crt_deinit(crts[i]);
	gnutls_free(crts);
}

/* @pass: NULL: none */
static int read_with(gnutls_pkcs12_t p12, const char *pass, struct cert_p12 *out)
{
	struct cert_p12 got = { .key = NULL };
	int ret = gnutls_pkcs12_verify_mac(p12, pass);

	/* RFC 7292 4: the MAC is optional; without one decryption finds a wrong passphrase */
	if (ret == GNUTLS_E_MAC_VERIFY_FAILED)
		return GNUTLS_E_DECRYPTION_FAILED;
	ret = gnutls_pkcs12_simple_parse(p12, pass, &got.key, &got.chain, &got.n_chain, &got.extra,
					 &got.n_extra, NULL, 0);
	if (ret < 0)
		return ret;
	*out = got;
	return 0;
}

/**
 * cert_p12_read() - read a PKCS#12 file
 * @data: the file
 * @pem: it is in PEM, not in DER
 * @pass: its passphrase; NULL: none is known, and an empty one is tried
 * @out: set; the caller's to free by cert_p12_free()
 *
 * The certificate of the key is the first of @out->chain.
 *
 * Return: 0, GNUTLS_E_DECRYPTION_FAILED for a wrong or missing passphrase, or another error of
 * GnuTLS, with which nothing is in @out.
 */
int cert_p12_read(struct bytes data, bool pem, const char *pass, struct cert_p12 *out)
{
	const gnutls_datum_t raw = { (unsigned char *)data.p, data.len };
	gnutls_pkcs12_t p12;
	int ret = gnutls_pkcs12_init(&p12);

	*out = (struct cert_p12){ .key = NULL };
	if (ret < 0)
		return ret;
	ret = gnutls_pkcs12_import(p12, &raw, pem ? GNUTLS_X509_FMT_PEM : GNUTLS_X509_FMT_DER, 0);
	if (!ret)
		ret = read_with(p12, pass, out);
	/* programs encode "no passphrase" in two ways: as nothing and as an empty string */
	if (ret == GNUTLS_E_DECRYPTION_FAILED && !pass)
		ret = read_with(p12, "", out);
	gnutls_pkcs12_deinit(p12);
	return ret;
}

/**
 * cert_p12_free() - free what cert_p12_read() has read
 * @p12: members that the caller has taken are NULL
 */
void cert_p12_free(struct cert_p12 *p12)
{
	if (p12->key)
		gnutls_x509_privkey_deinit(p12->key);
	free_list(p12->chain, p12->chain ? p12->n_chain : 0);
	free_list(p12->extra, p12->extra ? p12->n_extra : 0);
	*p12 = (struct cert_p12){ .key = NULL };
}
