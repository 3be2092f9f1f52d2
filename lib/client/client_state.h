/* SPDX-License-Identifier: Apache-2.0 */
/* A client from inside. client.c: the session and what comes in; client_send.c: what goes out. */
#ifndef CLIENT_STATE_H
#define CLIENT_STATE_H

#include "gyr_client.h"
#include "gyr_wire.h"

enum client_phase {
	CLIENT_HELLO,	  /* no cookie yet */
	CLIENT_COOKIE,	  /* HELLO with the cookie is out */
	CLIENT_CONNECTED, /* a session stands */
	CLIENT_CLOSED,	  /* for good */
};

/* Answer datagrams [first, first + count) that are missing. */
struct gap {
	uint32_t first;
	uint32_t count;
	unsigned attempts;
	uint64_t due_at_ns;
};

struct gyr_client {
	struct gyr_client_conf conf;
	struct gyr_netdev *device;
	const struct gyr_client_events *events;
	void *context;
	struct gyr_client_counters counters;
	enum client_phase phase;
	uint64_t session;
	uint64_t nonce;
	uint32_t epoch; /* of the last WELCOME; 0: none yet */
	uint32_t cookie_stamp;
	uint64_t cookie;
	uint64_t hello_due_ns;
	uint64_t ping_due_ns;
	uint64_t heard_at_ns;
	uint32_t payload_max; /* both parties' */
	uint32_t messages_max;
	uint32_t transaction_max; /* bytes in one SUBMIT */
	uint32_t sequence;	  /* of the last datagram sent */
	uint32_t answer_sequence; /* highest seen */
	uint32_t length;	  /* of the datagram in the making; 0: none */
	uint32_t messages;	  /* in it */
	unsigned gap_count;
	struct gap gaps[GYR_CLIENT_GAPS_MAX];
	uint8_t building[GYR_NETDEV_PAYLOAD_MAX];
};

bool client_send_hello(struct gyr_client *client);
bool client_send_ping(struct gyr_client *client, uint64_t now_ns);
bool client_send_rerequest(struct gyr_client *client, uint32_t first, uint32_t count);

#endif
