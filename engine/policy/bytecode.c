#include "policy/bytecode.h"

#include "base/buffer.h"

/* The dump's format and the operations are LuaJIT 2.1's (lj_bcdump.h, lj_bc.h), version 2 of the format; kept_unit
 * holds them against the library that is linked. */
enum { VERSION = 2, FLAG_STRIPPED = 2, PROTO_BYTES_MIN = 12, REGISTERS = 256, WORDS = REGISTERS / 64 };
enum { UPVALUE_IS_LOCAL = 0x8000, JUMP_BIAS = 0x8000 };
enum { CONSTANT_CHILD, CONSTANT_TABLE, CONSTANT_I64, CONSTANT_U64, CONSTANT_COMPLEX, CONSTANT_TEXT };
enum { MEMBER_NUMBER = 4, MEMBER_INTEGER = 3, MEMBER_TEXT = 5 };

enum operation {
    /* comparisons: the jump behind them is taken or not */
    ISLT,
    ISGE,
    ISLE,
    ISGT,
    ISEQV,
    ISNEV,
    ISEQS,
    ISNES,
    ISEQN,
    ISNEN,
    ISEQP,
    ISNEP,
    ISTC,
    ISFC,
    IST,
    ISF,
    ISTYPE,
    ISNUM,
    MOV,
    NOT,
    UNM,
    LEN,
    ADDVN,
    SUBVN,
    MULVN,
    DIVVN,
    MODVN,
    ADDNV,
    SUBNV,
    MULNV,
    DIVNV,
    MODNV,
    ADDVV,
    SUBVV,
    MULVV,
    DIVVV,
    MODVV,
    POW,
    CAT,
    KSTR,
    KCDATA,
    KSHORT,
    KNUM,
    KPRI,
    KNIL,
    UGET,
    USETV,
    USETS,
    USETN,
    USETP,
    UCLO,
    FNEW,
    TNEW,
    TDUP,
    GGET,
    GSET,
    TGETV,
    TGETS,
    TGETB,
    TGETR,
    TSETV,
    TSETS,
    TSETB,
    TSETM,
    TSETR,
    CALLM,
    CALL,
    CALLMT,
    CALLT,
    ITERC,
    ITERN,
    VARG,
    ISNEXT,
    RETM,
    RET,
    RET0,
    RET1,
    FORI,
    JFORI,
    FORL,
    IFORL,
    JFORL,
    ITERL,
    IITERL,
    JITERL,
    LOOP,
    ILOOP,
    JLOOP,
    JMP,
};

struct proto {
    int parent, upvalue_count, line_bytes;
    uint32_t text_count, number_count, code_count, first_line;
    const unsigned char *code, *upvalues, *lines, *names; /* names of upvalues, each with its NUL; lines NULL: none */
    struct slice *texts;                                  /* by operand; absent where the constant is no text */
};

struct reading {
    struct arena *arena;
    const unsigned char *at, *end;
    bool is_broken;
    struct proto *protos; /* children before their parents; the function itself is the last */
    int count;
    int *orphans; /* protos whose parent was not read yet */
    int orphan_count;
    void (*on)(void *context, enum deed deed, struct slice name, int line);
    void *context;
};

/* --- the dump --- */

static const unsigned char *bytes_take(struct reading *reading, size_t count) {
    if (reading->is_broken || (size_t)(reading->end - reading->at) < count) {
        reading->is_broken = true;
        return NULL;
    }
    const unsigned char *taken = reading->at;
    reading->at += count;
    return taken;
}

static unsigned byte_take(struct reading *reading) {
    const unsigned char *byte = bytes_take(reading, 1);
    return byte ? *byte : 0;
}

/* ULEB128; of more than 32 bits the rest is passed over. */
static uint32_t number_take(struct reading *reading) {
    uint64_t number = 0;
    for (int shift = 0;; shift += 7) {
        unsigned byte = byte_take(reading);
        number |= shift < 35 ? (uint64_t)(byte & 0x7f) << shift : 0;
        if (!(byte & 0x80) || reading->is_broken)
            return (uint32_t)number;
    }
}

static void member_pass(struct reading *reading) {
    uint32_t kind = number_take(reading);
    if (kind >= MEMBER_TEXT)
        bytes_take(reading, kind - MEMBER_TEXT);
    else if (kind == MEMBER_INTEGER)
        number_take(reading);
    else if (kind == MEMBER_NUMBER)
        number_take(reading), number_take(reading);
}

static void table_pass(struct reading *reading) {
    uint64_t list = number_take(reading), map = number_take(reading);
    for (uint64_t i = 0; i < list + 2 * map && !reading->is_broken; i++)
        member_pass(reading);
}

static void constant_read(struct reading *reading, struct slice *text) {
    uint32_t kind = number_take(reading);
    if (kind >= CONSTANT_TEXT) {
        text->at = (const char *)bytes_take(reading, kind - CONSTANT_TEXT);
        text->len = kind - CONSTANT_TEXT;
    } else if (kind == CONSTANT_TABLE) {
        table_pass(reading);
    } else if (kind == CONSTANT_CHILD) {
        if (!reading->orphan_count)
            reading->is_broken = true;
        else
            reading->protos[reading->orphans[--reading->orphan_count]].parent = reading->count;
    } else { /* of the FFI, which chunk_load refuses */
        reading->is_broken = true;
    }
}

/* The numbers are of 33 bits, or two parts; only their ends matter. */
static void numbers_pass(struct reading *reading, uint32_t count) {
    for (uint32_t i = 0; i < count && !reading->is_broken; i++) {
        bool has_two_parts = reading->at < reading->end && (*reading->at & 1);
        number_take(reading);
        if (has_two_parts)
            number_take(reading);
    }
}

static void proto_read(struct reading *reading, const unsigned char *end) {
    struct proto *proto = &reading->protos[reading->count];
    *proto = (struct proto){.parent = -1};
    bytes_take(reading, 3); /* flags, parameters, size of the frame */
    proto->upvalue_count = (int)byte_take(reading);
    proto->text_count = number_take(reading);
    proto->number_count = number_take(reading);
    proto->code_count = number_take(reading);
    uint32_t debug_size = number_take(reading), line_count = 0;
    if (debug_size) {
        proto->first_line = number_take(reading);
        line_count = number_take(reading);
    }
    proto->code = bytes_take(reading, (size_t)proto->code_count * 4);
    proto->upvalues = bytes_take(reading, (size_t)proto->upvalue_count * 2);
    if (reading->is_broken || proto->text_count > (size_t)(end - reading->at)) {
        reading->is_broken = true;
        return;
    }
    proto->texts = arena_zalloc(reading->arena, (proto->text_count + 1) * sizeof(*proto->texts));
    for (uint32_t i = proto->text_count; i > 0 && !reading->is_broken; i--) /* operands count from the last one */
        constant_read(reading, &proto->texts[i - 1]);
    numbers_pass(reading, proto->number_count);
    if (debug_size) {
        proto->line_bytes = line_count < 256 ? 1 : line_count < 65536 ? 2 : 4;
        proto->lines = bytes_take(reading, (size_t)proto->code_count * (size_t)proto->line_bytes);
        proto->names = reading->at;
    }
    if (reading->is_broken || reading->at > end)
        reading->is_broken = true;
    reading->at = end;
    reading->orphans[reading->orphan_count++] = reading->count++;
}

static bool dump_read(struct reading *reading) {
    const unsigned char *head = bytes_take(reading, 5);
    if (!head || memcmp(head, "\x1bLJ", 3) != 0 || head[3] != VERSION || (head[4] & FLAG_STRIPPED))
        return false;
    bytes_take(reading, number_take(reading)); /* the name of the chunk */
    size_t count_max = (size_t)(reading->end - reading->at) / PROTO_BYTES_MIN + 1;
    reading->protos = arena_alloc(reading->arena, count_max * sizeof(*reading->protos));
    reading->orphans = arena_alloc(reading->arena, count_max * sizeof(*reading->orphans));
    for (uint32_t size; (size = number_take(reading)) && !reading->is_broken;) {
        if (size < PROTO_BYTES_MIN || size > (size_t)(reading->end - reading->at))
            return false;
        proto_read(reading, reading->at + size);
    }
    return !reading->is_broken && reading->count > 0 && reading->orphan_count == 1;
}

/* --- instructions --- */

struct instruction {
    unsigned operation, a, b, c, d;
};

static struct instruction instruction_at(const struct proto *proto, uint32_t at) {
    const unsigned char *word = proto->code + (size_t)at * 4; /* little-endian */
    return (struct instruction){word[0], word[1], word[3], word[2], (unsigned)(word[2] | word[3] << 8)};
}

static int line_at(const struct proto *proto, uint32_t at) {
    if (!proto->lines)
        return 1;
    const unsigned char *entry = proto->lines + (size_t)at * (size_t)proto->line_bytes;
    uint32_t offset = 0;
    for (int i = proto->line_bytes; i > 0; i--)
        offset = offset << 8 | entry[i - 1];
    return (int)(proto->first_line + offset);
}

static struct slice upvalue_name(const struct reading *reading, const struct proto *proto, unsigned upvalue) {
    const char *name = (const char *)proto->names, *end = (const char *)reading->end;
    for (unsigned i = 0; name && i < upvalue && name < end; i++)
        name += strnlen(name, (size_t)(end - name)) + 1;
    return name && name < end ? (struct slice){name, strnlen(name, (size_t)(end - name))} : SLICE("");
}

/* Whether it comes from outside of the function that is read: a variable of its own lives for one call. */
static bool upvalue_is_kept(const struct reading *reading, const struct proto *proto, unsigned upvalue) {
    while (proto->parent >= 0) {
        if ((int)upvalue >= proto->upvalue_count)
            return false;
        unsigned from = (unsigned)(proto->upvalues[upvalue * 2] | proto->upvalues[upvalue * 2 + 1] << 8);
        if (from & UPVALUE_IS_LOCAL)
            return false;
        upvalue = from & 0xff;
        proto = &reading->protos[proto->parent];
    }
    return true;
}

/* --- which registers hold something kept, whatever way led there --- */

struct registers {
    uint64_t kept[WORDS];
    unsigned char from[REGISTERS]; /* the upvalue that it came from, for its name */
    bool is_reached;
};

static bool is_kept(const struct registers *registers, unsigned at) {
    return registers->kept[at / 64] >> at % 64 & 1;
}

static void mark(struct registers *registers, unsigned at, bool kept, unsigned char from) {
    uint64_t bit = (uint64_t)1 << at % 64;
    registers->kept[at / 64] = kept ? registers->kept[at / 64] | bit : registers->kept[at / 64] & ~bit;
    registers->from[at] = from;
}

static void forget_from(struct registers *registers, unsigned first) {
    for (unsigned at = first; at < REGISTERS; at++)
        mark(registers, at, false, 0);
}

/* Of those that step() has no case for. ISTC and ISFC copy on one of their ways only. */
static bool writes_register(unsigned operation) {
    bool is_upvalue = operation >= USETV && operation <= UCLO;
    return operation == ISTC || operation == ISFC || (operation >= NOT && operation <= GGET && !is_upvalue);
}

static void step(const struct reading *reading, const struct proto *proto, const struct instruction *it,
                 struct registers *registers) {
    switch (it->operation) {
    case UGET:
        mark(registers, it->a, upvalue_is_kept(reading, proto, it->d), (unsigned char)it->d);
        return;
    case MOV:
        mark(registers, it->a, it->d < REGISTERS && is_kept(registers, it->d), registers->from[it->d % REGISTERS]);
        return;
    case TGETV:
    case TGETS:
    case TGETB:
    case TGETR:
        mark(registers, it->a, is_kept(registers, it->b), registers->from[it->b]);
        return;
    case CALLM:
    case CALL:
    case CALLMT:
    case CALLT:
    case ITERC:
    case ITERN:
    case VARG:
    case KNIL:
    case FORI:
    case FORL:
    case ISNEXT:
        forget_from(registers, it->a);
        return;
    default:
        if (writes_register(it->operation))
            mark(registers, it->a, false, 0);
    }
}

/* What holds on every way: true when there is less of it now. */
static bool meet(struct registers *into, const struct registers *from) {
    bool is_less = !into->is_reached;
    if (is_less) {
        *into = *from;
        into->is_reached = true;
        return true;
    }
    for (int i = 0; i < WORDS; i++) {
        is_less = is_less || (into->kept[i] & ~from->kept[i]);
        into->kept[i] &= from->kept[i];
    }
    return is_less;
}

/* Where it may go on; fewer than two are -1. */
static void successors(const struct instruction *it, int64_t at, int64_t next[2]) {
    int64_t target = at + 1 + (int64_t)it->d - JUMP_BIAS;
    next[0] = at + 1;
    next[1] = -1;
    if (it->operation <= ISF) {
        next[1] = at + 2;
    } else if (it->operation == JMP || it->operation == UCLO || it->operation == ISNEXT) {
        next[0] = target;
    } else if ((it->operation >= RETM && it->operation <= RET1) || it->operation == CALLMT || it->operation == CALLT) {
        next[0] = -1;
    } else if (it->operation == FORI || it->operation == FORL || it->operation == ITERL) {
        next[1] = target;
    }
}

static struct registers *flow(const struct reading *reading, const struct proto *proto) {
    struct registers *states = arena_zalloc(reading->arena, (proto->code_count + 1) * sizeof(*states));
    uint32_t *waiting = arena_alloc(reading->arena, (proto->code_count + 1) * sizeof(*waiting)), count = 0;
    bool *is_waiting = arena_zalloc(reading->arena, proto->code_count + 1);
    states[0].is_reached = true;
    waiting[count++] = 0;
    while (count) {
        uint32_t at = waiting[--count];
        is_waiting[at] = false;
        struct instruction it = instruction_at(proto, at);
        struct registers after = states[at];
        step(reading, proto, &it, &after);
        int64_t next[2];
        successors(&it, at, next);
        for (int i = 0; i < 2; i++) {
            if (next[i] < 0 || next[i] >= proto->code_count || !meet(&states[next[i]], &after) || is_waiting[next[i]])
                continue;
            is_waiting[next[i]] = true;
            waiting[count++] = (uint32_t)next[i];
        }
    }
    return states;
}

/* --- deeds --- */

static bool sets_member(unsigned operation) {
    return operation == TSETV || operation == TSETS || operation == TSETB || operation == TSETR;
}

/* Most functions have no upvalue or set no member, and need no flow. */
static bool may_change_tables(const struct proto *proto) {
    bool gets = false, sets = false;
    for (uint32_t at = 0; at < proto->code_count; at++) {
        struct instruction it = instruction_at(proto, at);
        gets = gets || it.operation == UGET;
        sets = sets || sets_member(it.operation);
    }
    return gets && sets;
}

static void deeds_tell(const struct reading *reading, const struct proto *proto) {
    const struct registers *states = may_change_tables(proto) ? flow(reading, proto) : NULL;
    for (uint32_t at = 0; at < proto->code_count; at++) {
        struct instruction it = instruction_at(proto, at);
        int line = line_at(proto, at);
        bool is_global = it.operation == GGET || it.operation == GSET;
        if (is_global && it.d < proto->text_count)
            reading->on(reading->context, it.operation == GGET ? DEED_READS_GLOBAL : DEED_SETS_GLOBAL,
                        proto->texts[it.d], line);
        if (it.operation >= USETV && it.operation <= USETP && upvalue_is_kept(reading, proto, it.a))
            reading->on(reading->context, DEED_SETS_KEPT_LOCAL, upvalue_name(reading, proto, it.a), line);
        if (states && sets_member(it.operation) && states[at].is_reached && is_kept(&states[at], it.b))
            reading->on(reading->context, DEED_SETS_KEPT_TABLE, upvalue_name(reading, proto, states[at].from[it.b]),
                        line);
    }
}

static int dump_add(lua_State *L, const void *bytes, size_t size, void *context) {
    (void)L;
    buffer_add(context, (struct slice){bytes, size});
    return 0;
}

bool bytecode_read(lua_State *L, struct arena *arena,
                   void (*on)(void *context, enum deed deed, struct slice name, int line), void *context) {
    struct buffer dump = buffer_in(arena);
    if (lua_dump(L, dump_add, &dump) != 0)
        return false;
    const unsigned char *bytes = (const unsigned char *)dump.at;
    struct reading reading = {.arena = arena, .at = bytes, .end = bytes + dump.len, .on = on, .context = context};
    if (!dump_read(&reading))
        return false;
    for (int i = 0; i < reading.count; i++)
        deeds_tell(&reading, &reading.protos[i]);
    return true;
}
