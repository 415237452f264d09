#include "server/error.h"

static const struct error_kind kinds[ERROR_COUNT] = {
#define X(id, status, code, text) {status, code, text},
    ERRORS(X)
#undef X
};

const struct error_kind *error_kind(enum error error) {
    return &kinds[error];
}
