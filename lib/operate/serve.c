/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics over HTTP, from a process of its own: whoever scrapes never touches the server. */
#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gyr_err.h"
#include "gyr_operate.h"

#define CONNECTION_COUNT_MAX 64
#define IDLE_SECONDS_MAX     10

struct served {
	const char *directory;
};

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, char *text,
			      size_t length, enum MHD_ResponseMemoryMode mode)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(length, text, mode);
	enum MHD_Result result;

	if (response == NULL) {
		if (mode == MHD_RESPMEM_MUST_FREE)
			free(text);
		return MHD_NO;
	}
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
				      "text/plain; version=0.0.4; charset=utf-8");
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result answer_text(struct MHD_Connection *connection, unsigned status,
				   const char *text)
{
	return answer(connection, status, (char *)(uintptr_t)text, strlen(text),
		      MHD_RESPMEM_PERSISTENT);
}

/* Each request attaches anew: it sees the server that runs now, restarted or not. */
static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url,
			      const char *method, const char *version, const char *upload,
			      size_t *upload_size, void **state)
{
	const struct served *served = context;
	bool ready = strcmp(url, "/ready") == 0;
	char *text = NULL;
	size_t length = 0;
	FILE *to;
	int result;

	(void)version;
	(void)upload;
	(void)upload_size;
	(void)state;
	if (strcmp(method, "GET") != 0)
		return answer_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "GET only\n");
	if (!ready && strcmp(url, "/metrics") != 0)
		return answer_text(connection, MHD_HTTP_NOT_FOUND, "/metrics or /ready\n");
	to = open_memstream(&text, &length);
	if (to == NULL)
		return MHD_NO;
	result = ready ? gyr_operate_ready(served->directory, 0, false, to)
		       : gyr_operate_metrics(served->directory, false, to);
	if (result < 0)
		(void)fprintf(to, "%s\n", gyr_err_cause());
	gyr_err_clear();
	if (fclose(to) != 0) {
		free(text);
		return MHD_NO;
	}
	return answer(connection, result == 0 ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, text,
		      length, MHD_RESPMEM_MUST_FREE);
}

/* "127.0.0.1:9100" or "[::1]:9100". */
static int parse_address(struct sockaddr_storage *out, const char *text)
{
	const char *colon = strrchr(text, ':');
	struct sockaddr_in *four = (struct sockaddr_in *)out;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)out;
	size_t length = colon == NULL ? 0 : (size_t)(colon - text);
	char host[64] = "";
	char *end = NULL;
	unsigned long port = colon == NULL ? 0 : strtoul(colon + 1, &end, 10);

	memset(out, 0, sizeof *out);
	if (colon == NULL || colon[1] == '\0' || *end != '\0' || port > 65535 ||
	    length >= sizeof host)
		GYR_FAIL(GYR_ERR_USAGE, "'%s' is not ADDRESS:PORT", text);
	if (length >= 2 && text[0] == '[' && text[length - 1] == ']') {
		memcpy(host, text + 1, length - 2);
		six->sin6_family = AF_INET6;
		six->sin6_port = htons((uint16_t)port);
		if (inet_pton(AF_INET6, host, &six->sin6_addr) == 1)
			return 0;
	} else {
		memcpy(host, text, length);
		four->sin_family = AF_INET;
		four->sin_port = htons((uint16_t)port);
		if (inet_pton(AF_INET, host, &four->sin_addr) == 1)
			return 0;
	}
	GYR_FAIL(GYR_ERR_USAGE, "'%s' is not an address such as 127.0.0.1:9100 or [::1]:9100",
		 text);
}

int gyr_operate_serve(const char *directory, const char *address, const _Atomic int *stopped,
		      FILE *to)
{
	struct served served = { .directory = directory };
	struct sockaddr_storage at;
	struct timespec length = { .tv_nsec = 100000000 };
	struct MHD_Daemon *daemon;
	const union MHD_DaemonInfo *info;
	unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_AUTO;

	GYR_TRY(parse_address(&at, address));
	if (at.ss_family == AF_INET6)
		flags |= MHD_USE_IPv6;
	daemon = MHD_start_daemon(flags, 0, NULL, NULL, handle, &served, MHD_OPTION_SOCK_ADDR, &at,
				  MHD_OPTION_CONNECTION_LIMIT, CONNECTION_COUNT_MAX,
				  MHD_OPTION_CONNECTION_TIMEOUT, IDLE_SECONDS_MAX, MHD_OPTION_END);
	if (daemon == NULL)
		GYR_FAIL(GYR_ERR_NETWORK, "cannot serve on %s: %s", address, strerror(errno));
	info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT);
	(void)fprintf(to, "serving /metrics and /ready of %s on %.*s:%u\n", directory,
		      (int)(strrchr(address, ':') - address), address,
		      info == NULL ? 0 : info->port);
	(void)fflush(to);
	while (atomic_load_explicit(stopped, memory_order_relaxed) == 0)
		(void)nanosleep(&length, NULL);
	MHD_stop_daemon(daemon);
	return 0;
}
