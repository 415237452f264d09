#include "server/fetch.h"

#include "server/offload.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <unistd.h>

/* What the thread works on: C strings, for they outlive no arena of its own. */
struct fetching {
    const char *method, *url, *ca;
    struct slice body;
    struct curl_slist *headers;
    bool is_private_allowed, is_refused;
    int64_t timeout_ms;
    size_t answer_max;
    long status;
    char *answer; /* malloc'd */
    size_t len;
    char why[CURL_ERROR_SIZE];
};

/* --- which addresses --- */

struct range4 {
    uint32_t from;
    int bits;
};

/* Those of no public host (RFC 6890). */
static const struct range4 private4[] = {
    {0x00000000, 8},  {0x0a000000, 8},  {0x64400000, 10}, {0x7f000000, 8},  {0xa9fe0000, 16},
    {0xac100000, 12}, {0xc0000000, 24}, {0xc0000200, 24}, {0xc0586300, 24}, {0xc0a80000, 16},
    {0xc6120000, 15}, {0xc6336400, 24}, {0xcb007100, 24}, {0xe0000000, 3},
};

static bool is_public4(uint32_t address) {
    for (size_t i = 0; i < sizeof(private4) / sizeof(*private4); i++)
        if ((address ^ private4[i].from) >> (32 - private4[i].bits) == 0)
            return false;
    return true;
}

static uint32_t word_at(const unsigned char *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Global unicast is 2000::/3, less 2001::/23 (Teredo and other protocols') and documentation. What wraps an IPv4
 * address is as good as that. */
static bool is_public6(const unsigned char bytes[16]) {
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff}, nat64[12] = {0x00, 0x64, 0xff, 0x9b};
    uint32_t head = word_at(bytes);
    if (memcmp(bytes, mapped, sizeof(mapped)) == 0 || memcmp(bytes, nat64, sizeof(nat64)) == 0)
        return is_public4(word_at(bytes + 12));
    if (head >> 16 == 0x2002)
        return is_public4(word_at(bytes + 2));
    return head >> 29 == 1 && head >> 9 != 0x20010000 >> 9 && head != 0x20010db8;
}

static bool is_public(const struct sockaddr *address) {
    if (address->sa_family == AF_INET)
        return is_public4(ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr));
    return address->sa_family == AF_INET6 &&
           is_public6(((const struct sockaddr_in6 *)(const void *)address)->sin6_addr.s6_addr);
}

/* The address that is really connected to, after all names were resolved. */
static curl_socket_t on_socket(void *data, curlsocktype purpose, struct curl_sockaddr *address) {
    struct fetching *fetching = data;
    (void)purpose;
    if (fetching->is_private_allowed || is_public(&address->addr))
        return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    fetching->is_refused = true;
    return CURL_SOCKET_BAD;
}

/* --- one request --- */

static size_t on_answer(char *at, size_t size, size_t count, void *data) {
    struct fetching *fetching = data;
    size_t more = size * count;
    if (more > fetching->answer_max - fetching->len)
        return 0; /* fails it */
    memcpy(fetching->answer + fetching->len, at, more);
    fetching->len += more;
    return more;
}

static void configure(CURL *curl, struct fetching *fetching) {
    curl_easy_setopt(curl, CURLOPT_URL, fetching->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, fetching->is_private_allowed ? "http,https" : "https");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)fetching->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, on_socket);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, fetching);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_answer);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, fetching);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, fetching->why);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, fetching->headers);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "moonlatch/" MOONLATCH_VERSION);
    if (fetching->ca)
        curl_easy_setopt(curl, CURLOPT_CAINFO, fetching->ca);
    if (slice_is_set(fetching->body)) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)fetching->body.len);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, fetching->body.at);
    }
}

static void fetch(void *data) {
    struct fetching *fetching = data;
    CURL *curl = curl_easy_init();
    fetching->answer = malloc(fetching->answer_max + 1);
    if (curl && fetching->answer) {
        configure(curl, fetching);
        if (curl_easy_perform(curl) == CURLE_OK)
            curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &fetching->status);
    }
    curl_easy_cleanup(curl);
}

static struct curl_slist *header_add(struct arena *arena, struct curl_slist *headers, const char *name,
                                     struct slice value) {
    return slice_is_set(value) ? curl_slist_append(headers, arena_printf(arena, "%s: %.*s", name, SLICE_ARG(value)).at)
                               : headers;
}

void fetch_begin(void) {
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

void fetch_end(void) {
    curl_global_cleanup();
}

bool fetch_run(struct arena *arena, const struct service *service, struct fetch *request) {
    const struct settings *settings = service->settings;
    struct fetching *fetching = arena_zalloc(arena, sizeof(*fetching));
    *fetching = (struct fetching){
        .url = arena_string(arena, request->url),
        .ca = settings->outgoing_ca,
        .body = request->body,
        .headers = header_add(arena, header_add(arena, NULL, "accept", request->accept), "content-type",
                              request->content_type),
        .is_private_allowed = settings->outgoing_private,
        .timeout_ms = settings->outgoing_timeout_ms,
        .answer_max = request->answer_max,
    };
    request->status = 0;
    request->answer = SLICE("");
    request->why = SLICE("too much waits to be fetched");
    if (offload_run_outgoing(service, fetch, fetching)) {
        request->status = (int)fetching->status;
        request->answer = arena_copy(arena, (struct slice){fetching->answer ? fetching->answer : "", fetching->len});
        request->why = fetching->is_refused ? SLICE("its address is not a public one")
                                            : arena_copy(arena, slice_of(fetching->why));
    }
    free(fetching->answer);
    curl_slist_free_all(fetching->headers);
    return request->status != 0;
}
