/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the sequencer tells gates, what gates ask it, and what execution tells it back: plain items
 * of rings (gyr_ring.h), each with one writer.
 */
#ifndef GYR_SEQUENCE_MESSAGE_H
#define GYR_SEQUENCE_MESSAGE_H

#include "gyr_u256.h"

enum gyr_sequence_event_kind {
	GYR_SEQUENCE_ORDERED = 1, /* has its place; a result follows from execution */
	GYR_SEQUENCE_REJECTED,	  /* `verdict` says why */
	GYR_SEQUENCE_AGAIN,	  /* a resubmission: the fields are those of the first order */
	GYR_SEQUENCE_STATUS,	  /* the answer to a query */
};

/* Sequencer to one gate, in order of disposition. */
struct gyr_sequence_event {
	uint64_t client_tag;
	uint64_t position;
	uint64_t arrival;
	uint64_t released_by; /* equals arrival unless it was parked */
	uint64_t receive_utc_ns;
	uint64_t gas_used;
	uint64_t block_number;
	struct gyr_hash hash;
	uint32_t session;
	uint32_t receive_error;
	uint8_t kind;		   /* enum gyr_sequence_event_kind */
	uint8_t verdict;	   /* REJECTED: why; AGAIN, STATUS: why it was skipped, or 0 */
	uint8_t answers;	   /* as submitted */
	uint8_t known;		   /* STATUS: the hash is in the index */
	uint8_t parked;		   /* STATUS: it waits for a lower nonce */
	uint8_t executed;	   /* AGAIN, STATUS: verdict, status, gas_used, block_number hold */
	uint8_t status;		   /* of the receipt */
	uint8_t key;		   /* ORDERED, REJECTED, AGAIN: enum gyr_intake_key */
	uint8_t key_flags;	   /* the same: enum gyr_intake_key_flags, as the gate set them */
	struct gyr_address sender; /* ORDERED */
};

/* A gate to the sequencer: what became of this hash? */
struct gyr_sequence_query {
	uint64_t client_tag;
	struct gyr_hash hash;
	uint32_t session;
};

enum gyr_feedback_kind {
	GYR_FEEDBACK_TRANSACTION = 1, /* one transaction of the log is executed or skipped */
	GYR_FEEDBACK_ACCOUNT,	      /* another account that it changed */
	GYR_FEEDBACK_BLOCK,	      /* the base fee of block_number is known */
};

/* Execution to the sequencer, in log order. */
struct gyr_feedback {
	uint8_t kind;		    /* enum gyr_feedback_kind */
	uint8_t account_flags;	    /* GYR_VIEW_CODE, GYR_VIEW_DELEGATED */
	uint8_t verdict;	    /* TRANSACTION: 0, or why it was skipped */
	uint8_t status;		    /* TRANSACTION: of the receipt */
	struct gyr_address address; /* TRANSACTION: the sender */
	uint64_t nonce;		    /* of the account, as executed */
	/* TRANSACTION: what of the sender's reservation was not spent, plus what it received.
	 * ACCOUNT: change of the balance. Two's complement. */
	struct gyr_u256 delta;
	uint64_t position;
	uint64_t gas_limit;
	uint64_t gas_used;
	uint64_t block_number;
	uint64_t base_fee; /* BLOCK */
};

#endif
