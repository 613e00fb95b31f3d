/* SPDX-License-Identifier: MIT */
/* adapters/retry_after.c - seconds, HTTP dates and Go-style durations.
 *
 * Read by hand: strtod() and strptime() depend on the locale and want a NUL.
 */
#include "adapters/retry_after.h"

#define MS_PER_DAY 86400000.0
#define LONGEST_MS ((int64_t)366 * 86400000)

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

/* In ms; nothing said when it is not positive. */
static int64_t wait_of(double ms)
{
    if (!(ms >= 0.5))
        return -1;
    return ms < (double)LONGEST_MS ? (int64_t)(ms + 0.5) : LONGEST_MS;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Take "12" or "1.5" off the front. */
static bool take_number(struct byok_str *text, double *out)
{
    double number = 0, place = 1;
    bool point = false, any = false;
    size_t i = 0;
    for (; i < text->len && (is_digit(text->ptr[i]) || (!point && text->ptr[i] == '.')); i++) {
        if (text->ptr[i] == '.') {
            point = true;
            continue;
        }
        int digit = text->ptr[i] - '0';
        any = true;
        if (point)
            place /= 10;
        number = point ? number + digit * place : number * 10 + digit;
    }
    if (!any)
        return false;
    *text = (struct byok_str){text->ptr + i, text->len - i};
    *out = number;
    return true;
}

/* A number and nothing else. */
static bool read_number(struct byok_str text, double *out)
{
    text = byok_str_trim(text);
    return take_number(&text, out) && text.len == 0;
}

struct unit {
    struct byok_str name;
    double ms;
};

/* "ms" before "m": the first that fits is taken */
static const struct unit units[] = {
    {BYOK_STR("ms"), 1},    {BYOK_STR("us"), 1e-3},      {BYOK_STR("\xC2\xB5s"), 1e-3},
    {BYOK_STR("ns"), 1e-6}, {BYOK_STR("d"), MS_PER_DAY}, {BYOK_STR("h"), 3600e3},
    {BYOK_STR("m"), 60e3},  {BYOK_STR("s"), 1e3},
};

static const struct unit *take_unit(struct byok_str *text)
{
    for (size_t i = 0; i < COUNT(units); i++) {
        if (byok_str_starts(*text, units[i].name)) {
            *text = (struct byok_str){text->ptr + units[i].name.len, text->len - units[i].name.len};
            return &units[i];
        }
    }
    return NULL;
}

/* "8.64s", "6m0s", "12ms" (Go's time.Duration); without a unit it is seconds. */
static int64_t read_duration(struct byok_str text)
{
    double number, ms = 0;
    text = byok_str_trim(text);
    if (read_number(text, &number))
        return wait_of(number * 1e3);
    while (text.len > 0) {
        const struct unit *unit = take_number(&text, &number) ? take_unit(&text) : NULL;
        if (!unit)
            return -1;
        ms += number * unit->ms;
    }
    return wait_of(ms);
}

/* ---- HTTP dates, RFC 9110, 5.6.7 ---- */

#define DATE_PARTS_MAX 9 /* one more than a date has, to notice what follows it */

struct date_parts {
    struct byok_str part[DATE_PARTS_MAX];
    size_t count;
};

static struct date_parts split(struct byok_str text)
{
    struct date_parts parts = {.count = 0};
    size_t start = 0;
    for (size_t i = 0; i <= text.len && parts.count < DATE_PARTS_MAX; i++) {
        if (i < text.len && !memchr(" ,-:", text.ptr[i], 4))
            continue;
        if (i > start)
            parts.part[parts.count++] = (struct byok_str){text.ptr + start, i - start};
        start = i + 1;
    }
    return parts;
}

/* 1..12, or 0. */
static int month_of(struct byok_str name)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (int month = 1; month <= 12 && name.len == 3; month++) {
        if (memcmp(name.ptr, names + (month - 1) * 3, 3) == 0)
            return month;
    }
    return 0;
}

/* A number of at most 4 digits up to `max`, or -1. */
static int small_number(struct byok_str text, int max)
{
    int number = 0;
    if (text.len == 0 || text.len > 4)
        return -1;
    for (size_t i = 0; i < text.len; i++) {
        if (!is_digit(text.ptr[i]))
            return -1;
        number = number * 10 + (text.ptr[i] - '0');
    }
    return number <= max ? number : -1;
}

/* Days since 1970-01-01; Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms",
 * days_from_civil, for years from 0. */
static int64_t days_of(int year, int month, int day)
{
    year -= month <= 2;
    int64_t era = year / 400, of_era = year % 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* A year of two digits is at most 50 years ahead of now. */
static int full_year(struct byok_str text, int64_t wall_ms)
{
    int year = small_number(text, 9999);
    if (year < 0 || text.len != 2)
        return year;
    int now = 1970 + (int)((double)wall_ms / MS_PER_DAY / 365.2425);
    year += now / 100 * 100;
    return year > now + 50 ? year - 100 : year;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994" */
static bool read_date(struct byok_str text, int64_t wall_ms, int64_t *out_wall_ms)
{
    struct date_parts d = split(text);
    if (d.count < 7)
        return false;
    const bool asctime_form = month_of(d.part[1]) != 0;
    const struct byok_str *time = asctime_form ? &d.part[3] : &d.part[4];
    if (asctime_form ? d.count != 7 : d.count != 8 || !byok_str_is(d.part[7], "GMT"))
        return false;
    int day = small_number(asctime_form ? d.part[2] : d.part[1], 31);
    int month = month_of(asctime_form ? d.part[1] : d.part[2]);
    int year = full_year(asctime_form ? d.part[6] : d.part[3], wall_ms);
    int hour = small_number(time[0], 23), minute = small_number(time[1], 59);
    int second = small_number(time[2], 60);
    if (day < 1 || month < 1 || year < 1970 || hour < 0 || minute < 0 || second < 0)
        return false;
    int64_t seconds = days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    *out_wall_ms = seconds * 1000;
    return true;
}

/* ---- the headers ---- */

static int64_t read_retry_after(struct byok_str text, int64_t wall_ms)
{
    double seconds;
    int64_t at_wall_ms;
    if (read_number(text, &seconds))
        return wait_of(seconds * 1e3);
    if (read_date(text, wall_ms, &at_wall_ms))
        return wait_of((double)at_wall_ms - (double)wall_ms);
    return -1;
}

struct limit_headers {
    const char *remaining, *reset;
    bool by_day;
};

/* https://platform.openai.com/docs/guides/rate-limits; those by day: compatible services. */
static const struct limit_headers limits[] = {
    {"x-ratelimit-remaining-requests", "x-ratelimit-reset-requests", false},
    {"x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens", false},
    {"x-ratelimit-remaining-requests-day", "x-ratelimit-reset-requests-day", true},
    {"x-ratelimit-remaining-tokens-day", "x-ratelimit-reset-tokens-day", true},
};

/* Below 0 ("-1") means unknown, not used up. */
static bool is_used_up(const struct byok_http_response *response, const struct limit_headers *limit)
{
    double remaining;
    return read_number(byok_http_header_of(response, limit->remaining), &remaining) &&
           remaining < 1;
}

int64_t byok_retry_after_ms(const struct byok_http_response *response, int64_t wall_ms)
{
    double ms;
    int64_t wait = -1;
    if (read_number(byok_http_header_of(response, "retry-after-ms"), &ms))
        wait = wait_of(ms);
    if (wait < 0)
        wait = read_retry_after(byok_http_header_of(response, "retry-after"), wall_ms);
    if (wait >= 0)
        return wait;
    for (size_t i = 0; i < COUNT(limits); i++) {
        int64_t reset = is_used_up(response, &limits[i])
                            ? read_duration(byok_http_header_of(response, limits[i].reset))
                            : -1;
        wait = reset > wait ? reset : wait;
    }
    return wait;
}

bool byok_retry_day_limit(const struct byok_http_response *response)
{
    for (size_t i = 0; i < COUNT(limits); i++) {
        if (limits[i].by_day && is_used_up(response, &limits[i]))
            return true;
    }
    return false;
}
