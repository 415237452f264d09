#include "server/wire.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

/* Of TLS 1.2 the ciphers that BCP 195 recommends (RFC 9325 §4.2), which FAPI 2.0 §5.2.2 permits alone: of the others
 * OpenSSL would take some without forward secrecy. TLS 1.3 has none that is worse. */
#define CIPHERS \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:" \
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384"

static SSL_CTX *complain(struct arena *arena, SSL_CTX *context, const char *file, const char *what,
                         struct slice *error) {
    char reason[256];
    ERR_error_string_n(ERR_get_error(), reason, sizeof(reason));
    *error = arena_printf(arena, "%s: %s (%s).", file, what, reason);
    SSL_CTX_free(context);
    return NULL;
}

SSL_CTX *tls_context(struct arena *arena, const char *cert_file, const char *key_file, struct slice *error) {
    ERR_clear_error();
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(context, CIPHERS);
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_RENEGOTIATION);
    if (SSL_CTX_use_certificate_chain_file(context, cert_file) != 1)
        return complain(arena, context, cert_file, "is not a readable PEM certificate", error);
    if (SSL_CTX_use_PrivateKey_file(context, key_file, SSL_FILETYPE_PEM) != 1)
        return complain(arena, context, key_file, "is not a readable PEM key of that certificate", error);
    if (SSL_CTX_check_private_key(context) != 1)
        return complain(arena, context, key_file, "does not belong to the certificate", error);
    h2o_ssl_register_alpn_protocols(context, h2o_alpn_protocols);
    return context;
}
