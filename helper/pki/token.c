// SPDX-License-Identifier: GPL-2.0
/* The daemon's end of the signer: one request at a time, each with a limit in time. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "core/event.h"
#include "core/printable.h"
#include "pki/token.h"

/**
 * struct client - the daemon's end
 * @lock: protects @number and the order of requests on @fd
 * @fd: socket to the signer; -1: there is none. Changes while no other thread exists
 * @number: of the last request
 */
struct client {
	pthread_mutex_t lock;
	int fd;
	uint32_t number;
};

static struct client client = { .lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1 };

/**
 * token_use() - set the socket to the signer
 * @fd: the socket, which stays the caller's; -1: there is none
 *
 * The caller's is the only thread.
 */
void token_use(int fd)
{
	client.fd = fd;
}

/* The command line has no signer: it takes a key on a token for granted. */
bool token_has_signer(void)
{
	return client.fd >= 0;
}

static void put_string(struct buf *b, const void *p, size_t len)
{
	buf_put_u32(b, len);
	buf_put(b, p, len);
}

static void compose(struct buf *b, char op, unsigned int sign, const struct token_key *key,
		    struct bytes spki, struct bytes data)
{
	buf_init(b);
	buf_put_u32(b, 0);
	buf_put_u8(b, op);
	buf_put_u32(b, sign);
	put_string(b, key->provider, strlen(key->provider));
	put_string(b, key->uri, strlen(key->uri));
	put_string(b, key->pin, strlen(key->pin));
	put_string(b, spki.p, spki.len);
	put_string(b, data.p, data.len);
}

/* the reply to request @number; earlier ones, of which a thread has given up, are dropped */
static ssize_t receive(uint32_t number, uint8_t *reply, uint64_t until)
{
	struct pollfd pfd = { .fd = client.fd, .events = POLLIN };
	uint64_t now;
	ssize_t n;

	while ((now = event_now()) < until) {
		if (poll(&pfd, 1, until - now) < 0 && errno != EINTR)
			return -1;
		n = recv(client.fd, reply, TOKEN_REPLY_MAX, MSG_DONTWAIT);
		if (n >= TOKEN_REPLY_HEAD && get_u32(reply) == number)
			return n;
		if (!n || (n < 0 && errno != EAGAIN && errno != EINTR))
			return -1;
	}
	errno = ETIMEDOUT;
	return -1;
}

static enum token_status fail(char *err, size_t err_len, const char *what)
{
	snprintf(err, err_len, "%s", what);
	return TOKEN_FAILED;
}

static ssize_t exchange(struct buf *request, uint8_t *reply, uint64_t until)
{
	/* a login whose outcome nobody would read may cost a try of the PIN */
	if (event_now() >= until) {
		errno = ETIMEDOUT;
		return -1;
	}
	buf_set_u32(request, 0, ++client.number);
	if (send(client.fd, request->p, request->len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return -1;
	return receive(client.number, reply, until);
}

/*
 * One login at a time, so that the requests that wait find the flag of a PIN that the token has just
 * refused.
 */
static ssize_t exchange_once(const struct token_key *key, struct buf *request, uint8_t *reply,
			     uint64_t until)
{
	ssize_t n;

	if (key->refused && atomic_load(key->refused))
		return 0;
	n = client.fd < 0 ? -1 : exchange(request, reply, until);
	if (n > 0 && key->refused && reply[4] == TOKEN_NO_LOGIN)
		atomic_store(key->refused, true);
	return n;
}

static enum token_status ask(const struct token_key *key, struct buf *request, unsigned int ms,
			     uint8_t *reply, size_t *len, char *err, size_t err_len)
{
	uint64_t until = event_now() + ms;
	struct timespec end;
	ssize_t n;

	if (request->failed)
		return fail(err, err_len, "out of memory");
	end = (struct timespec){ until / 1000, until % 1000 * 1000000 };
	if (pthread_mutex_clocklock(&client.lock, CLOCK_MONOTONIC, &end))
		return fail(err, err_len, "the token is busy with earlier requests");
	n = exchange_once(key, request, reply, until);
	pthread_mutex_unlock(&client.lock);
	if (!n) {
		fail(err, err_len,
		     "the token refused the PIN, which is not tried again before the next load");
		return TOKEN_NO_LOGIN;
	}
	if (n < 0)
		return fail(err, err_len, errno == ETIMEDOUT || errno == EAGAIN ?
			    "the token does not answer in time" : "the signer has ended");
	*len = n;
	if (reply[4] != TOKEN_OK)
		printable_copy((char *)reply + TOKEN_REPLY_HEAD, n - TOKEN_REPLY_HEAD, err, err_len);
	return reply[4] >= TOKEN_OK && reply[4] <= TOKEN_MISFIT ? reply[4] : TOKEN_FAILED;
}

/**
 * token_probe() - find a key on its token, and log in there
 * @key: where it is
 * @spki: SubjectPublicKeyInfo that the key must have
 * @ms: limit in time
 * @can: gets the kinds of signatures that the token makes, a bit for each enum cert_key_type
 * @err: gets the error of the token
 * @err_len: room there
 *
 * Return: TOKEN_OK, or what is wrong
 */
enum token_status token_probe(const struct token_key *key, struct bytes spki, unsigned int ms,
			      unsigned int *can, char *err, size_t err_len)
{
	const struct bytes none = { NULL, 0 };
	uint8_t reply[TOKEN_REPLY_MAX];
	enum token_status status;
	struct buf request;
	size_t len;

	compose(&request, TOKEN_OP_PROBE, 0, key, spki, none);
	status = ask(key, &request, ms, reply, &len, err, err_len);
	buf_free(&request);
	if (status == TOKEN_OK)
		*can = get_u32(reply + 5);
	return status;
}

/**
 * token_sign() - let a token sign
 * @key: where the key is
 * @spki: SubjectPublicKeyInfo that the key must have
 * @sign: gnutls_sign_algorithm_t
 * @data: the message, not its hash
 * @out: gets the signature behind what it has
 * @err: gets the error of the token
 * @err_len: room there
 *
 * Return: TOKEN_OK, or what is wrong
 */
enum token_status token_sign(const struct token_key *key, struct bytes spki, unsigned int sign,
			     struct bytes data, struct buf *out, char *err, size_t err_len)
{
	uint8_t reply[TOKEN_REPLY_MAX];
	enum token_status status;
	struct buf request;
	size_t len;

	if (data.len > TOKEN_DATA_MAX)
		return fail(err, err_len, "the message is too long");
	compose(&request, TOKEN_OP_SIGN, sign, key, spki, data);
	status = ask(key, &request, TOKEN_WAIT_MS, reply, &len, err, err_len);
	buf_free(&request);
	if (status == TOKEN_OK)
		buf_put(out, reply + TOKEN_REPLY_HEAD, len - TOKEN_REPLY_HEAD);
	return status;
}
