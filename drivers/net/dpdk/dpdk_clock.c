/* SPDX-License-Identifier: Apache-2.0 */
#include "dpdk_state.h"

#include <rte_mbuf_dyn.h>

#define STEADY_NS     100000000ull
#define UNIT_ONE      (1ull << 32)
#define READ_ERROR_NS 2000 /* one read over PCIe, and the turn's clock being a little older */

void dpdk_clock_init(struct dpdk_clock *clock, const struct dpdk_port *port)
{
	uint64_t reading;

	*clock = (struct dpdk_clock){ .stamp_offset = -1 };
	if ((port->rx_offloads & RTE_ETH_RX_OFFLOAD_TIMESTAMP) == 0 ||
	    rte_eth_read_clock(port->id, &reading) != 0)
		return;
	if (rte_mbuf_dyn_rx_timestamp_register(&clock->stamp_offset, &clock->stamp_flag) == 0)
		clock->has_stamps = true;
}

void dpdk_clock_tick(struct dpdk_clock *clock, uint16_t port_id, const struct gyr_netdev_time *time)
{
	uint64_t card;
	uint64_t passed_ns = time->utc_ns - clock->utc_ns;

	if (!clock->has_stamps || (clock->utc_ns != 0 && passed_ns < STEADY_NS) ||
	    rte_eth_read_clock(port_id, &card) != 0)
		return;
	/* A step of UTC or a long silence: start over. */
	if (clock->utc_ns != 0 && card > clock->card && passed_ns < 60 * STEADY_NS) {
		clock->ns_per_unit =
			(uint64_t)(((unsigned __int128)passed_ns << 32) / (card - clock->card));
		clock->is_steady = true;
	} else {
		clock->is_steady = false;
	}
	clock->card = card;
	clock->utc_ns = time->utc_ns;
	clock->error_ns = time->utc_error_ns + READ_ERROR_NS;
}

bool dpdk_clock_stamp(const struct dpdk_clock *clock, struct gyr_datagram *datagram,
		      const struct rte_mbuf *mbuf)
{
	const rte_mbuf_timestamp_t *at;
	int64_t units;

	if (!clock->is_steady || (mbuf->ol_flags & clock->stamp_flag) == 0)
		return false;
	at = (const void *)((const uint8_t *)mbuf + clock->stamp_offset);
	units = (int64_t)(*at - clock->card);
	datagram->received_at_ns =
		clock->utc_ns +
		(uint64_t)(int64_t)(((__int128)units * (int64_t)clock->ns_per_unit) >> 32);
	datagram->received_error_ns = clock->error_ns;
	datagram->clock = GYR_NETDEV_CLOCK_NIC;
	return true;
}
