/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_session.h"

void gyr_session_conf_default(struct gyr_session_conf *conf)
{
	uint64_t chain_id = conf->chain_id;
	uint8_t secret[sizeof conf->secret];

	memcpy(secret, conf->secret, sizeof secret);
	*conf = (struct gyr_session_conf){
		.chain_id = chain_id,
		.session_count_max = 256,
		.sessions_per_address = 64,
		.rate = 1000000,
		.burst = 20000,
		.unproven_rate = 1000,
		.unproven_burst = 200,
		.history_bytes = 256u << 10,
		.history_count_max = 1024,
		.chunked_count_max = 16,
		.chunked_per_session = 2,
		.chunk_timeout_ms = 1000,
		.transaction_bytes_max = 65500,
		.idle_timeout_ms = 30000,
		.cookie_rotation_ms = 10000,
		.hold_us = 100,
		.key_count_max = 64,
		.key_pinned = 1,
	};
	memcpy(conf->secret, secret, sizeof secret);
}
