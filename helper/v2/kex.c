// SPDX-License-Identifier: GPL-2.0
/*
 * The key exchange of a negotiation, the same in IKE_SA_INIT, for CHILD SAs with
 * PFS and in the rekeying of IKE SAs: RFC 7296 1.2, 1.3, 2.14, 3.4.
 */
#include "v2/v2.h"

static const struct bytes none = { NULL, 0 };

/*
 * The transforms that each ask for a key exchange, in the order of the exchanges.
 * The first travels with the exchange that negotiates it; what RFC 9370 adds has
 * exchanges of its own, after that one (IKE_INTERMEDIATE, IKE_FOLLOWUP_KE).
 */
static const uint8_t steps[] = { IKE_TRANSFORM_DH };

static const struct ike_transform *transform_of(const struct ike_kex *kex,
						const struct ike_proposal *chosen)
{
	return ike_proposal_get(chosen, steps[kex->step]);
}

static bool is_offered(const struct ike_proposal *ours, unsigned int n, uint8_t type, uint16_t id)
{
	unsigned int i, k;

	for (i = 0; i < n; i++)
		for (k = 0; k < ours[i].n; k++)
			if (ours[i].t[k].type == type && ours[i].t[k].id == id)
				return true;
	return false;
}

/**
 * v2_kex_first - the group to begin with
 * @ours: what we offer, most wanted first
 * @n: how many
 * @known: one that the peer took before, or NULL
 *
 * Return: the group, DH_NONE where our first proposal wants no key exchange.
 */
uint16_t v2_kex_first(const struct ike_proposal *ours, unsigned int n,
		      const struct ike_transform *known)
{
	const struct ike_transform *t = ike_proposal_get(&ours[0], steps[0]);

	if (t && known && is_offered(ours, n, steps[0], known->id))
		t = known;
	return t ? t->id : DH_NONE;
}

/**
 * v2_kex_make - initiator: begin to make our key pair
 * @sa: whose job it is
 * @kex: gets the group
 * @group: the group
 * @done: is to call v2_kex_made()
 * @spi: handed to @done
 */
bool v2_kex_make(struct ike_sa *sa, struct ike_kex *kex, uint16_t group, ike_job_done_t done,
		 uint32_t spi)
{
	ike_kex_clear(kex);
	kex->group = group;
	kex->insists = false;
	return ike_job_dh(sa, group, NULL, none, done, spi);
}

bool v2_kex_made(struct ike_kex *kex, struct ike_job_dh *job)
{
	if (!job->ok)
		return false;
	kex->dh = job->dh;
	job->dh = NULL;
	return true;
}

void v2_kex_put(const struct ike_kex *kex, struct wire_writer *w)
{
	if (kex->dh)
		wire_put_ke(w, kex->group, crypto_dh_public(kex->dh));
}

/**
 * v2_kex_other_group - initiator: INVALID_KE_PAYLOAD, RFC 7296 1.2, 1.3
 * @kex: ours
 * @ours: what we offered
 * @n: how many
 * @refusal: says which group the peer wants
 *
 * Return: the group to try, DH_NONE when it is not one that we offered, or there is no end of it.
 */
uint16_t v2_kex_other_group(struct ike_kex *kex, const struct ike_proposal *ours, unsigned int n,
			    const struct wire_notification *refusal)
{
	uint16_t group;

	if (refusal->data.len != 2)
		return DH_NONE;
	group = get_u16(refusal->data.p);
	if (group == kex->group || !is_offered(ours, n, steps[kex->step], group) ||
	    ++kex->restarts > IKE_RESTARTS_MAX)
		return DH_NONE;
	return group;
}

/**
 * v2_kex_take - initiator: the KE payload of the answer
 * @kex: ours
 * @msg: the answer
 * @chosen: its proposal
 * @ke: gets it; group DH_NONE: without key exchange, as agreed
 *
 * Return: whether it is what was chosen and what we began.
 */
bool v2_kex_take(const struct ike_kex *kex, const struct wire_msg *msg,
		 const struct ike_proposal *chosen, struct wire_ke *ke)
{
	const struct ike_transform *t = transform_of(kex, chosen);
	const struct wire_payload *p = wire_find(msg, WIRE_PLD_KE);

	ke->group = DH_NONE;
	if (!t && !p)
		return true;
	return t && p && kex->dh && wire_ke_decode(p->body, ke) == WIRE_OK &&
	       ke->group == kex->group && t->id == kex->group &&
	       ke->data.len == crypto_dh_public_len(ke->group);
}

/* the shared secret of what v2_kex_take() took; job->shared has it in @done */
bool v2_kex_share(struct ike_sa *sa, struct ike_kex *kex, const struct wire_ke *ke,
		  ike_job_done_t done, uint32_t spi)
{
	struct crypto_dh *mine = kex->dh;

	kex->dh = NULL;
	return ike_job_dh(sa, kex->group, mine, ke->data, done, spi);
}

/* Returns the end of a log line about @offered, if the decoder left out proposals of RFC 9370. */
const char *v2_kex_more(const struct wire_sa *offered)
{
	return offered->more_kes ? "; left out: proposals with additional key exchanges (RFC 9370), which nfipsec "
	       "does not have" : "";
}

/* Returns the DH group of the KE payload of a request; DH_NONE: the request has none. */
uint16_t v2_kex_came(const struct wire_msg *msg)
{
	const struct wire_payload *p = wire_find(msg, WIRE_PLD_KE);
	struct wire_ke ke;

	return p && wire_ke_decode(p->body, &ke) == WIRE_OK ? ke.group : DH_NONE;
}

/**
 * v2_kex_wanted - responder: is the KE payload of the group that was chosen?
 * @msg: the request
 * @chosen: our choice
 * @ke: gets it; group DH_NONE: there is to be none
 * @group: two octets, the data of INVALID_KE_PAYLOAD
 *
 * Return: false: INVALID_KE_PAYLOAD is the answer.
 */
bool v2_kex_wanted(const struct wire_msg *msg, const struct ike_proposal *chosen,
		   struct wire_ke *ke, uint8_t group[2])
{
	const struct ike_transform *t = ike_proposal_get(chosen, steps[0]);
	const struct wire_payload *p = wire_find(msg, WIRE_PLD_KE);

	ke->group = DH_NONE;
	if (!t)
		return true;
	group[0] = t->id >> 8;
	group[1] = t->id;
	return p && wire_ke_decode(p->body, ke) == WIRE_OK && ke->group == t->id &&
	       ke->data.len == crypto_dh_public_len(ke->group);
}

/* without a key pair it is we who failed */
bool v2_kex_is_bad(const struct ike_job_dh *job)
{
	return !job->ok && job->dh;
}

void v2_bad_public_value(struct ike_sa *sa, uint16_t group)
{
	v2_goodbye(sa);
	ike_sa_fail(sa, "its public value of DH group %u is not valid", group);
}
