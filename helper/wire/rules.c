// SPDX-License-Identifier: GPL-2.0
/* Which payloads each exchange requires and allows: RFC 7296 1.2 to 1.4, appendix C. */
#include "wire/wire.h"

#define MANY	WIRE_PAYLOADS_MAX

struct rule {
	uint8_t type;		/* WIRE_PLD_NONE ends a table */
	uint8_t min, max;
};

/* Notify and Vendor ID may stand anywhere and are not listed */
static const struct rule init_rules[] = {
	{ WIRE_PLD_SA, 1, 1 },
	{ WIRE_PLD_KE, 1, 1 },
	{ WIRE_PLD_NONCE, 1, 1 },
	{ WIRE_PLD_CERTREQ, 0, MANY },
	{ WIRE_PLD_NONE, 0, 0 },
};

/* a request without AUTH asks for EAP (RFC 7296 2.16): v2/auth.c refuses it by its name */
static const struct rule auth_request_rules[] = {
	{ WIRE_PLD_IDI, 1, 1 },
	{ WIRE_PLD_AUTH, 0, 1 },
	{ WIRE_PLD_SA, 1, 1 },
	{ WIRE_PLD_TSI, 1, 1 },
	{ WIRE_PLD_TSR, 1, 1 },
	{ WIRE_PLD_IDR, 0, 1 },
	{ WIRE_PLD_CERT, 0, MANY },
	{ WIRE_PLD_CERTREQ, 0, MANY },
	{ WIRE_PLD_CP, 0, 1 },
	{ WIRE_PLD_NONE, 0, 0 },
};

static const struct rule auth_response_rules[] = {
	{ WIRE_PLD_IDR, 1, 1 },
	{ WIRE_PLD_AUTH, 1, 1 },
	{ WIRE_PLD_SA, 1, 1 },
	{ WIRE_PLD_TSI, 1, 1 },
	{ WIRE_PLD_TSR, 1, 1 },
	{ WIRE_PLD_CERT, 0, MANY },
	{ WIRE_PLD_CP, 0, 1 },
	{ WIRE_PLD_NONE, 0, 0 },
};

/* without selectors it rekeys the IKE SA, without KE it is a CHILD SA without PFS */
static const struct rule child_rules[] = {
	{ WIRE_PLD_SA, 1, 1 },
	{ WIRE_PLD_NONCE, 1, 1 },
	{ WIRE_PLD_KE, 0, 1 },
	{ WIRE_PLD_TSI, 0, 1 },
	{ WIRE_PLD_TSR, 0, 1 },
	{ WIRE_PLD_CP, 0, 1 },
	{ WIRE_PLD_NONE, 0, 0 },
};

static const struct rule info_rules[] = {
	{ WIRE_PLD_DELETE, 0, MANY },
	{ WIRE_PLD_CP, 0, 1 },
	{ WIRE_PLD_NONE, 0, 0 },
};

static const struct {
	uint8_t exchange;
	const struct rule *request, *response;
} exchanges[] = {
	{ WIRE_IKE_SA_INIT, init_rules, init_rules },
	{ WIRE_IKE_AUTH, auth_request_rules, auth_response_rules },
	{ WIRE_CREATE_CHILD_SA, child_rules, child_rules },
	{ WIRE_INFORMATIONAL, info_rules, info_rules },
};

/*
 * An answer that refuses has nothing but its reason: RFC 7296 1.2, 2.6, 2.21. With
 * IKE_AUTH the refusal may be of the CHILD SA only, beside IDr and AUTH; which of
 * them are there is for the state machine.
 */
static bool refuses(const struct wire_msg *msg)
{
	struct wire_notification n;
	unsigned int i;

	for (i = 0; i < msg->n; i++)
		if (msg->pld[i].type == WIRE_PLD_NOTIFY &&
		    wire_notify_decode(msg->pld[i].body, &n) == WIRE_OK &&
		    (WIRE_N_ERROR(n.type) || n.type == WIRE_N_COOKIE))
			return true;
	return false;
}

static const struct rule *rule_of(const struct rule *rules, uint8_t type)
{
	for (; rules->type != WIRE_PLD_NONE; rules++)
		if (rules->type == type)
			return rules;
	return NULL;
}

/* of no exchange's table: payloads that we know about must be listed there */
static bool free_to_stand(uint8_t type)
{
	return type == WIRE_PLD_NOTIFY || type == WIRE_PLD_VENDOR || type < WIRE_PLD_SA ||
	       (type > WIRE_PLD_EAP && type != WIRE_PLD_SKF);
}

/**
 * wire_rules_check() - are the payloads those of the exchange?
 * @inner: the message of IKE_SA_INIT, else the inside of its SK payload
 * @exchange: enum wire_exchange
 * @response: whether it is an answer
 * @bad: the payload type that is missing or stands where it may not
 *
 * Return: WIRE_OK; WIRE_SYNTAX for an exchange that we do not know.
 */
enum wire_err wire_rules_check(const struct wire_msg *inner, uint8_t exchange, bool response,
			       uint8_t *bad)
{
	const struct rule *rules = NULL, *r;
	uint8_t n[256] = { 0 };	/* how often each type is there */
	unsigned int i;

	*bad = WIRE_PLD_NONE;
	for (i = 0; i < sizeof(exchanges) / sizeof(exchanges[0]); i++)
		if (exchanges[i].exchange == exchange)
			rules = response ? exchanges[i].response : exchanges[i].request;
	if (!rules)
		return WIRE_SYNTAX;
	for (i = 0; i < inner->n; i++) {
		*bad = inner->pld[i].type;
		r = rule_of(rules, *bad);
		if (r ? ++n[*bad] > r->max : !free_to_stand(*bad))
			return WIRE_UNEXPECTED;
	}
	if (!(response && refuses(inner))) {
		for (r = rules; r->type != WIRE_PLD_NONE; r++) {
			*bad = r->type;
			if (n[r->type] < r->min)
				return WIRE_MISSING;
		}
	}
	*bad = WIRE_PLD_NONE;
	return WIRE_OK;
}
