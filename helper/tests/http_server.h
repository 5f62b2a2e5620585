/* SPDX-License-Identifier: GPL-2.0 */
/* A small HTTP server on a thread, at a free port of 127.0.0.1. One connection at a time. */
#ifndef TESTS_HTTP_SERVER_H
#define TESTS_HTTP_SERVER_H

#include "core/buf.h"

struct http_server;

enum http_do {
	HTTP_REPLY,		/* with what is in the reply */
	HTTP_HANG,		/* says nothing until the client goes */
	HTTP_FLOOD,		/* a body without end, and without a length */
	HTTP_SHORT,		/* less body than it says */
};

struct http_request {
	char method[8], path[256];
	char content_type[64];
	struct bytes body;
};

struct http_reply {
	int status;
	char location[256];
	struct buf body;
};

/* on the server's thread; @reply is 200 and empty */
typedef enum http_do (*http_handler_t)(const struct http_request *req, struct http_reply *reply,
				       void *arg);

struct http_server *http_server_new(http_handler_t handler, void *arg);
void http_server_free(struct http_server *s);
unsigned int http_server_port(const struct http_server *s);
unsigned int http_server_count(const struct http_server *s);	/* requests so far */

#endif
