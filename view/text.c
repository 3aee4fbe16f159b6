/* Columns, padding and numbers: see text.h.  The tables of wide and invisible ranges hold the blocks that Unicode 15
 * marks W, F, Mn, Me and Cf, merged into ranges where only unassigned code points lie between.  Emoji count as wide
 * where they are W; a sequence joined by ZWJ counts as the sum of its parts, as most terminals draw it. */
#include "view/text.h"

#include <stdarg.h>
#include <string.h>

struct range {
    uint32_t first, last;
};

static const struct range invisible[] = {
    {0x0000, 0x001f}, {0x007f, 0x009f},   {0x00ad, 0x00ad},   {0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd},
    {0x05bf, 0x05bf}, {0x05c1, 0x05c2},   {0x05c4, 0x05c5},   {0x0610, 0x061a}, {0x064b, 0x065f}, {0x0670, 0x0670},
    {0x06d6, 0x06dc}, {0x06df, 0x06e4},   {0x06e7, 0x06e8},   {0x06ea, 0x06ed}, {0x0900, 0x0902}, {0x093c, 0x093c},
    {0x0941, 0x0948}, {0x094d, 0x094d},   {0x0e31, 0x0e31},   {0x0e34, 0x0e3a}, {0x0e47, 0x0e4e}, {0x1160, 0x11ff},
    {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff},   {0x200b, 0x200f},   {0x202a, 0x202e}, {0x2060, 0x206f}, {0x20d0, 0x20ff},
    {0x302a, 0x302d}, {0x3099, 0x309a},   {0xd7b0, 0xd7ff},   {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xfeff, 0xfeff},
    {0xfff9, 0xfffb}, {0xe0001, 0xe007f}, {0xe0100, 0xe01ef},
};

static const struct range wide[] = {
    {0x1100, 0x115f},   {0x231a, 0x231b},   {0x2329, 0x232a},   {0x23e9, 0x23ec},   {0x23f0, 0x23f0},
    {0x23f3, 0x23f3},   {0x25fd, 0x25fe},   {0x2614, 0x2615},   {0x2648, 0x2653},   {0x267f, 0x267f},
    {0x2693, 0x2693},   {0x26a1, 0x26a1},   {0x26aa, 0x26ab},   {0x26bd, 0x26be},   {0x26c4, 0x26c5},
    {0x26ce, 0x26ce},   {0x26d4, 0x26d4},   {0x26ea, 0x26ea},   {0x26f2, 0x26f3},   {0x26f5, 0x26f5},
    {0x26fa, 0x26fa},   {0x26fd, 0x26fd},   {0x2705, 0x2705},   {0x270a, 0x270b},   {0x2728, 0x2728},
    {0x274c, 0x274c},   {0x274e, 0x274e},   {0x2753, 0x2755},   {0x2757, 0x2757},   {0x2795, 0x2797},
    {0x27b0, 0x27b0},   {0x27bf, 0x27bf},   {0x2b1b, 0x2b1c},   {0x2b50, 0x2b50},   {0x2b55, 0x2b55},
    {0x2e80, 0x303e},   {0x3041, 0x3247},   {0x3250, 0x4dbf},   {0x4e00, 0xa4cf},   {0xa960, 0xa97f},
    {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe10, 0xfe19},   {0xfe30, 0xfe6f},   {0xff01, 0xff60},
    {0xffe0, 0xffe6},   {0x16fe0, 0x18aff}, {0x1b000, 0x1b2ff}, {0x1f004, 0x1f004}, {0x1f0cf, 0x1f0cf},
    {0x1f18e, 0x1f18e}, {0x1f191, 0x1f19a}, {0x1f200, 0x1f320}, {0x1f32d, 0x1f335}, {0x1f337, 0x1f37c},
    {0x1f37e, 0x1f393}, {0x1f3a0, 0x1f3ca}, {0x1f3cf, 0x1f3d3}, {0x1f3e0, 0x1f3f0}, {0x1f3f4, 0x1f3f4},
    {0x1f3f8, 0x1f43e}, {0x1f440, 0x1f440}, {0x1f442, 0x1f4fc}, {0x1f4ff, 0x1f53d}, {0x1f54b, 0x1f54e},
    {0x1f550, 0x1f567}, {0x1f57a, 0x1f57a}, {0x1f595, 0x1f596}, {0x1f5a4, 0x1f5a4}, {0x1f5fb, 0x1f64f},
    {0x1f680, 0x1f6c5}, {0x1f6cc, 0x1f6cc}, {0x1f6d0, 0x1f6d2}, {0x1f6d5, 0x1f6df}, {0x1f6eb, 0x1f6ec},
    {0x1f6f4, 0x1f6fc}, {0x1f7e0, 0x1f7f0}, {0x1f90c, 0x1f93a}, {0x1f93c, 0x1f945}, {0x1f947, 0x1f9ff},
    {0x1fa70, 0x1faff}, {0x20000, 0x3fffd},
};

static bool in_ranges(const struct range *ranges, size_t count, uint32_t code_point) {
    size_t low = 0, high = count;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (code_point > ranges[mid].last) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low < count && code_point >= ranges[low].first;
}

unsigned ak_text_code_point_columns(uint32_t code_point) {
    if (code_point >= 0x20 && code_point < 0x7f) return 1;
    if (in_ranges(invisible, sizeof invisible / sizeof *invisible, code_point)) return 0;
    return in_ranges(wide, sizeof wide / sizeof *wide, code_point) ? 2 : 1;
}

size_t ak_text_next(const char *bytes, size_t byte_count, uint32_t *ret_code_point) {
    const unsigned char *b = (const unsigned char *)bytes;
    *ret_code_point = 0xfffd;
    if (b[0] < 0x80) {
        *ret_code_point = b[0];
        return 1;
    }
    size_t need = b[0] >= 0xf0 && b[0] < 0xf5   ? 4
                  : b[0] >= 0xe0 && b[0] < 0xf0 ? 3
                  : b[0] >= 0xc2 && b[0] < 0xe0 ? 2
                                                : 0;
    if (need == 0 || need > byte_count) return 1;
    uint32_t code_point = b[0] & (0x7fu >> need);
    for (size_t i = 1; i < need; i++) {
        if ((b[i] & 0xc0) != 0x80) return 1;
        code_point = code_point << 6 | (b[i] & 0x3fu);
    }
    /* RFC 3629 s3: overlong forms, surrogates and what lies past U+10FFFF are not UTF-8. */
    bool overlong = (need == 3 && code_point < 0x800) || (need == 4 && code_point < 0x10000);
    if (overlong || code_point > 0x10ffff || (code_point >= 0xd800 && code_point < 0xe000)) return 1;
    *ret_code_point = code_point;
    return need;
}

size_t ak_text_columns(const char *text) {
    size_t columns = 0, bytes = strlen(text);
    for (size_t at = 0; at < bytes;) {
        uint32_t code_point;
        at += ak_text_next(text + at, bytes - at, &code_point);
        columns += ak_text_code_point_columns(code_point);
    }
    return columns;
}

size_t ak_text_fit_bytes(const char *text, size_t columns) {
    size_t bytes = strlen(text), at = 0;
    while (at < bytes) {
        uint32_t code_point;
        size_t step = ak_text_next(text + at, bytes - at, &code_point);
        unsigned wide_columns = ak_text_code_point_columns(code_point);
        if (wide_columns > columns) break;
        columns -= wide_columns;
        at += step;
    }
    return at;
}

ak_text ak_text_in(char *buf, size_t cap_bytes) {
    buf[0] = '\0';
    return (ak_text){.bytes = buf, .cap_bytes = cap_bytes};
}

static void add_bytes(ak_text *text, const char *bytes, size_t byte_count) {
    size_t room = text->cap_bytes - 1 - text->used_bytes;
    if (byte_count > room) {
        /* Step back to a character's first byte. */
        byte_count = room;
        while (byte_count > 0 && ((unsigned char)bytes[byte_count] & 0xc0) == 0x80) byte_count--;
        text->full = true;
    }
    memcpy(text->bytes + text->used_bytes, bytes, byte_count);
    text->used_bytes += byte_count;
    text->bytes[text->used_bytes] = '\0';
}

void ak_text_add(ak_text *text, const char *addition) {
    add_bytes(text, addition, strlen(addition));
}

void ak_text_add_format(ak_text *text, const char *format, ...) {
    char piece[512];
    va_list args;
    va_start(args, format);
    int bytes = vsnprintf(piece, sizeof piece, format, args);
    va_end(args);
    if (bytes < 0) return;
    if ((size_t)bytes >= sizeof piece) text->full = true;
    ak_text_add(text, piece);
}

void ak_text_add_padded(ak_text *text, const char *addition, size_t columns, ak_align align) {
    size_t has = ak_text_columns(addition);
    if (has > columns) {
        if (columns == 0) return;
        size_t bytes = ak_text_fit_bytes(addition, columns - 1);
        char cut[256] = {0};
        ak_text part = ak_text_in(cut, sizeof cut);
        add_bytes(&part, addition, bytes < sizeof cut - 4 ? bytes : ak_text_fit_bytes(addition, sizeof cut / 4));
        ak_text_add(text, cut);
        ak_text_add(text, "…");
        has = ak_text_columns(cut) + 1;
        align = AK_ALIGN_LEFT;
        addition = "";
    }
    size_t blanks = columns - has;
    size_t before = align == AK_ALIGN_RIGHT ? blanks : align == AK_ALIGN_CENTRE ? blanks / 2 : 0;
    for (size_t i = 0; i < before; i++) ak_text_add(text, " ");
    ak_text_add(text, addition);
    for (size_t i = before; i < blanks; i++) ak_text_add(text, " ");
}

/* value / unit with three significant digits, rounded down, without floating point. */
static void add_three_digits(ak_text *text, uint64_t value, uint64_t unit, const char *unit_name) {
    uint64_t whole = value / unit, rest = value % unit;
    if (whole >= 100 || unit == 1) {
        ak_text_add_format(text, "%llu %s", (unsigned long long)whole, unit_name);
    } else if (whole >= 10) {
        ak_text_add_format(text, "%llu.%llu %s", (unsigned long long)whole, (unsigned long long)(rest * 10 / unit),
                           unit_name);
    } else {
        ak_text_add_format(text, "%llu.%02llu %s", (unsigned long long)whole, (unsigned long long)(rest * 100 / unit),
                           unit_name);
    }
}

void ak_text_add_bytes(ak_text *text, uint64_t byte_count) {
    if (byte_count < 10000) {
        ak_text_add_format(text, "%llu B", (unsigned long long)byte_count);
    } else if (byte_count < 1u << 20) {
        add_three_digits(text, byte_count, 1u << 10, "KiB");
    } else if (byte_count < 1u << 30) {
        add_three_digits(text, byte_count, 1u << 20, "MiB");
    } else {
        add_three_digits(text, byte_count, 1u << 30, "GiB");
    }
}

void ak_text_add_duration(ak_text *text, uint64_t duration_us) {
    static const uint64_t minute = 60000000;
    if (duration_us < 1000) {
        add_three_digits(text, duration_us, 1, "us");
    } else if (duration_us < 1000000) {
        add_three_digits(text, duration_us, 1000, "ms");
    } else if (duration_us < 2 * minute) {
        add_three_digits(text, duration_us, 1000000, "s");
    } else if (duration_us < 120 * minute) {
        add_three_digits(text, duration_us, minute, "min");
    } else if (duration_us < 2880 * minute) {
        add_three_digits(text, duration_us, 60 * minute, "h");
    } else {
        add_three_digits(text, duration_us, 1440 * minute, "d");
    }
}

const char *ak_colour_sequence(ak_colour colour) {
    static const char *const sequence[AK_COLOUR_COUNT] = {
        [AK_COLOUR_PLAIN] = "\033[0m",      [AK_COLOUR_DIM] = "\033[0;2m",      [AK_COLOUR_TITLE] = "\033[0;1m",
        [AK_COLOUR_STATE] = "\033[0;1;36m", [AK_COLOUR_FLAGS] = "\033[0;1;32m", [AK_COLOUR_APP] = "\033[0;34m",
        [AK_COLOUR_TIMER] = "\033[0;35m",   [AK_COLOUR_AGAIN] = "\033[0;1;33m", [AK_COLOUR_BAD] = "\033[0;1;31m",
    };
    return sequence[colour];
}
