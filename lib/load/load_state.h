/* SPDX-License-Identifier: Apache-2.0 */
/* A run from inside. run.c: devices, the loop, sending; track.c: what answers mean. */
#ifndef LOAD_STATE_H
#define LOAD_STATE_H

#include "gyr_client.h"
#include "gyr_load.h"
#include "gyr_wire.h"

/* What is known of a transaction. */
enum {
	TX_SENT = 1 << 0,
	TX_ORDERED = 1 << 1,
	TX_DURABLE = 1 << 2,
	TX_EXECUTED = 1 << 3, /* or SKIPPED */
	TX_FAILED = 1 << 4,
	TX_VERIFY = 1 << 5, /* STATUS must confirm it after a restart */
};

struct tx {
	uint64_t due_ns;      /* when it was meant to be sent */
	uint64_t position;    /* in the log, where ORDERED */
	uint64_t deadline_ns; /* then it is sent again, or asked about */
	uint32_t epoch;
	uint8_t flags;
	uint8_t counted; /* bit per enum gyr_load_answer: its latency is in the histogram */
	uint16_t attempts;
};

/* Ordered transactions of a session that are not durable yet, by position. */
struct waiting {
	uint64_t position;
	uint64_t index;
};

struct load_session {
	struct load *load;
	struct gyr_netdev *device;
	struct gyr_client *client;
	struct waiting *waiting; /* ring */
	uint64_t head, tail;
	uint64_t durable; /* the highest watermark */
	bool was_connected;
};

struct load {
	const struct gyr_load_conf *conf;
	const struct gyr_load_work *work;
	struct gyr_load_result *result;
	struct gyr_clock *clock;
	struct gyr_netdev_time time;
	struct load_session sessions[GYR_LOAD_SESSIONS_MAX];
	struct tx *txs;
	uint32_t *key_of; /* of each sending account, the index that KEY told; GYR_CLIENT_NO_KEY */
	uint64_t waiting_mask;
	uint64_t start_ns; /* the first intended instant */
	uint64_t next;	   /* the next to be sent for the first time */
	uint64_t low;	   /* all below are resolved */
	uint64_t scan;	   /* where the search for overdue ones goes on */
	uint64_t last_executed_ns;
	uint64_t paced_ns; /* up to where overdue_allowed was counted */
	uint64_t overdue_allowed;
	struct gyr_hist slice[GYR_LOAD_ANSWER_COUNT];
	struct gyr_hist second; /* ORDERED of the last second */
	uint64_t slice_sent;
	uint64_t slice_end_ns;
	uint64_t progress_due_ns;
};

extern const struct gyr_client_events load_events;

static inline uint8_t load_wanted(const struct load *load)
{
	uint8_t answers = load->conf->answers;

	return (uint8_t)(TX_ORDERED | ((answers & GYR_WIRE_ANSWERS_DURABLE) != 0 ? TX_DURABLE : 0) |
			 ((answers & GYR_WIRE_ANSWERS_EXECUTED) != 0 ? TX_EXECUTED : 0));
}

static inline bool load_resolved(const struct load *load, const struct tx *tx)
{
	uint8_t wanted = load_wanted(load);

	return (tx->flags & TX_VERIFY) == 0 &&
	       ((tx->flags & TX_FAILED) != 0 || (tx->flags & wanted) == wanted);
}

static inline struct load_session *load_session_of_account(struct load *load, uint64_t account)
{
	gyr_assert(load->conf->batch > 0 && load->conf->session_count > 0);
	return &load->sessions[account / load->conf->batch % load->conf->session_count];
}

static inline struct load_session *load_session_of(struct load *load, uint64_t index)
{
	gyr_assert(load->work->account_count > 0);
	return load_session_of_account(load,
				       (load->conf->first + index) % load->work->account_count);
}

void load_hash(const struct load *load, struct gyr_hash *hash, uint64_t index);
void load_end_slice(struct load *load);

#endif
