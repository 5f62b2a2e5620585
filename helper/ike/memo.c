// SPDX-License-Identifier: GPL-2.0
/*
 * What authenticated the peers of one run of the daemon, for the next one: the module keeps SAs and
 * knows no identities. SAs of an earlier run are adopted only if the peer's block, its identities,
 * CAs, CRLs and secrets are those of then. The memo has no secret, but keyed digests:
 *
 *	magic | salt | { key, digest } ...
 *
 *	key	HMAC(salt, name of the peer), or zeros: a line of the secrets file
 *	digest	HMAC(salt, what is to be the same)
 *
 * Many peers may share a block with `id any` or a pattern, each with a line of the secrets file.
 * The memo does not say which of them had SAs, so all lines of the earlier run must still be
 * present.
 */
#include <stdlib.h>
#include <string.h>

#include "ike/core.h"
#include "pki/revoke.h"

#define DIGEST_LEN	32
#define SALT_LEN	32
#define RECORD_LEN	(2 * DIGEST_LEN)
#define MEMO_MAX	(64u << 20)

static const char magic[16] = "nfipsec-memo-1";
static const uint8_t of_secret[DIGEST_LEN];

/**
 * struct ike_memo - of the run that left the SAs
 * @salt: of that run
 * @n: of @records, which are sorted
 * @secrets_of: the configuration that @secrets_kept is about; NULL: none was looked at
 * @secrets_kept: it has all lines of the secrets file of then
 * @records: RECORD_LEN octets each
 */
struct ike_memo {
	uint8_t salt[SALT_LEN];
	size_t n;
	const struct conf *secrets_of;
	bool secrets_kept;
	uint8_t records[];
};

/* ---- what is to be the same ---- */

static void put_part(struct buf *b, const void *p, size_t len)
{
	buf_put_u32(b, len);
	buf_put(b, p, len);
}

static void put_id(struct buf *b, const struct conf_id *id)
{
	buf_put_u8(b, id->type);
	put_part(b, id->data, id->len);
}

static bool mac(const uint8_t salt[SALT_LEN], const struct buf *b, uint8_t out[DIGEST_LEN])
{
	const struct bytes part = buf_bytes(b);

	return !b->failed && crypto_prf(PRF_HMAC_SHA2_256, (struct bytes){ salt, SALT_LEN }, &part, 1,
					out);
}

static bool uses_psk(const struct conf_peer *p)
{
	return p->local_auth == CONF_AUTH_PSK || p->remote_auth == CONF_AUTH_PSK;
}

static bool is_one(const struct conf_peer *p)
{
	return p->local_id.type && p->remote_id.type && !conf_id_is_pattern(&p->remote_id);
}

static void put_peer(struct buf *b, const struct conf *conf, const struct conf_peer *p)
{
	const struct conf_secret *s = NULL;
	uint8_t crls[REVOKE_DIGEST_LEN] = { 0 };

	put_part(b, p->name, strlen(p->name));
	put_id(b, &p->local_id);
	put_id(b, &p->remote_id);
	buf_put_u8(b, p->local_auth);
	buf_put_u8(b, p->remote_auth);
	buf_put_u8(b, p->revocation);
	put_part(b, p->cert_digest, sizeof(p->cert_digest));
	if (p->remote_auth == CONF_AUTH_CERT && p->revocation != CONF_REVOCATION_OFF && conf->crls)
		revoke_crls_digest(conf->crls, crls);
	put_part(b, crls, sizeof(crls));
	if (uses_psk(p) && is_one(p))
		s = conf_secret_find(conf, &p->local_id, &p->remote_id);
	put_part(b, s ? s->psk : NULL, s ? s->len : 0);
}

static void put_secret(struct buf *b, const struct conf_secret *s)
{
	put_part(b, s->local_id, strlen(s->local_id));
	put_part(b, s->remote_id, strlen(s->remote_id));
	put_part(b, s->psk, s->len);
}

static bool peer_record(const uint8_t salt[SALT_LEN], const struct conf *conf,
			const struct conf_peer *p, uint8_t out[RECORD_LEN])
{
	struct buf name, all;
	bool ok;

	buf_init(&name);
	buf_init(&all);
	put_part(&name, p->name, strlen(p->name));
	put_peer(&all, conf, p);
	ok = mac(salt, &name, out) && mac(salt, &all, out + DIGEST_LEN);
	buf_free(&name);
	buf_free(&all);
	return ok;
}

static bool secret_record(const uint8_t salt[SALT_LEN], const struct conf_secret *s,
			  uint8_t out[RECORD_LEN])
{
	struct buf b;
	bool ok;

	buf_init(&b);
	put_secret(&b, s);
	memcpy(out, of_secret, DIGEST_LEN);
	ok = mac(salt, &b, out + DIGEST_LEN);
	buf_free(&b);
	return ok;
}

/* ---- written ---- */

bool ike_remember(const struct ike *ike, struct buf *out)
{
	const struct conf *conf = ike->conf;
	uint8_t salt[SALT_LEN], *record;
	unsigned int i;
	bool ok;

	if (!conf || !crypto_random(salt, sizeof(salt)))
		return false;
	buf_put(out, magic, sizeof(magic));
	buf_put(out, salt, sizeof(salt));
	ok = !out->failed;
	for (i = 0; ok && i < conf->n_peers; i++) {
		record = buf_extend(out, RECORD_LEN);
		ok = record && peer_record(salt, conf, &conf->peers[i], record);
	}
	for (i = 0; ok && i < conf->n_secrets; i++) {
		record = buf_extend(out, RECORD_LEN);
		ok = record && secret_record(salt, &conf->secrets[i], record);
	}
	return ok;
}

/* ---- read ---- */

static int record_cmp(const void *a, const void *b)
{
	return memcmp(a, b, RECORD_LEN);
}

bool ike_recall(struct ike *ike, struct bytes memo)
{
	const size_t head = sizeof(magic) + SALT_LEN;
	struct ike_memo *m;

	if (memo.len < head || memo.len > MEMO_MAX || (memo.len - head) % RECORD_LEN ||
	    memcmp(memo.p, magic, sizeof(magic)))
		return false;
	m = malloc(sizeof(*m) + memo.len - head);
	if (!m)
		return false;
	*m = (struct ike_memo){ .n = (memo.len - head) / RECORD_LEN };
	memcpy(m->salt, memo.p + sizeof(magic), SALT_LEN);
	memcpy(m->records, memo.p + head, memo.len - head);
	qsort(m->records, m->n, RECORD_LEN, record_cmp);
	free(ike->memo);
	ike->memo = m;
	return true;
}

static bool has_record(const uint8_t *records, size_t n, const uint8_t record[RECORD_LEN])
{
	return bsearch(record, records, n, RECORD_LEN, record_cmp);
}

/* every line of then is one of now */
static bool are_in(const struct ike_memo *m, const uint8_t *now, size_t n)
{
	size_t i;

	/* sorted, those with a key of zeros come first */
	for (i = 0; i < m->n && !memcmp(m->records + i * RECORD_LEN, of_secret, DIGEST_LEN); i++)
		if (!has_record(now, n, m->records + i * RECORD_LEN))
			return false;
	return true;
}

static bool secrets_kept(struct ike_memo *m, const struct conf *conf)
{
	uint8_t *now;
	unsigned int i;
	bool ok;

	if (m->secrets_of == conf)
		return m->secrets_kept;
	now = calloc(conf->n_secrets + 1, RECORD_LEN);
	ok = now;
	for (i = 0; ok && i < conf->n_secrets; i++)
		ok = secret_record(m->salt, &conf->secrets[i], now + i * RECORD_LEN);
	if (ok) {
		qsort(now, conf->n_secrets, RECORD_LEN, record_cmp);
		ok = are_in(m, now, conf->n_secrets);
	}
	free(now);
	m->secrets_of = conf;
	m->secrets_kept = ok;
	return ok;
}

bool ike_memo_holds(const struct ike_peer *peer)
{
	struct ike *ike = peer->ike;
	uint8_t record[RECORD_LEN];

	return ike->memo && !peer->conf->lacks &&
	       peer_record(ike->memo->salt, ike->conf, peer->conf, record) &&
	       has_record(ike->memo->records, ike->memo->n, record) &&
	       (!uses_psk(peer->conf) || is_one(peer->conf) ||
		secrets_kept(ike->memo, ike->conf));
}
