/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_net_replay.h"

#include <stdio.h>
#include <string.h>

#include "gyr_err.h"
#include "gyr_netdev_frame.h"
#include "replay_file.h"

/* In front of every payload that is to be sent. */
#define HEADROOM ((size_t)2 * GYR_CACHE_LINE)

struct replay_values {
	struct gyr_frame_values frame;
	char file[GYR_NETDEV_TEXT_MAX];
	char output[GYR_NETDEV_TEXT_MAX];
	bool fast;
	uint64_t repeat;
	uint8_t link[6];
};

#define KEY(name, kind, field, min, max, help)                                                     \
	{                                                                                          \
		name, GYR_NETDEV_KEY_##kind, offsetof(struct replay_values, field), min, max, help \
	}

static const struct gyr_netdev_key keys[] = {
	KEY("file", TEXT, file, 0, 0, "the capture to be replayed"),
	KEY("output", TEXT, output, 0, 0, "where answers are written"),
	KEY("fast", FLAG, fast, 0, 0, "as fast as possible, not as captured"),
	KEY("repeat", NUMBER, repeat, 1, 1000000, "how often the file is gone through"),
	KEY("link", LINK, link, 0, 0, "own link address; from the capture where not given"),
	GYR_FRAME_KEYS(replay_values),
};

struct replay {
	struct replay_file file;
	struct replay_output *output;
	bool fast;
	bool started;
	uint64_t repeat; /* rounds left, this one included */
	size_t next;
	uint64_t start_ns; /* when the first frame of this round was given */
	uint64_t utc_ns;   /* for answers */
	uint8_t reply[GYR_FRAME_SIZE_MAX];
	struct gyr_frame_host host;
};

static void choose_link(const struct replay_file *file, uint8_t link[6])
{
	for (size_t i = 0; i < file->frame_count; i++) {
		const uint8_t *frame = file->bytes + file->frames[i].offset;

		if (file->frames[i].length >= 14 && (frame[0] & 1) == 0) {
			memcpy(link, frame, 6);
			return;
		}
	}
	link[0] = 0x02;
}

static int set_up(struct gyr_netdev *device, struct replay *replay, struct gyr_arena *arena,
		  struct replay_values *values)
{
	uint32_t mtu = values->frame.mtu != 0 ? (uint32_t)values->frame.mtu : 1500;
	uint32_t size = (uint32_t)gyr_round_up(mtu + HEADROOM, GYR_CACHE_LINE);
	static const uint8_t none[6];
	uint8_t *payloads = gyr_arena_carve(arena, (size_t)size * GYR_NETDEV_TX_HELD_MAX,
					    GYR_CACHE_LINE);

	if (payloads == NULL)
		GYR_FAIL(GYR_ERR_MEMORY, "replay: the arena is too small");
	for (unsigned i = 0; i < GYR_NETDEV_TX_HELD_MAX; i++)
		device->tx[i].payload = payloads + (size_t)i * size + HEADROOM;
	if (memcmp(values->link, none, 6) == 0)
		choose_link(&replay->file, values->link);
	GYR_TRY(gyr_frame_host_init(&replay->host, device, &values->frame, values->link, mtu));
	if (values->output[0] != '\0')
		GYR_TRY(replay_output_open(&replay->output, values->output));
	return 0;
}

static int replay_open(struct gyr_netdev *device, struct gyr_arena *arena, const char *text)
{
	struct replay_values values = { .repeat = 1 };
	struct replay *replay = gyr_arena_carve(arena, sizeof *replay, GYR_CACHE_LINE);
	int error;

	if (replay == NULL)
		GYR_FAIL(GYR_ERR_MEMORY, "replay: the arena is too small");
	GYR_TRY(gyr_netdev_keys_parse(&values, keys, GYR_COUNT(keys), "replay", text));
	if (values.file[0] == '\0')
		GYR_FAIL(GYR_ERR_USAGE, "replay: file= is missing");
	memset(replay, 0, sizeof *replay);
	device->self = replay;
	replay->fast = values.fast;
	replay->repeat = values.repeat;
	GYR_TRY(replay_file_load(&replay->file, values.file));
	error = set_up(device, replay, arena, &values);
	if (error < 0) {
		replay_file_free(&replay->file);
		return error;
	}
	device->info.link_up = true;
	device->info.clock = GYR_NETDEV_CLOCK_CAPTURE;
	(void)snprintf(device->info.device, sizeof device->info.device, "%.*s",
		       (int)sizeof device->info.device - 1, values.file);
	return 0;
}

static void replay_close(struct gyr_netdev *device)
{
	struct replay *replay = device->self;

	replay_output_close(replay->output);
	replay_file_free(&replay->file);
}

/* The next frame that is due, or NULL. */
static const struct replay_frame *take(struct gyr_netdev *device, struct replay *replay,
				       const struct gyr_netdev_time *time)
{
	const struct replay_file *file = &replay->file;
	const struct replay_frame *frame = &file->frames[replay->next];

	if (replay->repeat == 0)
		return NULL;
	if (!replay->started) {
		replay->started = true;
		replay->start_ns = time->now_ns;
	}
	/* Captures may go back in time: such a frame is due at once. */
	if (!replay->fast && frame->at_ns > file->frames[0].at_ns &&
	    frame->at_ns - file->frames[0].at_ns > time->now_ns - replay->start_ns)
		return NULL;
	if (++replay->next == file->frame_count) {
		replay->next = 0;
		replay->started = false;
		if (--replay->repeat == 0)
			device->info.link_up = false;
	}
	return frame;
}

static void put_out(struct replay *replay, const uint8_t *frame, size_t length)
{
	if (replay->output != NULL &&
	    !replay_output_write(replay->output, frame, length, replay->utc_ns))
		gyr_netdev_count(&replay->host.counters->tx_drop_error, 1);
}

static unsigned replay_rx(struct gyr_netdev *device, struct gyr_datagram *datagrams,
			  unsigned count_max, const struct gyr_netdev_time *time)
{
	struct replay *replay = device->self;
	unsigned given = 0;

	replay->utc_ns = time->utc_ns;
	if (count_max > GYR_NETDEV_BURST_MAX)
		count_max = GYR_NETDEV_BURST_MAX;
	for (unsigned i = 0; i < count_max; i++) {
		const struct replay_frame *frame = take(device, replay, time);
		struct gyr_datagram *datagram = &datagrams[given];
		enum gyr_frame_kind kind;
		const uint8_t *bytes;

		if (frame == NULL)
			break;
		if (frame->is_cut) {
			gyr_netdev_count(&device->counters.rx_drop_truncated, 1);
			continue;
		}
		bytes = replay->file.bytes + frame->offset;
		kind = gyr_frame_parse(&replay->host, datagram, bytes, frame->length, 0, 0);
		if (kind == GYR_FRAME_DATAGRAM) {
			datagram->received_at_ns = frame->at_ns;
			datagram->received_error_ns = replay->file.error_ns;
			datagram->clock = GYR_NETDEV_CLOCK_CAPTURE;
			given++;
		} else if (kind == GYR_FRAME_CONTROL) {
			size_t length = gyr_frame_control(&replay->host, replay->reply,
							  sizeof replay->reply, bytes,
							  frame->length, 0, 0, time->now_ns);

			if (length != 0)
				put_out(replay, replay->reply, length);
		}
	}
	return given;
}

static unsigned replay_tx(struct gyr_netdev *device, struct gyr_netdev_tx *batch, unsigned count)
{
	struct replay *replay = device->self;

	for (unsigned i = 0; i < count; i++) {
		size_t length;
		const uint8_t *frame = gyr_frame_build(&replay->host, &length, NULL,
						       batch[i].payload, batch[i].length,
						       &batch[i].to, 0);

		if (frame == NULL) {
			gyr_netdev_count(&device->counters.tx_drop_unresolved, 1);
			continue;
		}
		put_out(replay, frame, length);
		gyr_netdev_count(&device->counters.tx_datagrams, 1);
		gyr_netdev_count(&device->counters.tx_bytes, batch[i].length);
	}
	return count;
}

/* Nobody is asked: only what the capture showed is known. */
static bool replay_resolve(struct gyr_netdev *device, struct gyr_endpoint *to,
			   const struct gyr_netdev_time *time)
{
	struct replay *replay = device->self;
	uint8_t frame[GYR_FRAME_CONTROL_MAX];
	size_t length;
	bool known = gyr_frame_resolve(&replay->host, to, frame, &length, time->now_ns);

	if (length != 0)
		put_out(replay, frame, length);
	return known;
}

const struct gyr_netdev_ops gyr_net_replay = {
	.name = "replay",
	.summary = "a capture file as input; answers counted and written",
	.keys = keys,
	.key_count = GYR_COUNT(keys),
	.open = replay_open,
	.close = replay_close,
	.resolve = replay_resolve,
	.rx_burst = replay_rx,
	.tx_burst = replay_tx,
};
