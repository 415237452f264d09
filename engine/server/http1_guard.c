#include "server/http1_guard.h"

static bool length_read(struct slice value, uint64_t *length) {
    *length = 0;
    for (size_t i = 0; i < value.len; i++) {
        if (value.at[i] < '0' || value.at[i] > '9' || *length > (UINT64_MAX - 9) / 10)
            return false;
        *length = *length * 10 + (uint64_t)(value.at[i] - '0');
    }
    return value.len > 0;
}

/* A line of the head, without its end. */
static void line_read(struct http1_head *head, struct slice line) {
    if (!head->has_begun) {
        static const struct slice http10 = {"HTTP/1.0", 8};
        head->has_begun = line.len > 0; /* an empty line before it is skipped (RFC 9112 §2.2) */
        head->is_http10 = line.len > http10.len && slice_equal(slice_from(line, line.len - http10.len), http10);
        return;
    }
    size_t colon = slice_find(line, ':');
    struct slice name = {line.at, colon};
    struct slice value = colon < line.len ? slice_trim(slice_from(line, colon + 1)) : SLICE("");
    if (slice_is_nocase(name, "host")) {
        head->hosts++;
    } else if (slice_is_nocase(name, "content-length")) {
        if (head->lengths++ == 0)
            head->is_bad_length = !length_read(value, &head->length);
    } else if (slice_is_nocase(name, "transfer-encoding")) {
        head->codings++;
        head->is_chunked = slice_is_nocase(value, "chunked");
    }
}

/* RFC 9112 §3.2, §6.1, §6.3 */
static bool is_ambiguous(const struct http1_head *head) {
    return head->hosts > 1 || (head->hosts == 0 && !head->is_http10) || head->lengths > 1 || head->codings > 1 ||
           (head->codings && (head->lengths || head->is_http10));
}

/* The empty line has come: what follows? */
static enum http1_state state_behind(struct http1_guard *guard, const struct http1_head *head) {
    bool is_last = guard->ambiguous != 0;
    if (head->codings && head->is_chunked && !is_last) {
        guard->chunked = (struct chunked){0};
        return HTTP1_CHUNKED;
    }
    if (head->codings || head->is_bad_length)
        return HTTP1_OVER;
    guard->left = head->length;
    return head->length ? HTTP1_LENGTH : is_last ? HTTP1_OVER : HTTP1_HEAD;
}

/* The number of bytes written at `out`, behind the head: of a body in chunks that has to be refused its first is
 * broken, so that libh2o waits for no more of it. */
static size_t head_end(struct http1_guard *guard, char *out) {
    const struct http1_head head = guard->head;
    guard->head = (struct http1_head){0};
    guard->heads++;
    guard->ambiguous = is_ambiguous(&head) ? guard->heads : 0;
    guard->state = state_behind(guard, &head);
    if (guard->state != HTTP1_OVER || !head.codings)
        return 0;
    *out = 'x';
    return 1;
}

/* Each of these moves bytes from `at` to `out`, which lies before it or there, and gives how many it took. */

static size_t head_read(struct http1_guard *guard, const char *at, size_t len, char **out) {
    const char *end = memchr(at, '\n', len);
    size_t size = end ? (size_t)(end - at) + 1 : len;
    memmove(*out, at, size);
    *out += size;
    guard->line_len += size;
    if (!end)
        return size;
    struct slice line = {*out - guard->line_len, guard->line_len - 1}; /* its beginning may be of an earlier read */
    line.len -= line.len && line.at[line.len - 1] == '\r';
    guard->line_len = 0;
    if (line.len || !guard->head.has_begun)
        line_read(&guard->head, line);
    else
        *out += head_end(guard, *out);
    return size;
}

static size_t length_pass(struct http1_guard *guard, const char *at, size_t len, char **out) {
    size_t size = guard->left < len ? (size_t)guard->left : len;
    memmove(*out, at, size);
    *out += size;
    guard->left -= size;
    if (!guard->left)
        guard->state = guard->ambiguous ? HTTP1_OVER : HTTP1_HEAD;
    return size;
}

static size_t chunks_read(struct http1_guard *guard, const char *at, size_t len, char **out) {
    size_t taken;
    *out += chunked_read(&guard->chunked, at, len, *out, &taken);
    if (guard->chunked.state == CHUNKED_DONE)
        guard->state = HTTP1_HEAD;
    else if (guard->chunked.state == CHUNKED_BROKEN)
        guard->state = HTTP1_OVER;
    return taken;
}

size_t http1_guard(struct http1_guard *guard, char *input, size_t size, size_t fresh) {
    char *out = input + size - fresh;
    const char *at = out, *end = input + size;
    if (guard->state == HTTP1_CHUNKED && fresh) {
        memmove(out + CHUNKED_SLACK, out, fresh);
        at += CHUNKED_SLACK;
        end += CHUNKED_SLACK;
    }
    while (at < end && guard->state != HTTP1_OVER) {
        size_t len = (size_t)(end - at);
        at += guard->state == HTTP1_HEAD     ? head_read(guard, at, len, &out)
              : guard->state == HTTP1_LENGTH ? length_pass(guard, at, len, &out)
                                             : chunks_read(guard, at, len, &out);
    }
    return (size_t)(out - input);
}
