/* A web server of a test's own on 127.0.0.1, plain or TLS: a thread that accepts, and one for each connection. What it
 * answers is in the path: /good, /missing, /moved, /endless, /silent, /drips. */
#ifndef SPEC_SERVER_WEB_H
#define SPEC_SERVER_WEB_H

#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WEB_CONNECTIONS_MAX = 64, WEB_REQUEST_MAX = 8192 };

struct web_connection {
    struct web *web;
    pthread_t thread;
    int descriptor;
    SSL *tls; /* NULL: plain */
};

struct web {
    int port, listener;
    SSL_CTX *context; /* NULL: plain */
    pthread_t thread;
    _Atomic bool is_ending;
    _Atomic int connections, requests;
    struct web_connection list[WEB_CONNECTIONS_MAX];
    /* The request that came last; its answer was sent behind it. */
    char asked[WEB_REQUEST_MAX], body[WEB_REQUEST_MAX];
    size_t body_len;
    pthread_mutex_t mutex;
};

static inline ssize_t web_read(struct web_connection *self, char *at, size_t max) {
    return self->tls ? SSL_read(self->tls, at, (int)max) : read(self->descriptor, at, max);
}

static inline bool web_write(struct web_connection *self, const char *text, size_t len) {
    return (self->tls ? SSL_write(self->tls, text, (int)len) : write(self->descriptor, text, len)) == (ssize_t)len;
}

static inline bool web_say(struct web_connection *self, const char *text) {
    return web_write(self, text, strlen(text));
}

/* Head and body; false at the end of the connection. */
static inline bool web_request_read(struct web_connection *self, char *text, size_t *body_at, size_t *len) {
    *len = 0;
    for (;;) {
        text[*len] = '\0';
        const char *end = strstr(text, "\r\n\r\n"), *length = strcasestr(text, "\r\ncontent-length:");
        *body_at = end ? (size_t)(end - text) + 4 : 0;
        if (end && *len >= *body_at + (length ? strtoul(length + 17, NULL, 10) : 0))
            return true;
        ssize_t got = web_read(self, text + *len, WEB_REQUEST_MAX - 1 - *len);
        if (got <= 0)
            return false;
        *len += (size_t)got;
    }
}

/* False when the connection is to end. */
static inline bool web_answer(struct web_connection *self, const char *text) {
    const char *path = strchr(text, '/');
    if (strncmp(path, "/good", 5) == 0)
        return web_say(self, "HTTP/1.1 200 OK\r\nContent-Type: Application/JSON ; charset=utf-8\r\nContent-Length: 13"
                             "\r\nSet-Cookie: a=b\r\n\r\n") &&
               (strncmp(text, "HEAD", 4) == 0 || web_say(self, "{\"good\":true}"));
    if (strncmp(path, "/missing", 8) == 0)
        return web_say(self, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    if (strncmp(path, "/moved", 6) == 0)
        return web_say(self, "HTTP/1.1 302 Found\r\nLocation: /good\r\nContent-Length: 0\r\n\r\n");
    if (strncmp(path, "/endless", 8) == 0) {
        bool goes_on = web_say(self, "HTTP/1.1 200 OK\r\n\r\n");
        while (goes_on && !self->web->is_ending)
            goes_on = web_say(self, "all work and no play makes a server a dull one ");
    }
    if (strncmp(path, "/drips", 6) == 0) {
        bool goes_on = web_say(self, "HTTP/1.1 200 OK\r\n\r\n");
        for (; goes_on && !self->web->is_ending; usleep(20000))
            goes_on = web_say(self, ".");
    }
    for (char byte; strncmp(path, "/silent", 7) == 0 && web_read(self, &byte, 1) > 0;)
        ;
    return false;
}

static inline void *web_connection_main(void *argument) {
    struct web_connection *self = argument;
    struct web *web = self->web;
    char text[WEB_REQUEST_MAX];
    size_t body_at, len;
    bool goes_on = !self->tls || SSL_accept(self->tls) == 1;
    while (goes_on && web_request_read(self, text, &body_at, &len)) {
        pthread_mutex_lock(&web->mutex);
        memcpy(web->asked, text, len + 1);
        memcpy(web->body, text + body_at, len - body_at);
        web->body_len = len - body_at;
        pthread_mutex_unlock(&web->mutex);
        web->requests++;
        goes_on = web_answer(self, text);
    }
    shutdown(self->descriptor, SHUT_RDWR);
    return NULL;
}

static inline void *web_main(void *argument) {
    struct web *web = argument;
    int descriptor;
    while (web->connections < WEB_CONNECTIONS_MAX && (descriptor = accept(web->listener, NULL, NULL)) >= 0) {
        struct web_connection *self = &web->list[web->connections];
        *self = (struct web_connection){.web = web, .descriptor = descriptor};
        if (web->context && (self->tls = SSL_new(web->context)))
            SSL_set_fd(self->tls, descriptor);
        pthread_create(&self->thread, NULL, web_connection_main, self);
        web->connections++;
    }
    return NULL;
}

static inline void web_begin(struct web *web, SSL_CTX *context) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    memset(web, 0, sizeof(*web));
    web->context = context;
    pthread_mutex_init(&web->mutex, NULL);
    web->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(web->listener, (struct sockaddr *)(void *)&address, size) != 0 || listen(web->listener, 64) != 0 ||
        getsockname(web->listener, (struct sockaddr *)(void *)&address, &size) != 0)
        abort();
    web->port = ntohs(address.sin_port);
    pthread_create(&web->thread, NULL, web_main, web);
}

static inline void web_end(struct web *web) {
    web->is_ending = true;
    shutdown(web->listener, SHUT_RDWR);
    pthread_join(web->thread, NULL);
    for (int i = 0; i < web->connections; i++) {
        shutdown(web->list[i].descriptor, SHUT_RDWR);
        pthread_join(web->list[i].thread, NULL);
        SSL_free(web->list[i].tls);
        close(web->list[i].descriptor);
    }
    close(web->listener);
    pthread_mutex_destroy(&web->mutex);
}

/* Signed by itself, for that subjectAltName; a file of it to be trusted by. */
struct certificate {
    SSL_CTX *context;
    char file[64];
};

static inline void certificate_make(struct certificate *self, char *name) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x509 = X509_new();
    X509_set_version(x509, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509), -60);
    X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
    X509_set_pubkey(x509, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(x509, X509_get_subject_name(x509));
    X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, name);
    X509_add_ext(x509, names, -1);
    X509_EXTENSION_free(names);
    X509_sign(x509, key, EVP_sha256());
    self->context = SSL_CTX_new(TLS_server_method());
    if (SSL_CTX_use_certificate(self->context, x509) != 1 || SSL_CTX_use_PrivateKey(self->context, key) != 1)
        abort();
    strcpy(self->file, "/tmp/moonlatch-ca-XXXXXX");
    FILE *file = fdopen(mkstemp(self->file), "w");
    PEM_write_X509(file, x509);
    fclose(file);
    X509_free(x509);
    EVP_PKEY_free(key);
}

static inline void certificate_end(struct certificate *self) {
    SSL_CTX_free(self->context);
    unlink(self->file);
}

#endif
