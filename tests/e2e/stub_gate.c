/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A gate for scripts that test clients: stub_gate DEVICE. Prints its port, serves until it is
 * told to stop, and orders what it gets; see stub_gate.h.
 */
#include <sched.h>
#include <signal.h>
#include <stdio.h>

#include "gyr_clock_tsc.h"
#include "stub_gate.h"

static struct stub_gate gate;

static void stop(int signal_number)
{
	(void)signal_number;
	/* A signal handler's store to a lock-free atomic; read by the loop below. */
	atomic_store_explicit(&gate.stop, true, memory_order_relaxed);
}

int main(int argc, char **argv)
{
	struct gyr_clock clock;

	(void)signal(SIGTERM, stop);
	if (gyr_clock_tsc_open(&clock, NULL) < 0 ||
	    stub_gate_start(&gate, &clock, argc > 1 ? argv[1] : "udp:address=127.0.0.1,port=0", 0) <
		    0) {
		gyr_err_print(stderr, "stub_gate");
		return 1;
	}
	(void)printf("%u\n", gate.device.info.port);
	(void)fflush(stdout);
	while (!atomic_load_explicit(&gate.stop, memory_order_relaxed))
		if (stub_gate_turn(&gate) == 0)
			(void)sched_yield();
	stub_gate_halt(&gate);
	return 0;
}
