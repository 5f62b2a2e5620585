// SPDX-License-Identifier: GPL-2.0
/*
 * What a process of the signer does with one request: it loads the provider, logs in, finds the
 * key, signs, and ends. GnuTLS loads no other provider.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gnutls/pkcs11.h>

#include "core/trusted.h"
#include "pki/cert_priv.h"
#include "pki/token.h"

/* PKCS #11 v2.40 and v3.0: CK_MECHANISM_TYPE */
#define CKM_RSA_PKCS		0x1
#define CKM_RSA_PKCS_PSS	0xd
#define CKM_ECDSA		0x1041
#define CKM_EDDSA		0x1057
#define MECHANISMS_MAX		1000

/**
 * struct request - one request, decoded
 * @op: TOKEN_OP_*
 * @sign: gnutls_sign_algorithm_t
 * @provider: absolute path
 * @uri: of the key
 * @pin: of the token's user
 * @spki: what the key must have
 * @data: the message to sign
 * @asked: the PIN was given once
 */
struct request {
	char op;
	unsigned int sign;
	char provider[TOKEN_PATH_MAX + 1], uri[TOKEN_URI_MAX + 1], pin[TOKEN_PIN_MAX + 1];
	struct bytes spki, data;
	bool asked;
};

static bool take(struct bytes *in, size_t max, struct bytes *out)
{
	size_t len;

	if (in->len < 4)
		return false;
	len = get_u32(in->p);
	if (len > max || len > in->len - 4)
		return false;
	*out = (struct bytes){ in->p + 4, len };
	*in = (struct bytes){ in->p + 4 + len, in->len - 4 - len };
	return true;
}

static bool take_text(struct bytes *in, char *out, size_t size)
{
	struct bytes v;

	if (!take(in, size - 1, &v) || (v.len && memchr(v.p, 0, v.len)))
		return false;
	if (v.len)
		memcpy(out, v.p, v.len);
	out[v.len] = 0;
	return true;
}

static bool decode(struct bytes in, struct request *r)
{
	if (in.len < 9)
		return false;
	r->op = in.p[4];
	r->sign = get_u32(in.p + 5);
	in = (struct bytes){ in.p + 9, in.len - 9 };
	return take_text(&in, r->provider, sizeof(r->provider)) &&
	       take_text(&in, r->uri, sizeof(r->uri)) && take_text(&in, r->pin, sizeof(r->pin)) &&
	       take(&in, TOKEN_DATA_MAX, &r->spki) && take(&in, TOKEN_DATA_MAX, &r->data) &&
	       !in.len && (r->op == TOKEN_OP_PROBE || r->op == TOKEN_OP_SIGN);
}

static void put_reply(struct buf *reply, struct bytes request, enum token_status status,
		      unsigned int can, const void *p, size_t len)
{
	buf_free(reply);
	buf_put_u32(reply, request.len >= 4 ? get_u32(request.p) : 0);
	buf_put_u8(reply, status);
	buf_put_u32(reply, can);
	buf_put(reply, p, len);
}

/**
 * token_reply_failed() - compose the reply to a request that failed
 * @request: the request
 * @text: the reason
 * @reply: gets the message
 */
void token_reply_failed(struct bytes request, const char *text, struct buf *reply)
{
	put_reply(reply, request, TOKEN_FAILED, 0, text, strlen(text));
}

/*
 * Gives the PIN once. A token counts wrong PINs, and locks itself after a few. So the PIN is not
 * given again after a refusal, and not when the token says that one try is left.
 */
static int give_pin(void *arg, int attempt, const char *url, const char *label, unsigned int flags,
		    char *pin, size_t max)
{
	struct request *r = arg;

	(void)url;
	(void)label;
	if (attempt || r->asked || flags & (GNUTLS_PIN_SO | GNUTLS_PIN_WRONG | GNUTLS_PIN_FINAL_TRY) ||
	    strlen(r->pin) >= max)
		return GNUTLS_E_PKCS11_PIN_ERROR;
	r->asked = true;
	strcpy(pin, r->pin);
	return 0;
}

static bool load_provider(struct request *r, char *err, size_t err_len)
{
	int ret;

	if (*r->provider != '/' || !trusted_command(r->provider, err, err_len))
		return false;
	ret = gnutls_pkcs11_init(GNUTLS_PKCS11_FLAG_MANUAL, NULL);
	if (!ret)
		ret = gnutls_pkcs11_add_provider(r->provider, NULL);
	if (ret < 0)
		snprintf(err, err_len, "the provider %s cannot be used: %s", r->provider,
			 gnutls_strerror(ret));
	gnutls_pkcs11_set_pin_function(give_pin, r);
	return ret >= 0;
}

static unsigned int mechanisms(const char *uri)
{
	unsigned long mechanism;
	unsigned int can = 0;
	int i;

	for (i = 0; i < MECHANISMS_MAX && !gnutls_pkcs11_token_get_mechanism(uri, i, &mechanism); i++) {
		if (mechanism == CKM_RSA_PKCS)
			can |= 1u << CERT_RSA;
		else if (mechanism == CKM_RSA_PKCS_PSS)
			can |= 1u << CERT_RSA_PSS;
		else if (mechanism == CKM_ECDSA)
			can |= 1u << CERT_ECDSA;
		else if (mechanism == CKM_EDDSA)
			can |= 1u << CERT_ED25519 | 1u << CERT_ED448;
	}
	return can;
}

/* 0: the key on the token has that SubjectPublicKeyInfo; 1: it has another one */
static int misfits(gnutls_privkey_t key, struct bytes spki)
{
	gnutls_datum_t der = { NULL, 0 };
	gnutls_pubkey_t pub;
	int ret = gnutls_pubkey_init(&pub);

	if (ret < 0)
		return ret;
	ret = gnutls_pubkey_import_privkey(pub, key, 0, 0);
	if (!ret)
		ret = gnutls_pubkey_export2(pub, GNUTLS_X509_FMT_DER, &der);
	if (!ret)
		ret = !bytes_equal((struct bytes){ der.data, der.size }, spki);
	gnutls_free(der.data);
	gnutls_pubkey_deinit(pub);
	return ret;
}

static const char *error_of(const struct request *r, int ret)
{
	if (ret == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE ||
	    ret == GNUTLS_E_PKCS11_REQUESTED_OBJECT_NOT_AVAILBLE)
		return "no such token, or no such private key on it";
	if (ret == GNUTLS_E_PKCS11_PIN_ERROR && r->asked)
		return "the token refuses the PIN of the secrets file";
	if (ret == GNUTLS_E_PKCS11_PIN_ERROR)
		return "the token has one try of the PIN left, which is not used";
	return gnutls_strerror(ret);
}

static void put_error(const struct request *r, struct bytes request, int ret, struct buf *reply)
{
	const char *text = error_of(r, ret);

	put_reply(reply, request, ret == GNUTLS_E_PKCS11_PIN_ERROR ? TOKEN_NO_LOGIN : TOKEN_FAILED, 0,
		  text, strlen(text));
}

static void with_key(struct request *r, struct bytes request, gnutls_privkey_t key,
		     struct buf *reply)
{
	static const char misfit[] = "its key is not that of the certificate";
	const gnutls_datum_t data = { (unsigned char *)r->data.p, r->data.len };
	gnutls_datum_t sig = { NULL, 0 };
	/*
	 * A token may not tell the public key of a private one; the daemon verifies each signature, so
	 * a key that does not fit signs nothing that is sent.
	 */
	int ret = misfits(key, r->spki);

	if (ret == 1) {
		put_reply(reply, request, TOKEN_MISFIT, 0, misfit, sizeof(misfit) - 1);
		return;
	}
	if (r->op == TOKEN_OP_PROBE) {
		put_reply(reply, request, TOKEN_OK, mechanisms(r->uri), "", 0);
		return;
	}
	ret = gnutls_privkey_sign_data2(key, r->sign, 0, &data, &sig);
	if (ret < 0)
		put_error(r, request, ret, reply);
	else
		put_reply(reply, request, TOKEN_OK, 0, sig.data, sig.size);
	gnutls_free(sig.data);
}

/**
 * token_do() - carry a request out
 * @request: the request
 * @reply: gets the reply
 *
 * Runs once in a process, which then ends: it loads foreign code.
 */
void token_do(struct bytes request, struct buf *reply)
{
	struct request r = { .op = 0 };
	gnutls_privkey_t key = NULL;
	char err[TOKEN_PATH_MAX + 512];
	int ret;

	if (!decode(request, &r)) {
		token_reply_failed(request, "the request is malformed", reply);
	} else if (!load_provider(&r, err, sizeof(err))) {
		token_reply_failed(request, err, reply);
	} else {
		ret = gnutls_privkey_init(&key);
		if (!ret)
			ret = gnutls_privkey_import_url(key, r.uri, 0);
		if (ret < 0)
			put_error(&r, request, ret, reply);
		else
			with_key(&r, request, key, reply);
		if (key)
			gnutls_privkey_deinit(key);
		gnutls_pkcs11_deinit();
	}
	explicit_bzero(&r, sizeof(r));
}
