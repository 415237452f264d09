#include "server/fetch.h"

#include "base/clock.h"
#include "server/offload.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <curl/curl.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <pthread.h>
#include <stdlib.h>

enum { CA_KEPT_S = 600 }; /* a file of authorities that changed is read anew after this */

/* What the thread works on: it reads what the fiber has laid out, and writes where no arena is. */
struct fetching {
    const char *method, *url, *ca;
    struct slice body;
    struct curl_slist *headers;
    bool is_private_allowed;
    int64_t deadline_ms;
    size_t answer_max;

    long status;
    char *answer, *media_type; /* malloc'd */
    size_t len;
    bool is_refused, is_too_large;
    const char *said; /* why, when it is not curl that says it */
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
    return head >> 29 == 1 && head >> 9 != 0x20010000 >> 9 && head != 0x20010db8 && head >> 12 != 0x3fff0;
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
    if (more > fetching->answer_max - fetching->len) {
        fetching->is_too_large = true;
        return 0; /* fails it */
    }
    memcpy(fetching->answer + fetching->len, at, more);
    fetching->len += more;
    return more;
}

/* What is looked at here is what is asked: curl gets the parts. */
static bool url_take(const struct fetching *fetching, CURLU *url) {
    char *scheme = NULL;
    bool is_sound =
        curl_url_set(url, CURLUPART_URL, fetching->url, CURLU_DISALLOW_USER) == CURLUE_OK &&
        curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
        (strcasecmp(scheme, "https") == 0 || (fetching->is_private_allowed && strcasecmp(scheme, "http") == 0));
    curl_free(scheme);
    return is_sound;
}

static void configure_request(CURL *curl, struct fetching *fetching, CURLU *url) {
    curl_easy_setopt(curl, CURLOPT_CURLU, url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, fetching->headers);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "moonlatch/" MOONLATCH_VERSION);
    if (strcmp(fetching->method, "HEAD") == 0)
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    else if (slice_is_set(fetching->body) || strcmp(fetching->method, "POST") == 0) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)fetching->body.len);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, slice_is_set(fetching->body) ? fetching->body.at : "");
    }
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, fetching->method);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_answer);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, fetching);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, fetching->why);
}

static void configure_connection(CURL *curl, struct fetching *fetching, int64_t left_ms) {
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, fetching->is_private_allowed ? "http,https" : "https");
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1); /* one request at a time */
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)left_ms);
    /* Or the end of its time waits for a resolver that hangs; its thread is left to end by itself. */
    curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, on_socket);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, fetching);
    if (fetching->ca)
        curl_easy_setopt(curl, CURLOPT_CAINFO, fetching->ca);
    /* One file is all that is trusted, and without a directory curl keeps it parsed. */
    curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
    curl_easy_setopt(curl, CURLOPT_CA_CACHE_TIMEOUT, (long)CA_KEPT_S);
}

static pthread_key_t handle_key;
static pthread_once_t handle_once = PTHREAD_ONCE_INIT;

static void handle_close(void *curl) {
    curl_easy_cleanup(curl);
}

static void handles_begin(void) {
    curl_global_init(CURL_GLOBAL_DEFAULT);
    pthread_key_create(&handle_key, handle_close);
}

/* The thread's own, until it ends: with it connections and authorities are used again. */
static CURL *handle_get(void) {
    pthread_once(&handle_once, handles_begin);
    CURL *curl = pthread_getspecific(handle_key);
    if (!curl && (curl = curl_easy_init()))
        pthread_setspecific(handle_key, curl);
    return curl;
}

static void perform(CURL *curl, struct fetching *fetching, CURLU *url, int64_t left_ms) {
    char *media_type = NULL;
    configure_connection(curl, fetching, left_ms);
    configure_request(curl, fetching, url);
    CURLcode code = curl_easy_perform(curl);
    if (code == CURLE_OK) {
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &fetching->status);
        curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &media_type);
        fetching->media_type = media_type ? strdup(media_type) : NULL;
    } else {
        fetching->said = fetching->is_refused       ? "its address is not a public one"
                         : fetching->is_too_large   ? "its answer is too large"
                         : fetching->why[0] == '\0' ? curl_easy_strerror(code)
                                                    : NULL;
    }
    curl_easy_reset(curl); /* nothing of this request may be known when the handle closes a connection later */
}

static void fetch(void *data) {
    struct fetching *fetching = data;
    int64_t left_ms = fetching->deadline_ms - clock_monotonic_ms();
    if (left_ms <= 0) {
        fetching->said = "it waited too long for a thread";
        return;
    }
    CURL *curl = handle_get();
    CURLU *url = curl_url();
    fetching->answer = malloc(fetching->answer_max + 1);
    if (!curl || !url || !fetching->answer)
        fetching->said = "there is no memory for it";
    else if (!url_take(fetching, url))
        fetching->said = fetching->is_private_allowed ? "it is no http or https URL" : "it is no https URL";
    else
        perform(curl, fetching, url, left_ms);
    curl_url_cleanup(url);
}

/* --- on the fiber --- */

static bool ca_is_usable(const char *file) {
    X509_STORE *store = X509_STORE_new();
    bool is_usable = store && X509_STORE_load_file(store, file) == 1;
    X509_STORE_free(store);
    ERR_clear_error();
    return is_usable;
}

bool fetch_begin(struct arena *arena, const struct settings *settings, struct slice *error) {
    if (settings->outgoing_ca && !ca_is_usable(settings->outgoing_ca)) {
        *error =
            arena_printf(arena, "outgoing_ca: %s is not a readable PEM file of certificates.", settings->outgoing_ca);
        return false;
    }
    pthread_once(&handle_once, handles_begin);
    return true;
}

void fetch_end(void) {
    curl_global_cleanup();
}

static struct curl_slist *headers_of(struct arena *arena, const struct fetch *request) {
    /* Without a value it is left out; else curl says that a body is a form. */
    struct curl_slist *headers = curl_slist_append(NULL, arena_printf(arena, "content-type:%s%.*s",
                                                                      slice_is_set(request->content_type) ? " " : "",
                                                                      SLICE_ARG(request->content_type))
                                                             .at);
    return slice_is_set(request->accept)
               ? curl_slist_append(headers, arena_printf(arena, "accept: %.*s", SLICE_ARG(request->accept)).at)
               : headers;
}

static void answer_copy(struct arena *arena, const struct fetching *fetching, struct fetch *request) {
    request->status = (int)fetching->status;
    if (!request->status) {
        request->why = arena_copy(arena, slice_of(fetching->said ? fetching->said : fetching->why));
        return;
    }
    struct slice type = slice_of(fetching->media_type);
    request->answer = arena_copy(arena, (struct slice){fetching->answer, fetching->len});
    request->media_type = arena_copy(arena, slice_is_set(type) ? slice_trim(slice_cut(&type, ';')) : SLICE_NONE);
    request->why = SLICE("");
}

/* With its port: whose threads it takes (offload.h). */
static const char *host_of(struct arena *arena, struct slice url) {
    char *host = arena_alloc(arena, url.len + 1);
    const char *scheme = memmem(url.at, url.len, "://", 3);
    struct slice rest = scheme ? slice_from(url, (size_t)(scheme - url.at) + 3) : url;
    size_t len = 0;
    for (; len < rest.len && !strchr("/?#", rest.at[len]); len++)
        host[len] = (char)tolower((unsigned char)rest.at[len]);
    host[len] = '\0';
    return host;
}

bool fetch_run(struct arena *arena, const struct service *service, struct fetch *request) {
    const struct settings *settings = service->settings;
    int64_t limit_ms = settings->outgoing_timeout_ms;
    int64_t timeout_ms = request->timeout_ms && request->timeout_ms < limit_ms ? request->timeout_ms : limit_ms;
    struct fetching *fetching = arena_zalloc(arena, sizeof(*fetching));
    *fetching = (struct fetching){
        .method = request->method,
        .url = arena_string(arena, request->url),
        .ca = settings->outgoing_ca,
        .body = request->body,
        .headers = headers_of(arena, request),
        .is_private_allowed = settings->outgoing_private,
        .deadline_ms = clock_monotonic_ms() + timeout_ms,
        .answer_max = request->answer_max,
    };
    request->status = 0;
    request->answer = SLICE("");
    request->media_type = SLICE_NONE;
    request->why = SLICE("too much waits to be fetched");
    struct offload *threads = request->threads ? request->threads : service->outgoing;
    if (offload_run_for_host(service, threads, host_of(arena, request->url), fetch, fetching))
        answer_copy(arena, fetching, request);
    free(fetching->answer);
    free(fetching->media_type);
    curl_slist_free_all(fetching->headers);
    return request->status != 0;
}
