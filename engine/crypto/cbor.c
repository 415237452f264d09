#include "crypto/cbor.h"

/* Initial byte and argument (RFC 8949 §3). */
static bool head_read(struct slice *rest, struct cbor *item) {
    enum { BYTES_FROM = 24, BYTES_TO = 27 };
    if (!rest->len)
        return false;
    unsigned first = (unsigned char)rest->at[0], info = first & 0x1f;
    size_t size = info < BYTES_FROM ? 0 : (size_t)1 << (info - BYTES_FROM);
    if (info > BYTES_TO || rest->len - 1 < size)
        return false;
    uint64_t argument = info;
    if (size)
        argument = 0;
    for (size_t i = 1; i <= size; i++)
        argument = argument << 8 | (unsigned char)rest->at[i];
    *rest = (struct slice){rest->at + 1 + size, rest->len - 1 - size};
    item->kind = (enum cbor_kind)(first >> 5);
    item->bytes = SLICE_NONE;
    item->number = (int64_t)(argument & INT64_MAX);
    return item->kind == CBOR_SIMPLE || argument <= INT64_MAX;
}

static bool read(struct slice *rest, struct cbor *item, unsigned depth);

static bool skip(struct slice *rest, uint64_t count, unsigned depth) {
    struct cbor inner;
    if (count && depth == CBOR_DEPTH_MAX)
        return false;
    for (; count; count--)
        if (!read(rest, &inner, depth + 1)) /* each takes a byte, so that no count is too large */
            return false;
    return true;
}

static bool read(struct slice *rest, struct cbor *item, unsigned depth) {
    if (!head_read(rest, item))
        return false;
    uint64_t argument = (uint64_t)item->number;
    switch (item->kind) {
    case CBOR_NEGATIVE:
        item->number = -1 - item->number;
        return true;
    case CBOR_BYTES:
    case CBOR_TEXT:
        if (argument > rest->len)
            return false;
        item->bytes = (struct slice){rest->at, (size_t)argument};
        *rest = (struct slice){rest->at + argument, rest->len - (size_t)argument};
        return true;
    case CBOR_LIST:
        return skip(rest, argument, depth);
    case CBOR_MAP:
        return skip(rest, 2 * argument, depth);
    case CBOR_TAG:
        return skip(rest, 1, depth);
    case CBOR_UNSIGNED:
    case CBOR_SIMPLE:
        break;
    }
    return true;
}

bool cbor_read(struct slice *rest, struct cbor *item) {
    return read(rest, item, 1);
}

static bool is_key_of(const struct cbor_member *member, const struct cbor *key) {
    if (member->name)
        return key->kind == CBOR_TEXT && slice_is(key->bytes, member->name);
    return key->kind <= CBOR_NEGATIVE && key->number == member->number;
}

bool cbor_read_map(struct slice *rest, struct cbor_member *wanted, size_t count) {
    struct cbor map, key, value;
    if (!head_read(rest, &map) || map.kind != CBOR_MAP)
        return false;
    for (int64_t left = map.number; left; left--) {
        if (!read(rest, &key, 2) || !read(rest, &value, 2))
            return false;
        for (size_t i = 0; i < count; i++)
            if (is_key_of(&wanted[i], &key)) {
                if (wanted[i].is_there)
                    return false;
                wanted[i].is_there = true;
                wanted[i].value = value;
            }
    }
    return true;
}
