/* SPDX-License-Identifier: MIT */
/* adapters/retry_after.c - seconds, HTTP dates, RFC 3339 times and Go-style durations.
 *
 * Read by hand: strtod() and strptime() depend on the locale and want a NUL.
 */
#include "adapters/retry_after.h"

#include <string.h>

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
int64_t byok_retry_duration_ms(struct byok_str text)
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

/* ---- a wait in words ---- */

static struct byok_str past(struct byok_str text, size_t bytes)
{
    return (struct byok_str){text.ptr + bytes, text.len - bytes};
}

static bool begins(struct byok_str text, const char *word)
{
    struct byok_str wanted = byok_str_of(word);
    return text.len >= wanted.len &&
           byok_str_eq_nocase((struct byok_str){text.ptr, wanted.len}, wanted);
}

/* Off the front: up to a space, without the point that ends a sentence. */
static struct byok_str first_word(struct byok_str *text)
{
    size_t len = 0;
    while (len < text->len && text->ptr[len] != ' ')
        len++;
    struct byok_str word = {text->ptr, len};
    *text = past(*text, len < text->len ? len + 1 : len);
    while (word.len > 0 && (word.ptr[word.len - 1] == '.' || word.ptr[word.len - 1] == ','))
        word.len--;
    return word;
}

/* "2.34s", or a number and a unit in words; without a unit it is something else. */
static int64_t spoken_ms(struct byok_str text)
{
    static const struct {
        const char *name;
        double ms;
    } spoken[] = {{"millisecond", 1}, {"second", 1e3}, {"minute", 60e3}, {"hour", 3600e3}};
    struct byok_str word = first_word(&text);
    double number;
    if (!read_number(word, &number))
        return byok_retry_duration_ms(word);
    for (size_t i = 0; i < COUNT(spoken); i++) {
        if (begins(text, spoken[i].name))
            return wait_of(number * spoken[i].ms);
    }
    return -1;
}

int64_t byok_retry_text_ms(struct byok_str message)
{
    static const char *const phrases[] = {"try again in ", "retry in ", "retry after "};
    for (size_t at = 0; at < message.len; at++) {
        for (size_t i = 0; i < COUNT(phrases); i++) {
            if (begins(past(message, at), phrases[i]))
                return spoken_ms(past(message, at + strlen(phrases[i])));
        }
    }
    return -1;
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

/* ---- times, RFC 3339, 5.6 ---- */

/* The digits at a place as a number up to `max`, or -1. */
static int digits_at(struct byok_str text, size_t at, size_t len, int max)
{
    return at + len <= text.len ? small_number((struct byok_str){text.ptr + at, len}, max) : -1;
}

/* Minutes east of UTC of "Z", "+02:00", "-05:30". */
static bool read_offset(struct byok_str text, int *out_minutes)
{
    int hours = digits_at(text, 1, 2, 23), minutes = digits_at(text, 4, 2, 59);
    *out_minutes = 0;
    if (text.len == 1)
        return text.ptr[0] == 'Z' || text.ptr[0] == 'z';
    if (text.len != 6 || text.ptr[3] != ':' || hours < 0 || minutes < 0)
        return false;
    *out_minutes = (hours * 60 + minutes) * (text.ptr[0] == '-' ? -1 : 1);
    return text.ptr[0] == '+' || text.ptr[0] == '-';
}

/* "2026-08-19T14:36:13Z", with a fraction or an offset too */
static bool read_time(struct byok_str text, int64_t *out_wall_ms)
{
    static const char form[] = "0000-00-00T00:00:00"; /* the marks between the numbers */
    const size_t head = sizeof form - 1;
    double fraction = 0;
    int offset;
    text = byok_str_trim(text);
    for (size_t i = 0; i < head; i++) {
        if (i >= text.len || (form[i] != '0' && text.ptr[i] != form[i]))
            return false;
    }
    int year = digits_at(text, 0, 4, 9999), month = digits_at(text, 5, 2, 12);
    int day = digits_at(text, 8, 2, 31), hour = digits_at(text, 11, 2, 23);
    int minute = digits_at(text, 14, 2, 59), second = digits_at(text, 17, 2, 60);
    if (year < 1970 || month < 1 || day < 1 || hour < 0 || minute < 0 || second < 0)
        return false;
    struct byok_str rest = {text.ptr + head, text.len - head};
    if (rest.len > 0 && rest.ptr[0] == '.' && !take_number(&rest, &fraction))
        return false;
    if (!read_offset(rest, &offset))
        return false;
    int64_t seconds = days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    *out_wall_ms = (seconds - (int64_t)offset * 60) * 1000 + (int64_t)(fraction * 1e3);
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

/* https://platform.openai.com/docs/guides/rate-limits; those by day: compatible services.
 * https://docs.anthropic.com/en/api/rate-limits: the last four, whose reset is a time. */
static const struct limit_headers limits[] = {
    {"x-ratelimit-remaining-requests", "x-ratelimit-reset-requests", false},
    {"x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens", false},
    {"x-ratelimit-remaining", "x-ratelimit-reset", false}, /* OpenRouter, Together, IETF's drafts */
    {"x-ratelimit-remaining-requests-day", "x-ratelimit-reset-requests-day", true},
    {"x-ratelimit-remaining-tokens-day", "x-ratelimit-reset-tokens-day", true},
    {"anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset", false},
    {"anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset", false},
    {"anthropic-ratelimit-input-tokens-remaining", "anthropic-ratelimit-input-tokens-reset", false},
    {"anthropic-ratelimit-output-tokens-remaining", "anthropic-ratelimit-output-tokens-reset",
     false},
};

/* Below 0 ("-1") means unknown, not used up. */
static bool is_used_up(const struct byok_http_response *response, const struct limit_headers *limit)
{
    double remaining;
    return read_number(byok_http_header_of(response, limit->remaining), &remaining) &&
           remaining < 1;
}

/* A number above these is no wait but a time, in seconds or ms since 1970. */
#define UNIX_SECONDS_MIN 1e9
#define UNIX_MS_MIN 1e12

static int64_t read_reset(struct byok_str text, int64_t wall_ms)
{
    int64_t at_wall_ms;
    double number;
    if (read_number(text, &number) && number >= UNIX_SECONDS_MIN)
        return wait_of((number >= UNIX_MS_MIN ? number : number * 1e3) - (double)wall_ms);
    if (read_time(text, &at_wall_ms))
        return wait_of((double)at_wall_ms - (double)wall_ms);
    return byok_retry_duration_ms(text);
}

/* The latest reset of the limits that are used up, or -1. */
static int64_t latest_reset(const struct byok_http_response *response, int64_t wall_ms,
                            bool with_days)
{
    int64_t wait = -1;
    for (size_t i = 0; i < COUNT(limits); i++) {
        bool counts = (with_days || !limits[i].by_day) && is_used_up(response, &limits[i]);
        int64_t reset =
            counts ? read_reset(byok_http_header_of(response, limits[i].reset), wall_ms) : -1;
        wait = reset > wait ? reset : wait;
    }
    return wait;
}

int64_t byok_retry_after_ms(const struct byok_http_response *response, int64_t wall_ms)
{
    double ms;
    int64_t wait = -1;
    if (read_number(byok_http_header_of(response, "retry-after-ms"), &ms))
        wait = wait_of(ms);
    if (wait < 0)
        wait = read_retry_after(byok_http_header_of(response, "retry-after"), wall_ms);
    return wait >= 0 ? wait : latest_reset(response, wall_ms, true);
}

int64_t byok_rate_wait_ms(const struct byok_http_response *response, int64_t wall_ms)
{
    return latest_reset(response, wall_ms, false);
}

/* https://elevenlabs.io/docs/api-reference/introduction, on concurrency */
int64_t byok_rate_calls_max(const struct byok_http_response *response)
{
    double most;
    bool says = read_number(byok_http_header_of(response, "maximum-concurrent-requests"), &most) &&
                most >= 1 && most <= 1e6;
    return says ? (int64_t)most : -1;
}

bool byok_retry_day_limit(const struct byok_http_response *response)
{
    for (size_t i = 0; i < COUNT(limits); i++) {
        if (limits[i].by_day && is_used_up(response, &limits[i]))
            return true;
    }
    return false;
}
