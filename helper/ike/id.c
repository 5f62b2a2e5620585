// SPDX-License-Identifier: GPL-2.0
/* Who is who: RFC 7296 3.5, and which configured peer that is. */
#include <ctype.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ike/core.h"

static bool addr_of(uint8_t type, struct bytes data, struct addr *out)
{
	memset(out, 0, sizeof(*out));
	if (type == WIRE_ID_IPV4 && data.len == 4)
		out->family = AF_INET;
	else if (type == WIRE_ID_IPV6 && data.len == 16)
		out->family = AF_INET6;
	else
		return false;
	memcpy(out->a, data.p, data.len);
	return true;
}

/* Prints octets in hexadecimal. Prints `...` after 32 of them. */
static void hex_str(struct bytes data, char *out, size_t len)
{
	size_t i, at = snprintf(out, len, "0x");

	for (i = 0; i < data.len && i < 32 && at + 2 < len; i++)
		at += snprintf(out + at, len - at, "%02x", data.p[i]);
	if (i < data.len && at < len)
		snprintf(out + at, len - at, "...");
}

/* Checks whether an identity is printed as text. A key ID that begins with 0x is printed in hex. */
static bool is_plain(uint8_t type, struct bytes data)
{
	size_t i;

	if (type != WIRE_ID_FQDN && type != WIRE_ID_EMAIL && type != WIRE_ID_KEY)
		return false;
	if (type == WIRE_ID_KEY && (data.len > 255 || (data.len > 1 && !memcmp(data.p, "0x", 2))))
		return false;
	for (i = 0; i < data.len; i++)
		if (!isprint(data.p[i]) || data.p[i] == '\'')
			return false;
	return true;
}

/* Logs and terminals get octets of an unauthenticated peer printable or in hexadecimal. */
const char *ike_id_str(uint8_t type, struct bytes data, char *out, size_t len)
{
	struct addr a;

	if (addr_of(type, data, &a))
		return addr_str(&a, out, len);
	if (type == WIRE_ID_DN)
		return cert_dn_str(data, out, len);
	if (is_plain(type, data))
		snprintf(out, len, "%.*s", (int)(data.len > 256 ? 256 : data.len),
			 (const char *)data.p);
	else
		hex_str(data, out, len);
	return out;
}

const char *ike_id_with_type(uint8_t type, const char *text, char *out, size_t len)
{
	snprintf(out, len, "%s '%s'", wire_id_type_str(type), text);
	return out;
}

const char *ike_id_named(uint8_t type, struct bytes data, char *out, size_t len)
{
	char text[300];

	return ike_id_with_type(type, ike_id_str(type, data, text, sizeof(text)), out, len);
}

/* `*.example.com`: one label in its place; `*@example.com`: anybody there */
static bool pattern_match(uint8_t type, struct bytes pattern, struct bytes data)
{
	size_t tail = pattern.len - 1, head = data.len - tail;

	return data.len > tail &&
	       !strncasecmp((const char *)pattern.p + 1, (const char *)data.p + head, tail) &&
	       !memchr(data.p, type == WIRE_ID_FQDN ? '.' : '@', head) &&
	       !memchr(data.p, '*', head);
}

bool ike_id_match(const struct conf_id *conf, const struct addr *addr, uint8_t type,
		  struct bytes data)
{
	struct wire_id want;

	if (!conf->type && !addr)
		return true;
	ike_id_local(conf, addr, &want);
	if (want.type == WIRE_ID_DN && type == WIRE_ID_DN)
		return conf->stars ? cert_dn_match(want.data, data) :
				     cert_dn_equal(want.data, data);
	if (want.type == type && conf->type && conf_id_is_pattern(conf))
		return pattern_match(type, want.data, data);
	if (want.type != type || want.data.len != data.len)
		return false;
	/* domain names know no case */
	if (type == WIRE_ID_FQDN || type == WIRE_ID_EMAIL)
		return !strncasecmp((const char *)want.data.p, (const char *)data.p, data.len);
	return !memcmp(want.data.p, data.p, data.len);
}

void ike_id_local(const struct conf_id *conf, const struct addr *addr, struct wire_id *out)
{
	if (conf->type) {
		out->type = conf->type;
		out->data = (struct bytes){ conf->data, conf->len };
	} else {
		out->type = addr->family == AF_INET6 ? WIRE_ID_IPV6 : WIRE_ID_IPV4;
		out->data = (struct bytes){ addr->a, addr_len(addr) };
	}
}

void ike_id_clear(struct conf_id *id)
{
	free(id->text);
	free(id->data);
	memset(id, 0, sizeof(*id));
}

bool ike_id_set(struct conf_id *id, uint8_t type, struct bytes data)
{
	char text[300];

	ike_id_clear(id);
	id->type = type;
	id->text = strdup(ike_id_str(type, data, text, sizeof(text)));
	id->data = malloc(data.len + 1);
	if (!id->text || !id->data) {
		ike_id_clear(id);
		return false;
	}
	memcpy(id->data, data.p, data.len);
	id->len = data.len;
	return true;
}

/* the address in place of an ID that is not there */
static void id_of_addr(const struct addr *a, struct conf_id *id, char text[ADDR_STRLEN])
{
	id->type = a->family == AF_INET6 ? WIRE_ID_IPV6 : WIRE_ID_IPV4;
	id->text = text;
	addr_str(a, text, ADDR_STRLEN);
	id->data = (uint8_t *)a->a;
	id->len = addr_len(a);
}

const struct conf_secret *ike_id_secret(const struct conf *conf, const struct conf_peer *peer,
					const struct addr *local, const struct conf_id *remote,
					const struct addr *remote_addr)
{
	char text_l[ADDR_STRLEN], text_r[ADDR_STRLEN];
	struct conf_id l = peer->local_id, r = peer->remote_id;

	if (!l.type)
		id_of_addr(local, &l, text_l);
	/* as written in the configuration, where the peer's ID is there and one */
	if ((!r.type || conf_id_is_pattern(&r)) && remote && remote->type)
		r = *remote;
	else if (!r.type)
		id_of_addr(remote_addr, &r, text_r);
	return conf_secret_find(conf, &l, &r);
}

/* That of the remote address, one more if the local one is named, too; -1: not this peer. */
static int addr_rank(const struct ike_peer *p, const struct addr *local, const struct addr *remote)
{
	const struct addr *ours = &p->conf->local;
	int rank;

	if (ours->family && !addr_equal(ours, local))
		return -1;
	rank = ike_remote_rank(p, remote);
	return rank < 0 ? rank : rank + (ours->family ? 1 : 0);
}

uint32_t ike_addr_hash(const struct ike *ike, const struct addr *a)
{
	return ike_hash(ike->hash_key ^ a->family, a->a, addr_len(a));
}

static bool comes_before(const struct ike_peer *a, const struct ike_peer *b,
			 const struct addr *local, const struct addr *remote)
{
	int rank_a = addr_rank(a, local, remote), rank_b = addr_rank(b, local, remote);

	return rank_a > rank_b || (rank_a == rank_b && a->order < b->order);
}

/* Blocks that name the remote address: a few, in no order. */
static struct ike_peer *next_named(struct ike *ike, const struct addr *local,
				   const struct addr *remote, const struct ike_peer *prev)
{
	struct ike_link *l = ike_table_first(&ike->peers_by_addr, ike_addr_hash(ike, remote));
	struct ike_peer *p, *best = NULL;

	for (; l; l = ike_table_next(l)) {
		p = container_of(l, struct ike_remote_addr, by_addr)->of->peer;
		if (addr_rank(p, local, remote) >= IKE_RANK_NAMED &&
		    (!prev || comes_before(prev, p, local, remote)) &&
		    (!best || comes_before(p, best, local, remote)))
			best = p;
	}
	return best;
}

static struct ike_peer *next_any(struct ike *ike, const struct addr *local,
				 const struct addr *remote, const struct ike_peer *prev)
{
	int below = IKE_RANK_NAMED, rank, best_rank = -1;
	struct ike_peer *p, *best = NULL;

	if (prev) {
		below = addr_rank(prev, local, remote);
		for (p = prev->next_any; p; p = p->next_any)
			if (addr_rank(p, local, remote) == below)
				return p;
	}
	for (p = ike->peers_any; p; p = p->next_any) {
		rank = addr_rank(p, local, remote);
		if (rank >= below || rank <= best_rank)
			continue;
		best = p;
		best_rank = rank;
	}
	return best;
}

struct ike_peer *ike_peer_by_addr(struct ike *ike, const struct addr *local,
				  const struct addr *remote, struct ike_peer *prev)
{
	struct ike_peer *p;

	if (!prev || addr_rank(prev, local, remote) >= IKE_RANK_NAMED) {
		p = next_named(ike, local, remote, prev);
		if (p)
			return p;
		prev = NULL;
	}
	return next_any(ike, local, remote, prev);
}

/**
 * ike_egress_to() - choose the route of an answer outside of any IKE SA
 * @ike: the core
 * @local: address that the request came to
 * @remote: address that it came from
 *
 * Who asks is not known. A stranger pays for no walk over the blocks without an address while
 * these agree. Then their egress also serves an address that no block fits.
 *
 * Return: the egress of the first block that the addresses fit
 */
struct egress ike_egress_to(struct ike *ike, const struct addr *local, const struct addr *remote)
{
	const struct ike_peer *p = next_named(ike, local, remote, NULL);

	if (!p)
		p = ike->any_differ ? next_any(ike, local, remote, NULL) : ike->peers_any;
	return p ? p->conf->egress : (struct egress){ 0 };
}

void ike_auth_info_clear(struct ike_auth_info *proof)
{
	free(proof->key);
	*proof = (struct ike_auth_info){ .how = "" };
}

void ike_auth_info_set(struct ike_auth_info *proof, const char *how, const char *key,
		       time_t not_after)
{
	ike_auth_info_clear(proof);
	snprintf(proof->how, sizeof(proof->how), "%s", how);
	proof->key = key ? strdup(key) : NULL;
	proof->not_after = not_after;
}

void ike_auth_info_copy(struct ike_auth_info *to, const struct ike_auth_info *from)
{
	ike_auth_info_set(to, from->how, from->key, from->not_after);
}
