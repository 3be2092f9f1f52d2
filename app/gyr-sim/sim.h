/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulator: the production stages, unchanged, in one thread, over a simulated network, disk
 * and clock that do wrong what a seed says. One run is one chain's life: clients submit, the power
 * goes, the server comes back, and in the end everything that was promised is held against the log.
 *
 * world.c builds and drives, client.c submits and remembers what it was told, check.c judges.
 */
#ifndef SIM_H
#define SIM_H

#include "gyr_block_sim.h"
#include "gyr_client.h"
#include "gyr_clock_sim.h"
#include "gyr_load.h"
#include "gyr_net_sim.h"
#include "gyr_rng.h"
#include "gyr_server.h"
#include "gyr_store_sim.h"

#define SIM_ACCOUNTS	 6
#define SIM_NONCES	 40
#define SIM_TRANSACTIONS 240u
#define SIM_CLIENTS	 3
#define SIM_REASON_MAX	 256

_Static_assert(SIM_TRANSACTIONS == SIM_ACCOUNTS * SIM_NONCES, "every account has as many");

/* What is broken on purpose, to show that its checker notices. */
enum sim_break {
	SIM_BREAK_NOTHING,
	SIM_BREAK_DISK_LIES, /* writes are acknowledged without being durable */
	SIM_BREAK_ARRIVAL,   /* a disposition is hidden from the checker */
	SIM_BREAK_TWICE,     /* a transaction is shown to it twice */
	SIM_BREAK_ORDER,     /* two neighbours are shown to it in the wrong order */
	SIM_BREAK_STATE,     /* the root it compares is another one */
	SIM_BREAK_PROMISE,   /* a promise is added that nobody made */
};

/* What the clients know of one transaction. */
struct sim_tx {
	bool ordered;
	bool durable; /* told so: must be in the log for ever, at this position */
	bool executed;
	bool spent; /* its answer is beyond the duplicate window: nonce too low is all that is said
		     */
	uint64_t position;
	uint64_t arrival;
	uint32_t epoch;
	uint64_t retry_ns;
	uint64_t durable_position; /* as promised */
	uint64_t durable_arrival;
};

struct sim_client {
	struct sim_world *world;
	unsigned index;
	struct gyr_netdev device;
	struct gyr_client *client;
	void *memory;
	uint32_t epoch;
};

/* Settled once per process: signing is the slow part of a seed. */
struct sim_traffic {
	struct gyr_load_work work;
	struct gyr_hash hashes[SIM_TRANSACTIONS];
	char genesis[64]; /* a file */
};

struct sim_options {
	enum sim_break broken;
	bool verbose;
	uint32_t steps;
};

struct sim_statistics {
	uint64_t turns;
	uint64_t starts;
	uint64_t power_cuts;
	uint64_t kills;
	uint64_t disk_faults;
	uint64_t clock_steps;
	uint64_t checkpoints;
	uint64_t checkpoints_used; /* by starts */
	uint64_t logs_pruned;
	uint64_t submissions;
	uint64_t ordered;
	uint64_t durable;
	uint64_t rejected;
	uint64_t frames_lost;
	uint64_t simulated_ns;
};

struct sim_world {
	const struct sim_traffic *traffic;
	const struct sim_options *options;
	struct gyr_rng rng;
	struct gyr_conf conf;
	struct gyr_clock clock;
	struct gyr_clock_sim clock_state;
	struct gyr_block_sim_disk *disk;
	struct gyr_store_sim_disk *store; /* of checkpoints */
	struct gyr_net_sim_wire wire;
	void *wire_memory;
	struct gyr_server *server;
	struct sim_client clients[SIM_CLIENTS];
	struct sim_tx txs[SIM_TRANSACTIONS];
	struct gyr_hash last_root; /* of the last closed block, when the server stopped in order */
	bool calm;		   /* no more faults */
	bool prunes;		   /* the log grows fast, and little of it must be kept */
	unsigned starved;	   /* this stage of the lane is left out ... */
	uint32_t starved_turns;	   /* ... for so many more turns */
	struct sim_statistics statistics;
	char reason[SIM_REASON_MAX]; /* of the violation */
};

/* client.c */
int sim_clients_open(struct sim_world *world);
void sim_clients_close(struct sim_world *world);
void sim_clients_turn(struct sim_world *world);
bool sim_clients_content(const struct sim_world *world);

/* world.c: one seed; true when nothing was violated, else reason says what was. */
bool sim_run(struct sim_world *world, const struct sim_traffic *traffic,
	     const struct sim_options *options, uint64_t seed);
int sim_server_open(struct sim_world *world);
struct gyr_netdev_time sim_time(const struct sim_world *world);

/* check.c: the log on the disk against what the clients were told. */
bool sim_check(struct sim_world *world);

/* Notes a violation; returns false. */
bool sim_violated(struct sim_world *world, const char *format, ...) GYR_PRINTF(2, 3);

#endif
