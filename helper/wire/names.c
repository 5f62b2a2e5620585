// SPDX-License-Identifier: GPL-2.0
/* Numbers of the wire as the RFC writes them, for the log and for people. */
#include <stdio.h>

#include "wire/wire.h"

/* callers print at once; one number a thread is enough */
static const char *number(const char *what, unsigned int n)
{
	static __thread char text[32];

	snprintf(text, sizeof(text), "%s %u", what, n);
	return text;
}

/**
 * wire_err_str() - what a decoder found
 * @err: its result
 *
 * Return: words for the log.
 */
const char *wire_err_str(enum wire_err err)
{
	switch (err) {
	case WIRE_OK:
		return "no error";
	case WIRE_TRUNCATED:
		return "a length runs past the end of the message";
	case WIRE_SYNTAX:
		return "a field has a forbidden value";
	case WIRE_TOO_MANY:
		return "too many payloads, proposals or selectors";
	case WIRE_VERSION:
		return "unknown major version";
	case WIRE_CRITICAL:
		return "unknown critical payload";
	case WIRE_MISSING:
		return "a required payload is missing";
	case WIRE_UNEXPECTED:
		return "a payload stands where it may not";
	}
	return "unknown error";
}

/**
 * wire_id_type_str() - name of a type of identity
 * @type: RFC 7296 3.5
 *
 * Return: the word of the configuration; a number's text holds until the thread's next call.
 */
const char *wire_id_type_str(uint8_t type)
{
	switch (type) {
	case WIRE_ID_IPV4:
		return "ipv4";
	case WIRE_ID_FQDN:
		return "fqdn";
	case WIRE_ID_EMAIL:
		return "email";
	case WIRE_ID_IPV6:
		return "ipv6";
	case WIRE_ID_DN:
		return "dn";
	case WIRE_ID_KEY:
		return "key-id";
	}
	return number("ID of type", type);
}

/**
 * wire_exchange_str() - name of an exchange type
 * @exchange: RFC 7296 3.1
 *
 * Return: the name; a number's text holds until the thread's next call.
 */
const char *wire_exchange_str(uint8_t exchange)
{
	switch (exchange) {
	case WIRE_IKE_SA_INIT:
		return "IKE_SA_INIT";
	case WIRE_IKE_AUTH:
		return "IKE_AUTH";
	case WIRE_CREATE_CHILD_SA:
		return "CREATE_CHILD_SA";
	case WIRE_INFORMATIONAL:
		return "INFORMATIONAL";
	default:
		return number("exchange", exchange);
	}
}

#define N(name) { WIRE_N_##name, #name }
static const struct {
	uint16_t type;
	const char *name;
} notifies[] = {
	N(UNSUPPORTED_CRITICAL_PAYLOAD), N(INVALID_IKE_SPI), N(INVALID_MAJOR_VERSION),
	N(INVALID_SYNTAX), N(INVALID_MESSAGE_ID), N(INVALID_SPI), N(NO_PROPOSAL_CHOSEN),
	N(INVALID_KE_PAYLOAD), N(AUTHENTICATION_FAILED), N(SINGLE_PAIR_REQUIRED),
	N(NO_ADDITIONAL_SAS), N(INTERNAL_ADDRESS_FAILURE), N(FAILED_CP_REQUIRED),
	N(TS_UNACCEPTABLE), N(INVALID_SELECTORS), N(TEMPORARY_FAILURE), N(CHILD_SA_NOT_FOUND),
	N(INITIAL_CONTACT), N(SET_WINDOW_SIZE), N(ADDITIONAL_TS_POSSIBLE),
	N(NAT_DETECTION_SOURCE_IP), N(NAT_DETECTION_DESTINATION_IP), N(COOKIE),
	N(USE_TRANSPORT_MODE), N(REKEY_SA), N(ESP_TFC_PADDING_NOT_SUPPORTED),
	N(NON_FIRST_FRAGMENTS_ALSO), N(FRAGMENTATION_SUPPORTED), N(SIGNATURE_HASH_ALGORITHMS),
};
#undef N

/**
 * wire_notify_str() - name of a notification
 * @type: Notify Message Type
 *
 * Return: the name; a number's text holds until the thread's next call.
 */
const char *wire_notify_str(uint16_t type)
{
	size_t i;

	for (i = 0; i < sizeof(notifies) / sizeof(notifies[0]); i++)
		if (notifies[i].type == type)
			return notifies[i].name;
	return number("notify", type);
}

/**
 * wire_payload_str() - the RFC's short name of a payload
 * @type: payload type
 *
 * Return: the name; a number's text holds until the thread's next call.
 */
const char *wire_payload_str(uint8_t type)
{
	static const char *const name[] = {
		"SA", "KE", "IDi", "IDr", "CERT", "CERTREQ", "AUTH", "Nonce",
		"N", "D", "V", "TSi", "TSr", "SK", "CP", "EAP",
	};

	if (type >= WIRE_PLD_SA && type <= WIRE_PLD_EAP)
		return name[type - WIRE_PLD_SA];
	if (type == WIRE_PLD_SKF)
		return "SKF";
	return number("payload", type);
}
